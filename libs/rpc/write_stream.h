// The order of writes on one server stream: one write at a time, a bounded queue, one finish.
// For libs/rpc only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "google/protobuf/message_lite.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "grpcpp/support/status.h"
#include "libs/rpc/call.h"
#include "libs/rpc/server_call.h"

namespace yikou::rpc::internal {

// Threads: any. Outlives its reactor: after the finish it calls neither function again.
class WriteStream {
 public:
  using Message = google::protobuf::MessageLite;
  enum class Result { kQueued, kEnded, kFull };
  static constexpr size_t kMaxQueued = 64;

  // `start` begins one write of a message that stays alive until OnWriteDone; `finish` ends the
  // stream. Neither is called under the lock.
  WriteStream(std::function<void(const Message&)> start,
              std::function<void(const grpc::Status&)> finish)
      : start_(std::move(start)), finish_(std::move(finish)) {}

  Result Write(std::unique_ptr<Message> message);
  // Ends the stream after what is queued. The first status counts.
  void Close(const grpc::Status& status);
  // Drops what is queued: nobody reads it.
  void Abandon();
  void OnWriteDone(bool ok);
  bool ended() const;

 private:
  void Step(std::unique_lock<std::mutex> lock);

  const std::function<void(const Message&)> start_;
  const std::function<void(const grpc::Status&)> finish_;
  mutable std::mutex mutex_;
  std::deque<std::unique_ptr<Message>> queue_;
  std::unique_ptr<Message> current_;  // being written
  bool abandoned_ = false;
  bool closing_ = false;
  bool finished_ = false;
  grpc::Status status_;
};

// gRPC's side of it. Deletes itself when gRPC is done.
template <class Resp>
class WriteReactor final : public grpc::ServerWriteReactor<Resp> {
 public:
  WriteReactor()
      : stream_(std::make_shared<WriteStream>(
            [this](const WriteStream::Message& message) {
              this->StartWrite(static_cast<const Resp*>(&message));
            },
            [this](const grpc::Status& status) { this->Finish(status); })) {}

  const std::shared_ptr<WriteStream>& stream() const { return stream_; }
  // Set before the reactor is given to gRPC.
  void set_on_cancel(std::function<void()> on_cancel) { on_cancel_ = std::move(on_cancel); }

  void OnWriteDone(bool ok) override { stream_->OnWriteDone(ok); }
  void OnCancel() override {
    stream_->Abandon();
    on_cancel_();
  }
  void OnDone() override { delete this; }

 private:
  const std::shared_ptr<WriteStream> stream_;
  std::function<void()> on_cancel_;
};

// RESOURCE_EXHAUSTED for a caller that is more than the queue behind.
absl::Status ReadsTooSlowly();

// The handler's side of it.
template <class Resp>
class CallWriter final : public StreamWriter<Resp> {
 public:
  CallWriter(std::shared_ptr<ServerCall> call, std::shared_ptr<WriteStream> stream)
      : call_(std::move(call)), stream_(std::move(stream)) {}

  bool Write(Resp message) override {
    const auto result = stream_->Write(std::make_unique<Resp>(std::move(message)));
    if (result == WriteStream::Result::kFull) call_->Finish(ReadsTooSlowly());
    return result == WriteStream::Result::kQueued;
  }
  void Close(absl::Status status) override { call_->Finish(status); }
  bool cancelled() const override { return stream_->ended(); }

 private:
  const std::shared_ptr<ServerCall> call_;
  const std::shared_ptr<WriteStream> stream_;
};

}  // namespace yikou::rpc::internal
