// The approval service on a real SQLite file: what holds a case up, sends it back or ends it early.
#include <string>

#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "tests/integration/approval_desk.h"

namespace yikou::approval::test {
namespace {

using casework::v1::CaseState;

Event FieldEvent(const std::string& type, casework::v1::FieldState state) {
  Event event;
  event.set_source("gridtask");
  event.set_type(type);
  event.set_case_id(kCase);
  event.mutable_field()->set_field_id("f1");
  event.mutable_field()->set_state(state);
  event.mutable_field()->set_favourable(state == casework::v1::FIELD_STATE_REPORTED);
  return event;
}

TEST_CASE("A case sent back opens the step before again and can go on from there") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  auto first = bench.OnStep<v1::SendBackRequest>("main-1");
  first.set_reason("材料不清");
  const auto refused = bench.Call(&ApprovalService::SendBack, kReviewer, first).status();
  CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(refused) == casework::v1::ERROR_REASON_GUARD_FAILED);
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  REQUIRE(bench.React({Offered(OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2"))}).ok());
  REQUIRE(bench.Claim(kArchivist, "main-2").ok());
  bench.NewTypes();

  auto back = bench.OnStep<v1::SendBackRequest>("main-2");
  back.set_reason("请联系13912345678后重审");
  REQUIRE(bench.Call(&ApprovalService::SendBack, kArchivist, back).status() == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.sent_back", "approval.step_offered"});
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_WAITING);
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_OFFERED);
  CHECK(bench.StepOf("main-1").decision() == casework::v1::DECISION_UNSPECIFIED);
  CHECK(bench.WorkRows().empty());
  const std::string reason = bench.LastEvent("approval.sent_back").reason();
  CHECK_THAT(reason, Catch::Contains("后重审") && !Catch::Contains("13912345678"));

  // The offer that once placed main-2 is history and changes nothing.
  CHECK(bench.React({Offered(OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2"))}).ok());
  CHECK(bench.NewTypes().empty());
  REQUIRE(bench.React({Offered(OfferOf("o3", casework::v1::OFFER_PURPOSE_STEP, "main-1"))}).ok());
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_OFFERED);
}

TEST_CASE("A look on the spot blocks the decision until it is answered, and answers count once") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  bench.NewTypes();
  const auto asked = bench.AskField(kArchivist, kCommunity);
  REQUIRE(asked.status() == absl::OkStatus());
  CHECK(asked->field_id() == "f1");
  CHECK(bench.NewTypes() == Types{"approval.field_requested"});
  const Event requested = bench.LastEvent("approval.field_requested");
  CHECK(requested.field().unit_id() == kCommunity);
  CHECK(requested.field().state() == casework::v1::FIELD_STATE_REQUESTED);
  CHECK(requested.visible_to(0) == kCommunity);
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_FIELD, "f1").budget() == 3);
  const auto blocked = bench.Decide(kArchivist, "main-1").status();
  CHECK(ReasonOf(blocked) == casework::v1::ERROR_REASON_GUARD_FAILED);
  CHECK(Metadata(blocked, "field_id") == "f1");
  CHECK(bench.NewTypes().empty());

  const Event signed_event = FieldEvent("grid.field_signed", casework::v1::FIELD_STATE_SIGNED);
  const Event reported = FieldEvent("grid.field_reported", casework::v1::FIELD_STATE_REPORTED);
  CHECK(bench.React({signed_event, signed_event, reported, reported}) == absl::OkStatus());
  CHECK(bench.React({signed_event, reported}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.field_answered", "approval.field_answered"});
  CHECK(bench.Process().fields(0).favourable());
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_FIELD, "f1").stopped());
  CHECK(bench.Decide(kArchivist, "main-1").ok());
}

TEST_CASE("A look can be taken back once; a declined one frees the decision") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  REQUIRE(bench.AskField(kArchivist, kCommunity).ok());
  bench.NewTypes();
  auto cancel = bench.Fill(v1::CancelFieldRequest());
  cancel.set_field_id("f1");
  REQUIRE(bench.Call(&ApprovalService::CancelField, kArchivist, cancel).ok());
  CHECK(bench.NewTypes() == Types{"approval.field_cancelled"});
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_FIELD, "f1").stopped());
  cancel = bench.Fill(cancel);
  CHECK(ReasonOf(bench.Call(&ApprovalService::CancelField, kArchivist, cancel).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  CHECK(bench.React({FieldEvent("grid.field_reported", casework::v1::FIELD_STATE_REPORTED)}) ==
        absl::OkStatus());
  CHECK(bench.Process().fields(0).state() == casework::v1::FIELD_STATE_CANCELLED);
  cancel = bench.Fill(cancel);
  cancel.set_field_id("f9");
  CHECK(bench.Call(&ApprovalService::CancelField, kArchivist, cancel).status().code() ==
        absl::StatusCode::kNotFound);

  REQUIRE(bench.AskField(kArchivist, kCommunity)->field_id() == "f2");
  Event declined = FieldEvent("grid.field_declined", casework::v1::FIELD_STATE_DECLINED);
  declined.mutable_field()->set_field_id("f2");
  declined.mutable_field()->set_decline_reason("不在辖区");
  CHECK(bench.React({declined}) == absl::OkStatus());
  CHECK(bench.Process().fields(1).decline_reason() == "不在辖区");
  CHECK(bench.Decide(kArchivist, "main-1").ok());
}

TEST_CASE("A look is refused for units that are not below or not known, and with a number in it") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  const int64_t before = bench.Position();
  CHECK(ReasonOf(bench.AskField(kArchivist, "230110001001").status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  CHECK(bench.AskField(kArchivist, "230108001099").status().code() == absl::StatusCode::kNotFound);
  CHECK(bench.AskField(kClerk, kCommunity).status().code() == absl::StatusCode::kPermissionDenied);
  auto numbered = bench.Fill(v1::RequestFieldRequest());
  numbered.set_unit_id(kCommunity);
  numbered.set_subject("联系13912345678");
  CHECK(bench.Call(&ApprovalService::RequestField, kArchivist, numbered).status().code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(bench.Position() == before);
}

TEST_CASE("A suspension pauses limits and steps, and resuming lets them run on") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(bench.Claim(kArchivist, "archives-1").ok());
  bench.NewTypes();
  auto suspend = bench.Fill(v1::SuspendProcessRequest());
  suspend.set_reason("听证");
  suspend.set_planned_end("2026-03-20");
  CHECK(ReasonOf(bench.Call(&ApprovalService::SuspendProcess, kArchivist, suspend).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  suspend.set_reason("现场勘验");
  suspend.set_planned_end("2026-03-02");
  CHECK(bench.Call(&ApprovalService::SuspendProcess, kArchivist, suspend).status().code() ==
        absl::StatusCode::kInvalidArgument);
  suspend.set_planned_end("2026-03-20");
  REQUIRE(bench.Call(&ApprovalService::SuspendProcess, kArchivist, suspend).ok());
  CHECK(bench.NewTypes() == Types{"approval.suspended"});
  CHECK(bench.LastEvent("approval.suspended").reason() == "现场勘验");
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_SUSPENDED);
  CHECK(casework::IsPaused(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STATUTORY)));
  CHECK(casework::IsPaused(bench.ClockOf(casework::v1::CLOCK_PURPOSE_PROMISED)));
  CHECK(casework::IsPaused(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "archives-1")));

  // A step placed meanwhile waits with the rest.
  REQUIRE(
      bench.React({Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"))}).ok());
  CHECK(casework::IsPaused(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "civil-1")));
  CHECK(bench.AskField(kArchivist, kCommunity).ok());
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_FIELD, "f1")));
  bench.clock.Advance(absl::Hours(1));
  bench.NewTypes();
  REQUIRE(
      bench
          .Call(&ApprovalService::ResumeProcess, kArchivist, bench.Fill(v1::ResumeProcessRequest()))
          .ok());
  CHECK(bench.NewTypes() == Types{"approval.resumed"});
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_REVIEW);
  CHECK(bench.Process().suspensions(0).has_end());
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STATUTORY)));
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "civil-1")));
}

