#include "libs/rpc/server_call.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "libs/base/status.h"
#include "libs/casework/errors.h"
#include "libs/rpc/metadata.h"
#include "libs/rpc/status.h"

namespace yikou::rpc::internal {
namespace {

using casework::Error;
namespace v1 = casework::v1;

// HPACK counts 32 bytes of overhead for a header, and so do we.
constexpr size_t kHeaderOverhead = 32;

absl::string_view View(const grpc::string_ref& text) { return {text.data(), text.size()}; }

size_t MetadataSize(const grpc::CallbackServerContext& context) {
  size_t size = 0;
  for (const auto& [key, value] : context.client_metadata()) {
    size += key.size() + value.size() + kHeaderOverhead;
  }
  return size;
}

// The value of a header that came exactly once; "" otherwise. Of two tokens neither is believed.
absl::string_view OnlyHeader(const grpc::CallbackServerContext& context, const char* key) {
  const auto range = context.client_metadata().equal_range(key);
  if (range.first == range.second || std::next(range.first) != range.second) return "";
  return View(range.first->second);
}

absl::string_view BearerToken(absl::string_view header) {
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(header, kScheme)) return "";
  return absl::StripLeadingAsciiWhitespace(header.substr(kScheme.size()));
}

absl::Status Unauthenticated(absl::string_view why) {
  return Error(absl::StatusCode::kUnauthenticated, v1::ERROR_REASON_UNAUTHENTICATED, why);
}

absl::Status Stopping() {
  return Error(absl::StatusCode::kUnavailable, v1::ERROR_REASON_UNAVAILABLE,
               "The service is stopping; call again.")
      .RetryAfter(absl::Seconds(1));
}

absl::Duration DefaultDeadline(const AdapterOptions& options, MethodKind kind) {
  if (kind == MethodKind::kServerStream) return absl::InfiniteDuration();
  return kind == MethodKind::kUnary ? options.default_deadline : options.upload_deadline;
}

}  // namespace

std::shared_ptr<ServerCall> ServerCall::Start(AdapterState* state,
                                              const grpc::CallbackServerContext& grpc_context,
                                              const Method& method, MethodKind kind,
                                              MethodRule rule, Finisher finish, Body body) {
  auto call = std::make_shared<ServerCall>(state, method, kind, std::move(rule), std::move(finish));
  if (const absl::Status admitted = call->Admit(grpc_context); !admitted.ok()) {
    call->Finish(admitted);
    return call;
  }
  call->Post([call, body = std::move(body)] {
    if (const absl::Status allowed = call->Authorise(); !allowed.ok()) {
      return call->Finish(allowed);
    }
    call->started_ = true;
    body(call);
    if (call->kind_ == MethodKind::kServerStream) call->ReleaseSlot();
  });
  return call;
}

ServerCall::ServerCall(AdapterState* state, const Method& method, MethodKind kind, MethodRule rule,
                       Finisher finish)
    : state_(state),
      method_(method),
      kind_(kind),
      rule_(std::move(rule)),
      finish_(std::move(finish)),
      arrived_(state->options.clock->Now()) {
  state_->in_flight.fetch_add(1);
  state_->options.metrics->Add(telemetry::kGrpcInFlight, {});
}

ServerCall::~ServerCall() {
  if (!TakeReply()) return;
  // A pool that stops drops what was posted: those callers can be sent elsewhere. A handler that
  // forgot its reply is a bug.
  Complete(started_ ? absl::InternalError("The handler dropped its reply.") : Stopping());
}

void ServerCall::Finish(const absl::Status& status) {
  if (TakeReply()) Complete(status);
}

void ServerCall::Complete(const absl::Status& status) {
  ReleaseSlot();
  if (kind_ == MethodKind::kServerStream) {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->streams.erase(this);
  }
  const absl::Status shown = PublicStatus(status, method_.path, context_.correlation_id);
  Record(shown.code());
  finish_(ToGrpc(shown));
}

void ServerCall::OnCancel() {
  cancelled_ = true;
  if (kind_ == MethodKind::kServerStream) Finish(absl::CancelledError("The caller went away."));
}

void ServerCall::Post(std::function<void()> work) {
  state_->options.executor->Post([call = shared_from_this(), work = std::move(work)] {
    // Our code throws nothing, but libraries below it may, and one odd request must not end the
    // process.
    try {
      work();
    } catch (const std::exception& failure) {
      call->Finish(absl::InternalError(absl::StrCat("An exception: ", failure.what())));
    }
  });
}

