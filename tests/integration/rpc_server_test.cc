// Promises of libs/rpc over real sockets: the server around the calls, from its connections to its
// end.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "libs/auth/roles.h"
#include "libs/casework/errors.h"
#include "libs/rpc/channel.h"
#include "tests/integration/rpc_world.h"

namespace yikou::rpc::test {
namespace {

namespace health = grpc::health::v1;

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
}  // namespace yikou::rpc::test
