// Bad input gets the canonical code, a reason, all violations at once, and nothing stored.
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/casework/errors.h"
#include "services/cli/day/driver.h"
#include "tests/e2e/programs.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::test {
namespace {

namespace cw = casework::v1;
using day::Driver;

constexpr char kCounter[] = "230108001004";

// Last position of intake's log: what was refused must not have moved it.
int64_t Position(Suite& suite) {
  auto heads = suite.client()->Call<cw::GetHeadsResponse>(
      "intake", "yikou.casework.v1.EventLogService.GetHeads", cw::GetHeadsRequest(),
      Driver::Operator(), absl::Seconds(10));
  return heads.ok() ? heads->position() : -1;
}

intake::v1::ReceiveCaseRequest Good(Driver& driver, int serial) {
  auto receive = day::New<intake::v1::ReceiveCaseRequest>();
  receive.set_item_code("YK-S001");
  *receive.mutable_application() = Driver::Applicant("孙丽", kCounter, serial);
  auto item = driver.Item("YK-S001");
  REQUIRE(item.ok());
  REQUIRE(driver.HandIn(Driver::Clerk(kCounter), *item, {}, receive.mutable_application()).ok());
  return receive;
}

// Sends a request that must be refused, and checks how.
void Refused(Suite& suite, Driver& driver, const intake::v1::ReceiveCaseRequest& request,
             const cli::Identity& as, absl::StatusCode code, cw::ErrorReason reason,
             const std::string& says) {
  const int64_t before = Position(suite);
  auto answer = driver.Call<intake::v1::ReceiveCaseResponse>(request, as);
  INFO(answer.status());
  CHECK(answer.status().code() == code);
  CHECK(casework::ReasonOf(answer.status()) == reason);
  CHECK(std::string(answer.status().message()).find(says) != std::string::npos);
  CHECK(Position(suite) == before);
}

}  // namespace

TEST_CASE("a bad application is refused with every fault named, and nothing is stored") {
  Suite& suite = SharedSuite();
  Driver driver(suite.client());
  const cli::Identity clerk = Driver::Clerk(kCounter);
  using Code = absl::StatusCode;

  auto unknown_item = Good(driver, 61);
  unknown_item.set_item_code("YK-S999");
  Refused(suite, driver, unknown_item, clerk, Code::kNotFound, cw::ERROR_REASON_NOT_FOUND,
          "YK-S999");

  auto many = Good(driver, 62);
  std::string id_number = many.application().id_number();
  id_number.back() = id_number.back() == '0' ? '1' : '0';
  many.mutable_application()->set_id_number(id_number);
  many.mutable_application()->set_home_unit("230108001999");
  many.mutable_application()->mutable_materials(0)->set_material_id("nothing");
  (*many.mutable_application()->mutable_form())["colour"] = "blue";
  const int64_t before = Position(suite);
  auto answer = driver.Call<intake::v1::ReceiveCaseResponse>(many, clerk);
  INFO(answer.status());
  REQUIRE(answer.status().code() == Code::kInvalidArgument);
  google::rpc::Status details;
  REQUIRE(casework::DetailsOf(answer.status(), &details));
  google::rpc::BadRequest bad;
  for (const auto& detail : details.details()) detail.UnpackTo(&bad);
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  for (const char* field : {"application.id_number", "application.home_unit",
                            "application.materials[0].material_id", "application.form.colour"}) {
    INFO(field);
    CHECK(std::count(fields.begin(), fields.end(), field) == 1);
  }
  CHECK(Position(suite) == before);

  auto forbidden = Good(driver, 63);
  forbidden.set_item_code("YK-F001");
  forbidden.mutable_application()->clear_materials();
  forbidden.mutable_application()->clear_form();
  Refused(suite, driver, forbidden, clerk, Code::kFailedPrecondition, cw::ERROR_REASON_ITEM_CLOSED,
          "");

  auto elsewhere = Good(driver, 64);
  elsewhere.mutable_application()->set_home_unit("230108002001");
  Refused(suite, driver, elsewhere, clerk, Code::kFailedPrecondition,
          cw::ERROR_REASON_WRONG_COUNTER, "230108002");

  auto missing = Good(driver, 65);
  missing.mutable_application()->mutable_materials()->RemoveLast();
  Refused(suite, driver, missing, clerk, Code::kFailedPrecondition,
          cw::ERROR_REASON_MATERIAL_MISSING, "请携带");

  auto no_id = Good(driver, 66);
  no_id.set_request_id("");
  Refused(suite, driver, no_id, clerk, Code::kInvalidArgument, cw::ERROR_REASON_INVALID_FIELD,
          "request_id");

  Refused(suite, driver, Good(driver, 67), Driver::Officer(kCounter), Code::kPermissionDenied,
          cw::ERROR_REASON_NO_AUTHORITY, "");

  auto foreign = Good(driver, 68);
  foreign.set_receiver_unit("230110019003");
  Refused(suite, driver, foreign, clerk, Code::kPermissionDenied, cw::ERROR_REASON_NO_AUTHORITY,
          "230108001004");
}

