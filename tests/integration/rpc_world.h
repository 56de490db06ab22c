// libs/rpc behind a real socket, with two services as guinea pigs and a client. Nothing behind the
// services is real: what a handler saw is kept for the test, and a gate holds it until told.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/auth/roles.h"
#include "libs/auth/token.h"
#include "libs/base/clock.h"
#include "libs/base/executor.h"
#include "libs/base/ids.h"
#include "libs/casework/errors.h"
#include "libs/rpc/adapter.h"
#include "libs/rpc/client.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "yikou/casework/v1/log.grpc.pb.h"
#include "yikou/intake/v1/intake.grpc.pb.h"

namespace yikou::rpc::test {

namespace pb = casework::v1;
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

inline bool Eventually(const std::function<bool()>& holds,
                       absl::Duration within = absl::Seconds(10)) {
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

}  // namespace yikou::rpc::test
