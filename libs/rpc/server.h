// One service's server: a port for business, a port for health, bounded in every direction.
// This header is free of gRPC's, so main() may include it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/executor.h"
#include "libs/telemetry/metrics.h"

namespace grpc {
class ServerCredentials;
class Service;
}  // namespace grpc

namespace yikou::rpc {

struct ServerOptions {
  std::string address = "127.0.0.1:0";  // numeric host; port 0 takes a free one
  // A server of its own, with nothing but Health: one grpc::Server answers every service on every
  // port it has, and probes come without token and without TLS. Empty: none.
  std::string health_address;
  bool reflection = false;
  std::shared_ptr<grpc::ServerCredentials> credentials;  // null: plain text
  int max_connections = 1000;
  int max_health_connections = 64;
  int max_concurrent_streams = 256;         // calls at once on one connection
  int max_message_bytes = 4 * 1024 * 1024;  // either way
  int max_metadata_bytes = 32 * 1024;       // the adapter's own, lower limit answers in words
  absl::Duration handshake_timeout = absl::Seconds(5);
  absl::Duration max_connection_idle = absl::Minutes(10);
  absl::Duration max_connection_age = absl::Minutes(30);  // so that new replicas are found
  absl::Duration max_connection_age_grace = absl::Minutes(1);
  absl::Duration keepalive = absl::Seconds(60);
  absl::Duration keepalive_timeout = absl::Seconds(20);
};

// A service and its full name, which is what Health is asked for:
//   {IntakeService::service_full_name(), std::make_shared<IntakeGrpc>(…)}
struct ServedService {
  std::string name;
  std::shared_ptr<grpc::Service> service;
};

class Server {
 public:
  // Serves `services` and Health, which says NOT_SERVING at first. The services live as long as the
  // server; executor and metrics must outlive it. INVALID_ARGUMENT for a malformed address,
  // UNAVAILABLE when one cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      ServerOptions options, std::vector<ServedService> services, base::Executor* executor,
      telemetry::Metrics* metrics = telemetry::Metrics::None());
  // Shuts down without grace.
  ~Server();

  int Port() const;
  int HealthPort() const;  // 0 without a health port
  // Connections gRPC has; may count one that ended less than a second ago.
  int open_connections() const;
  // What Health says, for the process and for every service. Threads: any.
  void SetServing(bool serving);

  // Says NOT_SERVING, accepts no connection and no call any more, lets running calls finish for up
  // to `grace`, then cancels them; waits until the last handler has replied. The health port
  // answers until the end. Close streams first (Adapter::CloseStreams). Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace yikou::rpc
