#include "libs/rpc/write_stream.h"

#include "absl/strings/str_cat.h"
#include "libs/casework/errors.h"

namespace yikou::rpc::internal {

absl::Status ReadsTooSlowly() {
  return casework::Error(absl::StatusCode::kResourceExhausted,
                         casework::v1::ERROR_REASON_LIMIT_EXCEEDED,
                         "The caller reads the stream too slowly; resume it from the last message.")
      .With("limit", absl::StrCat(WriteStream::kMaxQueued));
}

WriteStream::Result WriteStream::Write(std::unique_ptr<Message> message) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (closing_ || abandoned_) return Result::kEnded;
  if (queue_.size() >= kMaxQueued) {
    abandoned_ = true;  // no later message may follow the gap
    queue_.clear();
    return Result::kFull;
  }
  queue_.push_back(std::move(message));
  Step(std::move(lock));
  return Result::kQueued;
}

void WriteStream::Close(const grpc::Status& status) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (closing_) return;
  closing_ = true;
  status_ = status;
  Step(std::move(lock));
}

void WriteStream::Abandon() {
  std::unique_lock<std::mutex> lock(mutex_);
  abandoned_ = true;
  Step(std::move(lock));
}

void WriteStream::OnWriteDone(bool ok) {
  std::unique_lock<std::mutex> lock(mutex_);
  current_.reset();
  if (!ok) abandoned_ = true;
  Step(std::move(lock));
}

bool WriteStream::ended() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return closing_ || abandoned_;
}

// Does the one thing that is due, after giving up the lock. That is safe: while a write is under
// way no other can begin, and after `finished_` nothing can.
void WriteStream::Step(std::unique_lock<std::mutex> lock) {
  if (abandoned_) queue_.clear();
  if (current_ != nullptr || finished_) return;
  if (!queue_.empty()) {
    current_ = std::move(queue_.front());
    queue_.pop_front();
    const Message& message = *current_;
    lock.unlock();
    start_(message);
  } else if (closing_) {
    finished_ = true;
    lock.unlock();
    finish_(status_);
  }
}

}  // namespace yikou::rpc::internal
