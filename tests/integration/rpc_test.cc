// Promises of libs/rpc over real sockets: the layer every call passes. OperationsService and
// IntakeService are guinea pigs; nothing behind them is real.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "libs/auth/roles.h"
#include "libs/auth/token.h"
#include "libs/base/clock.h"
#include "libs/base/executor.h"
#include "libs/base/ids.h"
#include "libs/casework/errors.h"
#include "libs/rpc/adapter.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/client.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "libs/telemetry/metrics.h"
#include "yikou/casework/v1/log.grpc.pb.h"
#include "yikou/intake/v1/intake.grpc.pb.h"

namespace yikou::rpc {
namespace {

namespace pb = casework::v1;
namespace health = grpc::health::v1;
using intake::v1::IntakeService;
using intake::v1::UploadMaterialRequest;
using intake::v1::UploadMaterialResponse;
using intake::v1::WatchCaseRequest;
using intake::v1::WatchCaseResponse;
using pb::GetClockRequest;
using pb::GetClockResponse;
using pb::OperationsService;
using pb::SetClockRequest;
using pb::SetClockResponse;

bool Eventually(const std::function<bool()>& holds, absl::Duration within = absl::Seconds(10)) {
  const absl::Time until = absl::Now() + within;
  while (!holds()) {
    if (absl::Now() > until) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

// Holds handlers until the test lets them go.
class Gate {
 public:
  void Open() {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// What the handlers below saw; written on the pool, read when the answer is there.
struct Seen {
  std::atomic<int> handled{0};
  Gate gate;
  std::mutex mutex;
  CallContext context;
  std::shared_ptr<StreamWriter<WatchCaseResponse>> writer;
  std::atomic<int> chunks{0};
  std::atomic<int> uploads_finished{0};
  std::atomic<int> sinks{0};
};

class Operations final : public OperationsService::CallbackService {
 public:
  Operations(Adapter* adapter, Seen* seen) : adapter_(adapter), seen_(seen) {}

  // Anybody with a token. Says which offset it is at by the number of calls.
  grpc::ServerUnaryReactor* GetClock(grpc::CallbackServerContext* context,
                                     const GetClockRequest* request,
                                     GetClockResponse* response) override {
    return adapter_->Unary<GetClockRequest, GetClockResponse>(
        context, request, response, {},
        [this](const CallContext& call, const GetClockRequest&, Reply<GetClockResponse> reply) {
          std::lock_guard<std::mutex> lock(seen_->mutex);
          seen_->context = call;
          GetClockResponse answer;
          answer.set_offset_micros(++seen_->handled);
          reply(answer);
          reply(absl::InternalError("a second answer is ignored"));
        });
  }

  // Operators; fails in the way the offset says.
  grpc::ServerUnaryReactor* SetClock(grpc::CallbackServerContext* context,
                                     const SetClockRequest* request,
                                     SetClockResponse* response) override {
    return adapter_->Unary<SetClockRequest, SetClockResponse>(
        context, request, response, {{auth::kOperator, auth::kAdmin}},
        [this](const CallContext&, const SetClockRequest& ask, Reply<SetClockResponse> reply) {
          ++seen_->handled;
          switch (ask.offset_micros()) {
            case 0:
              return reply(SetClockResponse());
            case 1:
              return reply(casework::Error(absl::StatusCode::kFailedPrecondition,
                                           pb::ERROR_REASON_STATE_FORBIDS, "时钟只能前进")
                               .With("state", "REAL")
                               .RetryAfter(absl::Seconds(7)));
            case 2:
              return reply(absl::InternalError("password of the database"));
            case 3:
              throw std::runtime_error("a library threw");
            default:
              return;  // drops the reply
          }
        });
  }

  // Waits for the gate, and answers later from another thread.
  grpc::ServerUnaryReactor* GetQueueStats(grpc::CallbackServerContext* context,
                                          const pb::GetQueueStatsRequest* request,
                                          pb::GetQueueStatsResponse* response) override {
    return adapter_->Unary<pb::GetQueueStatsRequest, pb::GetQueueStatsResponse>(
        context, request, response, {},
        [this](const CallContext&, const pb::GetQueueStatsRequest&,
               Reply<pb::GetQueueStatsResponse> reply) {
          ++seen_->handled;
          seen_->gate.Wait();
          reply(pb::GetQueueStatsResponse());
        });
  }

 private:
  Adapter* const adapter_;
  Seen* const seen_;
};

class Sink final : public UploadSink<UploadMaterialRequest, UploadMaterialResponse> {
 public:
  explicit Sink(Seen* seen) : seen_(seen) { ++seen_->sinks; }
  ~Sink() override { --seen_->sinks; }

  absl::Status OnMessage(const UploadMaterialRequest& message) override {
    if (message.chunk() == "bad") return absl::InvalidArgumentError("坏块");
    received_ += message.chunk();
    ++seen_->chunks;
    return absl::OkStatus();
  }
  void OnFinish(Reply<UploadMaterialResponse> reply) override {
    ++seen_->uploads_finished;
    UploadMaterialResponse answer;
    answer.set_material_id(received_);
    reply(answer);
  }

 private:
  Seen* const seen_;
  std::string received_;
};

class Intake final : public IntakeService::CallbackService {
 public:
  Intake(Adapter* adapter, Seen* seen) : adapter_(adapter), seen_(seen) {}

  grpc::ServerWriteReactor<WatchCaseResponse>* WatchCase(grpc::CallbackServerContext* context,
                                                         const WatchCaseRequest* request) override {
    return adapter_->Stream<WatchCaseRequest, WatchCaseResponse>(
        context, request, {{auth::kClerk}},
        [this](const CallContext&, const WatchCaseRequest& ask,
               std::shared_ptr<StreamWriter<WatchCaseResponse>> writer) {
          ++seen_->handled;
          for (int i = 0; i < ask.after_version(); ++i) writer->Write(WatchCaseResponse());
          if (ask.case_id() == "close") return writer->Close(absl::OkStatus());
          if (ask.case_id() == "drop") return;
          std::lock_guard<std::mutex> lock(seen_->mutex);
          seen_->writer = std::move(writer);
        });
  }

  grpc::ServerReadReactor<UploadMaterialRequest>* UploadMaterial(
      grpc::CallbackServerContext* context, UploadMaterialResponse* response) override {
    return adapter_->Upload<UploadMaterialRequest, UploadMaterialResponse>(
        context, response, {{auth::kClerk}},
        [this](const CallContext&) { return std::make_unique<Sink>(seen_); });
  }

 private:
  Adapter* const adapter_;
  Seen* const seen_;
};

// One service, its keys and a client.
class World {
 public:
  explicit World(ServerOptions options = {}, AdapterOptions limits = {}, int pool = 4)
      : executor(pool) {
    std::filesystem::create_directories(dir);
    const auth::KeyPair pair = *auth::GenerateKeyPair(dir, "k1");
    verifier = *auth::TokenVerifier::Create({dir, "test", "yikou"}, &clock);
    minter = *auth::TokenMinter::Create({pair.private_path, "k1", "test", "yikou"}, &clock);
    limits.verifier = verifier.get();
    limits.executor = &executor;
    limits.clock = &clock;
    limits.metrics = &metrics;
    adapter = std::make_unique<Adapter>(limits);
    absl::StatusOr<std::unique_ptr<Server>> started = Server::Start(
        options,
        {{OperationsService::service_full_name(),
          std::make_shared<Operations>(adapter.get(), &seen)},
         {IntakeService::service_full_name(), std::make_shared<Intake>(adapter.get(), &seen)}},
        &executor, &metrics);
    if (!started.ok()) throw std::runtime_error(started.status().ToString());
    server = *std::move(started);
    server->SetServing(true);
    address = absl::StrCat("127.0.0.1:", server->Port());
    client = std::make_unique<Client>(address);
  }
  ~World() {
    seen.gate.Open();
    adapter->CloseStreams();
    server.reset();
    executor.Shutdown();
    std::filesystem::remove_all(dir);
  }

  CallOptions As(const char* role) const {
    CallOptions options;
    options.token = *minter->Mint({"p-1", "440305001", {role}, ""}, absl::Hours(1));
    return options;
  }
  absl::StatusOr<GetClockResponse> GetClock(const CallOptions& options) const {
    return client->Call<GetClockResponse>(GetClockRequest(), options);
  }
  absl::Status SetClock(int64_t offset) const {
    SetClockRequest request;
    request.set_offset_micros(offset);
    return client->Call<SetClockResponse>(request, As(auth::kOperator)).status();
  }

  // What the last handler of GetClock was told.
  CallContext Context() {
    std::lock_guard<std::mutex> lock(seen.mutex);
    return seen.context;
  }
  std::shared_ptr<StreamWriter<WatchCaseResponse>> Writer() {
    std::lock_guard<std::mutex> lock(seen.mutex);
    return seen.writer;
  }

  const std::string dir =
      (std::filesystem::temp_directory_path() / ("yikou-rpc-" + base::RandomHex(6))).string();
  base::SystemClock clock;
  telemetry::Metrics metrics;
  base::ThreadExecutor executor;
  std::unique_ptr<auth::TokenVerifier> verifier;
  std::unique_ptr<auth::TokenMinter> minter;
  Seen seen;
  std::unique_ptr<Adapter> adapter;
  std::unique_ptr<Server> server;
  std::string address;
  std::unique_ptr<Client> client;
};

ServerOptions WithHealth() {
  ServerOptions options;
  options.health_address = "127.0.0.1:0";
  return options;
}

std::unique_ptr<health::Health::Stub> HealthStub(int port) {
  return health::Health::NewStub(MakeChannel(absl::StrCat("127.0.0.1:", port)));
}

// The status of a service, or -1 with an error.
int HealthOf(int port, const std::string& service) {
  grpc::ClientContext context;
  Prepare(&context, {});
  health::HealthCheckRequest request;
  request.set_service(service);
  health::HealthCheckResponse response;
  return HealthStub(port)->Check(&context, request, &response).ok()
             ? static_cast<int>(response.status())
             : -1;
}

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

// --- streams -------------------------------------------------------------------------------------

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

// --- connections ---------------------------------------------------------------------------------

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

// True when the other side has closed or reset the connection.
bool IsClosed(int fd) {
  pollfd waiting = {fd, POLLIN, 0};
  poll(&waiting, 1, 0);
  if ((waiting.revents & (POLLHUP | POLLERR)) != 0) return true;
  char buffer[4096];
  ssize_t got;
  while ((got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
  }
  return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

TEST_CASE("connections beyond the cap are refused and the next client after they close is served",
          "[rpc]") {
  ServerOptions options;
  options.max_connections = 32;
  World world(options);
  std::vector<int> idle;
  for (int i = 0; i < 300; ++i) {
    const int fd = Connect(world.server->Port());
    if (fd >= 0) idle.push_back(fd);
  }
  const auto closed = [&idle] { return std::count_if(idle.begin(), idle.end(), IsClosed); };
  CHECK(idle.size() == 300);
  CHECK(Eventually([&closed] { return closed() == 300 - 32; }, absl::Seconds(4)));
  CHECK(world.server->open_connections() == 32);
  CallOptions brief = world.As(auth::kClerk);
  brief.timeout = absl::Milliseconds(500);
  CHECK_FALSE(world.GetClock(brief).ok());

  for (const int fd : idle) close(fd);
  const absl::Time freed = absl::Now();
  CHECK(Eventually([&] { return world.GetClock(world.As(auth::kClerk)).ok(); }));
  CHECK(absl::Now() - freed < absl::Seconds(4));
  const std::string text = world.metrics.Text();
  CHECK(text.find("yikou_connections_refused_total{server=\"business\"}") != std::string::npos);
  CHECK(Eventually([&world] { return world.server->open_connections() == 1; }));
}

// Takes every descriptor the process may have, until it goes.
class NoDescriptors {
 public:
  // `max`: descriptors below it are filled up, above it there are none.
  explicit NoDescriptors(int max) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(max);
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) fillers_.push_back(fd);
  }
  ~NoDescriptors() {
    for (const int fd : fillers_) close(fd);
    setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  rlimit before_ = {};
  std::vector<int> fillers_;
};

TEST_CASE("a server that ran out of descriptors hears again when there are some", "[rpc]") {
  World world;
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(world.server->Port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<int> sockets;
  for (int i = 0; i < 40; ++i) sockets.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto connect_some = [&](int from, int to) {
    int connected = 0;
    for (int i = from; i < to; ++i) {
      connected += connect(sockets[i], reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    return connected;
  };
  {
    const NoDescriptors all_taken(sockets.back() + 1);
    CHECK(connect_some(0, 20) == 20);
    // The reserve is enough to tell each of them so.
    CHECK(Eventually([&] { return std::all_of(sockets.begin(), sockets.begin() + 20, IsClosed); }));
  }
  {
    const NoDescriptors not_even_the_reserve(3);
    CHECK(connect_some(20, 40) == 20);
    absl::SleepFor(absl::Milliseconds(250));  // several attempts of the accept loop
  }
  for (const int fd : sockets) close(fd);
  CHECK(Eventually([&world] { return world.GetClock(world.As(auth::kClerk)).ok(); }));
}

TEST_CASE("an address that cannot be bound is a sentence", "[rpc]") {
  World world;
  ServerOptions options;
  options.address = world.address;
  const auto taken = Server::Start(options, {}, &world.executor);
  CHECK(taken.status().code() == absl::StatusCode::kUnavailable);
  CHECK(taken.status().message().find(world.address) != absl::string_view::npos);
  for (const char* odd : {"", "localhost", "localhost:1", "127.0.0.1:x", ":7001", "1.2.3:4:5:"}) {
    options.address = odd;
    CHECK(Server::Start(options, {}, &world.executor).status().code() ==
          absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("an IPv6 address serves too", "[rpc]") {
  ServerOptions options;
  options.address = "[::]:0";
  World world(options);
  CHECK(world.GetClock(world.As(auth::kClerk)).ok());
}

// --- health, reflection, shutdown ----------------------------------------------------------------

TEST_CASE("health answers on its own port and business methods do not", "[rpc]") {
  World world(WithHealth());
  REQUIRE(world.server->HealthPort() != 0);
  REQUIRE(world.server->HealthPort() != world.server->Port());
  for (const int port : {world.server->Port(), world.server->HealthPort()}) {
    CHECK(HealthOf(port, "") == health::HealthCheckResponse::SERVING);
    CHECK(HealthOf(port, "yikou.intake.v1.IntakeService") == health::HealthCheckResponse::SERVING);
    CHECK(HealthOf(port, "yikou.routing.v1.RoutingService") == -1);
  }
  const Client on_health_port(absl::StrCat("127.0.0.1:", world.server->HealthPort()));
  const absl::Status refused =
      on_health_port.Call<GetClockResponse>(GetClockRequest(), world.As(auth::kOperator)).status();
  CHECK(refused.code() == absl::StatusCode::kUnimplemented);
  CHECK(world.seen.handled == 0);

  world.server->SetServing(false);
  CHECK(HealthOf(world.server->HealthPort(), "") == health::HealthCheckResponse::NOT_SERVING);
}

TEST_CASE("a health watch hears every change, and unknown services by name", "[rpc]") {
  World world(WithHealth());
  auto stub = HealthStub(world.server->HealthPort());
  grpc::ClientContext context;
  health::HealthCheckRequest request;
  auto reader = stub->Watch(&context, request);
  health::HealthCheckResponse response;
  REQUIRE(reader->Read(&response));
  CHECK(response.status() == health::HealthCheckResponse::SERVING);
  world.server->SetServing(false);
  world.server->SetServing(true);
  REQUIRE(reader->Read(&response));
  CHECK(response.status() == health::HealthCheckResponse::NOT_SERVING);
  REQUIRE(reader->Read(&response));
  CHECK(response.status() == health::HealthCheckResponse::SERVING);

  grpc::ClientContext other;
  request.set_service("nobody");
  auto unknown = stub->Watch(&other, request);
  REQUIRE(unknown->Read(&response));
  CHECK(response.status() == health::HealthCheckResponse::SERVICE_UNKNOWN);

  // The end of the server is the end of the watch.
  world.server->Shutdown(absl::Seconds(30));
  REQUIRE(reader->Read(&response));
  CHECK(response.status() == health::HealthCheckResponse::NOT_SERVING);
  CHECK_FALSE(reader->Read(&response));
  (void)reader->Finish();
}

// Sends one ServerReflectionRequest, hand-encoded since its proto is not packaged, and returns the
// raw answer; "" when the server does not know the method.
std::string Reflect(const std::string& address, const std::string& request) {
  grpc::GenericStub stub(MakeChannel(address));
  grpc::ClientContext context;
  Prepare(&context, {});
  grpc::CompletionQueue queue;
  auto stream = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  const auto done = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  grpc::Slice slice(request);
  grpc::ByteBuffer question(&slice, 1);
  grpc::ByteBuffer answer;
  std::string text;
  stream->StartCall(nullptr);
  done();
  stream->Write(question, nullptr);
  done();
  stream->Read(&answer, nullptr);
  if (done()) {
    std::vector<grpc::Slice> slices;
    answer.Dump(&slices);
    for (const grpc::Slice& part : slices) {
      text.append(reinterpret_cast<const char*>(part.begin()), part.size());
    }
  }
  context.TryCancel();
  grpc::Status status;
  stream->Finish(&status, nullptr);
  done();
  queue.Shutdown();
  while (done()) {
  }
  return text;
}

constexpr char kListServices[] = "\x3a\x01*";  // list_services = 7
constexpr char kFileOfHealth[] =
    "\x22\x15"
    "grpc.health.v1.Health";  // file_containing_symbol

TEST_CASE("reflection lists Health and can describe it", "[rpc]") {
  ServerOptions options = WithHealth();
  options.reflection = true;
  World world(options);
  const std::string list = Reflect(world.address, kListServices);
  CHECK(list.find("grpc.health.v1.Health") != std::string::npos);
  CHECK(list.find("yikou.casework.v1.OperationsService") != std::string::npos);
  CHECK(Reflect(world.address, kFileOfHealth).find("HealthCheckRequest") != std::string::npos);
  CHECK(Reflect(absl::StrCat("127.0.0.1:", world.server->HealthPort()), kListServices).empty());
}

TEST_CASE("reflection is off unless asked for", "[rpc]") {
  World world;
  CHECK(Reflect(world.address, kListServices).empty());
}

TEST_CASE("shutdown lets a running call finish", "[rpc]") {
  World world(WithHealth());
  absl::Status outcome;
  std::thread caller([&] {
    outcome =
        world.client
            ->Call<pb::GetQueueStatsResponse>(pb::GetQueueStatsRequest(), world.As(auth::kClerk))
            .status();
  });
  REQUIRE(Eventually([&world] { return world.seen.handled == 1; }));
  std::atomic<bool> down{false};
  std::thread stopper([&] {
    world.server->Shutdown(absl::Seconds(20));
    down = true;
  });
  // While it drains, probes hear so, and newcomers are turned away.
  CHECK(Eventually([&world] {
    return HealthOf(world.server->HealthPort(), "") == health::HealthCheckResponse::NOT_SERVING;
  }));
  CHECK(Eventually([&world] {
    const int fd = Connect(world.server->Port());
    if (fd >= 0) close(fd);
    return fd < 0;
  }));
  CHECK_FALSE(down);
  world.seen.gate.Open();
  caller.join();
  stopper.join();
  CHECK(outcome.ok());
}

TEST_CASE("calls that wait when the pool stops are told to go elsewhere", "[rpc]") {
  World world({}, {}, 1);
  world.executor.Shutdown();
  const absl::Status status = world.GetClock(world.As(auth::kClerk)).status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(casework::ReasonOf(status) == pb::ERROR_REASON_UNAVAILABLE);
}

TEST_CASE("many callers at once all get their own answer", "[rpc]") {
  World world;
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&world, &wrong] {
      const CallOptions options = world.As(auth::kClerk);
      for (int n = 0; n < 200; ++n) wrong += world.GetClock(options).ok() ? 0 : 1;
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  CHECK(world.seen.handled == 1600);
}

TEST_CASE("the exposer serves the metrics on a port of its own", "[rpc]") {
  telemetry::Metrics metrics;
  metrics.Set(telemetry::kRedisUp, {}, 1);
  const absl::StatusOr<int> port = metrics.StartExposer("127.0.0.1:0");
  REQUIRE(port.ok());
  const int fd = Connect(*port);
  REQUIRE(fd >= 0);
  const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
  REQUIRE(write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) answer.append(buffer, got);
  close(fd);
  CHECK(answer.find("yikou_redis_up 1") != std::string::npos);

  telemetry::Metrics second;
  CHECK(second.StartExposer(absl::StrCat("127.0.0.1:", *port)).status().code() ==
        absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace yikou::rpc
