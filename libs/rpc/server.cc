#include "libs/rpc/server.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/impl/server_builder_option.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "libs/base/status.h"
#include "libs/rpc/acceptor.h"
#include "libs/rpc/health.h"

namespace yikou::rpc {
namespace {

// libgrpc++_reflection adds itself to every server of a process that links it; we want to choose.
class ReflectionChoice final : public grpc::ServerBuilderOption {
 public:
  explicit ReflectionChoice(bool wanted) : wanted_(wanted) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    auto reflection = std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>();
    const std::string name = reflection->name();
    plugins->erase(std::remove_if(plugins->begin(), plugins->end(),
                                  [&name](const auto& plugin) { return plugin->name() == name; }),
                   plugins->end());
    if (wanted_) plugins->push_back(std::move(reflection));
  }

 private:
  const bool wanted_;
};

int Millis(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void SetLimits(const ServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(options.max_message_bytes);
  builder->SetMaxSendMessageSize(options.max_message_bytes);
  const std::pair<const char*, int> arguments[] = {
      {GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams},
      {GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes},
      {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Millis(options.handshake_timeout)},
      {GRPC_ARG_MAX_CONNECTION_IDLE_MS, Millis(options.max_connection_idle)},
      {GRPC_ARG_MAX_CONNECTION_AGE_MS, Millis(options.max_connection_age)},
      {GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Millis(options.max_connection_age_grace)},
      {GRPC_ARG_KEEPALIVE_TIME_MS, Millis(options.keepalive)},
      {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(options.keepalive_timeout)},
      {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
      // Clients that ping every minute (our own do) must not be taken for abusers.
      {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, Millis(options.keepalive) / 2},
  };
  for (const auto& [name, value] : arguments) builder->AddChannelArgument(name, value);
}

// A grpc::Server that gets its connections from an acceptor.
struct Endpoint {
  std::unique_ptr<Acceptor> acceptor;
  std::vector<std::shared_ptr<grpc::Service>> services;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> door;
  std::unique_ptr<grpc::Server> server;

  absl::Status Open(const ServerOptions& options,
                    std::shared_ptr<grpc::ServerCredentials> credentials,
                    base::Executor* executor) {
    grpc::ServerBuilder builder;
    SetLimits(options, &builder);
    builder.SetOption(std::make_unique<ReflectionChoice>(options.reflection));
    using Experimental = grpc::ServerBuilder::experimental_type;
    door = builder.experimental().AddExternalConnectionAcceptor(
        Experimental::ExternalConnectionType::FROM_FD, std::move(credentials));
    for (const auto& service : services) builder.RegisterService(service.get());
    server = builder.BuildAndStart();
    if (server == nullptr) return absl::InternalError("gRPC could not start a server.");
    acceptor->Start(executor, [this](int fd) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
      connection.fd = fd;
      door->HandleNewConnection(&connection);
    });
    return absl::OkStatus();
  }

  void Shutdown(absl::Duration grace) {
    if (server == nullptr) return;
    acceptor->Stop();
    server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
    server->Wait();
  }
};

}  // namespace

struct Server::Impl {
  std::shared_ptr<HealthState> health;
  Endpoint business;
  Endpoint health_port;
  bool shut_down = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options,
                                                      std::vector<ServedService> services,
                                                      base::Executor* executor,
                                                      telemetry::Metrics* metrics) {
  auto impl = std::make_unique<Impl>();
  std::set<std::string> names = {grpc::health::v1::Health::service_full_name()};
  for (ServedService& served : services) {
    names.insert(served.name);
    impl->business.services.push_back(std::move(served.service));
  }
  impl->health = std::make_shared<HealthState>(std::move(names));
  impl->business.services.push_back(std::make_shared<HealthService>(impl->health));
  YK_ASSIGN_OR_RETURN(
      impl->business.acceptor,
      Acceptor::Listen({"business", options.address, options.max_connections}, metrics));
  // Both addresses are tried before anything runs, so a failed start leaves nothing to undo.
  if (!options.health_address.empty()) {
    impl->health_port.services.push_back(std::make_shared<HealthService>(impl->health));
    YK_ASSIGN_OR_RETURN(
        impl->health_port.acceptor,
        Acceptor::Listen({"health", options.health_address, options.max_health_connections},
                         metrics));
  }
  std::unique_ptr<Server> server(new Server(std::move(impl)));
  auto credentials =
      options.credentials != nullptr ? options.credentials : grpc::InsecureServerCredentials();
  YK_RETURN_IF_ERROR(server->impl_->business.Open(options, std::move(credentials), executor));
  if (!options.health_address.empty()) {
    options.reflection = false;
    YK_RETURN_IF_ERROR(
        server->impl_->health_port.Open(options, grpc::InsecureServerCredentials(), executor));
  }
  return server;
}

int Server::Port() const { return impl_->business.acceptor->port(); }

int Server::HealthPort() const {
  return impl_->health_port.acceptor == nullptr ? 0 : impl_->health_port.acceptor->port();
}

int Server::open_connections() const { return impl_->business.acceptor->open_connections(); }

void Server::SetServing(bool serving) { impl_->health->SetServing(serving); }

void Server::Shutdown(absl::Duration grace) {
  if (impl_->shut_down) return;
  impl_->shut_down = true;
  impl_->health->SetServing(false);
  impl_->business.acceptor->Stop();
  // Watches on the business port would hold its shutdown up; the last thing they hear is
  // NOT_SERVING, and the probes on the health port can still ask.
  impl_->health->CloseWatches();
  impl_->business.Shutdown(grace);
  impl_->health_port.Shutdown(absl::ZeroDuration());
}

}  // namespace yikou::rpc
