#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/wrappers.pb.h"
#include "libs/app/case_numbers.h"
#include "libs/queue/stream.h"
#include "libs/rpc/adapter.h"
#include "libs/rpc/client.h"
#include "libs/rpc/server.h"
#include "libs/store/group_committer.h"
#include "libs/store/sqlite/sqlite_connection.h"
#include "libs/store/sqlite/sqlite_store.h"
#include "libs/store/work.h"
#include "tests/bench/bench.h"
#include "yikou/casework/v1/log.grpc.pb.h"

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> core_schema();
}  // namespace yikou::sql

namespace yikou::bench {

double Rate(int threads, absl::Duration span, const std::function<void(int)>& work) {
  std::atomic<int64_t> done{0};
  const absl::Time begin = absl::Now();
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      while (absl::Now() - begin < span) {
        work(i);
        ++done;
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  return static_cast<double>(done) / absl::ToDoubleSeconds(absl::Now() - begin);
}

double FdatasyncRate(absl::Duration span) {
  test::TempDir dir;
  const int fd = open(dir.File("file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::string page(4096, 'x');
  const double rate = Rate(1, span, [&](int) {
    if (write(fd, page.data(), page.size()) < 0 || fdatasync(fd) != 0) {
      throw std::runtime_error("The disk refuses to be measured.");
    }
  });
  close(fd);
  return rate;
}

double RawInsertRate(absl::Duration span) {
  constexpr int kRows = 256;
  test::TempDir dir;
  auto db = store::SqliteConnection::Open(dir.File("raw.db"), false);
  if (!db.ok()) throw std::runtime_error(db.status().ToString());
  (void)(*db)->Script(
      "CREATE TABLE e (position BIGINT PRIMARY KEY, case_id TEXT, hash BYTEA, body BYTEA);"
      "CREATE TABLE s (stream TEXT, seq BIGINT, position BIGINT, PRIMARY KEY (stream, seq))");
  int64_t position = 0;
  const std::string id(32, 'a');
  const store::Blob hash{std::string(32, 'h')};
  const store::Blob body{std::string(400, 'b')};
  return kRows * Rate(1, span, [&](int) {
           (void)(*db)->Run("BEGIN IMMEDIATE");
           for (int i = 0; i < kRows; ++i) {
             ++position;
             (void)(*db)->Run("INSERT INTO e VALUES (?, ?, ?, ?)", {position, id, hash, body});
             (void)(*db)->Run("INSERT INTO s VALUES (?, ?, ?)",
                              {std::string("yikou:events:bench:{0}"), position, position});
           }
           (void)(*db)->Run("COMMIT");
         });
}

double RawStreamRate(absl::Duration span) {
  constexpr int kBatch = 256;
  test::RedisServer redis;
  base::SystemClock clock;
  queue::RedisOptions options;
  options.port = redis.port();
  queue::Producer producer(options, &clock);
  queue::Consumer consumer(options, &clock, "bench", "bench-0", {"bench"});
  (void)consumer.EnsureGroups();
  const std::vector<std::pair<std::string, std::string>> batch(kBatch,
                                                               {"bench", std::string(500, 'x')});
  return kBatch * Rate(1, span, [&](int) {
           (void)producer.Append(batch);
           size_t read = 0;
           while (read < batch.size()) {
             auto messages = consumer.Read(kBatch, absl::Milliseconds(100));
             if (!messages.ok()) throw std::runtime_error(messages.status().ToString());
             std::vector<std::string> ids;
             for (const auto& message : *messages) ids.push_back(message.entry_id);
             if (!ids.empty()) (void)consumer.Ack("bench", ids);
             read += ids.size();
           }
         });
}

namespace {

class EmptyLog final : public casework::v1::EventLogService::CallbackService {
 public:
  explicit EmptyLog(rpc::Adapter* adapter) : adapter_(adapter) {}
  grpc::ServerUnaryReactor* GetHeads(grpc::CallbackServerContext* context,
                                     const casework::v1::GetHeadsRequest* request,
                                     casework::v1::GetHeadsResponse* response) override {
    return adapter_->Unary<casework::v1::GetHeadsRequest, casework::v1::GetHeadsResponse>(
        context, request, response, {},
        [](const rpc::CallContext&, const casework::v1::GetHeadsRequest&,
           rpc::Reply<casework::v1::GetHeadsResponse> reply) {
          reply(casework::v1::GetHeadsResponse());
        });
  }

 private:
  rpc::Adapter* adapter_;
};

}  // namespace

double EmptyUnaryRate(absl::Duration span) {
  constexpr int kCallers = 32;
  base::SystemClock clock;
  base::ThreadExecutor executor(8);
  rpc::AdapterOptions options;
  options.executor = &executor;
  options.clock = &clock;
  options.require_auth = false;
  rpc::Adapter adapter(options);
  auto server = rpc::Server::Start({}, {{"log", std::make_shared<EmptyLog>(&adapter)}}, &executor);
  if (!server.ok()) throw std::runtime_error(server.status().ToString());
  const rpc::Client client(absl::StrCat("127.0.0.1:", (*server)->Port()));
  return Rate(kCallers, span, [&](int) {
    (void)client.Call<casework::v1::GetHeadsResponse>(casework::v1::GetHeadsRequest(), {});
  });
}

GroupCommit GroupCommitRate(int callers, absl::Duration span) {
  test::TempDir dir;
  auto opened = store::OpenSqliteStore(dir.File("group.db"));
  if (!opened.ok()) throw std::runtime_error(opened.status().ToString());
  (void)(*opened)->Migrate({{1, "core", sql::core_schema()[0].second}});
  base::ThreadExecutor executor(1);
  store::GroupCommitter committer(opened->get(), &executor, {});
  std::atomic<int64_t> commits{0};
  std::atomic<int64_t> changes{0};
  committer.OnCommitted([&](const store::GroupCommitter::BatchStats& stats) {
    ++commits;
    changes += stats.changes;
  });
  std::atomic<int64_t> next{0};
  GroupCommit result;
  result.changes_a_second = Rate(callers, span, [&](int) {
    store::WorkContext context;
    context.source = "bench";
    context.stream = "yikou:events:bench:{0}";
    context.now = absl::Now();
    store::Work work(opened->get(), context);
    // A change as a handler makes it: one aggregate, one event, its stream entry.
    const std::string id = absl::StrCat("b", next++);
    work.Create<google::protobuf::Int64Value>(app::kNumberBlockKind, id)->set_value(1);
    work.Emit(app::kNumberBlockKind, id, "bench.made", id);
    auto change = work.Take();
    if (change.ok()) (void)committer.CommitOne(*std::move(change));
  });
  result.changes_a_commit = static_cast<double>(changes) / static_cast<double>(commits);
  return result;
}

}  // namespace yikou::bench
