#include "services/approval/approval_flow.h"

#include <utility>

#include "libs/base/ids.h"
#include "libs/base/status.h"
#include "libs/casework/application.h"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"

namespace yikou::approval {

using casework::Transition;
using casework::v1::CaseFacts;
using casework::v1::Decision;
using casework::v1::Event;
using casework::v1::FieldRequest;
using casework::v1::Item;
using casework::v1::Offer;

namespace {

constexpr char kSystem[] = "system";

// What an event says of an offer it settles.
Offer Settled(const Offer& offer, casework::v1::OfferState state) {
  Offer settled;
  settled.set_offer_id(offer.offer_id());
  settled.set_case_id(offer.case_id());
  settled.set_kind(offer.kind());
  settled.set_purpose(offer.purpose());
  settled.set_subject(offer.subject());
  settled.set_to_unit(offer.to_unit());
  settled.set_state(state);
  return settled;
}

// Unit whose decision the licence states: the last step of the lead branch.
const std::string& DecidingUnit(const v1::Process& process) {
  return process.branches(0).steps().rbegin()->unit_id();
}

}  // namespace

ApprovalFlow::ApprovalFlow(const app::ServiceEnv* env, const SealRegister* seals)
    : env_(env), seals_(seals), kinds_(MakeKinds(env->calendar)) {}

absl::StatusOr<const Transition*> ApprovalFlow::Find(absl::string_view command,
                                                     const v1::Process& process) {
  return casework::Find(casework::ApplicationTable(), command, process.state());
}

absl::StatusOr<Item> ApprovalFlow::ItemOf(store::Work& work, const std::string& code,
                                          int version) const {
  absl::StatusOr<Item> item = env_->reference->GetItem(code, version);
  if (!absl::IsNotFound(item.status())) return item;
  // Published by an entry that shares this Work: the store does not have it yet.
  YK_ASSIGN_OR_RETURN(Item * fresh, work.Load<Item>(app::kItemKind, app::ItemId(code, version)));
  return *fresh;
}

Event& ApprovalFlow::Emit(store::Work& work, v1::Process* process, const std::string& type) const {
  const std::string& id = process->case_id();
  Event& event = work.Emit(kinds_.process, id, type, id);
  process->set_version(work.VersionOf(kinds_.process, id));
  *process->mutable_update_time() = casework::ToProto(work.now());
  *event.mutable_case_facts() = CaseFactsOf(*process);
  return event;
}

Event& ApprovalFlow::Advance(store::Work& work, v1::Process* process, const Transition& row) const {
  if (row.to != casework::v1::CASE_STATE_UNSPECIFIED) process->set_state(row.to);
  return Emit(work, process, row.event);
}

absl::Status ApprovalFlow::Open(store::Work& work, const Offer& offer, const CaseFacts& facts,
                                const Item& item) const {
  const casework::v1::Route& route = offer.route();
  YK_RETURN_IF_ERROR(CheckRoute(route));
  YK_ASSIGN_OR_RETURN(const Transition* opened,
                      casework::Find(casework::ApplicationTable(), "(open)", facts.state()));
  v1::Process* process = work.Create<v1::Process>(kinds_.process, offer.case_id());
  process->set_case_id(offer.case_id());
  process->set_placed(true);
  *process->mutable_create_time() = casework::ToProto(work.now());
  *process->mutable_facts() = facts;
  // State and clocks live in the process itself from here on.
  process->mutable_facts()->clear_state();
  process->mutable_facts()->clear_clocks();
  if (facts.deliver_unit().empty()) {
    process->mutable_facts()->set_deliver_unit(route.deliver_unit());
  }
  LayOut(route, process);
  TakeClocks(facts, work.now(), process);

  v1::Branch* lead = process->mutable_branches(0);
  v1::Step* first = lead->mutable_steps(0);
  first->set_offer_id(offer.offer_id());
  if (!route.decided_by_rule()) OpenStep(work, process, first, offer.offer_id(), item);
  Event& event = Advance(work, process, *opened);
  *event.mutable_offer() = Settled(offer, casework::v1::OFFER_STATE_SIGNED);
  work.Show(event, first->unit_id());
  if (route.decided_by_rule()) return DecideByRule(work, process, item);
  *event.mutable_step() = StepFactsOf(*lead, *first);
  for (int i = 1; i < process->branches_size(); ++i) {
    v1::Branch* branch = process->mutable_branches(i);
    OfferStep(work, process, {branch, branch->mutable_steps(0), 0});
  }
  return absl::OkStatus();
}

absl::Status ApprovalFlow::DecideByRule(store::Work& work, v1::Process* process,
                                        const Item& item) const {
  YK_ASSIGN_OR_RETURN(const Transition* begun, Find("(begin review)", *process));
  Event& event = Advance(work, process, *begun);
  for (v1::Branch& branch : *process->mutable_branches()) {
    branch.set_decision(casework::v1::DECISION_APPROVED);
    for (v1::Step& step : *branch.mutable_steps()) {
      step.set_state(casework::v1::STEP_STATE_DONE);
      step.set_decision(casework::v1::DECISION_APPROVED);
      step.set_decided_by(kSystem);
      // Nobody there has to act, but it is decided in their name.
      work.Show(event, step.unit_id());
    }
  }
  return ConcludeIfJoined(work, process, item);
}

void ApprovalFlow::OpenStep(store::Work& work, v1::Process* process, v1::Step* step,
                            const std::string& offer_id, const Item& item) const {
  step->set_state(casework::v1::STEP_STATE_OPEN);
  step->set_offer_id(offer_id);
  casework::v1::Clock* clock =
      casework::StartClock(process->mutable_clocks(), casework::v1::CLOCK_PURPOSE_STEP,
                           step->step_id(), StepLimit(item), *env_->calendar, work.now());
  if (process->state() == casework::v1::CASE_STATE_SUSPENDED) {
    casework::PauseClock(clock, work.now());
  }
  PutWork(work, *process, *step);
}

void ApprovalFlow::OfferStep(store::Work& work, v1::Process* process, const StepRef& at) const {
  at.step->set_state(casework::v1::STEP_STATE_OFFERED);
  // The offer that placed it before may come again.
  if (!at.step->offer_id().empty()) RememberSigned(work, *process, at.step->offer_id());
  at.step->clear_offer_id();
  Event& event = Emit(work, process, "approval.step_offered");
  *event.mutable_step() = StepFactsOf(*at.branch, *at.step);
  work.Show(event, at.step->unit_id());
}

void ApprovalFlow::PlaceStep(store::Work& work, v1::Process* process, const StepRef& at,
                             const Offer& offer, const Item& item) const {
  // An offer may have been redirected to another unit than approval asked for.
  if (!offer.to_unit().empty() && offer.to_unit() != at.step->unit_id()) {
    at.step->set_unit_id(offer.to_unit());
    at.step->set_tier(offer.tier());
  }
  OpenStep(work, process, at.step, offer.offer_id(), item);
  Event& event = Emit(work, process, "approval.step_placed");
  *event.mutable_step() = StepFactsOf(*at.branch, *at.step);
  *event.mutable_offer() = Settled(offer, casework::v1::OFFER_STATE_SIGNED);
  work.Show(event, at.step->unit_id());
  RememberSigned(work, *process, offer.offer_id());
}

void ApprovalFlow::RememberSigned(store::Work& work, const v1::Process& process,
                                  const std::string& offer_id) const {
  work.Put({.table = &kSignedOffer,
            .mode = store::RowWrite::Mode::kInsertOrIgnore,
            .keys = {offer_id},
            .values = {process.case_id()}});
}

absl::Status ApprovalFlow::Decline(store::Work& work, const Offer& offer,
                                   const std::string& reason) const {
  const std::string& id = offer.offer_id();
  const absl::Status known = work.Load<Offer>(kinds_.declined_offer, id).status();
  if (!absl::IsNotFound(known)) return known;
  Offer* declined = work.Create<Offer>(kinds_.declined_offer, id);
  *declined = Settled(offer, casework::v1::OFFER_STATE_DECLINED);
  declined->set_decline_reason(reason);
  Event& event = work.Emit(kinds_.declined_offer, id, "approval.offer_declined", offer.case_id());
  declined->set_version(event.version());
  event.set_reason(reason);
  *event.mutable_offer() = *declined;
  return absl::OkStatus();
}

void ApprovalFlow::PutWork(store::Work& work, const v1::Process& process,
                           const v1::Step& step) const {
  work.Put({.table = &kWork,
            .mode = store::RowWrite::Mode::kUpsert,
            .keys = {WorkKey(process.case_id(), step.step_id())},
            .values = {process.case_id(), step.unit_id(), int64_t{step.state()},
                       absl::ToUnixMicros(work.now())}});
}

void ApprovalFlow::DropWork(store::Work& work, const v1::Process& process,
                            const v1::Step& step) const {
  work.Put({.table = &kWork,
            .mode = store::RowWrite::Mode::kDelete,
            .keys = {WorkKey(process.case_id(), step.step_id())},
            .values = {}});
}

void ApprovalFlow::LeaveStep(store::Work& work, v1::Process* process, const v1::Step& step) const {
  DropWork(work, *process, step);
  if (casework::v1::Clock* clock = casework::FindClock(
          process->mutable_clocks(), casework::v1::CLOCK_PURPOSE_STEP, step.step_id())) {
    casework::StopClock(clock, work.now());
  }
}

void ApprovalFlow::HandTo(store::Work& work, v1::Process* process, const StepRef& to,
                          const v1::Step& from, const Item& item) const {
  if (to.step->unit_id() != from.unit_id()) return OfferStep(work, process, to);
  OpenStep(work, process, to.step, from.offer_id(), item);
  Event& event = Emit(work, process, "approval.step_placed");
  *event.mutable_step() = StepFactsOf(*to.branch, *to.step);
}

absl::Status ApprovalFlow::ConcludeIfJoined(store::Work& work, v1::Process* process,
                                            const Item& item) const {
  const Decision decision = Join(*process);
  if (decision == casework::v1::DECISION_UNSPECIFIED) return absl::OkStatus();
  return Conclude(work, process, item, decision);
}

absl::Status ApprovalFlow::Conclude(store::Work& work, v1::Process* process, const Item& item,
                                    Decision decision) const {
  YK_ASSIGN_OR_RETURN(const Transition* decided, Find("(decide)", *process));
  CancelSteps(work, process);
  process->set_decision(decision);
  EndClocks(process, work.now());
  Advance(work, process, *decided);
  if (decision == casework::v1::DECISION_APPROVED && item.has_licence()) {
    YK_RETURN_IF_ERROR(Issue(work, process, item));
  }
  return Return(work, process, work.now());
}

absl::Status ApprovalFlow::Issue(store::Work& work, v1::Process* process, const Item& item) const {
  const std::string& seal_id = item.licence().seal_id();
  YK_RETURN_IF_ERROR(seals_->Check(seal_id, item.code()));
  const std::string licence_id = base::NewId(work.now());
  const std::string text =
      LicenceText(item, *process, licence_id, env_->reference->NameOf(DecidingUnit(*process)),
                  casework::Calendar::DayOf(work.now()));
  YK_ASSIGN_OR_RETURN(SealUse use, seals_->Seal(seal_id, text));

  v1::Licence* licence = work.Create<v1::Licence>(kinds_.licence, licence_id);
  licence->set_licence_id(licence_id);
  licence->set_case_id(process->case_id());
  licence->set_title(item.licence().title());
  licence->set_document(text);
  licence->set_document_digest(base::ToHex(casework::Digest(text)));
  licence->set_seal_id(seal_id);
  licence->set_signer_person(work.context().actor.person_id());
  *licence->mutable_sealed_at() = casework::ToProto(work.now());
  licence->set_algorithm(use.algorithm);
  licence->set_signature(std::move(use.signature));
  licence->set_public_key(std::move(use.public_key));
  licence->set_state(casework::v1::LICENCE_STATE_VALID);
  Event& event = work.Emit(kinds_.licence, licence_id, "approval.sealed", process->case_id());
  licence->set_version(work.VersionOf(kinds_.licence, licence_id));
  casework::v1::LicenceFacts* facts = event.mutable_licence();
  facts->set_licence_id(licence_id);
  facts->set_seal_id(seal_id);
  facts->set_document_digest(licence->document_digest());
  facts->set_algorithm(licence->algorithm());
  facts->set_state(licence->state());

  YK_ASSIGN_OR_RETURN(const Transition* issued, Find("(issue)", *process));
  process->set_licence_id(licence_id);
  *Advance(work, process, *issued).mutable_licence() = *facts;
  return absl::OkStatus();
}

absl::Status ApprovalFlow::Return(store::Work& work, v1::Process* process, absl::Time at) const {
  YK_ASSIGN_OR_RETURN(const Transition* returned, Find("(return)", *process));
  process->set_returned(true);
  Event& event = Advance(work, process, *returned);
  *event.mutable_occurred_at() = casework::ToProto(at);
  work.Show(event, process->facts().deliver_unit());
  return absl::OkStatus();
}

absl::Status ApprovalFlow::End(store::Work& work, v1::Process* process, const Transition& row,
                               absl::Time at, const std::string& reason) const {
  CancelSteps(work, process);
  EndClocks(process, at);
  Event& event = Advance(work, process, row);
  *event.mutable_occurred_at() = casework::ToProto(at);
  event.set_reason(reason);
  CancelFields(work, process, at);
  return Return(work, process, at);
}

void ApprovalFlow::EndClocks(v1::Process* process, absl::Time at) const {
  casework::StopAll(process->mutable_clocks(), at);
  casework::StartClock(process->mutable_clocks(), casework::v1::CLOCK_PURPOSE_DELIVERY, "",
                       DeliveryLimit(), *env_->calendar, at);
}

void ApprovalFlow::CancelSteps(store::Work& work, v1::Process* process) const {
  for (v1::Branch& branch : *process->mutable_branches()) {
    for (v1::Step& step : *branch.mutable_steps()) {
      if (IsLive(step)) DropWork(work, *process, step);
      if (step.state() != casework::v1::STEP_STATE_DONE) {
        step.set_state(casework::v1::STEP_STATE_CANCELLED);
      }
    }
  }
}

void ApprovalFlow::CancelFields(store::Work& work, v1::Process* process, absl::Time at) const {
  for (FieldRequest& field : *process->mutable_fields()) {
    if (!IsOpen(field)) continue;
    field.set_state(casework::v1::FIELD_STATE_CANCELLED);
    Event& event = Emit(work, process, "approval.field_cancelled");
    *event.mutable_occurred_at() = casework::ToProto(at);
    *event.mutable_field() = FieldFactsOf(field);
  }
}

absl::StatusOr<bool> ApprovalFlow::ApplyDue(store::Work& work, v1::Process* process) const {
  if (process->returned()) return false;
  const casework::Calendar& calendar = *env_->calendar;
  const casework::v1::Clock* supplement =
      casework::FindClock(process->clocks(), casework::v1::CLOCK_PURPOSE_SUPPLEMENT);
  // The end that a missed supplement makes comes before everything due after it.
  const absl::Time until =
      supplement ? std::min(work.now(), casework::Deadline(*supplement, calendar)) : work.now();
  bool any = false;
  for (;;) {
    const casework::DueClock due = casework::EarliestRung(process->mutable_clocks(), calendar);
    if (due.clock == nullptr || due.rung.due > until) return any;
    any = true;
    const casework::DueRung rung = casework::HighestDue(*due.clock, calendar, until);
    if (due.clock == supplement && rung.rung >= casework::v1::RUNG_SUPERVISE) {
      YK_ASSIGN_OR_RETURN(const Transition* returned, Find("(SUPPLEMENT)", *process));
      YK_RETURN_IF_ERROR(End(work, process, *returned, rung.due, "承诺补交的材料逾期未补交"));
      return true;
    }
    casework::ClaimRung(due.clock, rung.rung, rung.due);
    casework::v1::RungFacts facts;
    facts.set_purpose(due.clock->purpose());
    facts.set_subject(due.clock->subject());
    facts.set_rung(rung.rung);
    facts.set_light(rung.rung == casework::v1::RUNG_REMIND ? casework::v1::LIGHT_YELLOW
                                                           : casework::v1::LIGHT_RED);
    Event& event = Emit(work, process, "clock.rung");
    *event.mutable_occurred_at() = casework::ToProto(rung.due);
    *event.mutable_rung() = facts;
  }
}

}  // namespace yikou::approval
