#include "services/approval/approval_rules.h"

#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"

namespace yikou::approval {
namespace {

using casework::v1::ERROR_REASON_GUARD_FAILED;
using casework::v1::ERROR_REASON_NO_AUTHORITY;
using casework::v1::ERROR_REASON_SAME_PERSON;
using casework::v1::ERROR_REASON_UNSPECIFIED;

constexpr char kCommunity[] = "230108001001";
constexpr char kCentre[] = "230108001-centre";
constexpr char kArchives[] = "230108-archives";

casework::v1::RouteStep StepOf(const std::string& id, casework::v1::StepKind kind,
                               const std::string& unit) {
  casework::v1::RouteStep step;
  step.set_step_id(id);
  step.set_kind(kind);
  step.set_unit_id(unit);
  return step;
}

// One branch: the street's centre reviews, the archives decide.
casework::v1::Route Chain() {
  casework::v1::Route route;
  route.set_lead_unit(kCentre);
  route.set_deliver_unit(kCommunity);
  auto* branch = route.add_branches();
  branch->set_branch_id("main");
  branch->set_name("主办");
  branch->set_mandatory(true);
  *branch->add_steps() = StepOf("main-1", casework::v1::STEP_KIND_REVIEW, kCentre);
  *branch->add_steps() = StepOf("main-2", casework::v1::STEP_KIND_DECIDE, kArchives);
  return route;
}

v1::Process ProcessOf(const casework::v1::Route& route) {
  v1::Process process;
  process.set_case_id("c1");
  process.set_state(casework::v1::CASE_STATE_REVIEW);
  process.mutable_facts()->set_receiver_unit(kCommunity);
  process.mutable_facts()->set_deliver_unit(kCommunity);
  process.mutable_facts()->set_acceptor_person("acceptor");
  LayOut(route, &process);
  process.mutable_branches(0)->mutable_steps(0)->set_state(casework::v1::STEP_STATE_OPEN);
  return process;
}

auth::Principal Caller(const std::string& person, const std::string& unit,
                       std::vector<std::string> roles) {
  return {.person_id = person, .unit_id = unit, .roles = std::move(roles), .agent_for = ""};
}

casework::v1::FieldRequest FieldOf(casework::v1::FieldState state) {
  casework::v1::FieldRequest field;
  field.set_field_id("f1");
  field.set_unit_id(kCommunity);
  field.set_state(state);
  return field;
}

TEST_CASE("An officer works at the own unit and, from a body, on the division's own steps") {
  struct Case {
    const char* unit;
    const char* step_unit;
    bool works;
  };
  const auto [unit, step_unit, works] = GENERATE(values<Case>({
      {kArchives, kArchives, true},
      {"230108-hr", kArchives, false},
      {"230108", kArchives, false},
      {kArchives, "230108", true},
      {"230108001-centre", "230108", false},
      {"230108001-centre", "230108001", true},
      {"230108001001", "230108001", false},
      {"230108001001-station", "230108001001", true},
      {"", "", false},
      {"", kArchives, false},
  }));
  CAPTURE(unit, step_unit);
  CHECK(WorksAt(unit, step_unit) == works);
}

TEST_CASE("A step is refused to who has no role, no place, or accepted the case") {
  struct Case {
    auth::Principal caller;
    bool counter_decides;
    casework::v1::ErrorReason reason;
  };
  const auto [caller, counter_decides, reason] = GENERATE(values<Case>({
      {Caller("p", kCentre, {auth::kOfficer}), false, ERROR_REASON_UNSPECIFIED},
      {Caller("p", kCentre, {auth::kSupervisor}), false, ERROR_REASON_UNSPECIFIED},
      {Caller("p", kCentre, {auth::kClerk}), false, ERROR_REASON_NO_AUTHORITY},
      {Caller("p", kArchives, {auth::kOfficer}), false, ERROR_REASON_NO_AUTHORITY},
      {Caller("acceptor", kCentre, {auth::kOfficer}), false, ERROR_REASON_SAME_PERSON},
      {Caller("acceptor", kCentre, {auth::kOfficer}), true, ERROR_REASON_UNSPECIFIED},
  }));
  casework::v1::Route route = Chain();
  route.set_counter_decides(counter_decides);
  const v1::Process process = ProcessOf(route);
  const absl::Status status = CheckWorker(caller, process, process.branches(0).steps(0));
  CHECK(casework::ReasonOf(status) == reason);
  CHECK(status.ok() == (reason == ERROR_REASON_UNSPECIFIED));
}

TEST_CASE("A supervisor directs from a unit at work, the lead unit or one above") {
  const v1::Process process = ProcessOf(Chain());
  const std::vector<std::string> supervisor = {auth::kSupervisor};
  CHECK(CheckDirects(Caller("s", kCentre, supervisor), process).ok());
  CHECK(CheckDirects(Caller("s", "230108001", supervisor), process).ok());
  CHECK(CheckDirects(Caller("s", "230108", supervisor), process).ok());
  CHECK_FALSE(CheckDirects(Caller("s", "230108002", supervisor), process).ok());
  CHECK_FALSE(CheckDirects(Caller("s", kArchives, supervisor), process).ok());
  CHECK_FALSE(CheckDirects(Caller("s", kCentre, {auth::kOfficer}), process).ok());
}

TEST_CASE("A clerk of the receiver may withdraw and supply, one of the deliverer may supply") {
  v1::Process process = ProcessOf(Chain());
  process.mutable_facts()->set_deliver_unit("230108002001");
  const auth::Principal receiver = Caller("k", kCommunity, {auth::kClerk});
  const auth::Principal deliverer = Caller("k", "230108002001", {auth::kClerk});
  const auth::Principal street = Caller("k", "230108001", {auth::kClerk});
  CHECK(CheckReceiver(receiver, process).ok());
  CHECK(CheckReceiver(street, process).ok());
  CHECK_FALSE(CheckReceiver(deliverer, process).ok());
  CHECK(CheckCounter(receiver, process).ok());
  CHECK(CheckCounter(deliverer, process).ok());
  CHECK_FALSE(CheckCounter(Caller("k", kCommunity, {auth::kOfficer}), process).ok());
}

TEST_CASE("Branches are joined by the route's policy") {
  using casework::v1::DECISION_APPROVED;
  using casework::v1::DECISION_REJECTED;
  using casework::v1::DECISION_UNSPECIFIED;
  using casework::v1::JOIN_POLICY_ALL;
  using casework::v1::JOIN_POLICY_ALL_MANDATORY;
  using casework::v1::JOIN_POLICY_UNSPECIFIED;
  struct Case {
    casework::v1::JoinPolicy join;
    casework::v1::Decision mandatory;
    casework::v1::Decision optional;
    casework::v1::Decision joined;
  };
  const auto [join, mandatory, optional, joined] = GENERATE(values<Case>({
      {JOIN_POLICY_ALL, DECISION_APPROVED, DECISION_UNSPECIFIED, DECISION_UNSPECIFIED},
      {JOIN_POLICY_ALL, DECISION_APPROVED, DECISION_APPROVED, DECISION_APPROVED},
      {JOIN_POLICY_ALL, DECISION_REJECTED, DECISION_UNSPECIFIED, DECISION_UNSPECIFIED},
      {JOIN_POLICY_ALL, DECISION_REJECTED, DECISION_APPROVED, DECISION_REJECTED},
      {JOIN_POLICY_ALL, DECISION_APPROVED, DECISION_REJECTED, DECISION_REJECTED},
      {JOIN_POLICY_UNSPECIFIED, DECISION_APPROVED, DECISION_UNSPECIFIED, DECISION_UNSPECIFIED},
      {JOIN_POLICY_ALL_MANDATORY, DECISION_APPROVED, DECISION_UNSPECIFIED, DECISION_APPROVED},
      {JOIN_POLICY_ALL_MANDATORY, DECISION_REJECTED, DECISION_UNSPECIFIED, DECISION_REJECTED},
      // When it came makes no difference to what it means.
      {JOIN_POLICY_ALL_MANDATORY, DECISION_APPROVED, DECISION_REJECTED, DECISION_APPROVED},
      {JOIN_POLICY_ALL_MANDATORY, DECISION_UNSPECIFIED, DECISION_REJECTED, DECISION_UNSPECIFIED},
  }));
  v1::Process process;
  process.mutable_route()->set_join(join);
  process.add_branches()->set_mandatory(true);
  process.add_branches();
  process.mutable_branches(0)->set_decision(mandatory);
  process.mutable_branches(1)->set_decision(optional);
  CAPTURE(join, mandatory, optional);
  CHECK(Join(process) == joined);
}

TEST_CASE("ALL_MANDATORY without a mandatory branch waits for all of them") {
  v1::Process process;
  process.mutable_route()->set_join(casework::v1::JOIN_POLICY_ALL_MANDATORY);
  process.add_branches()->set_decision(casework::v1::DECISION_APPROVED);
  process.add_branches();
  CHECK(Join(process) == casework::v1::DECISION_UNSPECIFIED);
}

TEST_CASE("A branch is decided by a rejection anywhere or by its last step") {
  v1::Process process = ProcessOf(Chain());
  v1::Branch* branch = process.mutable_branches(0);
  const StepRef first = FindStep(&process, "main-1");
  SECTION("a passed review decides nothing") {
    first.step->set_decision(casework::v1::DECISION_APPROVED);
    SettleBranch(first);
    CHECK(branch->decision() == casework::v1::DECISION_UNSPECIFIED);
    CHECK(branch->steps(1).state() == casework::v1::STEP_STATE_WAITING);
  }
  SECTION("a rejected review rejects the branch and cancels the rest") {
    first.step->set_decision(casework::v1::DECISION_REJECTED);
    SettleBranch(first);
    CHECK(branch->decision() == casework::v1::DECISION_REJECTED);
    CHECK(branch->steps(1).state() == casework::v1::STEP_STATE_CANCELLED);
  }
  SECTION("the last step decides") {
    const StepRef last = FindStep(&process, "main-2");
    last.step->set_decision(casework::v1::DECISION_APPROVED);
    SettleBranch(last);
    CHECK(branch->decision() == casework::v1::DECISION_APPROVED);
  }
}

TEST_CASE("Answers to a field request never go back, and never revive it") {
  using S = casework::v1::FieldState;
  struct Case {
    S own;
    S told;
    bool folds;
  };
  const auto [own, told, folds] = GENERATE(values<Case>({
      {S::FIELD_STATE_REQUESTED, S::FIELD_STATE_SIGNED, true},
      {S::FIELD_STATE_REQUESTED, S::FIELD_STATE_REPORTED, true},
      {S::FIELD_STATE_SIGNED, S::FIELD_STATE_REPORTED, true},
      {S::FIELD_STATE_REQUESTED, S::FIELD_STATE_DECLINED, true},
      {S::FIELD_STATE_SIGNED, S::FIELD_STATE_SIGNED, false},
      {S::FIELD_STATE_REPORTED, S::FIELD_STATE_SIGNED, false},
      {S::FIELD_STATE_REPORTED, S::FIELD_STATE_REPORTED, false},
      {S::FIELD_STATE_CANCELLED, S::FIELD_STATE_REPORTED, false},
  }));
  casework::v1::FieldRequest field = FieldOf(own);
  casework::v1::FieldRequest answer = FieldOf(told);
  answer.set_favourable(true);
  CAPTURE(own, told);
  CHECK(FoldField(answer, &field) == folds);
  CHECK(field.state() == (folds ? told : own));
  CHECK(field.favourable() == folds);
}

TEST_CASE("An open field request stands in the way by name, an answered one does not") {
  v1::Process process = ProcessOf(Chain());
  CHECK(GuardNoOpenField(process).ok());
  *process.add_fields() = FieldOf(casework::v1::FIELD_STATE_REPORTED);
  *process.add_fields() = FieldOf(casework::v1::FIELD_STATE_CANCELLED);
  *process.add_fields() = FieldOf(casework::v1::FIELD_STATE_DECLINED);
  CHECK(GuardNoOpenField(process).ok());
  *process.add_fields() = FieldOf(casework::v1::FIELD_STATE_SIGNED);
  process.mutable_fields(3)->set_field_id("f4");
  const absl::Status status = GuardNoOpenField(process);
  CHECK(casework::ReasonOf(status) == ERROR_REASON_GUARD_FAILED);
  CHECK_THAT(std::string(status.message()), Catch::Contains("f4"));
}

TEST_CASE("A look is asked of a community or grid below, nobody else") {
  const v1::Process process = ProcessOf(Chain());
  const auth::Principal caller = Caller("p", kCentre, {auth::kOfficer});
  CHECK(GuardFieldUnit(caller, process, kCommunity).ok());
  CHECK(GuardFieldUnit(caller, process, "230108001001-g01").ok());
  for (const char* unit :
       {"230108001", "230108002001", "230108001-centre", "230108", "230110001001"}) {
    CAPTURE(unit);
    CHECK(casework::ReasonOf(GuardFieldUnit(caller, process, unit)) == ERROR_REASON_GUARD_FAILED);
  }
  // A department of the district asks any community of the district.
  CHECK(GuardFieldUnit(Caller("p", kArchives, {auth::kOfficer}), process, "230108002001").ok());
}

TEST_CASE("A claimed step is decided by who claimed it or by a supervisor") {
  v1::Step step;
  step.set_step_id("main-1");
  step.set_state(casework::v1::STEP_STATE_OPEN);
  const auth::Principal officer = Caller("p", kCentre, {auth::kOfficer});
  CHECK(casework::ReasonOf(GuardClaimed(officer, step)) == ERROR_REASON_GUARD_FAILED);
  CHECK(GuardClaim(step).ok());
  step.set_state(casework::v1::STEP_STATE_CLAIMED);
  step.set_claimed_by("p");
  CHECK(GuardClaimed(officer, step).ok());
  CHECK(casework::ReasonOf(GuardClaim(step)) == ERROR_REASON_GUARD_FAILED);
  CHECK(casework::ReasonOf(GuardClaimed(Caller("q", kCentre, {auth::kOfficer}), step)) ==
        ERROR_REASON_NO_AUTHORITY);
  CHECK(GuardClaimed(Caller("q", kCentre, {auth::kSupervisor}), step).ok());
}

TEST_CASE("A suspension needs a reason on the item's list, which the refusal names") {
  casework::v1::Item item;
  CHECK(casework::ReasonOf(GuardSuspension(item, "听证")) == ERROR_REASON_GUARD_FAILED);
  item.add_suspension_reasons("现场勘验");
  CHECK(GuardSuspension(item, "现场勘验").ok());
  const absl::Status status = GuardSuspension(item, "听证");
  CHECK(casework::ReasonOf(status) == ERROR_REASON_GUARD_FAILED);
  CHECK_THAT(std::string(status.message()), Catch::Contains("现场勘验"));
}

TEST_CASE("An extension stays within the item's cap and comes once") {
  casework::v1::Item item;
  CHECK(casework::ReasonOf(GuardExtension(item, 1)) == ERROR_REASON_GUARD_FAILED);
  item.mutable_extension_cap()->set_value(5);
  CHECK(GuardExtension(item, 5).ok());
  CHECK(casework::ReasonOf(GuardExtension(item, 6)) == ERROR_REASON_GUARD_FAILED);
  v1::Process process;
  process.add_clocks();
  CHECK(GuardNotExtended(process).ok());
  process.mutable_clocks(0)->set_extended(2);
  CHECK(casework::ReasonOf(GuardNotExtended(process)) == ERROR_REASON_GUARD_FAILED);
}

TEST_CASE("Only what is missing can be supplied, and the refusal names what is") {
  v1::Process process;
  CHECK(casework::ReasonOf(GuardSupply(process, {"A"})) == ERROR_REASON_GUARD_FAILED);
  process.mutable_facts()->add_missing("A");
  process.mutable_facts()->add_missing("B");
  CHECK(GuardSupply(process, {"B"}).ok());
  const absl::Status status = GuardSupply(process, {"A", "C"});
  CHECK(casework::ReasonOf(status) == ERROR_REASON_GUARD_FAILED);
  CHECK_THAT(std::string(status.message()), Catch::Contains("C") && Catch::Contains("A、B"));
}

TEST_CASE("A route that cannot be worked is refused") {
  CHECK(CheckRoute(Chain()).ok());
  casework::v1::Route route = Chain();
  SECTION("no branch") { route.clear_branches(); }
  SECTION("no step") { route.mutable_branches(0)->clear_steps(); }
  SECTION("no decision") {
    route.mutable_branches(0)->mutable_steps(1)->set_kind(casework::v1::STEP_KIND_REVIEW);
  }
  SECTION("no unit") { route.mutable_branches(0)->mutable_steps(0)->clear_unit_id(); }
  SECTION("one id twice") { route.mutable_branches(0)->mutable_steps(1)->set_step_id("main-1"); }
  CHECK(CheckRoute(route).code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("Clocks of the case go on, those of the counter end, its STEP clock is dropped") {
  casework::v1::CaseFacts facts;
  const absl::Time now = absl::FromUnixSeconds(1772413200);
  for (const auto purpose :
       {casework::v1::CLOCK_PURPOSE_STATUTORY, casework::v1::CLOCK_PURPOSE_PROMISED,
        casework::v1::CLOCK_PURPOSE_SUPPLEMENT, casework::v1::CLOCK_PURPOSE_HANDOVER,
        casework::v1::CLOCK_PURPOSE_STEP}) {
    casework::v1::Clock* clock = facts.add_clocks();
    clock->set_purpose(purpose);
    *clock->add_running()->mutable_begin() = casework::ToProto(now - absl::Hours(1));
  }
  v1::Process process;
  TakeClocks(facts, now, &process);
  REQUIRE(process.clocks_size() == 4);
  for (int i = 0; i < 3; ++i) CHECK(casework::IsRunning(process.clocks(i)));
  CHECK(process.clocks(3).purpose() == casework::v1::CLOCK_PURPOSE_HANDOVER);
  CHECK(process.clocks(3).stopped());
}

TEST_CASE("Every action a caller may not take says why") {
  v1::Process process = ProcessOf(Chain());
  process.mutable_branches(0)->mutable_steps(0)->set_state(casework::v1::STEP_STATE_CLAIMED);
  process.mutable_branches(0)->mutable_steps(0)->set_claimed_by("p");
  const auto allowed = [&process](const auth::Principal& caller) {
    std::vector<std::string> names;
    for (const casework::v1::Action& action : ActionsOf(caller, process)) {
      CAPTURE(action.name());
      CHECK(action.allowed() == action.blocked_because().empty());
      if (action.allowed()) names.push_back(action.name());
    }
    return names;
  };
  using Names = std::vector<std::string>;
  CHECK(allowed(Caller("p", kCentre, {auth::kOfficer})) ==
        Names{"DecideStep", "RequestField", "SuspendProcess"});
  CHECK(allowed(Caller("s", kCentre, {auth::kSupervisor})) ==
        Names{"DecideStep", "RequestField", "SuspendProcess", "ExtendProcess", "TerminateProcess"});
  CHECK(allowed(Caller("k", kCommunity, {auth::kClerk})) == Names{"WithdrawProcess"});
  CHECK(allowed(Caller("a", "", {auth::kAuditor})).empty());
  *process.add_fields() = FieldOf(casework::v1::FIELD_STATE_REQUESTED);
  CHECK(allowed(Caller("p", kCentre, {auth::kOfficer})) ==
        Names{"RequestField", "CancelField", "SuspendProcess"});
}

TEST_CASE("A step's event says all but who works on it") {
  v1::Process process = ProcessOf(Chain());
  v1::Branch* branch = process.mutable_branches(0);
  branch->mutable_steps(0)->set_claimed_by("p");
  branch->mutable_steps(0)->set_offer_id("o1");
  const casework::v1::StepFacts facts = StepFactsOf(*branch, branch->steps(0));
  CHECK(facts.branch_id() == "main");
  CHECK(facts.step_id() == "main-1");
  CHECK(facts.unit_id() == kCentre);
  CHECK(facts.offer_id() == "o1");
  CHECK(facts.state() == casework::v1::STEP_STATE_OPEN);
}

TEST_CASE("A field request goes into events without its finding") {
  casework::v1::FieldRequest field = FieldOf(casework::v1::FIELD_STATE_REPORTED);
  field.set_finding("屋内有人居住");
  CHECK(FieldFactsOf(field).finding().empty());
  CHECK(FieldFactsOf(field).field_id() == "f1");
}

TEST_CASE("A licence names case, item, unit and day") {
  casework::v1::Item item;
  item.set_code("YK-S001");
  item.set_version(2);
  item.set_name("单身证明");
  item.mutable_licence()->set_title("单身证明书");
  v1::Process process = ProcessOf(Chain());
  process.mutable_facts()->set_case_no("230108001001-1");
  const std::string text =
      LicenceText(item, process, "l1", "平房区档案局", absl::CivilDay(2026, 3, 9));
  for (const char* part : {"单身证明书\n", "l1", "230108001001-1", "单身证明（YK-S001，第 2 版）",
                           "决定：准予", "平房区档案局", "2026年3月9日"}) {
    CHECK_THAT(text, Catch::Contains(part));
  }
}

}  // namespace
}  // namespace yikou::approval
