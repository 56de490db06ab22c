#include "services/approval/approval_rules.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/auth/roles.h"
#include "libs/base/status.h"
#include "libs/casework/application.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/casework/units.h"

namespace yikou::approval {
namespace {

using casework::Error;
using casework::v1::Action;
using casework::v1::Decision;
using casework::v1::FieldRequest;
using casework::v1::FieldState;
using casework::v1::Item;
using casework::v1::Limit;
using casework::v1::Route;
using casework::v1::RouteBranch;
using casework::v1::RouteStep;

Limit WorkingDays(int days) {
  Limit limit;
  limit.set_value(days);
  limit.set_unit(casework::v1::TIME_UNIT_WORKING_DAY);
  return limit;
}

absl::Status NoAuthority(absl::string_view text) {
  return Error(absl::StatusCode::kPermissionDenied, casework::v1::ERROR_REASON_NO_AUTHORITY, text);
}

Error Guard(absl::string_view guard, absl::string_view text) {
  return Error(absl::StatusCode::kFailedPrecondition, casework::v1::ERROR_REASON_GUARD_FAILED, text)
      .With("guard", guard);
}

absl::Status BadRoute(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("The route ", what, "."));
}

absl::Status CheckBranch(const RouteBranch& branch, std::set<std::string>* step_ids) {
  if (branch.steps().empty()) return BadRoute("has a branch without steps");
  for (const RouteStep& step : branch.steps()) {
    if (step.step_id().empty() || !step_ids->insert(step.step_id()).second) {
      return BadRoute("has a step without an id of its own");
    }
    if (!casework::IsUnitId(step.unit_id())) return BadRoute("has a step without a unit");
  }
  if (branch.steps().rbegin()->kind() != casework::v1::STEP_KIND_DECIDE) {
    return BadRoute("has a branch that does not end in a decision");
  }
  return absl::OkStatus();
}

// Clocks that measure the case as a whole and pass from owner to owner.
bool GoesOn(casework::v1::ClockPurpose purpose) {
  return purpose == casework::v1::CLOCK_PURPOSE_STATUTORY ||
         purpose == casework::v1::CLOCK_PURPOSE_PROMISED ||
         purpose == casework::v1::CLOCK_PURPOSE_SUPPLEMENT;
}

// How far a field request has come; answers never go back.
int RankOf(FieldState state) {
  switch (state) {
    case casework::v1::FIELD_STATE_REQUESTED:
      return 1;
    case casework::v1::FIELD_STATE_RECEIVED:
      return 2;
    case casework::v1::FIELD_STATE_SIGNED:
      return 3;
    default:
      return 4;
  }
}

bool WorksOn(const auth::Principal& caller, const v1::Process& process) {
  for (const v1::Branch& branch : process.branches()) {
    for (const v1::Step& step : branch.steps()) {
      if (IsLive(step) && WorksAt(caller.unit_id, step.unit_id())) return true;
    }
  }
  return false;
}

bool IsOfficer(const auth::Principal& caller) {
  return caller.Has(auth::kOfficer) || caller.Has(auth::kSupervisor);
}

// OK when one step of the process passes; else what failed, a guard rather than a lack of
// authority: the caller's own step tells more than the steps of others.
absl::Status AnyStep(const v1::Process& process,
                     const std::function<absl::Status(const v1::Step&, int index)>& check) {
  absl::Status failed;
  for (const v1::Branch& branch : process.branches()) {
    for (int i = 0; i < branch.steps_size(); ++i) {
      if (!IsLive(branch.steps(i))) continue;
      absl::Status status = check(branch.steps(i), i);
      if (status.ok()) return status;
      if (failed.ok() || absl::IsFailedPrecondition(status)) failed = std::move(status);
    }
  }
  if (failed.ok()) return Guard("STEP", "当前没有可以办理的环节。");
  return failed;
}

using ActionCheck =
    std::function<absl::Status(const auth::Principal& caller, const v1::Process& process)>;

absl::Status MayClaim(const auth::Principal& caller, const v1::Process& process) {
  return AnyStep(process, [&](const v1::Step& step, int) -> absl::Status {
    YK_RETURN_IF_ERROR(CheckWorker(caller, process, step));
    return GuardClaim(step);
  });
}

absl::Status MayDecide(const auth::Principal& caller, const v1::Process& process) {
  YK_RETURN_IF_ERROR(AnyStep(process, [&](const v1::Step& step, int) -> absl::Status {
    YK_RETURN_IF_ERROR(CheckWorker(caller, process, step));
    return GuardClaimed(caller, step);
  }));
  return GuardNoOpenField(process);
}

absl::Status MaySendBack(const auth::Principal& caller, const v1::Process& process) {
  return AnyStep(process, [&](const v1::Step& step, int index) -> absl::Status {
    YK_RETURN_IF_ERROR(CheckWorker(caller, process, step));
    YK_RETURN_IF_ERROR(GuardClaimed(caller, step));
    return GuardSendBack(index);
  });
}

absl::Status MayCancelField(const auth::Principal& caller, const v1::Process& process) {
  YK_RETURN_IF_ERROR(CheckAtWork(caller, process));
  if (std::any_of(process.fields().begin(), process.fields().end(), IsOpen)) {
    return absl::OkStatus();
  }
  return Guard("FIELD_OPEN", "没有尚未答复的现场核查。");
}

absl::Status MayExtend(const auth::Principal& caller, const v1::Process& process) {
  YK_RETURN_IF_ERROR(CheckDirects(caller, process));
  return GuardNotExtended(process);
}

absl::Status MaySupply(const auth::Principal& caller, const v1::Process& process) {
  YK_RETURN_IF_ERROR(CheckCounter(caller, process));
  return GuardSupply(process, {});
}

const std::map<std::string, ActionCheck>& ActionChecks() {
  static const auto* const checks = new std::map<std::string, ActionCheck>{
      {"ClaimStep", MayClaim},
      {"DecideStep", MayDecide},
      {"SendBack", MaySendBack},
      {"RequestField", CheckAtWork},
      {"CancelField", MayCancelField},
      {"SuspendProcess", CheckAtWork},
      {"ResumeProcess", CheckAtWork},
      {"ExtendProcess", MayExtend},
      {"SupplyMissing", MaySupply},
      {"WithdrawProcess", CheckReceiver},
      {"TerminateProcess", CheckDirects},
  };
  return *checks;
}

}  // namespace

