#include "services/common/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/base/failpoint.h"
#include "libs/base/log.h"
#include "libs/base/scheduling.h"
#include "libs/rpc/adapter.h"
#include "services/common/grpc_server.h"
#include "services/common/redis_flags.h"

namespace yikou::services {
namespace {

base::LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return base::LogLevel::kDebug;
  if (name == "warning") return base::LogLevel::kWarning;
  return name == "error" ? base::LogLevel::kError : base::LogLevel::kInfo;
}

void Arm(const std::string& failpoint) {
  if (failpoint.empty()) return;
  const std::vector<std::string> parts = absl::StrSplit(failpoint, ':');
  int hit = 1;
  if (parts.size() > 1) (void)absl::SimpleAtoi(parts[1], &hit);
  base::ArmFailpoint(parts[0], hit);
}

// Signals are taken by one call in the main thread; every other thread has them blocked.
sigset_t BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

// Two replicas on one host differ in their port.
std::string InstanceOf(const CommonConfig& config) {
  if (!config.instance.empty()) return config.instance;
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return absl::StrCat(host, "/", config.listen);
}

}  // namespace

int ExitCode(const absl::Status& status) {
  if (status.ok()) return 0;
  std::cerr << status.message() << "\n";
  base::LogError("process.failed", {{"cause", status.ToString()}});
  return 1;
}

Process::~Process() = default;

absl::StatusOr<std::unique_ptr<Process>> Process::Open(const CommonConfig& config,
                                                       const std::string& service) {
  BlockSignals();
  base::AskForShortTurns();
  std::unique_ptr<Process> process(new Process);
  Process& p = *process;
  p.config_ = config;
  p.name_ = service;
  base::InitLog(service, LevelOf(config.log_level), config.log_file);
  Arm(config.failpoint);
  p.metrics_ = std::make_unique<telemetry::Metrics>();
  p.executor_ = std::make_unique<base::ThreadExecutor>(config.pool_threads);
  YK_ASSIGN_OR_RETURN(p.verifier_, auth::TokenVerifier::Create({.key_dir = config.key_dir,
                                                                .issuer = config.issuer,
                                                                .audience = config.audience},
                                                               &p.clock_));
  YK_ASSIGN_OR_RETURN(p.minter_, auth::TokenMinter::Create({.private_key_path = config.token_key,
                                                            .kid = config.token_kid,
                                                            .issuer = config.issuer,
                                                            .audience = config.audience},
                                                           &p.clock_));
  p.tokens_ = std::make_unique<rpc::ServiceTokenSource>(p.minter_.get(), service, &p.clock_);
  for (const std::string& peer : config.peers) {
    const std::vector<std::string> parts = absl::StrSplit(peer, absl::MaxSplits('=', 1));
    if (parts.size() != 2) {
      return absl::InvalidArgumentError(absl::StrCat("--peer must be name=host:port, got ", peer));
    }
    p.peers_[parts[0]] = std::make_unique<rpc::Client>(parts[1]);
  }
  app::ServiceOptions options;
  options.service = service;
  options.store_url = config.store;
  options.store_schema = config.store_schema;
  options.migrate = config.migrate == "yes";
  options.instance = InstanceOf(config);
  options.calendar_path = config.calendar;
  YK_RETURN_IF_ERROR(SetRedis(config, &options));
  options.heads_dir = config.heads_dir;
  options.signing_key_path = config.signing_key;
  options.test_clock = config.test_clock;
  options.case_time_start = config.case_time_start;
  options.fetch_grace = absl::Milliseconds(config.fetch_grace_ms);
  YK_ASSIGN_OR_RETURN(p.service_, app::Service::Open(options, p.metrics_.get(), p.executor_.get()));
  rpc::AdapterOptions adapter;
  adapter.verifier = p.verifier_.get();
  adapter.executor = p.executor_.get();
  adapter.clock = &p.clock_;
  adapter.metrics = p.metrics_.get();
  p.adapter_ = std::make_unique<rpc::Adapter>(adapter);
  return process;
}

absl::StatusOr<rpc::Client*> Process::Peer(const std::string& name) {
  auto found = peers_.find(name);
  if (found != peers_.end()) return found->second.get();
  return absl::InvalidArgumentError(absl::StrCat("The ", name_, " service calls ", name,
                                                 "; give its address with --peer ", name,
                                                 "=host:port."));
}

absl::StatusOr<std::map<std::string, app::LogSource>> Process::Sources() {
  std::map<std::string, app::LogSource> sources;
  for (const auto& [name, client] : peers_) {
    auto options = [this]() -> absl::StatusOr<rpc::CallOptions> {
      rpc::CallOptions call;
      YK_ASSIGN_OR_RETURN(call.token, tokens_->Token());
      return call;
    };
    sources[name] = {
        .heads = [client = client.get(),
                  options]() -> absl::StatusOr<casework::v1::GetHeadsResponse> {
          YK_ASSIGN_OR_RETURN(rpc::CallOptions call, options());
          return client->Call<casework::v1::GetHeadsResponse>(casework::v1::GetHeadsRequest(),
                                                              call);
        },
        .read = [client = client.get(), options](const casework::v1::ReadStreamRequest& request)
            -> absl::StatusOr<casework::v1::ReadStreamResponse> {
          YK_ASSIGN_OR_RETURN(rpc::CallOptions call, options());
          return client->Call<casework::v1::ReadStreamResponse>(request, call);
        }};
  }
  return sources;
}

absl::Status Process::Import(const std::function<absl::Status()>& import) {
  constexpr int kTries = 30;
  absl::Status status = import();
  for (int i = 1; i < kTries && absl::IsAborted(status); ++i) status = import();
  return status;
}

absl::Status Process::Run(std::vector<rpc::ServedService> services) {
  YK_ASSIGN_OR_RETURN(auto sources, Sources());
  for (auto& common : CommonGrpcServices(adapter_.get(), service_.get())) {
    services.push_back(std::move(common));
  }
  rpc::ServerOptions server_options;
  server_options.address = config_.listen;
  server_options.health_address = config_.health_listen;
  server_options.reflection = config_.reflection;
  YK_ASSIGN_OR_RETURN(
      std::unique_ptr<rpc::Server> server,
      rpc::Server::Start(server_options, std::move(services), executor_.get(), metrics_.get()));
  if (!config_.metrics_listen.empty()) {
    YK_RETURN_IF_ERROR(metrics_->StartExposer(config_.metrics_listen).status());
  }
  YK_RETURN_IF_ERROR(service_->Start(std::move(sources)));
  // A service without a directory cannot tell a counter from a typing error: it serves when the
  // first units have come.
  bool serving = false;
  auto watch = executor_->StartLoop("readiness", [&]() -> absl::Duration {
    if (serving || !env().reference->filled()) return absl::Milliseconds(100);
    serving = true;
    server->SetServing(true);
    base::LogInfo("process.serving", {{"listen", config_.listen}});
    return absl::Hours(1);
  });
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  int received = 0;
  sigwait(&set, &received);
  base::LogInfo("process.draining", {{"signal", absl::StrCat(received)}});
  watch->Stop();
  server->SetServing(false);
  adapter_->StartDraining();
  adapter_->CloseStreams();
  const absl::Time drained_by = absl::Now() + absl::Seconds(config_.drain_seconds);
  while (adapter_->in_flight() > 0 && absl::Now() < drained_by) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  // Every call is answered; what is left are idle connections.
  server->Shutdown(absl::Milliseconds(200));
  service_->Stop();
  executor_->Shutdown();
  base::LogInfo("process.stopped", {});
  return absl::OkStatus();
}

}  // namespace yikou::services
