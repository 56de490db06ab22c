// The approval service on a real SQLite file: who decides a step, what each decision emits, and
// what it refuses.
#include <vector>

#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "tests/integration/approval_desk.h"

namespace yikou::approval::test {
namespace {

TEST_CASE("The first claim begins the review, the next of another branch does not") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(
      bench.React({Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"))}).ok());
  bench.NewTypes();
  const auto claimed = bench.Claim(kArchivist, "archives-1");
  REQUIRE(claimed.status() == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.review_started", "approval.step_claimed"});
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_REVIEW);
  CHECK(claimed->view().process().version() == bench.Process().version());
  CHECK(bench.StepOf("archives-1").claimed_by() == "archivist");
  CHECK(bench.LastEvent("approval.step_claimed").step().state() ==
        casework::v1::STEP_STATE_CLAIMED);
  REQUIRE(bench.Claim(kCivilOfficer, "civil-1").ok());
  CHECK(bench.NewTypes() == Types{"approval.step_claimed"});
  // Claimed steps stay on the list, as claimed.
  CHECK(bench.WorkRows() == Types{"archives-1", "civil-1"});
  CHECK(bench.WorkStates() == std::vector<int64_t>(2, casework::v1::STEP_STATE_CLAIMED));
}

TEST_CASE(
    "A step is refused to other units, to the acceptor and to those who cannot see the case") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  const int64_t before = bench.Position();
  const auto wrong_unit = bench.Claim(kCivilOfficer, "archives-1").status();
  CHECK(wrong_unit.code() == absl::StatusCode::kPermissionDenied);
  CHECK(ReasonOf(wrong_unit) == casework::v1::ERROR_REASON_NO_AUTHORITY);
  const auto acceptor =
      bench.Claim(Caller("clerk", kArchives, {auth::kOfficer}), "archives-1").status();
  CHECK(acceptor.code() == absl::StatusCode::kPermissionDenied);
  CHECK(ReasonOf(acceptor) == casework::v1::ERROR_REASON_SAME_PERSON);
  const auto stranger =
      bench.Claim(Caller("x", "230110-archives", {auth::kOfficer}), "archives-1").status();
  CHECK(stranger.code() == absl::StatusCode::kNotFound);
  CHECK(ReasonOf(stranger) == casework::v1::ERROR_REASON_NOT_FOUND);
  const auto unknown = bench.Claim(kArchivist, "archives-9").status();
  CHECK(unknown.code() == absl::StatusCode::kNotFound);
  CHECK(bench.Position() == before);
}

TEST_CASE("Where the counter decides, the acceptor may decide as well") {
  Bench bench;
  casework::v1::Route route = RouteOf({{"main", kCommunity}});
  route.set_counter_decides(true);
  bench.OpenCase(route);
  const rpc::CallContext clerk = Caller("clerk", kCommunity, {auth::kClerk, auth::kOfficer});
  REQUIRE(bench.Claim(clerk, "main-1").status() == absl::OkStatus());
  CHECK(bench.Decide(clerk, "main-1").status() == absl::OkStatus());
  CHECK(bench.Process().returned());
}

TEST_CASE("A command the state does not take is refused, names what is allowed, stores nothing") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  const int64_t before = bench.Position();
  const auto status = bench.Decide(kArchivist, "main-1").status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(status) == casework::v1::ERROR_REASON_STATE_FORBIDS);
  CHECK_THAT(Metadata(status, "allowed_actions"), Catch::Contains("ClaimStep"));
  const auto resume = bench.Call(&ApprovalService::ResumeProcess, kArchivist,
                                 bench.Fill(v1::ResumeProcessRequest()));
  CHECK(ReasonOf(resume.status()) == casework::v1::ERROR_REASON_STATE_FORBIDS);
  CHECK(bench.Position() == before);
  CHECK(bench.Process().version() == 1);
}

TEST_CASE("A stale version is refused with the version there is and what may be done") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  auto request = bench.OnStep<v1::ClaimStepRequest>("main-1");
  request.set_expected_version(7);
  const auto status = bench.Call(&ApprovalService::ClaimStep, kArchivist, request).status();
  CHECK(status.code() == absl::StatusCode::kAborted);
  CHECK(ReasonOf(status) == casework::v1::ERROR_REASON_VERSION_CONFLICT);
  CHECK(Metadata(status, "current_version") == "1");
  CHECK_THAT(Metadata(status, "allowed_actions"), Catch::Contains("ClaimStep"));
}

