#include "libs/casework/errors.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace yikou::casework {
namespace {

constexpr char kReasonPrefix[] = "ERROR_REASON_";
constexpr char kDomain[] = "yikou";
constexpr char kTypeUrlPrefix[] = "type.googleapis.com";
// The text is for reading; the typed part carries all of them.
constexpr int kViolationsInText = 3;

google::rpc::ErrorInfo InfoFor(v1::ErrorReason reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(absl::StripPrefix(v1::ErrorReason_Name(reason), kReasonPrefix)));
  info.set_domain(kDomain);
  return info;
}

google::rpc::RetryInfo RetryFor(absl::Duration delay) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(absl::IDivDuration(delay, absl::Seconds(1), &delay));
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(delay)));
  return retry;
}

std::string TextOf(const google::rpc::BadRequest& bad_request) {
  const int count = bad_request.field_violations_size();
  std::vector<std::string> shown;
  for (const auto& violation : bad_request.field_violations()) {
    if (shown.size() == kViolationsInText) break;
    shown.push_back(absl::StrCat(violation.field(), "：", violation.description()));
  }
  return absl::StrCat("请求中有 ", count, " 处不正确：", absl::StrJoin(shown, "；"),
                      count > kViolationsInText ? "……" : "。");
}

}  // namespace

Error::Error(absl::StatusCode code, v1::ErrorReason reason, absl::string_view message)
    : code_(code), message_(message), info_(InfoFor(reason)) {}

Error& Error::With(absl::string_view key, absl::string_view value) & {
  (*info_.mutable_metadata())[std::string(key)] = std::string(value);
  return *this;
}

Error&& Error::With(absl::string_view key, absl::string_view value) && {
  return std::move(With(key, value));
}

Error&& Error::RetryAfter(absl::Duration delay) && {
  retry_ = delay;
  return std::move(*this);
}

Error::operator absl::Status() const {
  absl::Status status(code_, message_);
  google::rpc::Status details;
  details.set_code(static_cast<int>(code_));
  details.set_message(message_);
  details.add_details()->PackFrom(info_, kTypeUrlPrefix);
  if (bad_request_.field_violations_size() > 0) {
    details.add_details()->PackFrom(bad_request_, kTypeUrlPrefix);
  }
  if (retry_ > absl::ZeroDuration()) {
    details.add_details()->PackFrom(RetryFor(retry_), kTypeUrlPrefix);
  }
  status.SetPayload(kErrorPayloadUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

void Violations::Add(absl::string_view field, absl::string_view what) {
  auto* violation = bad_request_.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(what));
}

absl::Status Violations::ToStatus() const {
  if (empty()) return absl::OkStatus();
  Error error(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD,
              TextOf(bad_request_));
  error.bad_request_ = bad_request_;
  return error;
}

absl::Status NotFound(absl::string_view what, absl::string_view id) {
  // The same text for what does not exist and what is out of scope, so that nobody can probe.
  return Error(absl::StatusCode::kNotFound, v1::ERROR_REASON_NOT_FOUND,
               absl::StrCat("没有找到", what, " ", id, "，或者它不在您的管辖范围内。"))
      .With("id", id);
}

absl::Status VersionConflict(absl::string_view what, int64_t expected, int64_t current,
                             absl::string_view allowed_actions) {
  return Error(absl::StatusCode::kAborted, v1::ERROR_REASON_VERSION_CONFLICT,
               absl::StrCat(what, "已有新的变更：您依据的是第 ", expected, " 版，现在是第 ",
                            current, " 版，请刷新后重新操作。"))
      .With("current_version", absl::StrCat(current))
      .With("allowed_actions", allowed_actions);
}

v1::ErrorReason ReasonOf(const absl::Status& status) {
  google::rpc::Status details;
  if (!DetailsOf(status, &details)) return v1::ERROR_REASON_UNSPECIFIED;
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::ErrorInfo info;
    v1::ErrorReason reason;
    if (detail.UnpackTo(&info) &&
        v1::ErrorReason_Parse(absl::StrCat(kReasonPrefix, info.reason()), &reason)) {
      return reason;
    }
  }
  return v1::ERROR_REASON_UNSPECIFIED;
}

bool DetailsOf(const absl::Status& status, google::rpc::Status* details) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorPayloadUrl);
  return payload.has_value() && details->ParseFromString(std::string(*payload));
}

}  // namespace yikou::casework
