#include "services/approval/seal_register.h"

#include <fstream>
#include <sstream>

#include "catch2/catch.hpp"
#include "libs/casework/errors.h"

namespace yikou::approval {
namespace {

constexpr char kSeals[] = R"([
  {"seal_id": "archives", "name": "档案局公章", "scope": ["A-1"],
   "forbidden": [{"item": "F-1", "competent_body": "公安派出所"}]},
  {"seal_id": "hr", "name": "人社局公章", "scope": ["H-1"], "forbidden": []}
])";

SealRegister Seals() {
  absl::StatusOr<SealRegister> seals = SealRegister::Parse(kSeals);
  REQUIRE(seals.ok());
  return *std::move(seals);
}

std::string CompetentBody(const absl::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  REQUIRE(casework::DetailsOf(status, &details));
  REQUIRE(details.details(0).UnpackTo(&info));
  return info.metadata().at("competent_body");
}

TEST_CASE("A seal may be used for the items on its list") {
  CHECK(Seals().Check("archives", "A-1").ok());
}

TEST_CASE("A seal is refused for an item on its forbidden list, and the competent body is named") {
  const absl::Status status = Seals().Check("archives", "F-1");
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(casework::ReasonOf(status) == casework::v1::ERROR_REASON_SEAL_FORBIDDEN);
  CHECK(CompetentBody(status) == "公安派出所");
}

TEST_CASE(
    "A seal is refused for an item on no list of its own, and the seal that has it is named") {
  const absl::Status other = Seals().Check("archives", "H-1");
  CHECK(casework::ReasonOf(other) == casework::v1::ERROR_REASON_SEAL_FORBIDDEN);
  CHECK(CompetentBody(other) == "人社局公章的持章单位");
  const absl::Status nobody = Seals().Check("archives", "X-1");
  CHECK(casework::ReasonOf(nobody) == casework::v1::ERROR_REASON_SEAL_FORBIDDEN);
  CHECK(CompetentBody(nobody).empty());
}

TEST_CASE("A seal nobody registered is refused") {
  CHECK(casework::ReasonOf(Seals().Check("mint", "A-1")) ==
        casework::v1::ERROR_REASON_SEAL_FORBIDDEN);
}

TEST_CASE("A list of seals with a mistake is refused, and the mistake is named") {
  struct Case {
    const char* text;
    const char* named;
  };
  const auto [text, named] = GENERATE(values<Case>({
      {"{", "not a JSON list"},
      {"{}", "not a JSON list"},
      {R"([{"seal_id": "a", "name": "x", "scope": []}])", "no key forbidden"},
      {R"([{"seal_id": "a", "name": "x", "scope": [], "forbidden": [], "kes": 1}])", "kes"},
      {R"([{"seal_id": "../a", "name": "x", "scope": [], "forbidden": []}])", "seal_id"},
      {R"([{"seal_id": "a", "name": 3, "scope": [], "forbidden": []}])", "entry 1"},
      {R"([{"seal_id": "a", "name": "x", "scope": ["I", "I"], "forbidden": []}])", "stands twice"},
      {R"([{"seal_id": "a", "name": "x", "scope": ["I"],
            "forbidden": [{"item": "I", "competent_body": "y"}]}])",
       "both lists"},
      {R"([{"seal_id": "a", "name": "x", "scope": [], "forbidden": []},
           {"seal_id": "a", "name": "y", "scope": [], "forbidden": []}])",
       "stands twice"},
  }));
  const absl::Status status = SealRegister::Parse(text).status();
  CAPTURE(text);
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(status.message()), Catch::Contains(named));
}

TEST_CASE("The list of seals that is shipped can be read") {
  std::ifstream file(YIKOU_SOURCE_DIR "/deploy/data/catalogue/seals.json");
  std::stringstream text;
  text << file.rdbuf();
  const absl::StatusOr<SealRegister> seals = SealRegister::Parse(text.str());
  CHECK(seals.status() == absl::OkStatus());
  CHECK(seals->Check("archives", "YK-S001").ok());
}

TEST_CASE("Sealing without a key is an error, never an unsealed document") {
  CHECK(Seals().Seal("archives", "text").status().code() == absl::StatusCode::kInternal);
}

TEST_CASE("A missing key is refused, and the file is named") {
  SealRegister seals = Seals();
  const absl::Status status = seals.LoadKeys("/nonexistent", false);
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK_THAT(std::string(status.message()), Catch::Contains("/nonexistent/archives.pem"));
}

}  // namespace
}  // namespace yikou::approval
