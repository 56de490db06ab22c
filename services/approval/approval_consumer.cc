#include "services/approval/approval_consumer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/app/mirror.h"
#include "libs/app/reaction.h"
#include "libs/base/planted_bug.h"
#include "libs/base/status.h"
#include "libs/casework/clocks.h"

namespace yikou::approval {

using casework::v1::CaseFacts;
using casework::v1::Event;
using casework::v1::FieldRequest;
using casework::v1::Item;
using casework::v1::Offer;
using casework::v1::RestsOn;

namespace {

constexpr char kService[] = "approval";

// Value of the first column of a row, as this Work sees it: entries that share a Work have written
// what the store does not have yet.
absl::StatusOr<std::optional<store::Value>> FindRow(store::Work& work, const store::Table& table,
                                                    const std::string& key) {
  const std::vector<store::RowWrite>& rows = work.change().rows;
  const auto fresh = std::find_if(rows.rbegin(), rows.rend(), [&](const store::RowWrite& row) {
    return row.table == &table && row.keys.front() == store::Value(key);
  });
  if (fresh != rows.rend()) return fresh->values.front();
  YK_ASSIGN_OR_RETURN(
      auto stored,
      work.store()->Select(
          table, {.filters = {{table.keys.front(), store::Filter::Op::kEq, key}}, .limit = 1}));
  if (stored.empty()) return std::nullopt;
  return stored.front()[table.keys.size()];
}

bool IsHandover(const std::string& type) {
  return type == "intake.accepted" || type == "intake.accepted_tolerant" ||
         type == "intake.deemed_accepted";
}

bool IsAnswer(const std::string& type) {
  return type == "grid.field_signed" || type == "grid.field_reported" ||
         type == "grid.field_declined";
}

}  // namespace

absl::StatusOr<std::optional<CaseFacts>> FindHandover(store::Work& work,
                                                      const std::string& case_id) {
  YK_ASSIGN_OR_RETURN(const std::optional<store::Value> row, FindRow(work, kHandover, case_id));
  if (!row) return std::nullopt;
  const store::Blob* blob = std::get_if<store::Blob>(&*row);
  CaseFacts facts;
  if (blob == nullptr || !facts.ParseFromString(blob->bytes)) {
    return absl::DataLossError(absl::StrCat("The hand-over of case ", case_id, " cannot be read."));
  }
  return facts;
}

absl::Status ApprovalConsumer::React(store::Work& work, const Event& event) const {
  YK_ASSIGN_OR_RETURN(const bool reference, app::FoldReference(work, event));
  if (reference) return absl::OkStatus();
  if (IsHandover(event.type())) return TakeHandover(work, event);
  if (event.type() == "routing.offered" && event.offer().service() == kService) {
    return TakeOffer(work, event.offer());
  }
  if (IsAnswer(event.type())) return TakeAnswer(work, event);
  return absl::OkStatus();
}

absl::Status ApprovalConsumer::TakeHandover(store::Work& work, const Event& event) const {
  work.Put({.table = &kHandover,
            .mode = store::RowWrite::Mode::kUpsert,
            .keys = {event.case_id()},
            .values = {store::Blob{event.case_facts().SerializeAsString()}, event.version()}});
  return absl::OkStatus();
}

absl::Status ApprovalConsumer::TakeOffer(store::Work& work, const Offer& offer) const {
  switch (offer.purpose()) {
    case casework::v1::OFFER_PURPOSE_OPEN:
      return TakeOpening(work, offer);
    case casework::v1::OFFER_PURPOSE_STEP:
      return TakeStep(work, offer);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("Offer ", offer.offer_id(), " asks approval for something it does not do."));
  }
}

absl::Status ApprovalConsumer::TakeOpening(store::Work& work, const Offer& offer) const {
  YK_ASSIGN_OR_RETURN(v1::Process * process, LoadProcess(work, offer.case_id()));
  if (process != nullptr) {
    for (const v1::Branch& branch : process->branches()) {
      for (const v1::Step& step : branch.steps()) {
        if (step.offer_id() == offer.offer_id()) return absl::OkStatus();
      }
    }
    // Its step may have been offered on, and named another offer since.
    YK_ASSIGN_OR_RETURN(const auto signed_before, FindRow(work, kSignedOffer, offer.offer_id()));
    if (signed_before) return absl::OkStatus();
    return flow_->Decline(work, offer, "本件的审批过程已经建立");
  }
  YK_ASSIGN_OR_RETURN(const std::optional<CaseFacts> facts, FindHandover(work, offer.case_id()));
  if (!facts) {
    const RestsOn& on = offer.rests_on();
    return app::WaitFor(on.source(), on.aggregate_kind(), on.aggregate_id(), on.version());
  }
  const absl::StatusOr<Item> item = flow_->ItemOf(work, facts->item_code(), facts->item_version());
  if (absl::IsNotFound(item.status())) {
    return app::WaitFor("intake", "item", app::ItemId(facts->item_code(), facts->item_version()),
                        1);
  }
  YK_RETURN_IF_ERROR(item.status());
  return flow_->Open(work, offer, *facts, *item);
}

absl::Status ApprovalConsumer::TakeStep(store::Work& work, const Offer& offer) const {
  YK_ASSIGN_OR_RETURN(v1::Process * process, LoadProcess(work, offer.case_id()));
  if (process == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("Offer ", offer.offer_id(), " is for a step of a process never opened here."));
  }
  YK_ASSIGN_OR_RETURN(const auto already, FindRow(work, kSignedOffer, offer.offer_id()));
  const bool blind = base::Planted("sign_twice");
  if (already && !blind) return absl::OkStatus();
  YK_RETURN_IF_ERROR(flow_->ApplyDue(work, process).status());
  if (process->returned()) return flow_->Decline(work, offer, "本件已不在审批环节");
  const StepRef at = FindStep(process, offer.subject());
  const bool waits = at.step != nullptr && at.step->state() == casework::v1::STEP_STATE_OFFERED;
  if (!waits && !(blind && at.step != nullptr)) {
    return flow_->Decline(work, offer, "该环节不在等待移交");
  }
  YK_ASSIGN_OR_RETURN(const Item item, flow_->ItemOf(work, process->facts().item_code(),
                                                     process->facts().item_version()));
  flow_->PlaceStep(work, process, at, offer, item);
  return absl::OkStatus();
}

absl::Status ApprovalConsumer::TakeAnswer(store::Work& work, const Event& event) const {
  YK_ASSIGN_OR_RETURN(v1::Process * process, LoadProcess(work, event.case_id()));
  if (process == nullptr) return absl::OkStatus();
  FieldRequest* own = FindField(process, event.field().field_id());
  if (own == nullptr) return absl::OkStatus();
  YK_RETURN_IF_ERROR(flow_->ApplyDue(work, process).status());
  if (!FoldField(event.field(), own)) return absl::OkStatus();
  if (!IsOpen(*own)) {
    if (casework::v1::Clock* clock = casework::FindClock(
            process->mutable_clocks(), casework::v1::CLOCK_PURPOSE_FIELD, own->field_id())) {
      casework::StopClock(clock, work.now());
    }
  }
  *flow_->Emit(work, process, "approval.field_answered").mutable_field() = FieldFactsOf(*own);
  return absl::OkStatus();
}

absl::StatusOr<v1::Process*> ApprovalConsumer::LoadProcess(store::Work& work,
                                                           const std::string& case_id) const {
  absl::StatusOr<v1::Process*> process = work.Load<v1::Process>(flow_->kinds().process, case_id);
  if (absl::IsNotFound(process.status())) return nullptr;
  return process;
}

}  // namespace yikou::approval
