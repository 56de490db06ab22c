// Promises of libs/rpc over real sockets: who may call, how much, and what a failure tells.
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/casework/errors.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"
#include "tests/integration/rpc_world.h"

namespace yikou::rpc::test {
namespace {

// --- identity ------------------------------------------------------------------------------------

TEST_CASE("a call without a token is refused before the handler", "[rpc]") {
  World world;
  const absl::StatusOr<GetClockResponse> refused = world.GetClock({});
  CHECK(refused.status().code() == absl::StatusCode::kUnauthenticated);
  CHECK(casework::ReasonOf(refused.status()) == pb::ERROR_REASON_UNAUTHENTICATED);
  CallOptions rubbish;
  rubbish.token = "not.a.token";
  CHECK(world.GetClock(rubbish).status().code() == absl::StatusCode::kUnauthenticated);
  CHECK(world.seen.handled == 0);
  CHECK(world.GetClock(world.As(auth::kCitizen)).ok());
  CHECK(world.seen.handled == 1);
}

TEST_CASE("of two tokens in one call neither is believed", "[rpc]") {
  World world;
  auto stub = OperationsService::NewStub(MakeChannel(world.address));
  grpc::ClientContext context;
  Prepare(&context, world.As(auth::kOperator));
  context.AddMetadata("authorization", "Bearer " + world.As(auth::kClerk).token);
  GetClockResponse response;
  CHECK(stub->GetClock(&context, {}, &response).error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(world.seen.handled == 0);
}

TEST_CASE("a role not in the rule is denied", "[rpc]") {
  World world;
  const absl::Status denied =
      world.client->Call<SetClockResponse>(SetClockRequest(), world.As(auth::kClerk)).status();
  CHECK(denied.code() == absl::StatusCode::kPermissionDenied);
  CHECK(casework::ReasonOf(denied) == pb::ERROR_REASON_NO_AUTHORITY);
  CHECK(world.seen.handled == 0);
  CHECK(world.SetClock(0).ok());
}

TEST_CASE("a service shows a token of its own and keeps it fresh", "[rpc]") {
  World world;
  ServiceTokenSource source(world.minter.get(), "routing", &world.clock);
  CallOptions options;
  options.token = *source.Token();
  CHECK(*source.Token() == options.token);
  REQUIRE(world.GetClock(options).ok());
  CHECK(world.Context().principal.person_id == "service:routing");
  CHECK(world.Context().principal.Has(auth::kService));

  ServiceTokenSource brief(world.minter.get(), "routing", &world.clock, absl::Seconds(2));
  const std::string first = *brief.Token();
  CHECK(Eventually([&] { return *brief.Token() != first; }));
}

TEST_CASE("the handler sees who calls, what, until when and in which trace", "[rpc]") {
  World world;
  CallOptions options = world.As(auth::kClerk);
  options.trace = telemetry::NewTrace();
  options.forwarded = true;
  REQUIRE(world.GetClock(options).ok());
  const CallContext context = world.Context();
  CHECK(context.principal.person_id == "p-1");
  CHECK(context.principal.unit_id == "440305001");
  CHECK(context.token == options.token);
  CHECK(context.method == "/yikou.casework.v1.OperationsService/GetClock");
  CHECK(context.trace.trace_id == options.trace->trace_id);
  CHECK(context.trace.span_id != options.trace->span_id);
  CHECK(context.correlation_id == options.trace->trace_id);
  CHECK(context.forwarded);
  CHECK(context.deadline > absl::Now());
  CHECK(context.deadline < absl::Now() + absl::Seconds(6));

  // The caller's identity and trace go on, its deadline is shortened.
  const CallOptions onward = CallOptions::OnBehalfOf(context);
  CHECK(onward.token == options.token);
  CHECK(*onward.deadline < context.deadline);
  CHECK_FALSE(onward.forwarded);
}

TEST_CASE("a call without a deadline gets the default one", "[rpc]") {
  World world;
  CallOptions options = world.As(auth::kClerk);
  options.deadline = absl::InfiniteFuture();
  REQUIRE(world.GetClock(options).ok());
  CHECK(world.Context().deadline > absl::Now());
  CHECK(world.Context().deadline < absl::Now() + absl::Seconds(11));
}

// --- limits --------------------------------------------------------------------------------------

TEST_CASE("a call past its deadline does no work", "[rpc]") {
  World world({}, {}, 1);  // one thread, which the first call occupies
  std::thread first([&world] {
    (void)world.client->Call<pb::GetQueueStatsResponse>(pb::GetQueueStatsRequest(),
                                                        world.As(auth::kClerk));
  });
  CHECK(Eventually([&world] { return world.seen.handled == 1; }));
  CallOptions brief = world.As(auth::kClerk);
  brief.timeout = absl::Milliseconds(100);
  CHECK(world.GetClock(brief).status().code() == absl::StatusCode::kDeadlineExceeded);
  world.seen.gate.Open();
  first.join();
  // The late call was queued before this one and has been dropped by now.
  CHECK(world.GetClock(world.As(auth::kClerk))->offset_micros() == 2);
}

TEST_CASE("metadata above the cap is refused before the handler", "[rpc]") {
  World world;
  auto stub = OperationsService::NewStub(MakeChannel(world.address));
  for (const size_t size : {size_t{12'000}, size_t{20'000}}) {
    grpc::ClientContext context;
    Prepare(&context, world.As(auth::kClerk));
    context.AddMetadata("x-ballast", std::string(size, 'x'));
    GetClockResponse response;
    const absl::Status status = FromGrpc(stub->GetClock(&context, {}, &response));
    CHECK(status.code() ==
          (size < 16'000 ? absl::StatusCode::kOk : absl::StatusCode::kResourceExhausted));
    if (!status.ok()) CHECK(casework::ReasonOf(status) == pb::ERROR_REASON_LIMIT_EXCEEDED);
  }
  CHECK(world.seen.handled == 1);
}

TEST_CASE("a message above 4 MiB is refused before the handler", "[rpc]") {
  World world;
  pb::RetryStuckRequest request;
  request.set_stuck_id(std::string(5 << 20, 'x'));
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);
  auto stub = OperationsService::NewStub(
      grpc::CreateCustomChannel(world.address, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  Prepare(&context, world.As(auth::kOperator));
  pb::RetryStuckResponse response;
  CHECK(stub->RetryStuck(&context, request, &response).error_code() ==
        grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_CASE("more calls than can be answered are refused with a retry hint", "[rpc]") {
  AdapterOptions limits;
  limits.max_in_flight = 2;
  World world({}, limits);
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&world] {
      (void)world.client->Call<pb::GetQueueStatsResponse>(pb::GetQueueStatsRequest(),
                                                          world.As(auth::kClerk));
    });
  }
  CHECK(Eventually([&world] { return world.seen.handled == 2; }));
  const absl::Status refused = world.GetClock(world.As(auth::kClerk)).status();
  CHECK(refused.code() == absl::StatusCode::kResourceExhausted);
  google::rpc::Status details;
  REQUIRE(casework::DetailsOf(refused, &details));
  bool hinted = false;
  for (const auto& any : details.details()) hinted |= any.Is<google::rpc::RetryInfo>();
  CHECK(hinted);
  world.seen.gate.Open();
  for (std::thread& caller : callers) caller.join();
  CHECK(world.GetClock(world.As(auth::kClerk)).ok());
}

// --- errors --------------------------------------------------------------------------------------

TEST_CASE("the same error details arrive at the client", "[rpc]") {
  World world;
  const absl::Status status = world.SetClock(1);
  const absl::Status sent = casework::Error(absl::StatusCode::kFailedPrecondition,
                                            pb::ERROR_REASON_STATE_FORBIDS, "时钟只能前进")
                                .With("state", "REAL")
                                .RetryAfter(absl::Seconds(7));
  CHECK(status == sent);
}

TEST_CASE("what fails inside is answered with a correlation id only", "[rpc]") {
  World world;
  for (const int64_t way : {2, 3, 4}) {  // INTERNAL, an exception, a reply that is dropped
    const absl::Status status = world.SetClock(way);
    CAPTURE(way, status.ToString());
    CHECK(status.code() == absl::StatusCode::kInternal);
    CHECK(casework::ReasonOf(status) == pb::ERROR_REASON_INTERNAL);
    CHECK(status.ToString().find("password") == std::string::npos);
    CHECK(status.message().find("correlation id") != absl::string_view::npos);
  }
}

TEST_CASE("calls are counted by outcome", "[rpc]") {
  World world;
  (void)world.GetClock({});
  (void)world.GetClock(world.As(auth::kClerk));
  const std::string text = world.metrics.Text();
  const auto counted = [&text](const char* code) {
    return text.find(absl::StrCat("grpc_code=\"", code,
                                  "\",grpc_method=\"GetClock\",grpc_service=\"yikou.casework.v1."
                                  "OperationsService\"} 1")) != std::string::npos;
  };
  CAPTURE(text);
  CHECK(counted("OK"));
  CHECK(counted("UNAUTHENTICATED"));
  CHECK(text.find("yikou_calls_in_flight 0") != std::string::npos);
}

}  // namespace
}  // namespace yikou::rpc::test