absl::Status ServerCall::Admit(const grpc::CallbackServerContext& grpc_context) {
  const AdapterOptions& options = state_->options;
  const size_t size = MetadataSize(grpc_context);
  const bool fits = size <= options.max_metadata;
  if (fits) ReadMetadata(grpc_context);
  if (context_.correlation_id.empty()) {
    context_.trace = telemetry::NewTrace();
    context_.correlation_id = context_.trace.trace_id;
  }
  if (!fits) {
    return Error(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_LIMIT_EXCEEDED,
                 absl::StrCat("The metadata takes ", size, " bytes, above the limit."))
        .With("limit", absl::StrCat(options.max_metadata));
  }
  if (method_.path.empty()) return absl::InternalError("No method has these messages.");
  context_.method = method_.path;

  const auto deadline = grpc_context.deadline();
  context_.deadline = deadline == std::chrono::system_clock::time_point::max()
                          ? arrived_ + DefaultDeadline(options, kind_)
                          : absl::FromChrono(deadline);
  YK_RETURN_IF_ERROR(CheckTime());
  if (state_->draining) return Stopping();
  if (state_->in_flight > options.max_in_flight) {
    return Error(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_LIMIT_EXCEEDED,
                 "The service has more calls than it can answer; try again.")
        .With("limit", absl::StrCat(options.max_in_flight))
        .RetryAfter(absl::Seconds(1));
  }
  return kind_ == MethodKind::kServerStream ? AdmitStream() : absl::OkStatus();
}

absl::Status ServerCall::AdmitStream() {
  std::lock_guard<std::mutex> lock(state_->mutex);
  if (state_->streams_closed) return Stopping();
  state_->streams.insert(this);
  return absl::OkStatus();
}

void ServerCall::ReadMetadata(const grpc::CallbackServerContext& grpc_context) {
  context_.token = std::string(BearerToken(OnlyHeader(grpc_context, kAuthorizationKey)));
  context_.forwarded = OnlyHeader(grpc_context, kForwardedKey) == "1";
  const auto parent = telemetry::ParseTraceparent(OnlyHeader(grpc_context, kTraceparentKey));
  context_.trace = parent.has_value() ? telemetry::ChildOf(*parent) : telemetry::NewTrace();
  context_.correlation_id = context_.trace.trace_id;
}

absl::Status ServerCall::CheckTime() const {
  if (cancelled_) return absl::CancelledError("The caller went away.");
  if (context_.deadline - state_->options.clock->Now() >= state_->options.min_left) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError("The deadline left no time to begin; nothing was done.");
}

absl::Status ServerCall::Authorise() {
  YK_RETURN_IF_ERROR(CheckTime());
  if (rule_.open) return absl::OkStatus();
  auth::TokenVerifier* const verifier = state_->options.verifier;
  if (context_.token.empty() || verifier == nullptr) {
    if (!state_->options.require_auth) return absl::OkStatus();
    return Unauthenticated(
        "The call has no token; send metadata \"authorization: Bearer …\" once.");
  }
  absl::StatusOr<auth::Principal> principal = verifier->Verify(context_.token);
  if (!principal.ok()) return Unauthenticated(principal.status().message());
  context_.principal = *std::move(principal);
  const bool allowed = rule_.roles.empty() || std::any_of(rule_.roles.begin(), rule_.roles.end(),
                                                          [this](const char* role) {
                                                            return context_.principal.Has(role);
                                                          });
  if (allowed) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, v1::ERROR_REASON_NO_AUTHORITY,
               absl::StrCat(method_.name, " needs one of the roles ",
                            absl::StrJoin(rule_.roles, ", "), "."))
      .With("roles", absl::StrJoin(rule_.roles, ","));
}

void ServerCall::ReleaseSlot() {
  if (!holds_slot_.exchange(false)) return;
  state_->in_flight.fetch_sub(1);
  state_->options.metrics->Add(telemetry::kGrpcInFlight, {}, -1);
}

void ServerCall::Record(absl::StatusCode code) {
  const AdapterOptions& options = state_->options;
  const absl::Duration took = std::max(options.clock->Now() - arrived_, absl::ZeroDuration());
  const std::string code_name = absl::StatusCodeToString(code);
  options.metrics->Add(telemetry::kGrpcHandled, {method_.service, method_.name, code_name});
  if (kind_ != MethodKind::kServerStream) {  // a stream that is watched for an hour is not slow
    options.metrics->Observe(telemetry::kGrpcSeconds, {method_.service, method_.name},
                             absl::ToDoubleSeconds(took));
  }
  base::Log(options.access_log, "rpc.call",
            {{"method", method_.path},
             {"code", code_name},
             {"ms", absl::StrCat(absl::ToDoubleMilliseconds(took))},
             {"unit", context_.principal.unit_id},
             {"roles", absl::StrJoin(context_.principal.roles, ",")},
             {"correlation_id", context_.correlation_id}});
}

}  // namespace yikou::rpc::internal