TEST_CASE("Every wrong field of a command is named at once") {
  Bench bench;
  const auto status =
      bench.Call(&ApprovalService::DecideStep, kArchivist, v1::DecideStepRequest()).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  google::rpc::Status details;
  REQUIRE(casework::DetailsOf(status, &details));
  google::rpc::BadRequest bad;
  REQUIRE(details.details(1).UnpackTo(&bad));
  Types fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  CHECK(fields == Types{"request_id", "case_id", "expected_version", "step_id", "decision"});
}

TEST_CASE("A rejection without an opinion is refused") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  auto request = bench.OnStep<v1::DecideStepRequest>("main-1");
  request.set_decision(casework::v1::DECISION_REJECTED);
  CHECK(bench.Call(&ApprovalService::DecideStep, kArchivist, request).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("A claimed step is left to who claimed it") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  const rpc::CallContext colleague = Caller("colleague", kArchives, {auth::kOfficer});
  CHECK(ReasonOf(bench.Claim(colleague, "main-1").status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  CHECK(ReasonOf(bench.Decide(colleague, "main-1").status()) ==
        casework::v1::ERROR_REASON_NO_AUTHORITY);
  CHECK(bench.Decide(kHead, "main-1").ok());
}

TEST_CASE("A passed review goes on at once within the unit") {
  Bench bench;
  bench.OpenCase(Chain(kCentre));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  bench.NewTypes();
  REQUIRE(bench.Decide(kReviewer, "main-1").status() == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.step_completed", "approval.step_placed"});
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_DONE);
  CHECK(bench.StepOf("main-1").decided_by() == "reviewer");
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_OPEN);
  CHECK(bench.WorkRows() == Types{"main-2"});
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "main-1").stopped());
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "main-2")));
}

TEST_CASE("A passed review goes to another unit by offer") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  bench.NewTypes();
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  CHECK(bench.NewTypes() == Types{"approval.step_completed", "approval.step_offered"});
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_OFFERED);
  CHECK(bench.WorkRows().empty());
  REQUIRE(bench.React({Offered(OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2"))}).ok());
  CHECK(bench.WorkRows() == Types{"main-2"});
  CHECK(bench.Claim(kArchivist, "main-2").ok());
}

TEST_CASE("The last approval decides, seals, issues and returns in one commit") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  bench.NewTypes();
  const auto decided = bench.Decide(kArchivist, "main-1");
  REQUIRE(decided.status() == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.step_completed", "approval.decided", "approval.sealed",
                                  "approval.issued", "approval.returned"});
  const v1::Process process = bench.Process();
  CHECK(process.state() == casework::v1::CASE_STATE_ISSUED);
  CHECK(process.decision() == casework::v1::DECISION_APPROVED);
  CHECK(process.returned());
  CHECK(bench.WorkRows().empty());
  for (const casework::v1::Clock& clock : process.clocks()) {
    CHECK(clock.stopped() == (clock.purpose() != casework::v1::CLOCK_PURPOSE_DELIVERY));
  }
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_DELIVERY).budget() == 10);

  CHECK(bench.LastEvent("approval.decided").case_facts().state() ==
        casework::v1::CASE_STATE_DECIDED);
  const Event returned = bench.LastEvent("approval.returned");
  CHECK(returned.case_facts().state() == casework::v1::CASE_STATE_ISSUED);
  CHECK(returned.case_facts().licence_id() == process.licence_id());
  CHECK(returned.case_facts().decision() == casework::v1::DECISION_APPROVED);
  CHECK(returned.version() == process.version());
  CHECK(returned.visible_to(0) == kCommunity);
  const Event sealed = bench.LastEvent("approval.sealed");
  CHECK(sealed.aggregate_kind() == "licence");
  CHECK(sealed.aggregate_id() == process.licence_id());
  CHECK(sealed.licence().algorithm() == "SM2-SM3");
}