TEST_CASE("An extension adds to both limits, once, by a supervisor, within the cap") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  bench.NewTypes();
  auto extend = bench.Fill(v1::ExtendProcessRequest());
  extend.set_reason("需要外单位核实");
  extend.set_add(5);
  CHECK(bench.Call(&ApprovalService::ExtendProcess, kArchivist, extend).status().code() ==
        absl::StatusCode::kPermissionDenied);
  extend.set_add(6);
  CHECK(ReasonOf(bench.Call(&ApprovalService::ExtendProcess, kHead, extend).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  extend.set_add(5);
  REQUIRE(bench.Call(&ApprovalService::ExtendProcess, kHead, extend).ok());
  CHECK(bench.NewTypes() == Types{"approval.extended"});
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STATUTORY).budget() == 25);
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_PROMISED).budget() == 15);
  extend = bench.Fill(extend);
  CHECK(ReasonOf(bench.Call(&ApprovalService::ExtendProcess, kHead, extend).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
}

TEST_CASE("Promised materials are taken one by one; the last stops the applicant's clock") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}), {"INCOME_PROOF", "DRAWING"});
  bench.NewTypes();
  auto supply = bench.Fill(v1::SupplyMissingRequest());
  supply.add_codes("PHOTO");
  CHECK(ReasonOf(bench.Call(&ApprovalService::SupplyMissing, kClerk, supply).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  supply.set_codes(0, "DRAWING");
  CHECK(bench.Call(&ApprovalService::SupplyMissing, kArchivist, supply).status().code() ==
        absl::StatusCode::kPermissionDenied);
  REQUIRE(bench.Call(&ApprovalService::SupplyMissing, kClerk, supply).ok());
  CHECK(bench.NewTypes() == Types{"approval.supplemented"});
  CHECK(bench.LastEvent("approval.supplemented").case_facts().missing_size() == 1);
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_SUPPLEMENT)));
  supply = bench.Fill(supply);
  supply.set_codes(0, "INCOME_PROOF");
  REQUIRE(bench.Call(&ApprovalService::SupplyMissing, kClerk, supply).ok());
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_SUPPLEMENT).stopped());
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_ACCEPTED);
}

