#include "services/gridtask/gridtask_service.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/app/pages.h"
#include "libs/auth/roles.h"
#include "libs/base/ids.h"
#include "libs/base/log.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/casework/grid_event.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"

namespace yikou::gridtask {
namespace {

namespace cw = casework::v1;
using store::Filter;

constexpr char kEventName[] = "网格事件";
constexpr char kFieldName[] = "现场核实任务";
constexpr int kMostHouseholds = 100'000;
constexpr int kLongText = 2000;
constexpr int kShortText = 200;

absl::StatusOr<const casework::Transition*> RowFor(absl::string_view command, cw::CaseState state) {
  return casework::Find(casework::GridEventTable(), command, state);
}

cw::Channel ChannelOf(cw::Channel given, bool by_grid_worker) {
  if (given != cw::CHANNEL_UNSPECIFIED) return given;
  return by_grid_worker ? cw::CHANNEL_GRID_WORKER : cw::CHANNEL_WINDOW;
}

// Version and authority, in this order: a caller who saw an old state is told so first.
absl::Status CheckCaller(const v1::GridEvent& event, absl::string_view command,
                         int64_t expected_version, const rpc::CallContext& context) {
  YK_RETURN_IF_ERROR(app::CheckVersion(
      kEventName, expected_version, event.version(),
      casework::AllowedCommands(casework::GridEventTable(), "gridtask", event.state())));
  return MayTake(command, event, context.principal);
}

absl::Status CheckTaskCaller(const v1::FieldTask& task, int64_t expected_version,
                             const rpc::CallContext& context) {
  YK_RETURN_IF_ERROR(app::CheckVersion(kFieldName, expected_version, task.version(),
                                       AllowedFieldCommands(task.field().state())));
  return MayWorkOn(task, context.principal);
}

}  // namespace

GridTaskService::GridTaskService(const app::ServiceEnv& env, app::CaseNumbers* numbers,
                                 CategoryList categories)
    : env_(env),
      numbers_(numbers),
      categories_(std::move(categories)),
      kinds_(MakeKinds(env.calendar)),
      consumer_(&kinds_, env.calendar) {}

// --- Shared steps ---

absl::StatusOr<v1::GridEvent*> GridTaskService::LoadEvent(store::Work& work,
                                                          const std::string& case_id,
                                                          const rpc::CallContext& context) const {
  auto event = work.Load<v1::GridEvent>(kinds_.grid_event, case_id, env_.ScopeOf(context));
  if (absl::IsNotFound(event.status())) return casework::NotFound(kEventName, case_id);
  return event;
}

absl::StatusOr<v1::FieldTask*> GridTaskService::LoadField(store::Work& work,
                                                          const std::string& task_id,
                                                          const rpc::CallContext& context) const {
  auto task = work.Load<v1::FieldTask>(kinds_.field_task, task_id);
  if (absl::IsNotFound(task.status())) return casework::NotFound(kFieldName, task_id);
  YK_RETURN_IF_ERROR(task.status());
  // A grid lies below the community that is asked, where the scope of a case does not reach.
  const std::optional<store::Scope> scope = env_.ScopeOf(context);
  if (scope && !NearField((*task)->field().unit_id(), scope->unit_id)) {
    return casework::NotFound(kFieldName, task_id);
  }
  return task;
}

absl::StatusOr<store::Change> GridTaskService::TakeDue(const v1::GridEvent& event) const {
  store::Work work = env_.WorkForTimer("timer");
  if (casework::EarliestDue(event.clocks(), *env_.calendar) > work.now()) return store::Change();
  YK_RETURN_IF_ERROR(consumer_.OnDue(work, kinds_.grid_event, event.case_id()));
  return work.Take();
}

absl::StatusOr<store::Change> GridTaskService::TakeDue(const v1::FieldTask& task) const {
  store::Work work = env_.WorkForTimer("timer");
  if (casework::EarliestDue(task.clocks(), *env_.calendar) > work.now()) return store::Change();
  YK_RETURN_IF_ERROR(consumer_.OnDue(work, kinds_.field_task, task.task_id()));
  return work.Take();
}

cw::Event& GridTaskService::Move(store::Work& work, v1::GridEvent* event,
                                 const casework::Transition& row, absl::string_view reason) const {
  event->set_state(row.to);
  *event->mutable_update_time() = casework::ToProto(work.now());
  cw::Event& said = work.Emit(kinds_.grid_event, event->case_id(), row.event, event->case_id());
  event->set_version(said.version());
  *said.mutable_case_facts() = FactsOf(*event);
  said.set_reason(base::MaskPersonalData(reason));
  return said;
}

v1::GridEventView GridTaskService::ViewFor(const v1::GridEvent& event,
                                           const auth::Principal& principal) const {
  const absl::Time now = env_.case_clock->Now();
  v1::GridEventView view;
  *view.mutable_event() = event;
  for (const cw::Clock& clock : event.clocks()) {
    *view.add_clocks() = casework::ViewOf(clock, *env_.calendar, now);
  }
  view.set_light(casework::WorstLight(event.clocks(), *env_.calendar, now));
  for (cw::Action& action : ActionsFor(event, principal)) *view.add_actions() = std::move(action);
  return view;
}

// --- Grid events ---

absl::Status GridTaskService::CheckReport(const v1::ReportEventRequest& request) const {
  casework::Violations violations;
  if (categories_.Find(request.category()) == nullptr) {
    violations.Add("category", absl::StrCat("没有类别 ", request.category()));
  }
  if (casework::TierOf(request.grid_id()) != cw::TIER_GRID) {
    violations.Add("grid_id", "应为网格编码，例如 230110001001-g01");
  }
  CheckText("place", request.place(), 0, kShortText, &violations);
  CheckText("description", request.description(), 1, kLongText, &violations);
  if (!cw::Channel_IsValid(request.channel())) violations.Add("channel", "没有这个渠道");
  if (request.households() < 0 || request.households() > kMostHouseholds) {
    violations.Add("households", absl::StrCat("应为 0 至 ", kMostHouseholds));
  }
  CheckDigests(request.photo_digests(), &violations);
  return violations.ToStatus();
}

absl::Status GridTaskService::CheckGrid(const std::string& grid_id) const {
  YK_ASSIGN_OR_RETURN(const cw::Unit grid, env_.reference->GetUnit(grid_id));
  if (grid.tier() == cw::TIER_GRID && !grid.retired()) return absl::OkStatus();
  return GuardFailed("grid", absl::StrCat("网格 ", grid_id, " 已撤销，不能采集事件。"));
}

GridTaskService::Decision<v1::ReportEventResponse> GridTaskService::ReportEvent(
    const rpc::CallContext& context, const v1::ReportEventRequest& request) {
  YK_RETURN_IF_ERROR(CheckReport(request));
  YK_RETURN_IF_ERROR(CheckGrid(request.grid_id()));
  YK_RETURN_IF_ERROR(MayReport(context.principal, request.grid_id()));
  const bool own = context.principal.Has(auth::kGridWorker);
  YK_ASSIGN_OR_RETURN(
      const casework::Transition* row,
      RowFor(own ? "ReportEvent" : "ReportEvent:public", cw::CASE_STATE_UNSPECIFIED));
  store::Work work = env_.WorkFor(context, request.request_id());
  const std::string community = casework::DivisionOf(request.grid_id());
  YK_ASSIGN_OR_RETURN(const std::string case_no,
                      numbers_->Next(community, cw::CASE_KIND_GRID_EVENT, work.now()));

  const Category& category = *categories_.Find(request.category());
  const std::string case_id = base::NewId(work.now());
  auto* event = work.Create<v1::GridEvent>(kinds_.grid_event, case_id);
  event->set_case_id(case_id);
  event->set_case_no(case_no);
  event->set_category(category.code);
  event->set_title(category.name);
  event->set_urgent(category.urgent);
  event->set_description(request.description());
  event->set_grid_id(request.grid_id());
  event->set_place(request.place());
  event->set_channel(ChannelOf(request.channel(), own));
  event->set_reporter_person(own ? context.principal.person_id : "");
  *event->mutable_photo_digests() = request.photo_digests();
  event->set_households(request.households());
  event->set_receiver_unit(community);
  *event->mutable_create_time() = casework::ToProto(work.now());
  if (own) {
    StartHandling(event, category.handle, *env_.calendar, work.now());
  } else {
    casework::StartClock(event->mutable_clocks(), cw::CLOCK_PURPOSE_CHECK, "", VerifyLimit(),
                         *env_.calendar, work.now());
  }

  cw::Event& said = Move(work, event, *row, "");
  const std::set<std::string> units = {community, request.grid_id(), context.principal.unit_id};
  for (const std::string& unit : units) work.Show(said, unit);
  store::Outcome<v1::ReportEventResponse> outcome;
  *outcome.response.mutable_view() = ViewFor(*event, context.principal);
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

GridTaskService::Decision<v1::RegisterEventResponse> GridTaskService::RegisterEvent(
    const rpc::CallContext& context, const v1::RegisterEventRequest& request) {
  const bool registers = request.register_();
  casework::Violations violations;
  CheckTarget("case_id", request.case_id(), request.expected_version(), &violations);
  CheckText("reason", request.reason(), registers ? 0 : 1, kShortText, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::GridEvent * event, LoadEvent(work, request.case_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*event));
  if (!due.empty()) return store::Outcome<v1::RegisterEventResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckCaller(*event, "RegisterEvent", request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(
      const casework::Transition* row,
      RowFor(registers ? "RegisterEvent" : "RegisterEvent:refused", event->state()));
  const Category* category = categories_.Find(event->category());
  if (registers && category == nullptr) {
    return GuardFailed("category", absl::StrCat("类别 ", event->category(), " 已不在类别目录中。"));
  }

  casework::StopAll(event->mutable_clocks(), work.now());
  if (registers) StartHandling(event, category->handle, *env_.calendar, work.now());
  Move(work, event, *row, request.reason());
  store::Outcome<v1::RegisterEventResponse> outcome;
  *outcome.response.mutable_view() = ViewFor(*event, context.principal);
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

absl::StatusOr<std::optional<Candidate>> GridTaskService::ChooseByRule(
    store::Work& work, const v1::GridEvent& event) const {
  const bool returned = event.state() == cw::CASE_STATE_RETURN_REQUESTED;
  YK_ASSIGN_OR_RETURN(const std::vector<v1::Worker> workers, WorkersAround(work, event.grid_id()));
  std::vector<Candidate> shortlist =
      Shortlist(workers, event.grid_id(), returned ? event.worker_id() : "", work.now());
  for (Candidate& candidate : shortlist) {
    YK_ASSIGN_OR_RETURN(const int32_t load, LoadOf(candidate.worker.worker_id()));
    candidate.worker.set_load(load);
  }
  const Candidate* chosen = LeastLoaded(shortlist);
  return chosen == nullptr ? std::optional<Candidate>() : *chosen;
}

absl::StatusOr<GridTaskService::Assignee> GridTaskService::ChooseAssignee(
    store::Work& work, const v1::GridEvent& event, const v1::DispatchEventRequest& request) const {
  YK_ASSIGN_OR_RETURN(const std::optional<Candidate> ruled, ChooseByRule(work, event));
  if (request.worker_id().empty()) {
    if (ruled) return Assignee{ruled->worker, DispatchReason(*ruled)};
    return GuardFailed("worker", absl::StrCat("网格 ", event.grid_id(), " 所在街道没有可派遣的",
                                              "网格员，请指定网格员并说明原因。"));
  }
  if (ruled && ruled->worker.worker_id() == request.worker_id()) {
    return Assignee{ruled->worker, DispatchReason(*ruled)};
  }
  const auto named = work.Load<v1::Worker>(kinds_.worker, request.worker_id());
  if (!named.ok() && !absl::IsNotFound(named.status())) return named.status();
  // Somebody else's worker is as unknown here as one who does not exist.
  const std::string district = casework::DivisionAt(event.grid_id(), cw::TIER_DISTRICT);
  if (!named.ok() || !casework::Covers(district, (*named)->unit_id())) {
    return casework::NotFound("网格员", request.worker_id());
  }
  casework::Violations violations;
  CheckText("override_reason", request.override_reason(), 1, kShortText, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  return Assignee{**named, absl::StrCat("人工指派：", request.override_reason())};
}

GridTaskService::Decision<v1::DispatchEventResponse> GridTaskService::DispatchEvent(
    const rpc::CallContext& context, const v1::DispatchEventRequest& request) {
  casework::Violations violations;
  CheckTarget("case_id", request.case_id(), request.expected_version(), &violations);
  CheckText("override_reason", request.override_reason(), 0, kShortText, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::GridEvent * event, LoadEvent(work, request.case_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*event));
  if (!due.empty()) return store::Outcome<v1::DispatchEventResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckCaller(*event, "DispatchEvent", request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(const casework::Transition* row, RowFor("DispatchEvent", event->state()));
  YK_ASSIGN_OR_RETURN(const Assignee assignee, ChooseAssignee(work, *event, request));

  event->set_worker_id(assignee.worker.worker_id());
  event->set_dispatch_reason(assignee.reason);
  casework::StartClock(event->mutable_clocks(), cw::CLOCK_PURPOSE_SIGN, "",
                       SignLimit(event->urgent()), *env_.calendar, work.now());
  cw::Event& said = Move(work, event, *row, assignee.reason);
  work.Show(said, assignee.worker.unit_id());
  work.Show(said, assignee.worker.grid_id());
  store::Outcome<v1::DispatchEventResponse> outcome;
  *outcome.response.mutable_view() = ViewFor(*event, context.principal);
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

GridTaskService::Decision<v1::SignTaskResponse> GridTaskService::SignTask(
    const rpc::CallContext& context, const v1::SignTaskRequest& request) {
  casework::Violations violations;
  CheckTarget("case_id", request.case_id(), request.expected_version(), &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::GridEvent * event, LoadEvent(work, request.case_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*event));
  if (!due.empty()) return store::Outcome<v1::SignTaskResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckCaller(*event, "SignTask", request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(const casework::Transition* row, RowFor("SignTask", event->state()));

  StopPurpose(event, cw::CLOCK_PURPOSE_SIGN, work.now());
  Move(work, event, *row, "");
  store::Outcome<v1::SignTaskResponse> outcome;
  *outcome.response.mutable_view() = ViewFor(*event, context.principal);
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

GridTaskService::Decision<v1::ReturnTaskResponse> GridTaskService::ReturnTask(
    const rpc::CallContext& context, const v1::ReturnTaskRequest& request) {
  casework::Violations violations;
  CheckTarget("case_id", request.case_id(), request.expected_version(), &violations);
  CheckText("reason", request.reason(), 1, kShortText, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::GridEvent * event, LoadEvent(work, request.case_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*event));
  if (!due.empty()) return store::Outcome<v1::ReturnTaskResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckCaller(*event, "ReturnTask", request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(const casework::Transition* row, RowFor("ReturnTask", event->state()));
  YK_RETURN_IF_ERROR(CheckReturns(*event));

  event->set_returns(event->returns() + 1);
  StopPurpose(event, cw::CLOCK_PURPOSE_SIGN, work.now());
  Move(work, event, *row, request.reason());
  store::Outcome<v1::ReturnTaskResponse> outcome;
  *outcome.response.mutable_view() = ViewFor(*event, context.principal);
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

GridTaskService::Decision<v1::HandleTaskResponse> GridTaskService::HandleTask(
    const rpc::CallContext& context, const v1::HandleTaskRequest& request) {
  casework::Violations violations;
  CheckTarget("case_id", request.case_id(), request.expected_version(), &violations);
  CheckText("result", request.result(), 1, kLongText, &violations);
  CheckDigests(request.photo_digests(), &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::GridEvent * event, LoadEvent(work, request.case_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*event));
  if (!due.empty()) return store::Outcome<v1::HandleTaskResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckCaller(*event, "HandleTask", request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(const casework::Transition* row, RowFor("HandleTask", event->state()));
  const Category* category = categories_.Find(event->category());
  if (category != nullptr && category->photos_required && request.photo_digests().empty()) {
    return GuardFailed(
        "photos", absl::StrCat("类别“", category->name, "”需要处理后的照片，请拍照后再反馈。"));
  }

  event->set_result(request.result());
  event->mutable_photo_digests()->MergeFrom(request.photo_digests());
  // Who has been on the spot has answered the reporter too.
  StopPurpose(event, cw::CLOCK_PURPOSE_CONTACT, work.now());
  StopPurpose(event, cw::CLOCK_PURPOSE_HANDLE, work.now());
  casework::StartClock(event->mutable_clocks(), cw::CLOCK_PURPOSE_CHECK, "", CheckLimit(),
                       *env_.calendar, work.now());
  Move(work, event, *row, "");
  store::Outcome<v1::HandleTaskResponse> outcome;
  *outcome.response.mutable_view() = ViewFor(*event, context.principal);
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

GridTaskService::Decision<v1::CheckEventResponse> GridTaskService::CheckEvent(
    const rpc::CallContext& context, const v1::CheckEventRequest& request) {
  const bool passed = request.passed();
  casework::Violations violations;
  CheckTarget("case_id", request.case_id(), request.expected_version(), &violations);
  CheckText("reason", request.reason(), passed ? 0 : 1, kShortText, &violations);
  if (passed &&
      (request.outcome() == cw::OUTCOME_UNSPECIFIED || !cw::Outcome_IsValid(request.outcome()))) {
    violations.Add("outcome", "核查通过时应填写处理结果");
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::GridEvent * event, LoadEvent(work, request.case_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*event));
  if (!due.empty()) return store::Outcome<v1::CheckEventResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckCaller(*event, "CheckEvent", request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(const casework::Transition* row,
                      RowFor(passed ? "CheckEvent" : "CheckEvent:failed", event->state()));

  casework::StopAll(event->mutable_clocks(), work.now());
  if (passed) {
    event->set_outcome(request.outcome());
  } else {
    event->set_reworks(event->reworks() + 1);
    RestartHandling(event, *env_.calendar, work.now());
  }
  Move(work, event, *row, request.reason());
  store::Outcome<v1::CheckEventResponse> outcome;
  *outcome.response.mutable_view() = ViewFor(*event, context.principal);
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

// --- Field requests ---

GridTaskService::Decision<v1::SignFieldResponse> GridTaskService::SignField(
    const rpc::CallContext& context, const v1::SignFieldRequest& request) {
  casework::Violations violations;
  CheckTarget("task_id", request.task_id(), request.expected_version(), &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::FieldTask * task, LoadField(work, request.task_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*task));
  if (!due.empty()) return store::Outcome<v1::SignFieldResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckTaskCaller(*task, request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(const FieldTransition* row,
                      AllowedFieldCommand("SignField", task->field().state()));

  task->set_signed_by(context.principal.person_id);
  task->mutable_field()->set_state(row->to);
  EmitField(work, kinds_, task, row->event, cw::OFFER_STATE_SIGNED);
  store::Outcome<v1::SignFieldResponse> outcome;
  *outcome.response.mutable_task() = *task;
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

GridTaskService::Decision<v1::DeclineFieldResponse> GridTaskService::DeclineField(
    const rpc::CallContext& context, const v1::DeclineFieldRequest& request) {
  casework::Violations violations;
  CheckTarget("task_id", request.task_id(), request.expected_version(), &violations);
  CheckText("reason", request.reason(), 1, kShortText, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::FieldTask * task, LoadField(work, request.task_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*task));
  if (!due.empty()) return store::Outcome<v1::DeclineFieldResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckTaskCaller(*task, request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(const FieldTransition* row,
                      AllowedFieldCommand("DeclineField", task->field().state()));

  task->mutable_field()->set_state(row->to);
  task->mutable_field()->set_decline_reason(base::MaskPersonalData(request.reason()));
  casework::StopAll(task->mutable_clocks(), work.now());
  EmitField(work, kinds_, task, row->event, cw::OFFER_STATE_DECLINED);
  store::Outcome<v1::DeclineFieldResponse> outcome;
  *outcome.response.mutable_task() = *task;
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

GridTaskService::Decision<v1::ReportFieldResponse> GridTaskService::ReportField(
    const rpc::CallContext& context, const v1::ReportFieldRequest& request) {
  casework::Violations violations;
  CheckTarget("task_id", request.task_id(), request.expected_version(), &violations);
  CheckText("finding", request.finding(), 1, kLongText, &violations);
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_.WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(v1::FieldTask * task, LoadField(work, request.task_id(), context));
  YK_ASSIGN_OR_RETURN(store::Change due, TakeDue(*task));
  if (!due.empty()) return store::Outcome<v1::ReportFieldResponse>{std::move(due), {}, true};
  YK_RETURN_IF_ERROR(CheckTaskCaller(*task, request.expected_version(), context));
  YK_ASSIGN_OR_RETURN(const FieldTransition* row,
                      AllowedFieldCommand("ReportField", task->field().state()));

  task->mutable_field()->set_state(row->to);
  task->mutable_field()->set_finding(request.finding());
  task->mutable_field()->set_favourable(request.favourable());
  casework::StopAll(task->mutable_clocks(), work.now());
  EmitField(work, kinds_, task, row->event, cw::OFFER_STATE_UNSPECIFIED);
  store::Outcome<v1::ReportFieldResponse> outcome;
  *outcome.response.mutable_task() = *task;
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

}  // namespace yikou::gridtask
