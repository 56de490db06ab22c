#include "tests/sim/node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/store/open.h"
#include "libs/store/sql/sql_store.h"
#include "libs/store/sqlite/sqlite_connection.h"
#include "tests/sim/ground.h"
#include "tests/sim/world.h"
#include "tests/store/interposed_store.h"
#include "yikou/approval/v1/approval.pb.h"

namespace yikou::sim {

namespace cw = casework::v1;

namespace {

constexpr absl::Duration kComesUpAgain = absl::Seconds(1);
constexpr absl::Duration kPoll = absl::Milliseconds(20);

// A connection of one process to the simulated Redis.
class Link final : public queue::RedisLink {
 public:
  Link(World* world, std::shared_ptr<Life> life) : world_(world), life_(std::move(life)) {}

  absl::StatusOr<std::vector<queue::Reply>> Exchange(const std::vector<queue::Command>& commands,
                                                     absl::Duration) override {
    Scheduler& scheduler = world_->scheduler();
    const Weather& weather = world_->weather();
    if (life_->dead()) return absl::UnavailableError("the process is dead");
    scheduler.Sleep(scheduler.Between(absl::Microseconds(50), absl::Microseconds(400)));
    if (weather.redis_slow > absl::ZeroDuration()) {
      scheduler.Sleep(scheduler.Between(absl::ZeroDuration(), weather.redis_slow));
    }
    if (weather.redis_away_until > scheduler.Now()) return Away(scheduler);
    if (scheduler.Chance(weather.redis_lost)) return Away(scheduler);
    std::vector<queue::Reply> replies;
    for (const queue::Command& command : commands) replies.push_back(RunOne(command));
    const double lost = weather.redis_answer_lost;
    if (scheduler.Chance(lost)) return Away(scheduler);
    scheduler.Sleep(scheduler.Between(absl::Microseconds(50), absl::Microseconds(400)));
    return replies;
  }

 private:
  static constexpr absl::Duration kLook = absl::Milliseconds(20);

  absl::Status Away(Scheduler& scheduler) {
    scheduler.Sleep(scheduler.Between(absl::Milliseconds(1), absl::Milliseconds(300)));
    return absl::UnavailableError("it is away");
  }
  // Looks again and again, where a server would wait.
  queue::Reply RunOne(const queue::Command& command) {
    Scheduler& scheduler = world_->scheduler();
    absl::Duration wait;
    queue::Reply reply = world_->redis().Execute(command, &wait);
    const absl::Time until = scheduler.Now() + wait;
    while (wait > absl::ZeroDuration() && scheduler.current() != nullptr &&
           scheduler.Now() < until) {
      scheduler.Sleep(kLook);
      wait = absl::ZeroDuration();
      reply = world_->redis().Execute(command, &wait);
    }
    return reply;
  }