Limit FieldLimit() { return WorkingDays(3); }
Limit DeliveryLimit() { return WorkingDays(10); }
Limit StepLimit(const Item& item) { return item.has_step() ? item.step() : WorkingDays(3); }

casework::v1::CaseFacts CaseFactsOf(const v1::Process& process) {
  casework::v1::CaseFacts facts = process.facts();
  facts.set_state(process.state());
  *facts.mutable_clocks() = process.clocks();
  facts.set_decision(process.decision());
  facts.set_licence_id(process.licence_id());
  return facts;
}

casework::v1::StepFacts StepFactsOf(const v1::Branch& branch, const v1::Step& step) {
  casework::v1::StepFacts facts;
  facts.set_step_id(step.step_id());
  facts.set_branch_id(branch.branch_id());
  facts.set_kind(step.kind());
  facts.set_tier(step.tier());
  facts.set_unit_id(step.unit_id());
  facts.set_state(step.state());
  facts.set_offer_id(step.offer_id());
  return facts;
}

FieldRequest FieldFactsOf(const FieldRequest& field) {
  FieldRequest facts = field;
  facts.clear_finding();
  return facts;
}

absl::Status CheckRoute(const Route& route) {
  if (route.branches().empty()) return BadRoute("has no branch");
  std::set<std::string> step_ids;
  for (const RouteBranch& branch : route.branches()) {
    YK_RETURN_IF_ERROR(CheckBranch(branch, &step_ids));
  }
  return absl::OkStatus();
}

void LayOut(const Route& route, v1::Process* process) {
  *process->mutable_route() = route;
  for (const RouteBranch& from : route.branches()) {
    v1::Branch* branch = process->add_branches();
    branch->set_branch_id(from.branch_id());
    branch->set_name(from.name());
    branch->set_mandatory(from.mandatory());
    for (const RouteStep& planned : from.steps()) {
      v1::Step* step = branch->add_steps();
      step->set_step_id(planned.step_id());
      step->set_kind(planned.kind());
      step->set_tier(planned.tier());
      step->set_unit_id(planned.unit_id());
      step->set_state(casework::v1::STEP_STATE_WAITING);
    }
  }
}

