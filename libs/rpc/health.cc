#include "libs/rpc/health.h"

#include <utility>

namespace yikou::rpc {
namespace {

std::unique_ptr<HealthState::Response> Message(HealthState::Response::ServingStatus status) {
  auto message = std::make_unique<HealthState::Response>();
  message->set_status(status);
  return message;
}

const grpc::Status& Stopping() {
  static const grpc::Status* status =
      new grpc::Status(grpc::StatusCode::UNAVAILABLE, "The service is stopping.");
  return *status;
}

}  // namespace

HealthState::Response::ServingStatus HealthState::StatusLocked(const std::string& service) const {
  if (!service.empty() && services_.count(service) == 0) return Response::SERVICE_UNKNOWN;
  return serving_ ? Response::SERVING : Response::NOT_SERVING;
}

HealthState::Response::ServingStatus HealthState::StatusOf(const std::string& service) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return StatusLocked(service);
}

void HealthState::SetServing(bool serving) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (serving_ == serving) return;
  serving_ = serving;
  // Under the lock, so that a watcher never hears an old status last. Writes do not block.
  for (const auto& [watcher, service] : watchers_) watcher->Write(Message(StatusLocked(service)));
}

void HealthState::Watch(const Watcher& watcher, const std::string& service) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return watcher->Close(Stopping());
  watchers_.emplace(watcher, service);
  watcher->Write(Message(StatusLocked(service)));
}

void HealthState::Forget(const Watcher& watcher) {
  std::lock_guard<std::mutex> lock(mutex_);
  watchers_.erase(watcher);
}

void HealthState::CloseWatches() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  for (const auto& [watcher, service] : watchers_) watcher->Close(Stopping());
  watchers_.clear();
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const grpc::health::v1::HealthCheckRequest* request,
                                               grpc::health::v1::HealthCheckResponse* response) {
  const auto status = state_->StatusOf(request->service());
  response->set_status(status);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status == HealthState::Response::SERVICE_UNKNOWN
                      ? grpc::Status(grpc::StatusCode::NOT_FOUND, "No such service here.")
                      : grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext*, const grpc::health::v1::HealthCheckRequest* request) {
  auto* reactor = new internal::WriteReactor<grpc::health::v1::HealthCheckResponse>;
  reactor->set_on_cancel([state = state_, stream = reactor->stream()] {
    state->Forget(stream);
    stream->Close(grpc::Status::CANCELLED);
  });
  state_->Watch(reactor->stream(), request->service());
  return reactor;
}

}  // namespace yikou::rpc
