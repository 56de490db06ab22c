#include "services/intake/intake_consumer.h"

#include "libs/casework/application.h"
#include "libs/casework/clocks.h"
#include "services/intake/intake_rules.h"

namespace yikou::intake {

namespace cw = casework::v1;
using cw::CaseRecord;

absl::Status IntakeConsumer::React(store::Work& work, const cw::Event& event) const {
  YK_ASSIGN_OR_RETURN(const bool reference, app::FoldReference(work, event));
  if (reference) return absl::OkStatus();
  if (event.aggregate_kind() == "process") return MirrorApproval(work, event);
  if (event.aggregate_kind() == "grid_event") return MirrorGridEvent(work, event);
  if (event.aggregate_kind() == "custody") return FollowCustody(work, event);
  if (event.type() == "routing.offered" && event.offer().service() == "intake") {
    return TakeReturn(work, event);
  }
  return absl::OkStatus();
}

absl::Status IntakeConsumer::MirrorApproval(store::Work& work, const cw::Event& event) const {
  YK_ASSIGN_OR_RETURN(CaseRecord * view, work.Load<CaseRecord>(kinds_->view, event.case_id()));
  if (FoldOwner(event, view)) work.Touch(kinds_->view, event.case_id());
  return absl::OkStatus();
}

absl::Status IntakeConsumer::MirrorGridEvent(store::Work& work, const cw::Event& event) const {
  absl::StatusOr<CaseRecord*> view = work.Load<CaseRecord>(kinds_->view, event.case_id());
  if (absl::IsNotFound(view.status())) {
    const cw::CaseFacts& facts = event.case_facts();
    CaseRecord* opened = work.Create<CaseRecord>(kinds_->view, event.case_id());
    opened->set_case_id(event.case_id());
    opened->set_case_no(facts.case_no());
    opened->set_kind(facts.kind());
    opened->set_title(facts.title());
    opened->set_receiver_unit(facts.receiver_unit());
    opened->set_home_unit(facts.home_unit());
    opened->set_holder_unit(facts.receiver_unit());
    opened->set_channel(facts.channel());
    opened->set_owner("gridtask");
    opened->set_version(1);
    *opened->mutable_create_time() = event.occurred_at();
    FoldOwner(event, opened);
    return absl::OkStatus();
  }
  YK_RETURN_IF_ERROR(view.status());
  if (FoldOwner(event, *view)) work.Touch(kinds_->view, event.case_id());
  return absl::OkStatus();
}

absl::Status IntakeConsumer::FollowCustody(store::Work& work, const cw::Event& event) const {
  absl::StatusOr<CaseRecord*> view = work.Load<CaseRecord>(kinds_->view, event.case_id());
  // Routing may hear of a grid event before this envelope is open; the envelope starts with the
  // same holder.
  if (absl::IsNotFound(view.status())) return absl::OkStatus();
  YK_RETURN_IF_ERROR(view.status());
  (*view)->set_holder_unit(event.holder_unit());
  if (event.type() == "routing.custody_moved") (*view)->set_hops((*view)->hops() + 1);
  work.Touch(kinds_->view, event.case_id());
  return absl::OkStatus();
}

absl::Status IntakeConsumer::TakeReturn(store::Work& work, const cw::Event& event) const {
  YK_ASSIGN_OR_RETURN(CaseRecord * record, work.Load<CaseRecord>(kinds_->record, event.case_id()));
  YK_ASSIGN_OR_RETURN(CaseRecord * view, work.Load<CaseRecord>(kinds_->view, event.case_id()));
  // The offer came again: it was signed the first time.
  if (record->owner() == "intake") return absl::OkStatus();
  YK_ASSIGN_OR_RETURN(const casework::Transition* row,
                      casework::Find(casework::ApplicationTable(), "(arrive)", view->state()));
  record->set_state(row->to);
  record->set_owner("intake");
  *record->mutable_clocks() = view->clocks();
  record->set_decision(view->decision());
  record->set_licence_id(view->licence_id());
  record->set_outcome(view->outcome());
  *record->mutable_missing() = view->missing();
  record->set_worst_light(view->worst_light());
  // Redirected: another counter than was promised hands the result over.
  const std::string& counter =
      record->deliver_unit().empty() ? record->receiver_unit() : record->deliver_unit();
  if (event.offer().to_unit() != counter) record->set_deliver_unit(event.offer().to_unit());
  *record->mutable_update_time() = casework::ToProto(work.now());
  cw::Event& ready = work.Emit(kinds_->record, event.case_id(), row->event, event.case_id());
  record->set_version(ready.version());
  *ready.mutable_case_facts() = FactsOf(*record);
  ready.mutable_offer()->set_offer_id(event.offer().offer_id());
  ready.mutable_offer()->set_to_unit(event.offer().to_unit());
  ready.mutable_offer()->set_state(cw::OFFER_STATE_SIGNED);
  CopyOwn(*record, view);
  work.Touch(kinds_->view, event.case_id());
  return absl::OkStatus();
}

}  // namespace yikou::intake
