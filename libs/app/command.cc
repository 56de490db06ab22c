#include "libs/app/command.h"

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/casework/errors.h"
#include "libs/store/work.h"

namespace yikou::app {
namespace {

// A handler that still meets a conflict after this many rounds answers it.
constexpr int kRoundsMax = 8;

std::string RequestIdOf(const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  return field ? request.GetReflection()->GetString(request, field) : "";
}

// What a caller asks for, as a digest. A service that forwards a call adds the version its mirror
// has by then: that is not the caller's, and differs when the caller repeats the call.
std::string PayloadDigest(const rpc::CallContext& context,
                          const google::protobuf::Message& request) {
  const auto* version = request.GetDescriptor()->FindFieldByName("expected_version");
  if (!context.forwarded || version == nullptr) {
    return base::ToHex(casework::Digest(store::StableBytes(request)));
  }
  std::unique_ptr<google::protobuf::Message> asked(request.New());
  asked->CopyFrom(request);
  asked->GetReflection()->ClearField(asked.get(), version);
  return base::ToHex(casework::Digest(store::StableBytes(*asked)));
}

// Who may repeat a request: the person, within the unit acted for.
std::string PrincipalKey(const rpc::CallContext& context) {
  return absl::StrCat(context.principal.unit_id, "/", context.principal.person_id);
}

}  // namespace

absl::Status CheckRequestId(const std::string& request_id) {
  casework::Violations violations;
  if (!base::IsUuid(request_id)) {
    violations.Add("request_id",
                   "must be a UUID; it makes the call safe to repeat, so use a new one for each "
                   "thing you want done and the same one for each retry.");
  }
  return violations.ToStatus();
}

struct Commands::Call {
  rpc::CallContext context;
  store::RequestMark mark;
  Decide decide;
  Answer answer;
  int rounds = 0;
};

void Commands::RunErased(const rpc::CallContext& context, const google::protobuf::Message& request,
                         Decide decide, Answer answer) {
  auto call = std::make_shared<Call>();
  call->context = context;
  call->decide = std::move(decide);
  call->answer = std::move(answer);
  call->mark.principal = PrincipalKey(context);
  call->mark.method = context.method;
  call->mark.request_id = RequestIdOf(request);
  const absl::Status repeatable = CheckRequestId(call->mark.request_id);
  if (!repeatable.ok()) return call->answer(repeatable);
  call->mark.payload_digest = PayloadDigest(context, request);
  if (AnswerFromRecord(*call)) return;
  Attempt(std::move(call));
}

bool Commands::AnswerFromRecord(const Call& call) {
  absl::StatusOr<std::optional<store::RequestMark>> found =
      store_->FindRequest(call.mark.principal, call.mark.method, call.mark.request_id);
  if (!found.ok()) {
    call.answer(found.status());
    return true;
  }
  if (!*found) return false;
  if ((*found)->payload_digest == call.mark.payload_digest) {
    call.answer((*found)->response);
  } else {
    call.answer(casework::Error(absl::StatusCode::kAlreadyExists,
                                casework::v1::ERROR_REASON_REQUEST_ID_REUSED,
                                absl::StrCat("请求编号 ", call.mark.request_id,
                                             " 已用于另一内容的请求；新的请求请用新的编号。"))
                    .With("request_id", call.mark.request_id));
  }
  return true;
}

void Commands::Attempt(std::shared_ptr<Call> call) {
  store::Change change;
  bool again = true;
  while (again) {
    again = false;
    change = store::Change();
    absl::StatusOr<std::string> response = call->decide(&change, &again);
    // What the handler says of a repeat is about the effect of the first, which may have been
    // committed since we looked: then its answer is the answer.
    const bool decided = response.ok() && (again || !change.empty());
    if (!decided && AnswerFromRecord(*call)) return;
    if (!response.ok()) return call->answer(response.status());
    if (again) {
      // Due timers first, as a change of their own; whoever committed them, they are committed.
      const absl::Status settled = committer_->CommitOne(std::move(change));
      if (!settled.ok() && !absl::IsAborted(settled)) return call->answer(settled);
      if (++call->rounds > kRoundsMax) {
        return call->answer(absl::UnavailableError("Due timers keep coming; try again."));
      }
      continue;
    }
    if (change.empty()) return call->answer(*std::move(response));
    call->mark.response = *std::move(response);
    call->mark.at = executor_->clock().Now();
    change.request = call->mark;
    committer_->Submit(std::move(change), [this, call](absl::Status committed) {
      Answered(call, call->mark.response, std::move(committed));
    });
  }
}

void Commands::Answered(const std::shared_ptr<Call>& call, std::string response,
                        absl::Status committed) {
  if (committed.ok()) return call->answer(std::move(response));
  const bool retry = absl::IsAborted(committed) && ++call->rounds <= kRoundsMax;
  const bool repeated = absl::IsAlreadyExists(committed);
  if (!retry && !repeated) return call->answer(committed);
  // Both read the store, which the committer's thread must not wait for.
  executor_->Post([this, call, repeated, committed] {
    if (!repeated) return Attempt(call);
    if (!AnswerFromRecord(*call)) call->answer(committed);
  });
}

}  // namespace yikou::app