TEST_CASE("A licence verifies to anyone, byte for byte, and is read within the scope of its case") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  REQUIRE(bench.Decide(kArchivist, "main-1").ok());
  v1::GetLicenceRequest get;
  get.set_licence_id(bench.Process().licence_id());
  const auto got = bench.service->GetLicence(kClerk, get);
  REQUIRE(got.status() == absl::OkStatus());
  CHECK(got->licence().version() == 1);
  CHECK(got->licence().signer_person() == "archivist");
  CHECK_THAT(got->licence().document(), Catch::Contains("23010800100120260302A0000010"));
  const rpc::CallContext stranger = Caller("x", "230110-archives", {auth::kOfficer});
  CHECK(bench.service->GetLicence(stranger, get).status().code() == absl::StatusCode::kNotFound);

  v1::VerifyLicenceRequest verify;
  verify.set_licence_id(get.licence_id());
  verify.set_document(got->licence().document());
  const auto valid = bench.service->VerifyLicence(stranger, verify);
  REQUIRE(valid.ok());
  CHECK(valid->state() == casework::v1::LICENCE_STATE_VALID);
  verify.set_document(verify.document() + " ");
  const auto altered = bench.service->VerifyLicence(stranger, verify);
  REQUIRE(altered.ok());
  CHECK(altered->state() == casework::v1::LICENCE_STATE_UNSPECIFIED);
  CHECK_FALSE(altered->explanation().empty());
  verify.set_licence_id("nobody");
  const auto unknown = bench.service->VerifyLicence(stranger, verify);
  REQUIRE(unknown.ok());
  CHECK(unknown->state() == casework::v1::LICENCE_STATE_UNSPECIFIED);
}

TEST_CASE("A seal that is not for the item stops the decision, and nothing is stored") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}), {}, ItemOf("YK-F001"));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  const int64_t before = bench.Position();
  const auto status = bench.Decide(kArchivist, "main-1").status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(status) == casework::v1::ERROR_REASON_SEAL_FORBIDDEN);
  CHECK(Metadata(status, "competent_body") == "公安派出所");
  CHECK(bench.Position() == before);
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_CLAIMED);
}

TEST_CASE("One rejection rejects the case once the other branches are done") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(
      bench.React({Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"))}).ok());
  REQUIRE(bench.Claim(kArchivist, "archives-1").ok());
  REQUIRE(bench.Claim(kCivilOfficer, "civil-1").ok());
  REQUIRE(bench.Decide(kArchivist, "archives-1", casework::v1::DECISION_REJECTED).ok());
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_REVIEW);
  bench.NewTypes();
  REQUIRE(bench.Decide(kCivilOfficer, "civil-1").ok());
  CHECK(bench.NewTypes() ==
        Types{"approval.step_completed", "approval.decided", "approval.returned"});
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_DECIDED);
  CHECK(bench.Process().decision() == casework::v1::DECISION_REJECTED);
  CHECK(bench.Process().licence_id().empty());
}

TEST_CASE("A rejected review ends its branch without the steps after it") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  REQUIRE(bench.Decide(kReviewer, "main-1", casework::v1::DECISION_REJECTED).ok());
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_CANCELLED);
  CHECK(bench.Process().decision() == casework::v1::DECISION_REJECTED);
  CHECK(bench.Process().returned());
}

TEST_CASE("A case decided by rule is opened, decided, issued and returned in one commit") {
  Bench bench;
  casework::v1::Route route = RouteOf({{"archives", kArchives}, {"civil", kCivil}});
  route.set_decided_by_rule(true);
  bench.OpenCase(route);
  CHECK(bench.NewTypes() == Types{"approval.opened", "approval.review_started", "approval.decided",
                                  "approval.sealed", "approval.issued", "approval.returned"});
  CHECK(bench.LastEvent("approval.opened").offer().state() == casework::v1::OFFER_STATE_SIGNED);
  CHECK(bench.StepOf("civil-1").decided_by() == "system");
  CHECK(bench.StepOf("civil-1").state() == casework::v1::STEP_STATE_DONE);
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_ISSUED);
  CHECK(bench.WorkRows().empty());
  CHECK(bench.React({Offered(Bench::Opening(route))}) == absl::OkStatus());
  CHECK(bench.NewTypes().empty());
}

}  // namespace
}  // namespace yikou::approval::test
