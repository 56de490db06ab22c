#include "services/intake/intake_service.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/ids.h"
#include "libs/casework/application.h"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/placement.h"
#include "libs/casework/units.h"
#include "services/intake/intake_rules.h"

namespace yikou::intake {

namespace cw = casework::v1;
using casework::Error;
using casework::Violations;
using cw::CaseRecord;

namespace {

constexpr char kOwner[] = "intake";

// Counters act for the division they stand in: staff of a station or centre for its community or
// street, staff of a division for everything below.
bool MayActAt(const std::string& unit, const std::string& counter) {
  return casework::Covers(unit, counter) ||
         casework::DivisionOf(unit) == casework::DivisionOf(counter);
}

absl::Status CheckShortText(const std::string& text, int least, const std::string& field) {
  Violations violations;
  if (!casework::IsCleanText(text) || casework::CountCharacters(text) < least ||
      casework::CountCharacters(text) > 500) {
    violations.Add(field, absl::StrCat("应为 ", least, " 至 500 个字。"));
  }
  return violations.ToStatus();
}

}  // namespace

// ---------------------------------------------------------------- what every command shares

absl::StatusOr<IntakeService::Loaded> IntakeService::LoadFor(store::Work& work,
                                                             const rpc::CallContext& context,
                                                             const std::string& case_id,
                                                             int64_t expected_version) {
  Loaded loaded;
  const auto scope = env_->ScopeOf(context);
  absl::StatusOr<CaseRecord*> record = work.Load<CaseRecord>(kinds_->record, case_id, scope);
  if (absl::IsNotFound(record.status())) return casework::NotFound("办件", case_id);
  YK_RETURN_IF_ERROR(record.status());
  loaded.record = *record;
  YK_ASSIGN_OR_RETURN(loaded.view, work.Load<CaseRecord>(kinds_->view, case_id));
  YK_ASSIGN_OR_RETURN(loaded.application, work.Load<v1::Application>(kinds_->application, case_id));
  if (kinds_->record.next_due(*loaded.record) <= work.now()) {
    loaded.timers_due = true;
    YK_RETURN_IF_ERROR(OnDue(work, kinds_->record, case_id));
    return loaded;
  }
  YK_RETURN_IF_ERROR(app::CheckVersion(
      "办件", expected_version, loaded.record->version(),
      casework::AllowedCommands(casework::ApplicationTable(), kOwner, loaded.view->state())));
  return loaded;
}

cw::Event* IntakeService::Emit(store::Work& work, const Loaded& loaded, const char* type) {
  return &work.Emit(kinds_->record, loaded.record->case_id(), type, loaded.record->case_id());
}

void IntakeService::Finish(store::Work& work, const Loaded& loaded, cw::Event* event) {
  CaseRecord* record = loaded.record;
  record->set_version(event->version());
  *record->mutable_update_time() = event->occurred_at();
  *event->mutable_case_facts() = FactsOf(*record);
  CopyOwn(*record, loaded.view);
  work.Touch(kinds_->view, record->case_id());
}

absl::StatusOr<cw::Event*> IntakeService::Apply(store::Work& work, const Loaded& loaded,
                                                const char* command) {
  YK_ASSIGN_OR_RETURN(const casework::Transition* row,
                      casework::Find(casework::ApplicationTable(), command, loaded.view->state()));
  if (row->to != cw::CASE_STATE_UNSPECIFIED) loaded.record->set_state(row->to);
  return Emit(work, loaded, row->event);
}

// ---------------------------------------------------------------- receiving

absl::Status IntakeService::CheckMaterials(const v1::Application& application, std::string prefix,
                                           v1::Application* resolved, Violations* violations) {
  for (int i = 0; i < application.materials_size(); ++i) {
    const v1::MaterialRef& ref = application.materials(i);
    absl::StatusOr<store::Stored> stored = env_->store->Get(kinds_->material, ref.material_id());
    v1::MaterialHeader header;
    if (absl::IsNotFound(stored.status())) {
      violations->Add(absl::StrCat(prefix, ".materials[", i, "].material_id"),
                      absl::StrCat("没有材料 ", ref.material_id(), "；请先上传。"));
      continue;
    }
    YK_RETURN_IF_ERROR(stored.status());
    if (!header.ParseFromString(stored->body))
      return absl::DataLossError("A material is unreadable.");
    resolved->mutable_materials(i)->set_digest(header.sha256());
  }
  return absl::OkStatus();
}

absl::Status IntakeService::CheckAcceptable(const rpc::CallContext& context,
                                            const v1::ReceiveCaseRequest& request,
                                            const cw::Item& item, const std::string& receiver,
                                            v1::Application* resolved) {
  const absl::CivilDay today = casework::Calendar::DayOf(env_->case_clock->Now());
  Violations violations;
  CheckApplication(request.application(), item, today, "application", &violations);
  YK_RETURN_IF_ERROR(CheckMaterials(request.application(), "application", resolved, &violations));
  const std::string& home = request.application().home_unit();
  if (casework::IsUnitId(home) && absl::IsNotFound(env_->reference->GetUnit(home).status())) {
    violations.Add("application.home_unit", absl::StrCat("没有代码为 ", home, " 的社区。"));
  }
  if (!casework::IsUnitId(receiver) ||
      absl::IsNotFound(env_->reference->GetUnit(receiver).status())) {
    violations.Add("receiver_unit", absl::StrCat("没有单位 ", receiver, "。"));
  } else if (!MayActAt(context.principal.unit_id, receiver)) {
    return Error(absl::StatusCode::kPermissionDenied, cw::ERROR_REASON_NO_AUTHORITY,
                 absl::StrCat("您所在的单位 ", context.principal.unit_id, " 不能代 ", receiver,
                              " 收件。"))
        .With("unit", context.principal.unit_id);
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());
  return casework::CheckCounter(item, receiver, home, today);
}

void IntakeService::Accept(store::Work& work, const Loaded& loaded, const cw::Item& item,
                           const char* command, absl::Time clocks_from) {
  CaseRecord* record = loaded.record;
  absl::StatusOr<const casework::Transition*> row =
      casework::Find(casework::ApplicationTable(), command, cw::CASE_STATE_RECEIVED);
  record->set_state((*row)->to);
  *record->mutable_accept_time() = casework::ToProto(work.now());
  casework::StopAll(record->mutable_clocks(), work.now());
  StartAcceptedClocks(item, *env_->calendar, clocks_from, record);
  cw::Event* event = Emit(work, loaded, (*row)->event);
  Finish(work, loaded, event);
  // The hand-over: from here on the state and its clocks are approval's; intake watches only for
  // approval's first sign.
  record->set_owner("approval");
  record->clear_clocks();
  CaseRecord* view = loaded.view;
  view->set_owner("approval");
  casework::StartClock(view->mutable_clocks(), cw::CLOCK_PURPOSE_HANDOVER, "", HandoverLimit(),
                       *env_->calendar, work.now());
}

IntakeService::Outcome<v1::ReceiveCaseResponse> IntakeService::ReceiveCase(
    const rpc::CallContext& context, const v1::ReceiveCaseRequest& request) {
  YK_ASSIGN_OR_RETURN(const cw::Item item, env_->reference->GetItem(request.item_code(), 0));
  const std::string receiver =
      request.receiver_unit().empty() ? context.principal.unit_id : request.receiver_unit();
  v1::Application application = request.application();
  YK_RETURN_IF_ERROR(CheckAcceptable(context, request, item, receiver, &application));
  const casework::Gaps gaps = casework::FindGaps(item, CodesOf(application));
  const bool tolerant = request.accept_tolerant() && gaps.tolerable_only && !gaps.missing.empty();
  const std::string bring = casework::WhatToBring(item, gaps.missing);
  if (!gaps.missing.empty() && !tolerant && !request.receive_incomplete()) {
    return Error(absl::StatusCode::kFailedPrecondition, cw::ERROR_REASON_MATERIAL_MISSING,
                 absl::StrCat("材料不齐，暂不能受理。", bring))
        .With("missing", absl::StrJoin(gaps.missing, ","));
  }

  store::Work work = env_->WorkFor(context, request.request_id());
  const std::string case_id = base::NewId(work.now());
  Loaded loaded;
  loaded.record = work.Create<CaseRecord>(kinds_->record, case_id);
  loaded.view = work.Create<CaseRecord>(kinds_->view, case_id);
  loaded.application = work.Create<v1::Application>(kinds_->application, case_id);
  *loaded.application = application;
  CaseRecord* record = loaded.record;
  record->set_case_id(case_id);
  record->set_kind(cw::CASE_KIND_APPLICATION);
  record->set_item_code(item.code());
  record->set_item_version(item.version());
  record->set_title(item.name());
  record->set_receiver_unit(receiver);
  record->set_home_unit(application.home_unit());
  record->set_channel(request.channel());
  record->set_owner(kOwner);
  record->set_acceptor_person(context.principal.person_id);
  record->set_tolerant(tolerant);
  record->mutable_missing()->Assign(gaps.missing.begin(), gaps.missing.end());
  *record->mutable_create_time() = casework::ToProto(work.now());
  YK_ASSIGN_OR_RETURN(const cw::Route route,
                      casework::ResolveRoute(item, receiver, application.home_unit(),
                                             casework::Calendar::DayOf(work.now())));
  record->set_deliver_unit(route.deliver_unit());
  if (!request.validate_only()) {
    YK_ASSIGN_OR_RETURN(
        const std::string number,
        numbers_->Next(casework::DivisionOf(receiver), cw::CASE_KIND_APPLICATION, work.now()));
    record->set_case_no(number);
  }

  YK_ASSIGN_OR_RETURN(
      const casework::Transition* row,
      casework::Find(casework::ApplicationTable(), "ReceiveCase", cw::CASE_STATE_UNSPECIFIED));
  record->set_state(row->to);
  casework::StartClock(record->mutable_clocks(), cw::CLOCK_PURPOSE_NOTICE, "", NoticeLimit(),
                       *env_->calendar, work.now());
  cw::Event* received = Emit(work, loaded, row->event);
  work.Show(*received, receiver);
  work.Show(*received, application.home_unit());
  Finish(work, loaded, received);
  if (gaps.missing.empty() || tolerant) {
    Accept(work, loaded, item, tolerant ? "AcceptCase:tolerant" : "AcceptCase", work.now());
  }

  store::Outcome<v1::ReceiveCaseResponse> outcome;
  *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  outcome.response.set_what_to_bring(bring);
  for (const cw::ClockView& clock : outcome.response.view().clocks()) {
    if (clock.purpose() == cw::CLOCK_PURPOSE_STATUTORY) {
      *outcome.response.mutable_statutory_deadline() = clock.deadline();
    }
    if (clock.purpose() == cw::CLOCK_PURPOSE_PROMISED) {
      *outcome.response.mutable_promised_deadline() = clock.deadline();
    }
  }
  if (request.validate_only()) return outcome;
  const std::string code = base::RandomHex(8);
  outcome.response.mutable_view()->set_query_code(code);
  work.Put({.table = &kQueryCode,
            .mode = store::RowWrite::Mode::kInsertOrIgnore,
            .keys = {base::ToHex(casework::Digest(code))},
            .values = {case_id}});
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

IntakeService::Outcome<v1::AcceptCaseResponse> IntakeService::AcceptCase(
    const rpc::CallContext& context, const v1::AcceptCaseRequest& request) {
  store::Outcome<v1::AcceptCaseResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(Loaded loaded,
                      LoadFor(work, context, request.case_id(), request.expected_version()));
  if (loaded.timers_due) {
    outcome.decide_again = true;
  } else {
    YK_RETURN_IF_ERROR(
        casework::Find(casework::ApplicationTable(), "AcceptCase", loaded.view->state()).status());
    YK_ASSIGN_OR_RETURN(
        const cw::Item item,
        env_->reference->GetItem(loaded.record->item_code(), loaded.record->item_version()));
    const casework::Gaps gaps = casework::FindGaps(item, CodesOf(*loaded.application));
    const bool tolerant = !gaps.missing.empty() && gaps.tolerable_only && request.promise_signed();
    if (!gaps.missing.empty() && !tolerant) {
      return Error(absl::StatusCode::kFailedPrecondition, cw::ERROR_REASON_MATERIAL_MISSING,
                   absl::StrCat("材料不齐，不能受理。", casework::WhatToBring(item, gaps.missing)))
          .With("missing", absl::StrJoin(gaps.missing, ","));
    }
    loaded.record->set_tolerant(tolerant);
    loaded.record->set_acceptor_person(context.principal.person_id);
    Accept(work, loaded, item, tolerant ? "AcceptCase:tolerant" : "AcceptCase", work.now());
    *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  }
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

IntakeService::Outcome<v1::RequestCorrectionResponse> IntakeService::RequestCorrection(
    const rpc::CallContext& context, const v1::RequestCorrectionRequest& request) {
  YK_RETURN_IF_ERROR(CheckShortText(request.note(), 0, "note"));
  store::Outcome<v1::RequestCorrectionResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(Loaded loaded,
                      LoadFor(work, context, request.case_id(), request.expected_version()));
  if (loaded.timers_due) {
    outcome.decide_again = true;
  } else {
    CaseRecord* record = loaded.record;
    YK_RETURN_IF_ERROR(
        casework::Find(casework::ApplicationTable(), "RequestCorrection", loaded.view->state())
            .status());
    if (record->corrections() > 0 && !context.principal.Has("SUPERVISOR")) {
      return Error(absl::StatusCode::kFailedPrecondition, cw::ERROR_REASON_GUARD_FAILED,
                   "补正应一次性告知；再次要求补正须由负责人办理。");
    }
    YK_ASSIGN_OR_RETURN(const cw::Item item,
                        env_->reference->GetItem(record->item_code(), record->item_version()));
    const casework::Gaps gaps = casework::FindGaps(item, CodesOf(*loaded.application));
    if (gaps.missing.empty() && request.note().empty()) {
      Violations violations;
      violations.Add("note", "材料齐全时，应说明需要补正什么。");
      return violations.ToStatus();
    }
    record->set_corrections(record->corrections() + 1);
    casework::StopAll(record->mutable_clocks(), work.now());
    casework::StartClock(record->mutable_clocks(), cw::CLOCK_PURPOSE_CORRECTION, "",
                         CorrectionLimit(item), *env_->calendar, work.now());
    YK_ASSIGN_OR_RETURN(cw::Event * event, Apply(work, loaded, "RequestCorrection"));
    event->set_reason(absl::StrJoin(gaps.missing, ","));
    Finish(work, loaded, event);
    outcome.response.set_what_to_bring(
        absl::StrCat(casework::WhatToBring(item, gaps.missing), request.note()));
    *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  }
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

IntakeService::Outcome<v1::SubmitCorrectionResponse> IntakeService::SubmitCorrection(
    const rpc::CallContext& context, const v1::SubmitCorrectionRequest& request) {
  store::Outcome<v1::SubmitCorrectionResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(Loaded loaded,
                      LoadFor(work, context, request.case_id(), request.expected_version()));
  if (loaded.timers_due) {
    outcome.decide_again = true;
  } else {
    CaseRecord* record = loaded.record;
    YK_RETURN_IF_ERROR(
        casework::Find(casework::ApplicationTable(), "SubmitCorrection", loaded.view->state())
            .status());
    YK_ASSIGN_OR_RETURN(const cw::Item item,
                        env_->reference->GetItem(record->item_code(), record->item_version()));
    v1::Application merged = *loaded.application;
    for (const auto& [name, value] : request.form()) (*merged.mutable_form())[name] = value;
    for (const v1::MaterialRef& ref : request.materials()) *merged.add_materials() = ref;
    Violations violations;
    CheckApplication(merged, item, casework::Calendar::DayOf(work.now()), "application",
                     &violations);
    const v1::Application unresolved = merged;
    YK_RETURN_IF_ERROR(CheckMaterials(unresolved, "application", &merged, &violations));
    YK_RETURN_IF_ERROR(violations.ToStatus());
    *loaded.application = merged;
    work.Touch(kinds_->application, record->case_id());
    const casework::Gaps gaps = casework::FindGaps(item, CodesOf(merged));
    record->mutable_missing()->Assign(gaps.missing.begin(), gaps.missing.end());
    casework::StopAll(record->mutable_clocks(), work.now());
    casework::StartClock(record->mutable_clocks(), cw::CLOCK_PURPOSE_NOTICE, "", NoticeLimit(),
                         *env_->calendar, work.now());
    YK_ASSIGN_OR_RETURN(cw::Event * event, Apply(work, loaded, "SubmitCorrection"));
    Finish(work, loaded, event);
    if (gaps.missing.empty()) Accept(work, loaded, item, "AcceptCase", work.now());
    *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  }
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

IntakeService::Outcome<v1::RefuseCaseResponse> IntakeService::RefuseCase(
    const rpc::CallContext& context, const v1::RefuseCaseRequest& request) {
  static const auto* const kReasons = new std::set<std::string>{
      "NOT_IN_SCOPE", "NOT_REQUIRED", "MATERIALS_MISSING", "FALSE_MATERIALS"};
  Violations violations;
  if (kReasons->count(request.reason()) == 0) {
    violations.Add("reason",
                   "must be NOT_IN_SCOPE, NOT_REQUIRED, MATERIALS_MISSING or "
                   "FALSE_MATERIALS.");
  }
  if (!CheckShortText(request.remedy(), 1, "remedy").ok()) {
    violations.Add("remedy", "应用 1 至 500 个字告诉申请人带什么来、到哪里去。");
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Outcome<v1::RefuseCaseResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(Loaded loaded,
                      LoadFor(work, context, request.case_id(), request.expected_version()));
  if (loaded.timers_due) {
    outcome.decide_again = true;
  } else {
    YK_ASSIGN_OR_RETURN(cw::Event * event, Apply(work, loaded, "RefuseCase"));
    loaded.record->set_refusal_reason(request.reason());
    loaded.record->set_remedy(request.remedy());
    casework::StopAll(loaded.record->mutable_clocks(), work.now());
    event->set_reason(request.reason());
    Finish(work, loaded, event);
    *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  }
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

IntakeService::Outcome<v1::WithdrawCaseResponse> IntakeService::WithdrawCase(
    const rpc::CallContext& context, const v1::WithdrawCaseRequest& request) {
  YK_RETURN_IF_ERROR(CheckShortText(request.reason(), 0, "reason"));
  store::Outcome<v1::WithdrawCaseResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(Loaded loaded,
                      LoadFor(work, context, request.case_id(), request.expected_version()));
  if (loaded.timers_due) {
    outcome.decide_again = true;
    YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
    return outcome;
  }
  if (loaded.record->owner() != kOwner) {
    YK_RETURN_IF_ERROR(
        forward_withdraw_(context, request.case_id(), loaded.view->owner_version(), request));
    *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
    // The effect is approval's; a repeat is answered from here, whatever became of the case since.
    outcome.change.request.emplace();
    return outcome;
  }
  YK_ASSIGN_OR_RETURN(cw::Event * event, Apply(work, loaded, "WithdrawCase"));
  casework::StopAll(loaded.record->mutable_clocks(), work.now());
  Finish(work, loaded, event);
  *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

// ---------------------------------------------------------------- the result at the counter

IntakeService::Outcome<v1::DeliverCaseResponse> IntakeService::DeliverCase(
    const rpc::CallContext& context, const v1::DeliverCaseRequest& request) {
  YK_RETURN_IF_ERROR(CheckShortText(request.proof(), 1, "proof"));
  store::Outcome<v1::DeliverCaseResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(Loaded loaded,
                      LoadFor(work, context, request.case_id(), request.expected_version()));
  if (loaded.timers_due) {
    outcome.decide_again = true;
  } else {
    if (!MayActAt(context.principal.unit_id, loaded.record->deliver_unit())) {
      return Error(absl::StatusCode::kPermissionDenied, cw::ERROR_REASON_NO_AUTHORITY,
                   absl::StrCat("该办件由 ", env_->reference->NameOf(loaded.record->deliver_unit()),
                                " 送达。"))
          .With("deliver_unit", loaded.record->deliver_unit());
    }
    YK_ASSIGN_OR_RETURN(cw::Event * event, Apply(work, loaded, "DeliverCase"));
    casework::StopAll(loaded.record->mutable_clocks(), work.now());
    casework::StartClock(loaded.record->mutable_clocks(), cw::CLOCK_PURPOSE_CLOSE, "", CloseLimit(),
                         *env_->calendar, work.now());
    event->set_reason(request.proof());
    Finish(work, loaded, event);
    *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  }
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

IntakeService::Outcome<v1::CloseCaseResponse> IntakeService::CloseCase(
    const rpc::CallContext& context, const v1::CloseCaseRequest& request) {
  store::Outcome<v1::CloseCaseResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(Loaded loaded,
                      LoadFor(work, context, request.case_id(), request.expected_version()));
  if (loaded.timers_due) {
    outcome.decide_again = true;
  } else {
    YK_ASSIGN_OR_RETURN(cw::Event * event, Apply(work, loaded, "CloseCase"));
    casework::StopAll(loaded.record->mutable_clocks(), work.now());
    Finish(work, loaded, event);
    *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  }
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

IntakeService::Outcome<v1::RateCaseResponse> IntakeService::RateCase(
    const rpc::CallContext& context, const v1::RateCaseRequest& request) {
  Violations violations;
  if (request.stars() < 1 || request.stars() > 5) {
    violations.Add("stars", absl::StrCat("应为 1 至 5，现为 ", request.stars(), "。"));
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Outcome<v1::RateCaseResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  YK_ASSIGN_OR_RETURN(Loaded loaded,
                      LoadFor(work, context, request.case_id(), request.expected_version()));
  if (loaded.timers_due) {
    outcome.decide_again = true;
  } else {
    if (loaded.record->rating() > 0) {
      return Error(absl::StatusCode::kFailedPrecondition, cw::ERROR_REASON_GUARD_FAILED,
                   "该办件已经评价过；每次办理评价一次。");
    }
    YK_ASSIGN_OR_RETURN(cw::Event * event, Apply(work, loaded, "RateCase"));
    loaded.record->set_rating(request.stars());
    Finish(work, loaded, event);
    if (request.stars() <= 2) {
      YK_ASSIGN_OR_RETURN(cw::Event * rectify, Apply(work, loaded, "(rectify)"));
      casework::StartClock(loaded.record->mutable_clocks(), cw::CLOCK_PURPOSE_RECTIFY, "",
                           RectifyLimit(), *env_->calendar, work.now());
      Finish(work, loaded, rectify);
    }
    *outcome.response.mutable_view() = ViewOf(context, *loaded.view);
  }
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

// ---------------------------------------------------------------- timers

absl::Status IntakeService::FireClock(store::Work& work, const Loaded& loaded,
                                      const cw::Clock& clock, cw::Rung rung, absl::Time due) {
  CaseRecord* record = loaded.record;
  const cw::ClockPurpose purpose = clock.purpose();
  if (rung == cw::RUNG_SUPERVISE && purpose == cw::CLOCK_PURPOSE_NOTICE) {
    // Nobody told the applicant anything in five working days: accepted as of receipt
    // (行政许可法 Art. 32).
    YK_ASSIGN_OR_RETURN(const cw::Item item,
                        env_->reference->GetItem(record->item_code(), record->item_version()));
    record->set_deemed(true);
    Accept(work, loaded, item, "(NOTICE)", casework::FromProto(record->create_time()));
    return absl::OkStatus();
  }
  const char* command = purpose == cw::CLOCK_PURPOSE_CORRECTION ? "(CORRECTION)"
                        : purpose == cw::CLOCK_PURPOSE_CLOSE    ? "(CLOSE)"
                                                                : nullptr;
  if (rung == cw::RUNG_SUPERVISE && command != nullptr) {
    YK_ASSIGN_OR_RETURN(cw::Event * event, Apply(work, loaded, command));
    casework::StopAll(record->mutable_clocks(), due);
    *event->mutable_occurred_at() = casework::ToProto(due);
    Finish(work, loaded, event);
    return absl::OkStatus();
  }
  const cw::Light light = rung == cw::RUNG_REMIND ? cw::LIGHT_YELLOW : cw::LIGHT_RED;
  cw::RungFacts facts;
  facts.set_purpose(purpose);
  facts.set_subject(clock.subject());
  facts.set_rung(rung);
  facts.set_light(light);
  casework::ClockList* clocks = purpose == cw::CLOCK_PURPOSE_HANDOVER
                                    ? loaded.view->mutable_clocks()
                                    : record->mutable_clocks();
  casework::ClaimRung(casework::FindClock(clocks, purpose, clock.subject()), rung, due);
  record->set_worst_light(std::max(record->worst_light(), light));
  cw::Event* event = Emit(work, loaded, "clock.rung");
  *event->mutable_occurred_at() = casework::ToProto(due);
  *event->mutable_rung() = facts;
  if (purpose != cw::CLOCK_PURPOSE_HANDOVER) {
    Finish(work, loaded, event);
    return absl::OkStatus();
  }
  record->set_version(event->version());
  *event->mutable_case_facts() = FactsOf(*loaded.view);
  loaded.view->set_version(record->version());
  loaded.view->set_worst_light(std::max(loaded.view->worst_light(), light));
  work.Touch(kinds_->view, record->case_id());
  return absl::OkStatus();
}

absl::Status IntakeService::OnDue(store::Work& work, const store::AggregateKind& kind,
                                  const std::string& id) {
  const bool handover = kind.name == kinds_->view.name;
  Loaded loaded;
  YK_ASSIGN_OR_RETURN(loaded.view, work.Load<CaseRecord>(kinds_->view, id));
  absl::StatusOr<CaseRecord*> record = work.Load<CaseRecord>(kinds_->record, id);
  if (absl::IsNotFound(record.status())) return absl::OkStatus();
  YK_RETURN_IF_ERROR(record.status());
  loaded.record = *record;
  while (true) {
    casework::ClockList* clocks =
        handover ? loaded.view->mutable_clocks() : loaded.record->mutable_clocks();
    if (!handover && loaded.record->owner() != kOwner) return absl::OkStatus();
    casework::DueClock due;
    if (handover) {
      due.clock = casework::FindClock(clocks, cw::CLOCK_PURPOSE_HANDOVER);
      if (due.clock == nullptr) return absl::OkStatus();
      due.rung = casework::NextRung(*due.clock, *env_->calendar);
    } else {
      due = casework::EarliestRung(clocks, *env_->calendar);
    }
    if (due.clock == nullptr || due.rung.due > work.now()) return absl::OkStatus();
    YK_RETURN_IF_ERROR(FireClock(work, loaded, cw::Clock(*due.clock), due.rung.rung, due.rung.due));
  }
}

}  // namespace yikou::intake