  World* world_;
  std::shared_ptr<Life> life_;
};

template <class Resp, class Req>
absl::StatusOr<Resp> CallPeer(World* world, const std::string& from, const std::string& to,
                              const Req& request) {
  rpc::CallContext context;
  context.principal.person_id = from;
  context.principal.roles = {"SERVICE"};
  YK_ASSIGN_OR_RETURN(
      const std::string bytes,
      world->Call(from, to, context, Req::descriptor()->full_name(), request.SerializeAsString()));
  Resp response;
  response.ParseFromString(bytes);
  return response;
}

}  // namespace

Node::Node(World* world, std::string service, std::string instance, SimDisk* disk)
    : world_(world),
      service_(std::move(service)),
      instance_(std::move(instance)),
      disk_(disk),
      clock_(&world->scheduler()) {}

// What may happen before any call of the record: it waits, so that others come in between, or it
// fails.
absl::Status Node::BeforeStore(absl::string_view method) {
  if (opening_ || world_->checking()) return absl::OkStatus();
  Scheduler& scheduler = world_->scheduler();
  const Weather& weather = world_->weather();
  const bool commit = method == "Commit";
  if (lose_answers_) lose_answers_(commit && scheduler.Chance(weather.store_forgets));
  if (commit) {
    scheduler.Sleep(scheduler.Between(absl::Microseconds(100), absl::Milliseconds(2)));
  } else if (scheduler.Chance(0.05)) {
    scheduler.Sleep(scheduler.Between(absl::ZeroDuration(), absl::Milliseconds(3)));
  }
  if (method != "Migrate" && scheduler.Chance(weather.store_refuses)) {
    return absl::UnavailableError("the database does not answer");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<store::Store>> Node::OpenStore(const std::string& url) {
  std::unique_ptr<store::Store> real;
  if (world_->replicas() == 1) {
    YK_ASSIGN_OR_RETURN(real, store::OpenStore(url, service_));
  } else {
    // Replicas share a record in PostgreSQL; here SQLite stands in for it, by the same code above
    // the connection.
    using store::SqlStore;
    const std::string path = url.substr(sizeof("sqlite:") - 1);
    real = std::make_unique<SqlStore>(
        path, SqlStore::Sharing::kReplicas,
        [path](SqlStore::Use use) -> absl::StatusOr<std::unique_ptr<store::SqlConnection>> {
          return store::SqliteConnection::Open(path, use == SqlStore::Use::kRead);
        },
        nullptr);
  }
  auto store = std::make_unique<test::InterposedStore>(
      std::move(real), [this](absl::string_view method) { return BeforeStore(method); });
  lose_answers_ = [raw = store.get()](bool lose) { raw->LoseAnswers(lose); };
  return store;
}

absl::Status Node::Open() {
  app::ServiceOptions options;
  options.service = service_;
  options.instance = instance_;
  options.store_url = absl::StrCat("sqlite:", world_->ground().path(), "/", service_, "/record.db");
  options.calendar_path = world_->ground().calendar();
  options.test_clock = true;
  options.case_time_start = "2025-09-24T09:00:00+08:00";
  options.fetch_grace = absl::Seconds(1);
  options.open_store = [this](const std::string& url) { return OpenStore(url); };
  options.connect_redis = [world = world_,
                           life = life_]() -> absl::StatusOr<std::unique_ptr<queue::RedisLink>> {
    return std::make_unique<Link>(world, life);
  };
  // Nothing waits until everything that was made is held by the node.
  opening_ = true;
  auto core = app::Service::Open(std::move(options), telemetry::Metrics::None(), executor_.get());
  opening_ = false;
  YK_RETURN_IF_ERROR(core.status());
  process_ = MakeProcess(service_, *std::move(core));

  Surroundings around;
  around.data_dir = world_->ground().path();
  around.seals = &world_->ground().seals();
  around.import = world_->options().import;
  around.forward_withdraw = [this](const rpc::CallContext& context, const std::string& case_id,
                                   int64_t owner_version,
                                   const intake::v1::WithdrawCaseRequest& request) {
    approval::v1::WithdrawProcessRequest forward;
    forward.set_request_id(request.request_id());
    forward.set_case_id(case_id);
    forward.set_expected_version(owner_version);
    forward.set_reason(request.reason());
    rpc::CallContext forwarded = context;
    forwarded.forwarded = true;
    forwarded.method = forward.GetDescriptor()->full_name();
    return world_
        ->Call(service_, "approval", forwarded, forward.GetDescriptor()->full_name(),
               forward.SerializeAsString())
        .status();
  };
  YK_RETURN_IF_ERROR(process_->Prepare(around));
  std::map<std::string, app::LogSource> sources;
  for (const char* peer : kServices) {
    sources[peer] = {.heads =
                         [this, peer] {
                           return CallPeer<cw::GetHeadsResponse>(world_, service_, peer,
                                                                 cw::GetHeadsRequest());
                         },
                     .read =
                         [this, peer](const cw::ReadStreamRequest& request) {
                           return CallPeer<cw::ReadStreamResponse>(world_, service_, peer, request);
                         }};
  }
  serving_ = true;
  return process_->core().Start(std::move(sources));
}

void Node::Start() {
  if (life_ != nullptr) return;
  life_ = std::make_shared<Life>(instance_);
  executor_ = std::make_unique<SimExecutor>(&world_->scheduler(), life_, &clock_);
  world_->Trace(instance_, "starts");
  world_->scheduler().Spawn(life_, "main", [this] {
    const absl::Status status = Open();
    if (status.ok()) return;
    world_->Trace(instance_, absl::StrCat("does not come up: ", status.ToString()));
    Scheduler& scheduler = world_->scheduler();
    scheduler.After(kComesUpAgain, [this] { Start(); });
    scheduler.Kill(life_, [this] { Bury(); });
  });
}

void Node::Bury() {
  // The dead write nothing: their disk is cut and their connections refuse. What is queued still
  // names kinds of the business, which goes first.
  if (process_) process_->core().Stop();
  process_.reset();
  executor_.reset();
  life_.reset();
  lose_answers_ = nullptr;
  stopping_ = false;
}

void Node::Crash() {
  if (life_ == nullptr || life_->dead() || stopping_) return;
  serving_ = false;
  world_->Trace(instance_, "is killed");
  disk_->Kill(instance_);
  world_->scheduler().Kill(life_, [this] { Bury(); });
}

void Node::Stop() {
  if (life_ == nullptr || life_->dead() || stopping_ || !serving_) return;
  stopping_ = true;
  serving_ = false;
  world_->Trace(instance_, "is told to stop");
  world_->scheduler().Spawn(
      life_, "stop",
      [this] {
        process_->core().Stop();
        Scheduler& scheduler = world_->scheduler();
        scheduler.Kill(life_, [this] {
          Bury();
          world_->Trace(instance_, "has stopped");
        });
      },
      kPoll);
}

}  // namespace yikou::sim
