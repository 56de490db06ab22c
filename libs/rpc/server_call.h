// One call on the server, whatever its kind: admission, identity, one answer, one record. The
// untyped half of the adapter, compiled once. For libs/rpc only.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"
#include "libs/auth/token.h"
#include "libs/base/clock.h"
#include "libs/base/executor.h"
#include "libs/base/log.h"
#include "libs/rpc/call.h"
#include "libs/rpc/method.h"
#include "libs/telemetry/metrics.h"

namespace yikou::rpc {

struct AdapterOptions {
  auth::TokenVerifier* verifier = nullptr;  // may be null only without require_auth
  base::Executor* executor = nullptr;       // handlers run on its pool
  const base::Clock* clock = nullptr;       // system time
  telemetry::Metrics* metrics = telemetry::Metrics::None();
  absl::Duration default_deadline = absl::Seconds(10);  // for calls that bring none
  absl::Duration upload_deadline = absl::Minutes(2);    // the same, for uploads
  absl::Duration min_left = absl::Milliseconds(20);     // less than this is too late to begin
  size_t max_metadata = 16 * 1024;
  int max_in_flight = 1000;  // calls that wait or run; streams count until they are open
  bool require_auth = true;  // false (benchmarks, tests): without a token every rule is met
  base::LogLevel access_log = base::LogLevel::kDebug;
};

namespace internal {

class ServerCall;

// What the calls of one adapter share.
struct AdapterState {
  AdapterOptions options;
  std::atomic<int> in_flight{0};
  std::atomic<bool> draining{false};
  std::mutex mutex;
  bool streams_closed = false;
  std::unordered_set<ServerCall*> streams;
};

class ServerCall : public std::enable_shared_from_this<ServerCall> {
 public:
  using Body = std::function<void(const std::shared_ptr<ServerCall>&)>;
  using Finisher = std::function<void(const grpc::Status&)>;

  // Checks what can be checked at once, then goes to the pool, verifies the caller and runs `body`;
  // or refuses. `finish` is called exactly once, on any thread: at the latest when the last
  // reference to the call goes, so a call that nobody answers does not hang.
  static std::shared_ptr<ServerCall> Start(AdapterState* state,
                                           const grpc::CallbackServerContext& grpc_context,
                                           const Method& method, MethodKind kind, MethodRule rule,
                                           Finisher finish, Body body);
  ServerCall(AdapterState* state, const Method& method, MethodKind kind, MethodRule rule,
             Finisher finish);
  ~ServerCall();

  const CallContext& context() const { return context_; }
  bool cancelled() const { return cancelled_; }

  // Finishes unless that has been done.
  void Finish(const absl::Status& status);
  // The same in two steps, for who must fill in the response between them: true for the first
  // caller, who then calls Complete.
  bool TakeReply() { return !replied_.exchange(true); }
  void Complete(const absl::Status& status);

  // The client went away or its deadline passed. Ends a stream; another call only notes it, since
  // its handler may still be reading the request.
  void OnCancel();
  // Runs more work of this call on the pool.
  void Post(std::function<void()> work);

 private:
  absl::Status Admit(const grpc::CallbackServerContext& grpc_context);
  absl::Status AdmitStream();
  absl::Status Authorise();
  absl::Status CheckTime() const;
  void ReadMetadata(const grpc::CallbackServerContext& grpc_context);
  void ReleaseSlot();
  void Record(absl::StatusCode code);

  AdapterState* const state_;
  const Method& method_;  // lives as long as the process
  const MethodKind kind_;
  const MethodRule rule_;
  const Finisher finish_;
  const absl::Time arrived_;
  CallContext context_;
  bool started_ = false;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> replied_{false};
  std::atomic<bool> holds_slot_{true};
};

// The reply of a call whose response gRPC owns.
template <class Resp>
Reply<Resp> ReplyTo(std::shared_ptr<ServerCall> call, Resp* response) {
  return [call = std::move(call), response](absl::StatusOr<Resp> reply) {
    if (!call->TakeReply()) return;
    if (reply.ok()) *response = *std::move(reply);
    call->Complete(reply.status());
  };
}

}  // namespace internal
}  // namespace yikou::rpc