void TakeClocks(const casework::v1::CaseFacts& facts, absl::Time now, v1::Process* process) {
  for (const casework::v1::Clock& clock : facts.clocks()) {
    if (clock.purpose() == casework::v1::CLOCK_PURPOSE_STEP) continue;
    casework::v1::Clock* own = process->add_clocks();
    *own = clock;
    if (!GoesOn(clock.purpose()) && !clock.stopped()) casework::StopClock(own, now);
  }
}

StepRef FindStep(v1::Process* process, absl::string_view step_id) {
  for (v1::Branch& branch : *process->mutable_branches()) {
    for (int i = 0; i < branch.steps_size(); ++i) {
      if (branch.steps(i).step_id() == step_id) return {&branch, branch.mutable_steps(i), i};
    }
  }
  return {};
}

FieldRequest* FindField(v1::Process* process, absl::string_view field_id) {
  for (FieldRequest& field : *process->mutable_fields()) {
    if (field.field_id() == field_id) return &field;
  }
  return nullptr;
}

bool IsLive(const v1::Step& step) {
  return step.state() == casework::v1::STEP_STATE_OPEN ||
         step.state() == casework::v1::STEP_STATE_CLAIMED;
}

bool IsOpen(const FieldRequest& field) { return RankOf(field.state()) < 4; }

void SettleBranch(const StepRef& done) {
  const bool last = done.index + 1 == done.branch->steps_size();
  const bool rejected = done.step->decision() == casework::v1::DECISION_REJECTED;
  if (!last && !rejected) return;
  done.branch->set_decision(done.step->decision());
  for (int i = done.index + 1; i < done.branch->steps_size(); ++i) {
    done.branch->mutable_steps(i)->set_state(casework::v1::STEP_STATE_CANCELLED);
  }
}

Decision Join(const v1::Process& process) {
  const bool mandatory_only = process.route().join() == casework::v1::JOIN_POLICY_ALL_MANDATORY &&
                              std::any_of(process.branches().begin(), process.branches().end(),
                                          [](const v1::Branch& b) { return b.mandatory(); });
  Decision joined = casework::v1::DECISION_APPROVED;
  for (const v1::Branch& branch : process.branches()) {
    if (mandatory_only && !branch.mandatory()) continue;
    if (branch.decision() == casework::v1::DECISION_UNSPECIFIED) return branch.decision();
    if (branch.decision() == casework::v1::DECISION_REJECTED) joined = branch.decision();
  }
  return joined;
}

bool FoldField(const FieldRequest& told, FieldRequest* own) {
  if (!IsOpen(*own) || RankOf(told.state()) <= RankOf(own->state())) return false;
  own->set_state(told.state());
  own->set_decline_reason(told.decline_reason());
  own->set_favourable(told.favourable());
  return true;
}

bool WorksAt(absl::string_view unit, absl::string_view step_unit) {
  return !unit.empty() && (unit == step_unit || casework::DivisionOf(unit) == step_unit);
}

absl::Status CheckWorker(const auth::Principal& caller, const v1::Process& process,
                         const v1::Step& step) {
  if (!IsOfficer(caller)) return NoAuthority("只有审批人员可以办理审批环节。");
  if (!WorksAt(caller.unit_id, step.unit_id())) {
    return Error(absl::StatusCode::kPermissionDenied, casework::v1::ERROR_REASON_NO_AUTHORITY,
                 absl::StrCat("环节 ", step.step_id(), " 由单位 ", step.unit_id(),
                              " 办理，您的单位没有权限。"))
        .With("unit", step.unit_id());
  }
  if (caller.person_id == process.facts().acceptor_person() && !process.route().counter_decides()) {
    return Error(absl::StatusCode::kPermissionDenied, casework::v1::ERROR_REASON_SAME_PERSON,
                 "受理与审批应当分离：受理本件的人员不能办理本件的审批环节。");
  }
  return absl::OkStatus();
}

absl::Status CheckAtWork(const auth::Principal& caller, const v1::Process& process) {
  if (IsOfficer(caller) && WorksOn(caller, process)) return absl::OkStatus();
  return NoAuthority("只有正在办理本件环节的单位的审批人员可以执行此操作。");
}

