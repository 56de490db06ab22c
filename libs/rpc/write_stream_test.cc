#include "libs/rpc/write_stream.h"

#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::rpc::internal {
namespace {

using Message = casework::v1::StreamHead;

// A stream whose writes end when the test says so.
struct Fixture {
  std::vector<int64_t> written;
  std::vector<grpc::StatusCode> finished;
  WriteStream stream{
      [this](const WriteStream::Message& message) {
        written.push_back(static_cast<const Message&>(message).seq());
      },
      [this](const grpc::Status& status) { finished.push_back(status.error_code()); }};

  WriteStream::Result Write(int64_t seq) {
    auto message = std::make_unique<Message>();
    message->set_seq(seq);
    return stream.Write(std::move(message));
  }
};

TEST_CASE_METHOD(Fixture, "messages are written one at a time, in order", "[rpc][stream]") {
  for (int i = 1; i <= 3; ++i) CHECK(Write(i) == WriteStream::Result::kQueued);
  CHECK(written == std::vector<int64_t>{1});
  stream.OnWriteDone(true);
  stream.OnWriteDone(true);
  stream.OnWriteDone(true);
  CHECK(written == std::vector<int64_t>{1, 2, 3});
  CHECK(finished.empty());
}

TEST_CASE_METHOD(Fixture, "a closed stream writes what is queued first", "[rpc][stream]") {
  Write(1);
  Write(2);
  stream.Close(grpc::Status::OK);
  CHECK(Write(3) == WriteStream::Result::kEnded);
  CHECK(finished.empty());
  stream.OnWriteDone(true);
  CHECK(finished.empty());
  stream.OnWriteDone(true);
  CHECK(written == std::vector<int64_t>{1, 2});
  CHECK(finished == std::vector<grpc::StatusCode>{grpc::StatusCode::OK});
  stream.Close(grpc::Status::CANCELLED);
  CHECK(finished.size() == 1);
}

TEST_CASE_METHOD(Fixture, "a reader that is too slow is told so, without a gap", "[rpc][stream]") {
  Write(0);
  for (size_t i = 1; i <= WriteStream::kMaxQueued; ++i) {
    REQUIRE(Write(static_cast<int64_t>(i)) == WriteStream::Result::kQueued);
  }
  CHECK(Write(100) == WriteStream::Result::kFull);
  CHECK(Write(101) == WriteStream::Result::kEnded);
  stream.Close(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, ""));
  stream.OnWriteDone(true);
  CHECK(written == std::vector<int64_t>{0});
  CHECK(finished == std::vector<grpc::StatusCode>{grpc::StatusCode::RESOURCE_EXHAUSTED});
}

TEST_CASE_METHOD(Fixture, "a reader that went away ends the stream once", "[rpc][stream]") {
  Write(1);
  Write(2);
  stream.Abandon();
  CHECK(stream.ended());
  stream.Close(grpc::Status::CANCELLED);
  CHECK(finished.empty());  // a write is still under way
  stream.OnWriteDone(false);
  CHECK(written == std::vector<int64_t>{1});
  CHECK(finished == std::vector<grpc::StatusCode>{grpc::StatusCode::CANCELLED});
  stream.Abandon();
  CHECK(finished.size() == 1);
}

}  // namespace
}  // namespace yikou::rpc::internal