TEST_CASE("Materials that never come return the case as of the deadline, before any command") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}), {"INCOME_PROOF"});
  const int64_t seen = bench.Process().version();
  bench.NewTypes();
  // Five working days after Monday: due on Monday 9 March, close of business.
  bench.clock.Set(At(3, 11, 9));
  auto supply = bench.Fill(v1::SupplyMissingRequest());
  supply.add_codes("INCOME_PROOF");
  supply.set_expected_version(seen);
  SECTION("found by a command") {
    const auto status = bench.Call(&ApprovalService::SupplyMissing, kClerk, supply).status();
    CHECK(status.code() == absl::StatusCode::kAborted);
  }
  SECTION("found by the timer") { bench.Fire(); }
  const Types types = bench.NewTypes();
  REQUIRE(types.size() >= 2);
  CHECK(Types(types.end() - 2, types.end()) ==
        Types{"approval.returned_incomplete", "approval.returned"});
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_RETURNED);
  CHECK(bench.Process().returned());
  CHECK(bench.WorkRows().empty());
  CHECK(casework::FromProto(bench.LastEvent("approval.returned_incomplete").occurred_at()) ==
        At(3, 9, 17));
  CHECK(casework::FromProto(bench.ClockOf(casework::v1::CLOCK_PURPOSE_DELIVERY).started_at()) ==
        At(3, 9, 17));
  // Nothing that was due after the end has happened.
  for (const Event& event : bench.AllEvents()) {
    CHECK(casework::FromProto(event.occurred_at()) <= At(3, 9, 17));
  }
  bench.clock.Set(At(4, 30, 9));
  bench.Fire();
  CHECK(bench.NewTypes().empty());
}

TEST_CASE("A late step claims each rung once, as of its deadline, and is named late") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  bench.NewTypes();
  bench.clock.Set(At(3, 4, 18));
  bench.Fire();
  CHECK(bench.NewTypes() == Types{"clock.rung"});
  Event rung = bench.LastEvent("clock.rung");
  CHECK(rung.rung().purpose() == casework::v1::CLOCK_PURPOSE_STEP);
  CHECK(rung.rung().subject() == "main-1");
  CHECK(rung.rung().rung() == casework::v1::RUNG_REMIND);
  CHECK(rung.rung().light() == casework::v1::LIGHT_YELLOW);
  CHECK(rung.has_case_facts());
  bench.Fire();
  CHECK(bench.NewTypes().empty());

  bench.clock.Set(At(3, 5, 18));
  bench.Fire();
  CHECK(bench.NewTypes() == Types{"clock.rung"});
  rung = bench.LastEvent("clock.rung");
  CHECK(rung.rung().rung() == casework::v1::RUNG_SUPERVISE);
  CHECK(rung.rung().light() == casework::v1::LIGHT_RED);
  CHECK(casework::FromProto(rung.occurred_at()) == At(3, 5, 17));
  v1::GetProcessRequest get;
  get.set_case_id(kCase);
  const auto view = bench.service->GetProcess(kArchivist, get);
  REQUIRE(view.ok());
  REQUIRE(view->view().late_branches_size() == 1);
  CHECK(view->view().late_branches(0) == "main");
  CHECK(view->view().light() == casework::v1::LIGHT_RED);
}

TEST_CASE("Rungs that passed unseen collapse to the highest") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  bench.NewTypes();
  bench.clock.Set(At(3, 6, 18));
  bench.Fire();
  CHECK(bench.NewTypes() == Types{"clock.rung"});
  CHECK(bench.LastEvent("clock.rung").rung().rung() == casework::v1::RUNG_ESCALATE_UNIT);
}

