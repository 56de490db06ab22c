// gRPC's side of unary calls and uploads. For libs/rpc only.
#pragma once

#include <memory>
#include <utility>

#include "grpcpp/support/server_callback.h"
#include "libs/rpc/call.h"
#include "libs/rpc/server_call.h"

namespace yikou::rpc::internal {

// Deletes itself when gRPC is done. Holds the call weakly: a call whose handler drops it must end.
class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  // Set before the reactor is given to gRPC.
  void set_call(const std::shared_ptr<ServerCall>& call) { call_ = call; }

  void OnCancel() override {
    if (const auto call = call_.lock()) call->OnCancel();
  }
  void OnDone() override { delete this; }

 private:
  std::weak_ptr<ServerCall> call_;
};

// Reads one message at a time and takes it on the pool, so a slow sink slows its sender down.
template <class Req, class Resp>
class UploadReactor final : public grpc::ServerReadReactor<Req> {
 public:
  explicit UploadReactor(Resp* response) : response_(response) {}

  // Set before the reactor is given to gRPC.
  void set_call(const std::shared_ptr<ServerCall>& call) { call_ = call; }

  void Begin(std::shared_ptr<ServerCall> call, std::shared_ptr<UploadSink<Req, Resp>> sink) {
    sink_ = std::move(sink);
    ReadNext(std::move(call));
  }

  void OnReadDone(bool ok) override {
    const std::shared_ptr<ServerCall> call = std::move(reading_);
    call->Post([this, call, ok] { ok ? Take(call) : End(call); });
  }
  void OnCancel() override {
    if (const auto call = call_.lock()) call->OnCancel();
  }
  void OnDone() override { delete this; }

 private:
  void ReadNext(std::shared_ptr<ServerCall> call) {
    reading_ = std::move(call);
    this->StartRead(&message_);
  }

  void Take(const std::shared_ptr<ServerCall>& call) {
    const absl::Status taken = sink_->OnMessage(message_);
    if (taken.ok()) {
      ReadNext(call);
    } else {
      call->Finish(taken);
    }
  }

  void End(const std::shared_ptr<ServerCall>& call) {
    if (call->cancelled()) return call->Finish(absl::CancelledError("The caller went away."));
    const auto sink = sink_;  // the reply may end this object before OnFinish returns
    sink->OnFinish(ReplyTo(call, response_));
  }

  Resp* const response_;
  Req message_;
  std::shared_ptr<UploadSink<Req, Resp>> sink_;
  std::shared_ptr<ServerCall> reading_;  // held while gRPC reads, so that the call lives on
  std::weak_ptr<ServerCall> call_;
};

}  // namespace yikou::rpc::internal
