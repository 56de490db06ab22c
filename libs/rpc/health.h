// grpc.health.v1 of our own: gRPC's default one is invisible to reflection. For libs/rpc only.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "grpc/health/v1/health.grpc.pb.h"
#include "libs/rpc/write_stream.h"

namespace yikou::rpc {

// What all health services of a process say. Threads: any.
class HealthState {
 public:
  using Response = grpc::health::v1::HealthCheckResponse;
  using Watcher = std::shared_ptr<internal::WriteStream>;

  // `services`: the names it answers for, beside "" for the process.
  explicit HealthState(std::set<std::string> services) : services_(std::move(services)) {}

  // Tells every watcher when it changes.
  void SetServing(bool serving);
  // SERVICE_UNKNOWN for a name that is not served here.
  Response::ServingStatus StatusOf(const std::string& service) const;

  // Sends the status now and on every change, until Forget.
  void Watch(const Watcher& watcher, const std::string& service);
  void Forget(const Watcher& watcher);
  // Ends every watch, and those that come later at once: the server stops.
  void CloseWatches();

 private:
  Response::ServingStatus StatusLocked(const std::string& service) const;

  const std::set<std::string> services_;
  mutable std::mutex mutex_;
  bool serving_ = false;
  bool closed_ = false;
  std::unordered_map<Watcher, std::string> watchers_;  // -> service name
};

// Answers on gRPC's threads: it never waits. No token is needed.
class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  explicit HealthService(std::shared_ptr<HealthState> state) : state_(std::move(state)) {}

  // NOT_FOUND for a service that is not here.
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  const std::shared_ptr<HealthState> state_;
};

}  // namespace yikou::rpc
