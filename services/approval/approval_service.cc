#include "services/approval/approval_service.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/app/pages.h"
#include "libs/base/ids.h"
#include "libs/base/log.h"
#include "libs/base/status.h"
#include "libs/casework/application.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"
#include "services/approval/approval_consumer.h"

namespace yikou::approval {

using casework::Transition;
using casework::Violations;
using casework::v1::Clock;
using casework::v1::Event;
using casework::v1::FieldRequest;
using casework::v1::Item;
using rpc::CallContext;

namespace {

constexpr char kProcess[] = "审批过程";
constexpr char kStep[] = "环节";
constexpr int kReasonMax = 200;
constexpr int kOpinionMax = 500;
constexpr int kExtensionMax = 1000;

template <class Request>
void CheckIds(const Request& request, Violations* violations) {
  if (!base::IsUuid(request.request_id())) violations->Add("request_id", "must be a UUID.");
  if (request.case_id().empty()) violations->Add("case_id", "must name a case.");
}

// What every command of a process has. Those that come through the counter have no version to name
// before the process is open; theirs is checked once it is.
template <class Request>
void CheckCommon(const Request& request, Violations* violations) {
  CheckIds(request, violations);
  if (request.expected_version() < 1) {
    violations->Add("expected_version", "must be the version you decided on, at least 1.");
  }
}

template <class Request>
void CheckStepId(const Request& request, Violations* violations) {
  if (request.step_id().empty()) violations->Add("step_id", "must name a step of the process.");
}

void CheckText(absl::string_view field, const std::string& text, int least, int most,
               Violations* violations) {
  if (!casework::IsCleanText(text)) {
    violations->Add(field, "must be UTF-8 text without control characters.");
    return;
  }
  const int64_t characters = casework::CountCharacters(text);
  if (characters < least || characters > most) {
    violations->Add(field, absl::StrCat("must have ", least, " to ", most, " characters, has ",
                                        characters, "."));
  }
}

// What people type goes into events masked: an event never carries a citizen's numbers.
std::string Told(const std::string& reason) { return base::MaskPersonalData(reason); }

absl::Status Unplaced() {
  return casework::Error(absl::StatusCode::kUnavailable, casework::v1::ERROR_REASON_UNPLACED,
                         "本件正在移交审批单位，请稍后重试。")
      .RetryAfter(absl::Seconds(1));
}

template <class Check>
void ForClocks(v1::Process* process, std::initializer_list<casework::v1::ClockPurpose> purposes,
               Check change) {
  for (Clock& clock : *process->mutable_clocks()) {
    if (std::find(purposes.begin(), purposes.end(), clock.purpose()) != purposes.end()) {
      change(&clock);
    }
  }
}

// Clocks that a special procedure suspends; a look on the spot and the applicant's own time go on.
constexpr auto kSuspended = {casework::v1::CLOCK_PURPOSE_STATUTORY,
                             casework::v1::CLOCK_PURPOSE_PROMISED,
                             casework::v1::CLOCK_PURPOSE_STEP};
constexpr auto kExtended = {casework::v1::CLOCK_PURPOSE_STATUTORY,
                            casework::v1::CLOCK_PURPOSE_PROMISED};

}  // namespace

ApprovalService::ApprovalService(const app::ServiceEnv* env, const SealRegister* seals)
    : env_(env), flow_(env, seals) {}

template <class Request>
absl::StatusOr<ApprovalService::Session> ApprovalService::Start(const CallContext& context,
                                                                const Request& request) const {
  return StartOn(context, request.request_id(), request.case_id(), request.expected_version());
}

absl::StatusOr<ApprovalService::Session> ApprovalService::StartOn(const CallContext& context,
                                                                  const std::string& request_id,
                                                                  const std::string& case_id,
                                                                  int64_t expected_version) const {
  Session session{.work = env_->WorkFor(context, request_id)};
  absl::StatusOr<v1::Process*> loaded =
      session.work.Load<v1::Process>(kinds().process, case_id, env_->ScopeOf(context));
  if (absl::IsNotFound(loaded.status())) return casework::NotFound(kProcess, case_id);
  YK_RETURN_IF_ERROR(loaded.status());
  session.process = *loaded;

  store::Work timers = env_->WorkForTimer(request_id);
  YK_ASSIGN_OR_RETURN(v1::Process * late, timers.Load<v1::Process>(kinds().process, case_id));
  YK_ASSIGN_OR_RETURN(session.due, flow_.ApplyDue(timers, late));
  if (session.due) {
    session.work = std::move(timers);
    return session;
  }
  YK_RETURN_IF_ERROR(
      app::CheckVersion(kProcess, expected_version, session.process->version(),
                        casework::AllowedCommands(casework::ApplicationTable(), "approval",
                                                  session.process->state())));
  return session;
}

template <class Request>
absl::StatusOr<ApprovalService::Session> ApprovalService::StartFromCounter(
    const CallContext& context, const Request& request) const {
  absl::StatusOr<Session> session = Start(context, request);
  if (absl::IsNotFound(session.status())) return WhyMissing(context, request.case_id());
  // Intake forwards the version its mirror has: none, until it hears of the opening.
  const bool unheard = context.forwarded && request.expected_version() == 0;
  if (unheard && absl::IsInvalidArgument(session.status())) return Unplaced();
  return session;
}

absl::Status ApprovalService::WhyMissing(const CallContext& context,
                                         const std::string& case_id) const {
  store::Work work = env_->WorkForTimer("");
  const bool opened = work.Load<v1::Process>(kinds().process, case_id).ok();
  YK_ASSIGN_OR_RETURN(const auto handed_over, FindHandover(work, case_id));
  YK_ASSIGN_OR_RETURN(
      const auto in_scope,
      env_->store->Select(kHandover, {.filters = {{"case_id", store::Filter::Op::kEq, case_id}},
                                      .scope = env_->ScopeOf(context),
                                      .limit = 1}));
  if (opened || (handed_over && in_scope.empty())) return casework::NotFound(kProcess, case_id);
  // Also when nothing is known of the case: intake forwards what it has accepted, and its event may
  // still be on its way.
  return Unplaced();
}

template <class Response>
ApprovalService::Outcome<Response> ApprovalService::DecideAgain(Session session) const {
  store::Outcome<Response> outcome;
  outcome.decide_again = true;
  YK_ASSIGN_OR_RETURN(outcome.change, session.work.Take());
  return outcome;
}

template <class Response>
ApprovalService::Outcome<Response> ApprovalService::Answer(const CallContext& context,
                                                           Session session,
                                                           Response response) const {
  store::Outcome<Response> outcome;
  outcome.response = std::move(response);
  *outcome.response.mutable_view() = ViewFor(context, *session.process);
  YK_ASSIGN_OR_RETURN(outcome.change, session.work.Take());
  return outcome;
}

v1::ProcessView ApprovalService::ViewFor(const CallContext& context,
                                         const v1::Process& process) const {
  const absl::Time now = env_->case_clock->Now();
  v1::ProcessView view;
  *view.mutable_process() = process;
  for (const Clock& clock : process.clocks()) {
    *view.add_clocks() = casework::ViewOf(clock, *env_->calendar, now);
  }
  view.set_light(casework::WorstLight(process.clocks(), *env_->calendar, now));
  for (casework::v1::Action& action : ActionsOf(context.principal, process)) {
    *view.add_actions() = std::move(action);
  }
  for (std::string& name : LateBranches(process, *env_->calendar, now)) {
    view.add_late_branches(std::move(name));
  }
  return view;
}

absl::StatusOr<Item> ApprovalService::ItemOf(Session& session) const {
  const casework::v1::CaseFacts& facts = session.process->facts();
  return flow_.ItemOf(session.work, facts.item_code(), facts.item_version());
}

ApprovalService::Outcome<v1::ClaimStepResponse> ApprovalService::ClaimStep(
    const CallContext& context, const v1::ClaimStepRequest& request) const {
  Violations violations;
  CheckCommon(request, &violations);
  CheckStepId(request, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::ClaimStepResponse>(std::move(session));
  v1::Process* process = session.process;
  const StepRef at = FindStep(process, request.step_id());
  if (at.step == nullptr) return casework::NotFound(kStep, request.step_id());
  YK_RETURN_IF_ERROR(CheckWorker(context.principal, *process, *at.step));
  YK_ASSIGN_OR_RETURN(const Transition* claim, flow_.Find("ClaimStep", *process));
  YK_RETURN_IF_ERROR(GuardClaim(*at.step));

  if (process->state() == casework::v1::CASE_STATE_ACCEPTED) {
    YK_ASSIGN_OR_RETURN(const Transition* begin, flow_.Find("(begin review)", *process));
    flow_.Advance(session.work, process, *begin);
  }
  at.step->set_state(casework::v1::STEP_STATE_CLAIMED);
  at.step->set_claimed_by(context.principal.person_id);
  flow_.PutWork(session.work, *process, *at.step);
  Event& event = flow_.Advance(session.work, process, *claim);
  *event.mutable_step() = StepFactsOf(*at.branch, *at.step);
  return Answer<v1::ClaimStepResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::DecideStepResponse> ApprovalService::DecideStep(
    const CallContext& context, const v1::DecideStepRequest& request) const {
  const bool approved = request.decision() == casework::v1::DECISION_APPROVED;
  const bool rejected = request.decision() == casework::v1::DECISION_REJECTED;
  Violations violations;
  CheckCommon(request, &violations);
  CheckStepId(request, &violations);
  if (!approved && !rejected) violations.Add("decision", "must be APPROVED or REJECTED.");
  // A rejection without a reason tells the applicant nothing (行政许可法 Art. 38).
  CheckText("opinion", request.opinion(), rejected ? 1 : 0, kOpinionMax, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::DecideStepResponse>(std::move(session));
  v1::Process* process = session.process;
  const StepRef at = FindStep(process, request.step_id());
  if (at.step == nullptr) return casework::NotFound(kStep, request.step_id());
  YK_RETURN_IF_ERROR(CheckWorker(context.principal, *process, *at.step));
  YK_ASSIGN_OR_RETURN(const Transition* decide, flow_.Find("DecideStep", *process));
  YK_RETURN_IF_ERROR(GuardClaimed(context.principal, *at.step));
  YK_RETURN_IF_ERROR(GuardNoOpenField(*process));
  YK_ASSIGN_OR_RETURN(const Item item, ItemOf(session));

  at.step->set_state(casework::v1::STEP_STATE_DONE);
  at.step->set_decided_by(context.principal.person_id);
  at.step->set_decision(request.decision());
  at.step->set_opinion(request.opinion());
  SettleBranch(at);
  flow_.LeaveStep(session.work, process, *at.step);
  Event& event = flow_.Advance(session.work, process, *decide);
  *event.mutable_step() = StepFactsOf(*at.branch, *at.step);
  if (at.branch->decision() == casework::v1::DECISION_UNSPECIFIED) {
    const StepRef next{at.branch, at.branch->mutable_steps(at.index + 1), at.index + 1};
    flow_.HandTo(session.work, process, next, *at.step, item);
  } else {
    YK_RETURN_IF_ERROR(flow_.ConcludeIfJoined(session.work, process, item));
  }
  return Answer<v1::DecideStepResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::SendBackResponse> ApprovalService::SendBack(
    const CallContext& context, const v1::SendBackRequest& request) const {
  Violations violations;
  CheckCommon(request, &violations);
  CheckStepId(request, &violations);
  CheckText("reason", request.reason(), 1, kReasonMax, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::SendBackResponse>(std::move(session));
  v1::Process* process = session.process;
  const StepRef at = FindStep(process, request.step_id());
  if (at.step == nullptr) return casework::NotFound(kStep, request.step_id());
  YK_RETURN_IF_ERROR(CheckWorker(context.principal, *process, *at.step));
  YK_ASSIGN_OR_RETURN(const Transition* back, flow_.Find("SendBack", *process));
  YK_RETURN_IF_ERROR(GuardClaimed(context.principal, *at.step));
  YK_RETURN_IF_ERROR(GuardSendBack(at.index));
  YK_ASSIGN_OR_RETURN(const Item item, ItemOf(session));

  flow_.LeaveStep(session.work, process, *at.step);
  at.step->set_state(casework::v1::STEP_STATE_WAITING);
  at.step->clear_claimed_by();
  at.step->set_opinion(request.reason());
  const StepRef before{at.branch, at.branch->mutable_steps(at.index - 1), at.index - 1};
  // What was decided there is open again; the opinion stays until another replaces it.
  before.step->clear_claimed_by();
  before.step->clear_decided_by();
  before.step->clear_decision();
  Event& event = flow_.Advance(session.work, process, *back);
  event.set_reason(Told(request.reason()));
  *event.mutable_step() = StepFactsOf(*at.branch, *at.step);
  flow_.HandTo(session.work, process, before, *at.step, item);
  return Answer<v1::SendBackResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::RequestFieldResponse> ApprovalService::RequestField(
    const CallContext& context, const v1::RequestFieldRequest& request) const {
  Violations violations;
  CheckCommon(request, &violations);
  if (!casework::IsUnitId(request.unit_id())) violations.Add("unit_id", "must be a unit id.");
  CheckText("subject", request.subject(), 1, kReasonMax, &violations);
  if (Told(request.subject()) != request.subject()) {
    violations.Add("subject", "must not hold an identity or telephone number.");
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::RequestFieldResponse>(std::move(session));
  v1::Process* process = session.process;
  YK_RETURN_IF_ERROR(CheckAtWork(context.principal, *process));
  YK_ASSIGN_OR_RETURN(const Transition* ask, flow_.Find("RequestField", *process));
  YK_RETURN_IF_ERROR(GuardFieldUnit(context.principal, *process, request.unit_id()));
  YK_ASSIGN_OR_RETURN(const auto unit, env_->reference->GetUnit(request.unit_id()));
  if (unit.retired()) return casework::NotFound("单位", request.unit_id());

  FieldRequest* field = process->add_fields();
  field->set_field_id(absl::StrCat("f", process->fields_size()));
  field->set_unit_id(request.unit_id());
  field->set_subject(request.subject());
  field->set_state(casework::v1::FIELD_STATE_REQUESTED);
  casework::StartClock(process->mutable_clocks(), casework::v1::CLOCK_PURPOSE_FIELD,
                       field->field_id(), FieldLimit(), *env_->calendar, session.work.now());
  Event& event = flow_.Advance(session.work, process, *ask);
  *event.mutable_field() = FieldFactsOf(*field);
  session.work.Show(event, field->unit_id());
  v1::RequestFieldResponse response;
  response.set_field_id(field->field_id());
  return Answer(context, std::move(session), std::move(response));
}

ApprovalService::Outcome<v1::CancelFieldResponse> ApprovalService::CancelField(
    const CallContext& context, const v1::CancelFieldRequest& request) const {
  Violations violations;
  CheckCommon(request, &violations);
  if (request.field_id().empty()) violations.Add("field_id", "must name a field request.");
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::CancelFieldResponse>(std::move(session));
  v1::Process* process = session.process;
  YK_RETURN_IF_ERROR(CheckAtWork(context.principal, *process));
  YK_ASSIGN_OR_RETURN(const Transition* cancel, flow_.Find("CancelField", *process));
  FieldRequest* field = FindField(process, request.field_id());
  if (field == nullptr) return casework::NotFound("现场核查", request.field_id());
  YK_RETURN_IF_ERROR(GuardFieldOpen(*field));

  field->set_state(casework::v1::FIELD_STATE_CANCELLED);
  if (Clock* clock = casework::FindClock(process->mutable_clocks(),
                                         casework::v1::CLOCK_PURPOSE_FIELD, field->field_id())) {
    casework::StopClock(clock, session.work.now());
  }
  Event& event = flow_.Advance(session.work, process, *cancel);
  *event.mutable_field() = FieldFactsOf(*field);
  return Answer<v1::CancelFieldResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::SuspendProcessResponse> ApprovalService::SuspendProcess(
    const CallContext& context, const v1::SuspendProcessRequest& request) const {
  const absl::CivilDay today = casework::Calendar::DayOf(env_->case_clock->Now());
  absl::CivilDay end;
  Violations violations;
  CheckCommon(request, &violations);
  CheckText("reason", request.reason(), 1, kReasonMax, &violations);
  if (!casework::ParseDay(request.planned_end(), &end)) {
    violations.Add("planned_end", "must be a day, YYYY-MM-DD.");
  } else if (end <= today) {
    violations.Add("planned_end", "must be after today.");
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::SuspendProcessResponse>(std::move(session));
  v1::Process* process = session.process;
  YK_RETURN_IF_ERROR(CheckAtWork(context.principal, *process));
  YK_ASSIGN_OR_RETURN(const Transition* suspend, flow_.Find("SuspendProcess", *process));
  YK_ASSIGN_OR_RETURN(const Item item, ItemOf(session));
  YK_RETURN_IF_ERROR(GuardSuspension(item, request.reason()));

  const absl::Time now = session.work.now();
  v1::Suspension* suspension = process->add_suspensions();
  suspension->set_reason(request.reason());
  suspension->set_planned_end(request.planned_end());
  *suspension->mutable_begin() = casework::ToProto(now);
  ForClocks(process, kSuspended, [now](Clock* clock) { casework::PauseClock(clock, now); });
  flow_.Advance(session.work, process, *suspend).set_reason(request.reason());
  return Answer<v1::SuspendProcessResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::ResumeProcessResponse> ApprovalService::ResumeProcess(
    const CallContext& context, const v1::ResumeProcessRequest& request) const {
  Violations violations;
  CheckCommon(request, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::ResumeProcessResponse>(std::move(session));
  v1::Process* process = session.process;
  YK_RETURN_IF_ERROR(CheckAtWork(context.principal, *process));
  YK_ASSIGN_OR_RETURN(const Transition* resume, flow_.Find("ResumeProcess", *process));

  const absl::Time now = session.work.now();
  v1::Suspension* suspension = process->mutable_suspensions(process->suspensions_size() - 1);
  *suspension->mutable_end() = casework::ToProto(now);
  ForClocks(process, kSuspended, [now](Clock* clock) { casework::ResumeClock(clock, now); });
  flow_.Advance(session.work, process, *resume).set_reason(suspension->reason());
  return Answer<v1::ResumeProcessResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::ExtendProcessResponse> ApprovalService::ExtendProcess(
    const CallContext& context, const v1::ExtendProcessRequest& request) const {
  Violations violations;
  CheckCommon(request, &violations);
  if (request.add() < 1 || request.add() > kExtensionMax) {
    violations.Add("add", absl::StrCat("must be 1 to ", kExtensionMax, " units."));
  }
  CheckText("reason", request.reason(), 1, kReasonMax, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::ExtendProcessResponse>(std::move(session));
  v1::Process* process = session.process;
  YK_RETURN_IF_ERROR(CheckDirects(context.principal, *process));
  YK_ASSIGN_OR_RETURN(const Transition* extend, flow_.Find("ExtendProcess", *process));
  YK_RETURN_IF_ERROR(GuardNotExtended(*process));
  YK_ASSIGN_OR_RETURN(const Item item, ItemOf(session));
  YK_RETURN_IF_ERROR(GuardExtension(item, request.add()));

  ForClocks(process, kExtended,
            [&request](Clock* clock) { casework::ExtendClock(clock, request.add()); });
  flow_.Advance(session.work, process, *extend).set_reason(Told(request.reason()));
  return Answer<v1::ExtendProcessResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::SupplyMissingResponse> ApprovalService::SupplyMissing(
    const CallContext& context, const v1::SupplyMissingRequest& request) const {
  const std::vector<std::string> codes(request.codes().begin(), request.codes().end());
  Violations violations;
  CheckIds(request, &violations);
  if (codes.empty()) violations.Add("codes", "must name the materials that were brought.");
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, StartFromCounter(context, request));
  if (session.due) return DecideAgain<v1::SupplyMissingResponse>(std::move(session));
  v1::Process* process = session.process;
  YK_RETURN_IF_ERROR(CheckCounter(context.principal, *process));
  YK_ASSIGN_OR_RETURN(const Transition* supply, flow_.Find("SupplyMissing", *process));
  YK_RETURN_IF_ERROR(GuardSupply(*process, codes));

  auto* missing = process->mutable_facts()->mutable_missing();
  missing->erase(std::remove_if(missing->begin(), missing->end(),
                                [&codes](const std::string& code) {
                                  return std::find(codes.begin(), codes.end(), code) != codes.end();
                                }),
                 missing->end());
  Clock* clock =
      casework::FindClock(process->mutable_clocks(), casework::v1::CLOCK_PURPOSE_SUPPLEMENT);
  if (missing->empty() && clock != nullptr) casework::StopClock(clock, session.work.now());
  flow_.Advance(session.work, process, *supply);
  return Answer<v1::SupplyMissingResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::WithdrawProcessResponse> ApprovalService::WithdrawProcess(
    const CallContext& context, const v1::WithdrawProcessRequest& request) const {
  Violations violations;
  CheckIds(request, &violations);
  CheckText("reason", request.reason(), 0, kReasonMax, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, StartFromCounter(context, request));
  if (session.due) return DecideAgain<v1::WithdrawProcessResponse>(std::move(session));
  v1::Process* process = session.process;
  YK_RETURN_IF_ERROR(CheckReceiver(context.principal, *process));
  YK_ASSIGN_OR_RETURN(const Transition* withdraw, flow_.Find("WithdrawProcess", *process));

  YK_RETURN_IF_ERROR(
      flow_.End(session.work, process, *withdraw, session.work.now(), Told(request.reason())));
  return Answer<v1::WithdrawProcessResponse>(context, std::move(session));
}

ApprovalService::Outcome<v1::TerminateProcessResponse> ApprovalService::TerminateProcess(
    const CallContext& context, const v1::TerminateProcessRequest& request) const {
  Violations violations;
  CheckCommon(request, &violations);
  CheckText("reason", request.reason(), 1, kReasonMax, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());

  YK_ASSIGN_OR_RETURN(Session session, Start(context, request));
  if (session.due) return DecideAgain<v1::TerminateProcessResponse>(std::move(session));
  v1::Process* process = session.process;
  YK_RETURN_IF_ERROR(CheckDirects(context.principal, *process));
  YK_ASSIGN_OR_RETURN(const Transition* terminate, flow_.Find("TerminateProcess", *process));

  YK_RETURN_IF_ERROR(
      flow_.End(session.work, process, *terminate, session.work.now(), Told(request.reason())));
  return Answer<v1::TerminateProcessResponse>(context, std::move(session));
}

absl::Status ApprovalService::OnDue(store::Work& work, const store::AggregateKind& kind,
                                    const std::string& id) const {
  if (kind.name != kinds().process.name) return absl::OkStatus();
  absl::StatusOr<v1::Process*> process = work.Load<v1::Process>(kinds().process, id);
  if (absl::IsNotFound(process.status())) return absl::OkStatus();
  YK_RETURN_IF_ERROR(process.status());
  return flow_.ApplyDue(work, *process).status();
}

}  // namespace yikou::approval
