#include "libs/rpc/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/casework/errors.h"

namespace yikou::rpc {
namespace {

// Trailers carry the message percent-encoded (three characters for a byte that is not ASCII) and
// the details in base64; together they stay below 8 KiB.
constexpr size_t kMaxMessage = 1000;
constexpr size_t kMaxDetails = 3000;
constexpr int kCodes = 17;

std::string Shortened(absl::string_view text) {
  if (text.size() <= kMaxMessage) return std::string(text);
  size_t end = kMaxMessage;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "…");
}

// Drops violations from the end until the rest takes at most `budget` bytes; says how many.
void ShortenViolations(google::rpc::BadRequest* bad_request, size_t budget) {
  auto* violations = bad_request->mutable_field_violations();
  int kept = 0;
  for (size_t used = 0; kept < violations->size(); ++kept) {
    used += violations->Get(kept).ByteSizeLong() + 4;
    if (used > budget) break;
  }
  const int dropped = violations->size() - kept;
  if (dropped == 0) return;
  violations->DeleteSubrange(kept, dropped);
  violations->Add()->set_description(absl::StrCat("and ", dropped, " more"));
}

std::string ShortenedDetails(google::rpc::Status details) {
  details.set_message(Shortened(details.message()));
  const size_t size = details.ByteSizeLong();
  for (google::protobuf::Any& any : *details.mutable_details()) {
    google::rpc::BadRequest bad_request;
    if (size <= kMaxDetails || !any.UnpackTo(&bad_request)) continue;
    const size_t others = size - any.value().size();
    ShortenViolations(&bad_request, others < kMaxDetails ? kMaxDetails - others : 0);
    any.PackFrom(bad_request);
  }
  // A little above the budget is fine: the line "and n more" is not in it.
  return details.ByteSizeLong() <= kMaxDetails + 100 ? details.SerializeAsString() : "";
}

bool SpeaksOfInside(absl::StatusCode code) {
  return code == absl::StatusCode::kUnknown || code == absl::StatusCode::kInternal ||
         code == absl::StatusCode::kDataLoss || code == absl::StatusCode::kUnavailable;
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  const bool typed = casework::DetailsOf(status, &details);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Shortened(status.message()),
                      typed ? ShortenedDetails(std::move(details)) : "");
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const int code = status.error_code();
  absl::Status converted(
      code > 0 && code < kCodes ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown,
      status.error_message());
  const std::string details = status.error_details();
  google::rpc::Status parsed;
  if (!details.empty() && parsed.ParseFromString(details)) {
    converted.SetPayload(casework::kErrorPayloadUrl, absl::Cord(details));
  }
  return converted;
}

absl::Status PublicStatus(const absl::Status& status, const std::string& method,
                          const std::string& correlation_id) {
  google::rpc::Status details;
  if (!SpeaksOfInside(status.code()) || casework::DetailsOf(status, &details)) return status;
  base::LogError("rpc.failed_inside", {{"method", method},
                                       {"correlation_id", correlation_id},
                                       {"code", absl::StatusCodeToString(status.code())},
                                       {"cause", std::string(status.message())}});
  const bool unavailable = status.code() == absl::StatusCode::kUnavailable;
  return casework::Error(unavailable ? absl::StatusCode::kUnavailable : absl::StatusCode::kInternal,
                         unavailable ? casework::v1::ERROR_REASON_UNAVAILABLE
                                     : casework::v1::ERROR_REASON_INTERNAL,
                         absl::StrCat(unavailable ? "The service cannot answer now; try again."
                                                  : "The service failed inside.",
                                      " Its operator finds the cause under correlation id ",
                                      correlation_id, "."))
      .With("correlation_id", correlation_id);
}

}  // namespace yikou::rpc