TEST_CASE("a repeated request answers as before, with another payload it is refused") {
  Suite& suite = SharedSuite();
  Driver driver(suite.client());
  const cli::Identity clerk = Driver::Clerk(kCounter);
  auto request = Good(driver, 71);
  auto first = driver.Call<intake::v1::ReceiveCaseResponse>(request, clerk);
  auto second = driver.Call<intake::v1::ReceiveCaseResponse>(request, clerk);
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first->SerializeAsString() == second->SerializeAsString());
  request.mutable_application()->set_applicant_name("另一人");
  auto third = driver.Call<intake::v1::ReceiveCaseResponse>(request, clerk);
  CHECK(absl::IsAlreadyExists(third.status()));
  CHECK(casework::ReasonOf(third.status()) == cw::ERROR_REASON_REQUEST_ID_REUSED);
}

TEST_CASE("a stale version, a wrong state, a stranger and the acceptor are each refused by name") {
  Suite& suite = SharedSuite();
  Driver driver(suite.client());
  const cli::Identity clerk = Driver::Clerk(kCounter);
  auto received = driver.Call<intake::v1::ReceiveCaseResponse>(Good(driver, 81), clerk);
  REQUIRE(received.ok());
  const cw::CaseRecord record = received->view().case_record();

  auto deliver = day::New<intake::v1::DeliverCaseRequest>();
  deliver.set_case_id(record.case_id());
  deliver.set_proof("本人签收");
  deliver.set_expected_version(record.version() + 7);
  auto stale = driver.Call<intake::v1::DeliverCaseResponse>(deliver, clerk);
  CHECK(absl::IsAborted(stale.status()));
  CHECK(casework::ReasonOf(stale.status()) == cw::ERROR_REASON_VERSION_CONFLICT);

  deliver = day::New<intake::v1::DeliverCaseRequest>();
  deliver.set_case_id(record.case_id());
  deliver.set_proof("本人签收");
  deliver.set_expected_version(record.version());
  auto early = driver.Call<intake::v1::DeliverCaseResponse>(deliver, clerk);
  INFO(early.status());
  CHECK(absl::IsFailedPrecondition(early.status()));
  CHECK(casework::ReasonOf(early.status()) == cw::ERROR_REASON_STATE_FORBIDS);

  intake::v1::GetCaseRequest get;
  get.set_case_id(record.case_id());
  CHECK(absl::IsNotFound(
      driver.Call<intake::v1::GetCaseResponse>(get, Driver::Clerk("620102001001")).status()));

  auto work = driver.WaitWork(record.case_id(), "230108-archives");
  REQUIRE(work.ok());
  auto claim = day::New<approval::v1::ClaimStepRequest>();
  claim.set_case_id(record.case_id());
  claim.set_step_id(work->step().step_id());
  claim.set_expected_version(work->process_version());
  cli::Identity acceptor = Driver::Officer("230108-archives");
  acceptor.principal.person_id = clerk.principal.person_id;
  auto claimed = driver.Call<approval::v1::ClaimStepResponse>(claim, acceptor);
  auto decide = day::New<approval::v1::DecideStepRequest>();
  decide.set_case_id(record.case_id());
  decide.set_step_id(work->step().step_id());
  decide.set_expected_version(claimed.ok() ? claimed->view().process().version()
                                           : work->process_version());
  decide.set_decision(cw::DECISION_APPROVED);
  auto same = driver.Call<approval::v1::DecideStepResponse>(decide, acceptor);
  const absl::Status refused = claimed.ok() ? same.status() : claimed.status();
  INFO(refused);
  CHECK(absl::IsPermissionDenied(refused));
  CHECK(casework::ReasonOf(refused) == cw::ERROR_REASON_SAME_PERSON);
}

}  // namespace yikou::test