absl::Status CheckDirects(const auth::Principal& caller, const v1::Process& process) {
  const std::string& lead = process.route().lead_unit();
  if (caller.Has(auth::kSupervisor) && (WorksOn(caller, process) || WorksAt(caller.unit_id, lead) ||
                                        casework::Covers(caller.unit_id, lead))) {
    return absl::OkStatus();
  }
  return NoAuthority("只有办理本件的单位或其上级的负责人可以执行此操作。");
}

absl::Status CheckReceiver(const auth::Principal& caller, const v1::Process& process) {
  if (caller.Has(auth::kClerk) &&
      casework::Covers(caller.unit_id, process.facts().receiver_unit())) {
    return absl::OkStatus();
  }
  return NoAuthority("只有收件窗口的工作人员可以执行此操作。");
}

absl::Status CheckCounter(const auth::Principal& caller, const v1::Process& process) {
  if (CheckReceiver(caller, process).ok()) return absl::OkStatus();
  if (caller.Has(auth::kClerk) &&
      casework::Covers(caller.unit_id, process.facts().deliver_unit())) {
    return absl::OkStatus();
  }
  return NoAuthority("只有收件窗口或送达窗口的工作人员可以执行此操作。");
}

absl::Status GuardClaim(const v1::Step& step) {
  if (step.state() == casework::v1::STEP_STATE_OPEN) return absl::OkStatus();
  if (step.state() == casework::v1::STEP_STATE_CLAIMED) {
    return Guard("STEP_OPEN", absl::StrCat("环节 ", step.step_id(), " 已被领取。"));
  }
  return Guard("STEP_OPEN",
               absl::StrCat("环节 ", step.step_id(), " 尚未到达或已经结束，不能领取。"));
}

absl::Status GuardClaimed(const auth::Principal& caller, const v1::Step& step) {
  if (step.state() != casework::v1::STEP_STATE_CLAIMED) {
    return Guard("STEP_CLAIMED",
                 absl::StrCat("环节 ", step.step_id(), " 没有被领取，请先用 ClaimStep 领取。"));
  }
  if (step.claimed_by() == caller.person_id || caller.Has(auth::kSupervisor)) {
    return absl::OkStatus();
  }
  return NoAuthority(
      absl::StrCat("环节 ", step.step_id(), " 由其他人员领取，只有领取人或负责人可以办理。"));
}

absl::Status GuardNoOpenField(const v1::Process& process) {
  for (const FieldRequest& field : process.fields()) {
    if (!IsOpen(field)) continue;
    return Guard("FIELD_OPEN", absl::StrCat("现场核查 ", field.field_id(), "（", field.unit_id(),
                                            "）尚未答复，请等待答复或撤回后再办理。"))
        .With("field_id", field.field_id());
  }
  return absl::OkStatus();
}

absl::Status GuardSendBack(int index) {
  if (index > 0) return absl::OkStatus();
  return Guard("FIRST_STEP", "这是第一个环节，没有可以退回的上一环节。");
}

absl::Status GuardFieldUnit(const auth::Principal& caller, const v1::Process& process,
                            const std::string& unit_id) {
  std::set<std::string> above = {casework::DivisionOf(caller.unit_id)};
  for (const v1::Branch& branch : process.branches()) {
    for (const v1::Step& step : branch.steps()) {
      if (IsLive(step) && WorksAt(caller.unit_id, step.unit_id())) {
        above.insert(casework::DivisionOf(step.unit_id()));
      }
    }
  }
  const casework::v1::Tier tier = casework::TierOf(unit_id);
  const bool low = tier == casework::v1::TIER_COMMUNITY || tier == casework::v1::TIER_GRID;
  const bool below = std::any_of(above.begin(), above.end(), [&](const std::string& division) {
    return division != unit_id && casework::Covers(division, unit_id);
  });
  if (low && below) return absl::OkStatus();
  return Guard("UNIT_BELOW", absl::StrCat("单位 ", unit_id,
                                          " 不是本街道或本区之下的社区或网格，不能委托现场核查。"));
}

absl::Status GuardFieldOpen(const FieldRequest& field) {
  if (IsOpen(field)) return absl::OkStatus();
  return Guard("FIELD_OPEN", absl::StrCat("现场核查 ", field.field_id(), " 已经结束，不能撤回。"));
}

