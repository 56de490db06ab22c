// Errors as the API promises them: a canonical code, one reason, values, and every wrong field.
//
// The typed part travels inside absl::Status as a payload; libs/rpc turns it into
// google.rpc.Status. Texts are sentences that say what was wrong, with which value, and what to do.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::casework {

// Payload url under which absl::Status carries a serialised google.rpc.Status.
inline constexpr char kErrorPayloadUrl[] = "yikou.casework.v1/error";

// Builds one error:
//   return Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_ITEM_CLOSED,
//                "事项 YK-S001 已暂停…").With("item", code);
class Error {
 public:
  Error(absl::StatusCode code, v1::ErrorReason reason, absl::string_view message);
  // Adds a value to ErrorInfo.metadata. Never personal data.
  Error& With(absl::string_view key, absl::string_view value) &;
  Error&& With(absl::string_view key, absl::string_view value) &&;
  // Tells the caller that a retry after `delay` may help.
  Error&& RetryAfter(absl::Duration delay) &&;
  operator absl::Status() const;  // NOLINT: returned as a status

 private:
  friend class Violations;
  absl::StatusCode code_;
  std::string message_;
  google::rpc::ErrorInfo info_;
  google::rpc::BadRequest bad_request_;
  absl::Duration retry_ = absl::ZeroDuration();
};

// Collects every wrong field of a request; ToStatus is OK when there is none, INVALID_ARGUMENT with
// reason INVALID_FIELD otherwise.
class Violations {
 public:
  void Add(absl::string_view field, absl::string_view what);
  bool empty() const { return bad_request_.field_violations_size() == 0; }
  absl::Status ToStatus() const;

 private:
  google::rpc::BadRequest bad_request_;
};

// Common errors, so that they read the same everywhere.
absl::Status NotFound(absl::string_view what, absl::string_view id);
// A stale version: ABORTED with current_version and allowed_actions (comma separated).
absl::Status VersionConflict(absl::string_view what, int64_t expected, int64_t current,
                             absl::string_view allowed_actions);

// The reason of a status made here, UNSPECIFIED for others.
v1::ErrorReason ReasonOf(const absl::Status& status);
// The typed part, if any; for the adapter and tests.
bool DetailsOf(const absl::Status& status, google::rpc::Status* details);

}  // namespace yikou::casework
