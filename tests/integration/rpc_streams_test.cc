// Promises of libs/rpc over real sockets: streams and uploads, to their end or given up.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"
#include "tests/integration/rpc_world.h"

namespace yikou::rpc::test {
namespace {

TEST_CASE("a stream brings what was written and then its end", "[rpc]") {
  World world;
  auto stub = IntakeService::NewStub(MakeChannel(world.address));
  grpc::ClientContext context;
  Prepare(&context, world.As(auth::kClerk));
  WatchCaseRequest request;
  request.set_case_id("close");
  request.set_after_version(50);
  auto reader = stub->WatchCase(&context, request);
  WatchCaseResponse response;
  int messages = 0;
  while (reader->Read(&response)) ++messages;
  CHECK(messages == 50);
  CHECK(reader->Finish().ok());
}

TEST_CASE("a stream that is refused, dropped or outrun ends with the reason", "[rpc]") {
  World world;
  auto stub = IntakeService::NewStub(MakeChannel(world.address));
  const auto outcome = [&stub](const CallOptions& options, const char* case_id, int messages) {
    grpc::ClientContext context;
    Prepare(&context, options);
    WatchCaseRequest request;
    request.set_case_id(case_id);
    request.set_after_version(messages);
    auto reader = stub->WatchCase(&context, request);
    WatchCaseResponse response;
    while (reader->Read(&response)) {
    }
    return FromGrpc(reader->Finish()).code();
  };
  CHECK(outcome({}, "close", 1) == absl::StatusCode::kUnauthenticated);
  CHECK(outcome(world.As(auth::kOfficer), "close", 1) == absl::StatusCode::kPermissionDenied);
  CHECK(world.seen.handled == 0);
  CHECK(outcome(world.As(auth::kClerk), "drop", 1) == absl::StatusCode::kInternal);
  // Nobody can take 100,000 messages as fast as this handler writes them.
  CHECK(outcome(world.As(auth::kClerk), "close", 100'000) == absl::StatusCode::kResourceExhausted);
}

TEST_CASE("a writer learns that its reader went away", "[rpc]") {
  World world;
  auto stub = IntakeService::NewStub(MakeChannel(world.address));
  grpc::ClientContext context;
  Prepare(&context, world.As(auth::kClerk));
  WatchCaseRequest request;
  request.set_after_version(1);
  auto reader = stub->WatchCase(&context, request);
  WatchCaseResponse response;
  REQUIRE(reader->Read(&response));
  REQUIRE(Eventually([&world] { return world.Writer() != nullptr; }));
  const auto writer = world.Writer();
  CHECK_FALSE(writer->cancelled());
  CHECK(writer->Write(WatchCaseResponse()));
  context.TryCancel();
  (void)reader->Finish();
  CHECK(Eventually([&writer] { return writer->cancelled(); }));
  CHECK_FALSE(writer->Write(WatchCaseResponse()));
}

TEST_CASE("open streams do not hold a shutdown up", "[rpc]") {
  World world;
  auto stub = IntakeService::NewStub(MakeChannel(world.address));
  grpc::ClientContext context;
  Prepare(&context, world.As(auth::kClerk));
  WatchCaseRequest request;
  request.set_after_version(1);
  auto reader = stub->WatchCase(&context, request);
  WatchCaseResponse response;
  REQUIRE(reader->Read(&response));
  const absl::Time begin = absl::Now();
  world.adapter->CloseStreams();
  world.server->Shutdown(absl::Seconds(30));
  CHECK(absl::Now() - begin < absl::Seconds(5));
  CHECK_FALSE(reader->Read(&response));
  CHECK(reader->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}

UploadMaterialRequest Chunk(const std::string& bytes) {
  UploadMaterialRequest request;
  request.set_chunk(bytes);
  return request;
}

TEST_CASE("an upload arrives whole and in order", "[rpc]") {
  World world;
  auto stub = IntakeService::NewStub(MakeChannel(world.address));
  grpc::ClientContext context;
  Prepare(&context, world.As(auth::kClerk));
  UploadMaterialResponse response;
  auto writer = stub->UploadMaterial(&context, &response);
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string bytes = absl::StrCat(i, ",");
    expected += bytes;
    REQUIRE(writer->Write(Chunk(bytes)));
  }
  writer->WritesDone();
  REQUIRE(writer->Finish().ok());
  CHECK(response.material_id() == expected);
  CHECK(Eventually([&world] { return world.seen.sinks == 0; }));
}

TEST_CASE("an upload is refused before its sink, or ended by it", "[rpc]") {
  World world;
  auto stub = IntakeService::NewStub(MakeChannel(world.address));
  const auto outcome = [&stub](const CallOptions& options, const std::string& chunk) {
    grpc::ClientContext context;
    Prepare(&context, options);
    UploadMaterialResponse response;
    auto writer = stub->UploadMaterial(&context, &response);
    while (writer->Write(Chunk(chunk))) {
    }
    return writer->Finish().error_code();
  };
  CHECK(outcome({}, "x") == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(outcome(world.As(auth::kOfficer), "x") == grpc::StatusCode::PERMISSION_DENIED);
  CHECK(world.seen.chunks == 0);
  CHECK(outcome(world.As(auth::kClerk), "bad") == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(Eventually([&world] { return world.seen.sinks == 0; }));
}

TEST_CASE("an upload that is given up leaves nothing behind", "[rpc]") {
  World world;
  auto stub = IntakeService::NewStub(MakeChannel(world.address));
  {
    grpc::ClientContext context;
    Prepare(&context, world.As(auth::kClerk));
    UploadMaterialResponse response;
    auto writer = stub->UploadMaterial(&context, &response);
    REQUIRE(writer->Write(Chunk("x")));
    REQUIRE(Eventually([&world] { return world.seen.chunks == 1; }));
    context.TryCancel();
    CHECK(writer->Finish().error_code() == grpc::StatusCode::CANCELLED);
  }
  CHECK(Eventually([&world] { return world.seen.sinks == 0; }));
  CHECK(Eventually([&world] {
    return world.metrics.Text().find("yikou_calls_in_flight 0") != std::string::npos;
  }));
}

}  // namespace
}  // namespace yikou::rpc::test
