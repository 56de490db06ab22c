// What the five mains share: one process, opened, served until SIGTERM or SIGINT, stopped in order.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/app/service.h"
#include "libs/auth/token.h"
#include "libs/base/executor.h"
#include "libs/rpc/client.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "services/common/config.h"

namespace yikou::rpc {
class Adapter;
}  // namespace yikou::rpc

namespace yikou::services {

class Process {
 public:
  // Opens log, metrics, keys, the record and the calls to other services. Nothing runs yet.
  static absl::StatusOr<std::unique_ptr<Process>> Open(const CommonConfig& config,
                                                       const std::string& service);
  ~Process();

  app::Service& service() { return *service_; }
  const app::ServiceEnv& env() const { return service_->env(); }
  rpc::Adapter* adapter() { return adapter_.get(); }
  base::Executor* executor() { return executor_.get(); }
  // Client of another service. INVALID_ARGUMENT when no --peer names it.
  absl::StatusOr<rpc::Client*> Peer(const std::string& name);

  // Runs an import of reference data, again when another replica imports the same meanwhile: what
  // that one wrote is then there and unchanged.
  absl::Status Import(const std::function<absl::Status()>& import);

  // Starts the server and the loops, serves `services` and the two every service has, waits for a
  // signal, drains and stops. Health says SERVING once the directory is there.
  absl::Status Run(std::vector<rpc::ServedService> services);

 private:
  Process() = default;
  absl::StatusOr<std::map<std::string, app::LogSource>> Sources();

  CommonConfig config_;
  std::string name_;
  base::SystemClock clock_;
  std::unique_ptr<telemetry::Metrics> metrics_;
  std::unique_ptr<base::ThreadExecutor> executor_;
  std::unique_ptr<auth::TokenVerifier> verifier_;
  std::unique_ptr<auth::TokenMinter> minter_;
  std::unique_ptr<rpc::ServiceTokenSource> tokens_;
  std::map<std::string, std::unique_ptr<rpc::Client>> peers_;
  std::unique_ptr<app::Service> service_;
  std::unique_ptr<rpc::Adapter> adapter_;
};

// Prints the sentence of a failure to standard error and returns exit code 1; 0 for OK.
int ExitCode(const absl::Status& status);

}  // namespace yikou::services