absl::Status GuardSuspension(const Item& item, const std::string& reason) {
  const auto& reasons = item.suspension_reasons();
  if (std::find(reasons.begin(), reasons.end(), reason) != reasons.end()) return absl::OkStatus();
  const std::string listed =
      reasons.empty() ? "本事项没有可以中止的特别程序" : absl::StrJoin(reasons, "、");
  return Guard("SUSPENSION_REASON",
               absl::StrCat("中止事由“", reason, "”不在本事项的清单中：", listed, "。"))
      .With("reasons", absl::StrJoin(reasons, ","));
}

absl::Status GuardNotExtended(const v1::Process& process) {
  for (const casework::v1::Clock& clock : process.clocks()) {
    if (clock.extended() > 0) return Guard("EXTENDED_ONCE", "本件已经延期一次，不能再次延期。");
  }
  return absl::OkStatus();
}

absl::Status GuardExtension(const Item& item, int add) {
  if (!item.has_extension_cap()) return Guard("EXTENSION_CAP", "本事项不允许延期。");
  if (add <= item.extension_cap().value()) return absl::OkStatus();
  return Guard("EXTENSION_CAP", absl::StrCat("延期不能超过 ", item.extension_cap().value(),
                                             "，申请的是 ", add, "。"))
      .With("cap", absl::StrCat(item.extension_cap().value()));
}

absl::Status GuardSupply(const v1::Process& process, const std::vector<std::string>& codes) {
  const auto& missing = process.facts().missing();
  if (missing.empty()) return Guard("MISSING", "本件没有待补的材料。");
  std::vector<std::string> unknown;
  std::copy_if(codes.begin(), codes.end(), std::back_inserter(unknown),
               [&](const std::string& code) {
                 return std::find(missing.begin(), missing.end(), code) == missing.end();
               });
  if (unknown.empty()) return absl::OkStatus();
  return Guard("MISSING",
               absl::StrCat("材料 ", absl::StrJoin(unknown, "、"), " 不在待补之列；待补的是：",
                            absl::StrJoin(missing, "、"), "。"))
      .With("missing", absl::StrJoin(missing, ","));
}

std::vector<Action> ActionsOf(const auth::Principal& caller, const v1::Process& process) {
  std::vector<Action> actions =
      casework::ActionsFor(casework::ApplicationTable(), "approval", process.state());
  for (Action& action : actions) {
    if (!action.allowed()) continue;
    const auto check = ActionChecks().find(action.name());
    if (check == ActionChecks().end()) continue;
    const absl::Status status = check->second(caller, process);
    if (status.ok()) continue;
    action.set_allowed(false);
    action.set_blocked_because(std::string(status.message()));
  }
  return actions;
}

std::vector<std::string> LateBranches(const v1::Process& process,
                                      const casework::Calendar& calendar, absl::Time now) {
  std::vector<std::string> late;
  for (const v1::Branch& branch : process.branches()) {
    const bool red =
        std::any_of(branch.steps().begin(), branch.steps().end(), [&](const v1::Step& step) {
          const casework::v1::Clock* clock = casework::FindClock(
              process.clocks(), casework::v1::CLOCK_PURPOSE_STEP, step.step_id());
          return clock != nullptr &&
                 casework::LightAt(*clock, calendar, now) == casework::v1::LIGHT_RED;
        });
    if (red) late.push_back(branch.name());
  }
  return late;
}

std::string LicenceText(const Item& item, const v1::Process& process, absl::string_view licence_id,
                        absl::string_view unit_name, absl::CivilDay day) {
  const casework::v1::CaseFacts& facts = process.facts();
  return absl::StrCat(item.licence().title(), "\n\n",                                     //
                      "证照编号：", licence_id, "\n",                                     //
                      "办件编号：", facts.case_no(), "\n",                                //
                      "事项：", item.name(), "（", item.code(), "，第 ", item.version(),  //
                      " 版）\n",                                                          //
                      "决定：准予\n",                                                     //
                      "决定单位：", unit_name, "\n",                                      //
                      "决定日期：", day.year(), "年", day.month(), "月", day.day(), "日\n",
                      "申请人信息见上述办件编号的受理档案。\n");
}

}  // namespace yikou::approval