TEST_CASE("Withdrawing and terminating cancel what is open and return the case") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(bench.Claim(kArchivist, "archives-1").ok());
  REQUIRE(bench.AskField(kArchivist, kCommunity).ok());
  bench.NewTypes();
  CaseState state = casework::v1::CASE_STATE_UNSPECIFIED;
  SECTION("withdrawn by the counter") {
    CHECK(bench.Withdraw(kArchivist).status().code() == absl::StatusCode::kPermissionDenied);
    REQUIRE(bench.Withdraw(kClerk).status() == absl::OkStatus());
    CHECK(bench.NewTypes() ==
          Types{"approval.withdrawn", "approval.field_cancelled", "approval.returned"});
    state = casework::v1::CASE_STATE_WITHDRAWN;
  }
  SECTION("terminated by a supervisor") {
    auto terminate = bench.Fill(v1::TerminateProcessRequest());
    terminate.set_reason("申请人已死亡");
    CHECK(bench.Call(&ApprovalService::TerminateProcess, kArchivist, terminate).status().code() ==
          absl::StatusCode::kPermissionDenied);
    REQUIRE(bench.Call(&ApprovalService::TerminateProcess, kHead, terminate).ok());
    CHECK(bench.NewTypes() ==
          Types{"approval.terminated", "approval.field_cancelled", "approval.returned"});
    CHECK(bench.LastEvent("approval.terminated").reason() == "申请人已死亡");
    state = casework::v1::CASE_STATE_TERMINATED;
  }
  const v1::Process process = bench.Process();
  CHECK(process.state() == state);
  CHECK(process.returned());
  CHECK(process.fields(0).state() == casework::v1::FIELD_STATE_CANCELLED);
  CHECK(bench.StepOf("archives-1").state() == casework::v1::STEP_STATE_CANCELLED);
  CHECK(bench.StepOf("civil-1").state() == casework::v1::STEP_STATE_CANCELLED);
  CHECK(bench.WorkRows().empty());
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_DELIVERY)));
  CHECK(bench.LastEvent("approval.returned").case_facts().state() == state);
  // It is over here: nothing more is taken.
  CHECK(ReasonOf(bench.Withdraw(kClerk).status()) == casework::v1::ERROR_REASON_STATE_FORBIDS);
}

TEST_CASE("A look that was answered stays answered when the case ends") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  REQUIRE(bench.AskField(kArchivist, kCommunity).ok());
  REQUIRE(
      bench.React({FieldEvent("grid.field_reported", casework::v1::FIELD_STATE_REPORTED)}).ok());
  bench.NewTypes();
  REQUIRE(bench.Withdraw(kClerk).ok());
  CHECK(bench.NewTypes() == Types{"approval.withdrawn", "approval.returned"});
  CHECK(bench.Process().fields(0).state() == casework::v1::FIELD_STATE_REPORTED);
}

TEST_CASE("A withdrawal that comes before the process is asked to come again") {
  Bench bench;
  auto withdraw = bench.Fill(v1::WithdrawProcessRequest());
  REQUIRE(withdraw.expected_version() == 0);
  const auto unplaced = [&](const rpc::CallContext& caller) {
    return bench.Call(&ApprovalService::WithdrawProcess, caller, withdraw).status();
  };
  CHECK(ReasonOf(unplaced(kClerk)) == casework::v1::ERROR_REASON_UNPLACED);
  REQUIRE(bench.React({bench.Accepted(ItemOf("YK-S001"))}).ok());
  bench.Commit([&](store::Work& work) { work.ShowFor(kCase, kCommunity); });
  const absl::Status status = unplaced(kClerk);
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  google::rpc::Status details;
  REQUIRE(casework::DetailsOf(status, &details));
  google::rpc::RetryInfo retry;
  REQUIRE(details.details(details.details_size() - 1).UnpackTo(&retry));
  CHECK(retry.retry_delay().seconds() == 1);
  CHECK(unplaced(Caller("x", "230110001001", {auth::kClerk})).code() ==
        absl::StatusCode::kNotFound);

  // Open here, but the forwarding mirror has not heard of it; without forwarding it is a mistake.
  bench.Publish(ItemOf("YK-S001"));
  REQUIRE(bench.React({Offered(Bench::Opening(Chain(kArchives)))}).ok());
  rpc::CallContext forwarded = kClerk;
  forwarded.forwarded = true;
  CHECK(ReasonOf(unplaced(forwarded)) == casework::v1::ERROR_REASON_UNPLACED);
  CHECK(unplaced(kClerk).code() == absl::StatusCode::kInvalidArgument);
  CHECK(bench.Withdraw(kClerk).ok());
}

}  // namespace
}  // namespace yikou::approval::test
