#include "tests/bench/yardsticks.h"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/clock.h"
#include "libs/queue/stream.h"
#include "libs/rpc/adapter.h"
#include "libs/rpc/server.h"
#include "tests/bench/load.h"
#include "tests/bench/measure.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"
#include "yikou/casework/v1/log.grpc.pb.h"

namespace yikou::bench {

namespace cw = casework::v1;

double FdatasyncRate(absl::Duration span) {
  const test::TempDir dir;
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

double RawStreamRate(int batch, int entry_bytes, absl::Duration span) {
  const test::RedisServer redis;
  const base::SystemClock clock;
  queue::RedisOptions options;
  options.unix_socket = redis.unix_socket();
  queue::Producer producer(options, &clock);
  queue::Consumer consumer(options, &clock, "bench", "bench-0", {"bench"});
  Must(consumer.EnsureGroups());
  const std::vector<std::pair<std::string, std::string>> entries(
      static_cast<size_t>(batch), {"bench", std::string(static_cast<size_t>(entry_bytes), 'x')});
  return batch * Rate(1, span, [&](int) {
           Must(producer.Append(entries));
           for (size_t read = 0; read < entries.size();) {
             std::vector<std::string> ids;
             for (auto& message : Must(consumer.Read(batch, absl::Milliseconds(100)))) {
               ids.push_back(std::move(message.entry_id));
             }
             Must(consumer.Ack("bench", ids));
             read += ids.size();
           }
         });
}

namespace {

class EmptyLog final : public cw::EventLogService::CallbackService {
 public:
  explicit EmptyLog(rpc::Adapter* adapter) : adapter_(adapter) {}
  grpc::ServerUnaryReactor* GetHeads(grpc::CallbackServerContext* context,
                                     const cw::GetHeadsRequest* request,
                                     cw::GetHeadsResponse* response) override {
    return adapter_->Unary<cw::GetHeadsRequest, cw::GetHeadsResponse>(
        context, request, response, {},
        [](const rpc::CallContext&, const cw::GetHeadsRequest&,
           rpc::Reply<cw::GetHeadsResponse> reply) { reply(cw::GetHeadsResponse()); });
  }

 private:
  rpc::Adapter* adapter_;
};

}  // namespace

double EmptyUnaryRate(absl::Duration span) {
  constexpr int kCallers = 64;
  const base::SystemClock clock;
  base::ThreadExecutor executor(8);
  rpc::AdapterOptions options;
  options.executor = &executor;
  options.clock = &clock;
  options.require_auth = false;
  rpc::Adapter adapter(options);
  const auto server =
      Must(rpc::Server::Start({}, {{"log", std::make_shared<EmptyLog>(&adapter)}}, &executor));
  Load load(absl::StrCat("127.0.0.1:", server->Port()));
  const Ran ran = KeepGoing(&load, kCallers, span, [&](std::function<void()> done) {
    load.MustCall<cw::GetHeadsResponse>("", cw::GetHeadsRequest(), {},
                                        [done](const cw::GetHeadsResponse&) { done(); });
  });
  return static_cast<double>(ran.count) / absl::ToDoubleSeconds(absl::Now() - ran.begin);
}

}  // namespace yikou::bench
