#include "libs/casework/errors.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"

namespace yikou::casework {
namespace {

template <class Detail>
bool Unpack(const absl::Status& status, Detail* detail) {
  google::rpc::Status details;
  if (!DetailsOf(status, &details)) return false;
  for (const google::protobuf::Any& any : details.details()) {
    if (any.UnpackTo(detail)) return true;
  }
  return false;
}

absl::StatusOr<int> Refuse() {
  return Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_ITEM_CLOSED, "事项已暂停。")
      .With("item", "YK-S001");
}

}  // namespace

TEST_CASE("an error carries its code, its text, one reason and its values") {
  const absl::Status status = Refuse().status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(status.message() == "事项已暂停。");
  CHECK(ReasonOf(status) == v1::ERROR_REASON_ITEM_CLOSED);
  google::rpc::ErrorInfo info;
  REQUIRE(Unpack(status, &info));
  CHECK(info.reason() == "ITEM_CLOSED");
  CHECK(info.domain() == "yikou");
  CHECK(info.metadata().at("item") == "YK-S001");
  CHECK(info.metadata_size() == 1);
}

TEST_CASE("the typed part is a google.rpc.Status other clients can read") {
  google::rpc::Status details;
  REQUIRE(DetailsOf(Refuse().status(), &details));
  CHECK(details.code() == 9);  // FAILED_PRECONDITION on the wire
  CHECK(details.message() == "事项已暂停。");
  REQUIRE(details.details_size() == 1);
  CHECK(details.details(0).type_url() == "type.googleapis.com/google.rpc.ErrorInfo");
}

TEST_CASE("every reason is sent without its prefix and found again") {
  for (int number = v1::ErrorReason_MIN + 1; number <= v1::ErrorReason_MAX; ++number) {
    if (!v1::ErrorReason_IsValid(number)) continue;
    const auto reason = static_cast<v1::ErrorReason>(number);
    const absl::Status status = Error(absl::StatusCode::kInternal, reason, "x");
    google::rpc::ErrorInfo info;
    REQUIRE(Unpack(status, &info));
    CHECK("ERROR_REASON_" + info.reason() == v1::ErrorReason_Name(reason));
    CHECK(ReasonOf(status) == reason);
  }
}

TEST_CASE("a status made elsewhere has no reason, a damaged payload neither") {
  CHECK(ReasonOf(absl::InternalError("x")) == v1::ERROR_REASON_UNSPECIFIED);
  CHECK(ReasonOf(absl::OkStatus()) == v1::ERROR_REASON_UNSPECIFIED);
  google::rpc::Status details;
  CHECK_FALSE(DetailsOf(absl::InternalError("x"), &details));
  absl::Status damaged = absl::InternalError("x");
  damaged.SetPayload(kErrorPayloadUrl, absl::Cord("\xff\xff\xff"));
  CHECK_FALSE(DetailsOf(damaged, &details));
  CHECK(ReasonOf(damaged) == v1::ERROR_REASON_UNSPECIFIED);
}

TEST_CASE("a retry hint is sent to the nanosecond, and none when nobody gave one") {
  google::rpc::RetryInfo retry;
  CHECK_FALSE(Unpack(Refuse().status(), &retry));
  const absl::Status status =
      Error(absl::StatusCode::kUnavailable, v1::ERROR_REASON_UNPLACED, "请稍后重试。")
          .RetryAfter(absl::Milliseconds(1500));
  REQUIRE(Unpack(status, &retry));
  CHECK(retry.retry_delay().seconds() == 1);
  CHECK(retry.retry_delay().nanos() == 500000000);
  CHECK(ReasonOf(status) == v1::ERROR_REASON_UNPLACED);
}

TEST_CASE("values can be added to an error that has a name") {
  Error error(absl::StatusCode::kAborted, v1::ERROR_REASON_GUARD_FAILED, "x");
  error.With("a", "1").With("b", "2");
  error.With("a", "3");
  google::rpc::ErrorInfo info;
  REQUIRE(Unpack(error, &info));
  CHECK(info.metadata().at("a") == "3");
  CHECK(info.metadata().at("b") == "2");
}

TEST_CASE("no violation is no error") {
  Violations violations;
  CHECK(violations.empty());
  CHECK(violations.ToStatus().ok());
}

TEST_CASE("all wrong fields are reported at once") {
  Violations violations;
  for (int i = 0; i < 5; ++i) violations.Add(absl::StrCat("items[", i, "].name"), "不能为空");
  CHECK_FALSE(violations.empty());
  const absl::Status status = violations.ToStatus();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(ReasonOf(status) == v1::ERROR_REASON_INVALID_FIELD);
  google::rpc::BadRequest bad_request;
  REQUIRE(Unpack(status, &bad_request));
  REQUIRE(bad_request.field_violations_size() == 5);
  CHECK(bad_request.field_violations(4).field() == "items[4].name");
  CHECK(bad_request.field_violations(4).description() == "不能为空");
  CHECK(absl::StrContains(status.message(), "5 处"));
  CHECK(absl::StrContains(status.message(), "items[0].name：不能为空"));
}

TEST_CASE("what is not there is named, and why is not told") {
  const absl::Status status = NotFound("办件", "23010820150701A000001X");
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK(ReasonOf(status) == v1::ERROR_REASON_NOT_FOUND);
  CHECK(status.message() == "没有找到办件 23010820150701A000001X，或者它不在您的管辖范围内。");
}

TEST_CASE("a stale version tells the current one and what may be done") {
  const absl::Status status = VersionConflict("办件", 3, 5, "AcceptCase,RefuseCase");
  CHECK(status.code() == absl::StatusCode::kAborted);
  CHECK(ReasonOf(status) == v1::ERROR_REASON_VERSION_CONFLICT);
  google::rpc::ErrorInfo info;
  REQUIRE(Unpack(status, &info));
  CHECK(info.metadata().at("current_version") == "5");
  CHECK(info.metadata().at("allowed_actions") == "AcceptCase,RefuseCase");
  CHECK(absl::StrContains(status.message(), "第 3 版"));
  CHECK(absl::StrContains(status.message(), "第 5 版"));
}

}  // namespace yikou::casework
