#include "libs/rpc/status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/casework/errors.h"

namespace yikou::rpc {
namespace {

using casework::Error;
namespace v1 = casework::v1;

TEST_CASE("all 17 codes keep code and message both ways", "[rpc][status]") {
  for (int code = 0; code < 17; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), code == 0 ? "" : "事项已暂停");
    const grpc::Status wire = ToGrpc(status);
    CHECK(static_cast<int>(wire.error_code()) == code);
    CHECK(wire.error_message() == std::string(status.message()));
    CHECK(FromGrpc(wire) == status);
  }
}

TEST_CASE("typed details of all codes survive both ways", "[rpc][status]") {
  for (int code = 1; code < 17; ++code) {
    const absl::Status status =
        Error(static_cast<absl::StatusCode>(code), v1::ERROR_REASON_STATE_FORBIDS, "这一步还不能做")
            .With("state", "ACCEPTED")
            .RetryAfter(absl::Seconds(3));
    const grpc::Status wire = ToGrpc(status);
    google::rpc::Status details;
    REQUIRE(details.ParseFromString(wire.error_details()));
    CHECK(details.code() == code);
    CHECK(FromGrpc(wire) == status);
    CHECK(casework::ReasonOf(FromGrpc(wire)) == v1::ERROR_REASON_STATE_FORBIDS);
  }
}

TEST_CASE("what a stranger sends is taken with care", "[rpc][status]") {
  CHECK(FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(20), "odd")).code() ==
        absl::StatusCode::kUnknown);
  const absl::Status status =
      FromGrpc(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff not a message"));
  CHECK(status == absl::NotFoundError("gone"));
}

TEST_CASE("an error with too many violations is cut to fit a trailer", "[rpc][status]") {
  casework::Violations violations;
  for (int i = 0; i < 500; ++i) {
    violations.Add(absl::StrCat("items[", i, "].name"), "名称不能为空，最多200个字");
  }
  const grpc::Status wire = ToGrpc(violations.ToStatus());
  CHECK(wire.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(wire.error_message().size() < 1010);
  CHECK(wire.error_details().size() < 3200);
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(wire.error_details()));
  google::rpc::BadRequest bad_request;
  for (const auto& any : details.details()) any.UnpackTo(&bad_request);
  REQUIRE(bad_request.field_violations_size() > 10);
  CHECK(bad_request.field_violations(0).field() == "items[0].name");
  const auto& last = bad_request.field_violations(bad_request.field_violations_size() - 1);
  CHECK(last.description() ==
        absl::StrCat("and ", 501 - bad_request.field_violations_size(), " more"));
  CHECK(casework::ReasonOf(FromGrpc(wire)) == v1::ERROR_REASON_INVALID_FIELD);
}

TEST_CASE("a long message is cut between characters", "[rpc][status]") {
  for (size_t ahead = 0; ahead < 3; ++ahead) {
    std::string text(ahead, 'x');
    while (text.size() < 3000) text += "办";
    const std::string cut = ToGrpc(absl::NotFoundError(text)).error_message();
    CHECK(cut.size() <= 1003);
    CHECK((cut.size() - 3 - ahead) % 3 == 0);
    CHECK(cut.substr(cut.size() - 3) == "…");
  }
}

TEST_CASE("what speaks of our inside does not leave it", "[rpc][status]") {
  const std::string secret = "FATAL: password of user yikou at 10.0.0.7";
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnknown, absl::StatusCode::kInternal, absl::StatusCode::kDataLoss,
        absl::StatusCode::kUnavailable}) {
    const absl::Status shown = PublicStatus(absl::Status(code, secret), "/a/B", "c0ffee");
    CHECK(shown.code() ==
          (code == absl::StatusCode::kUnavailable ? code : absl::StatusCode::kInternal));
    CHECK(shown.ToString().find("password") == std::string::npos);
    CHECK(shown.message().find("c0ffee") != absl::string_view::npos);
    google::rpc::Status details;
    REQUIRE(casework::DetailsOf(shown, &details));
    CHECK(details.SerializeAsString().find("c0ffee") != std::string::npos);
  }
}

TEST_CASE("what was meant for the caller passes", "[rpc][status]") {
  const absl::Status typed =
      Error(absl::StatusCode::kUnavailable, v1::ERROR_REASON_UNPLACED, "稍后再试");
  CHECK(PublicStatus(typed, "/a/B", "id") == typed);
  const absl::Status plain = absl::NotFoundError("no such case");
  CHECK(PublicStatus(plain, "/a/B", "id") == plain);
  CHECK(PublicStatus(absl::OkStatus(), "/a/B", "id").ok());
}

}  // namespace
}  // namespace yikou::rpc
