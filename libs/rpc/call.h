// What a handler sees of a call. No gRPC here: handlers run the same in tests and in simulation.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/auth/principal.h"
#include "libs/telemetry/trace.h"

namespace yikou::rpc {

// Who calls, which method, until when. Copy it to keep it.
struct CallContext {
  auth::Principal principal;      // empty for open methods
  std::string token;              // as it came, to forward the call under the same identity
  std::string method;             // "/yikou.intake.v1.IntakeService/ReceiveCase"
  absl::Time deadline;            // system time; InfiniteFuture only for streams
  telemetry::TraceContext trace;  // this call's own span
  std::string correlation_id;     // what an error tells the caller and the log repeats
  bool forwarded = false;         // came from another service on the caller's behalf: answer it,
                                  // never forward it again
};

// Answers a call: once, on any thread, now or later. A second answer is ignored; when every copy is
// dropped unanswered the caller gets INTERNAL.
template <class Resp>
using Reply = std::function<void(absl::StatusOr<Resp>)>;

// Who may call a method. A method that is served without a rule cannot be written.
struct MethodRule {
  std::vector<const char*> roles;  // any one of them; none listed: every caller with a token
  bool open = false;               // no token at all
};

// The sending side of a stream. Threads: any. When the last reference is dropped without Close the
// caller gets INTERNAL.
template <class Resp>
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // Queues one message and never blocks. False when the stream has ended: the caller went away, or
  // reads so slowly that 64 messages wait, in which case the stream is closed with
  // RESOURCE_EXHAUSTED. Then drop the writer.
  virtual bool Write(Resp message) = 0;
  // Ends the stream after what is queued. Idempotent.
  virtual void Close(absl::Status status) = 0;
  // True when nobody listens any more.
  virtual bool cancelled() const = 0;
};

// The receiving side of an upload; one object a call, made once the caller is known. Calls come one
// at a time, on threads of the pool. Destroyed unfinished when the caller goes away.
template <class Req, class Resp>
class UploadSink {
 public:
  virtual ~UploadSink() = default;
  // Takes one message; anything but OK ends the call with that status.
  virtual absl::Status OnMessage(const Req& message) = 0;
  // No more messages come. A caller that died may look like one that finished, so check what was
  // declared (size, digest) before anything is kept.
  virtual void OnFinish(Reply<Resp> reply) = 0;
};

}  // namespace yikou::rpc
