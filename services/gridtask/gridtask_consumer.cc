#include "services/gridtask/gridtask_consumer.h"

#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "libs/app/mirror.h"
#include "libs/app/reaction.h"
#include "libs/casework/clocks.h"
#include "services/gridtask/gridtask_rules.h"

namespace yikou::gridtask {
namespace {

namespace cw = casework::v1;

// A row of field_fact.
struct FieldFact {
  std::string case_no;
  cw::FieldRequest field;
};

absl::StatusOr<FieldFact> FactOf(const std::string& task_id, const store::Value& case_no,
                                 const store::Value& field) {
  FieldFact fact;
  fact.case_no = std::get<std::string>(case_no);
  if (!fact.field.ParseFromString(std::get<store::Blob>(field).bytes)) {
    return absl::DataLossError(absl::StrCat("The field request ", task_id, " cannot be read."));
  }
  return fact;
}

// What approval said of a request; nothing when it has not said anything yet.
absl::StatusOr<std::optional<FieldFact>> FindFact(store::Work& work, const std::string& task_id) {
  // The request and its offer may come in one batch: what this Work has put is not stored yet.
  const std::vector<store::RowWrite>& rows = work.change().rows;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (row->table == &kFieldFact && row->keys[0] == store::Value(task_id)) {
      return FactOf(task_id, row->values[0], row->values[1]);
    }
  }
  store::Query query;
  query.filters = {{"task_id", store::Filter::Op::kEq, task_id}};
  query.limit = 1;
  YK_ASSIGN_OR_RETURN(auto found, work.store()->Select(kFieldFact, query));
  if (found.empty()) return std::optional<FieldFact>();
  return FactOf(task_id, found[0][1], found[0][2]);
}

// The unstopped clock whose highest due rung came due first.
casework::DueClock FirstDue(casework::ClockList* clocks, const casework::Calendar& calendar,
                            absl::Time now) {
  casework::DueClock first;
  for (cw::Clock& clock : *clocks) {
    const casework::DueRung rung = casework::HighestDue(clock, calendar, now);
    if (rung.rung != cw::RUNG_UNSPECIFIED && rung.due < first.rung.due) first = {&clock, rung};
  }
  return first;
}

// Claims the rungs that are due; `fill` adds the aggregate's own facts to each event.
template <class Message, class Fill>
void ClaimDue(store::Work& work, const store::AggregateKind& kind, const std::string& id,
              Message* message, const casework::Calendar& calendar, Fill fill) {
  for (;;) {
    const casework::DueClock due = FirstDue(message->mutable_clocks(), calendar, work.now());
    if (due.clock == nullptr) return;
    casework::ClaimRung(due.clock, due.rung.rung, due.rung.due);
    cw::Event& event = work.Emit(kind, id, "clock.rung", message->case_id());
    *event.mutable_occurred_at() = casework::ToProto(due.rung.due);
    cw::RungFacts* rung = event.mutable_rung();
    rung->set_purpose(due.clock->purpose());
    rung->set_subject(due.clock->subject());
    rung->set_rung(due.rung.rung);
    rung->set_light(due.rung.rung == cw::RUNG_REMIND ? cw::LIGHT_YELLOW : cw::LIGHT_RED);
    message->set_version(event.version());
    fill(event);
  }
}

}  // namespace

cw::Event& EmitField(store::Work& work, const Kinds& kinds, v1::FieldTask* task,
                     const std::string& type, cw::OfferState offer) {
  cw::Event& event = work.Emit(kinds.field_task, task->task_id(), type, task->case_id());
  task->set_version(event.version());
  *event.mutable_field() = FieldFactsOf(*task);
  event.set_reason(task->field().decline_reason());
  if (offer == cw::OFFER_STATE_UNSPECIFIED) return event;
  event.mutable_offer()->set_offer_id(task->offer_id());
  event.mutable_offer()->set_case_id(task->case_id());
  event.mutable_offer()->set_purpose(cw::OFFER_PURPOSE_FIELD);
  event.mutable_offer()->set_subject(task->field().field_id());
  event.mutable_offer()->set_state(offer);
  event.mutable_offer()->set_decline_reason(task->field().decline_reason());
  return event;
}

absl::Status GridTaskConsumer::React(store::Work& work, const cw::Event& event) const {
  YK_ASSIGN_OR_RETURN(const bool reference, app::FoldReference(work, event));
  if (reference) return absl::OkStatus();
  if (event.type() == "approval.field_requested") {
    KeepFact(work, event, cw::FIELD_STATE_REQUESTED);
  }
  if (event.type() == "approval.field_cancelled") return Cancel(work, event);
  if (event.type() == "routing.offered") return TakeOffer(work, event);
  return absl::OkStatus();
}

void GridTaskConsumer::KeepFact(store::Work& work, const cw::Event& event,
                                cw::FieldState state) const {
  cw::FieldRequest field = event.field();
  field.set_state(state);
  work.Put({.table = &kFieldFact,
            .mode = store::RowWrite::Mode::kUpsert,
            .keys = {FieldTaskId(event.case_id(), field.field_id())},
            .values = {event.case_facts().case_no(), store::Blob{store::StableBytes(field)},
                       event.version()}});
}

absl::Status GridTaskConsumer::TakeOffer(store::Work& work, const cw::Event& event) const {
  const cw::Offer& offer = event.offer();
  if (offer.service() != "gridtask" || offer.purpose() != cw::OFFER_PURPOSE_FIELD) {
    return absl::OkStatus();
  }
  const std::string id = FieldTaskId(offer.case_id(), offer.subject());
  const auto existing = work.Load<v1::FieldTask>(kinds_->field_task, id);
  if (existing.ok()) return absl::OkStatus();
  if (!absl::IsNotFound(existing.status())) return existing.status();
  YK_ASSIGN_OR_RETURN(const std::optional<FieldFact> fact, FindFact(work, id));
  if (!fact) {
    const cw::RestsOn& on = offer.rests_on();
    return app::WaitFor(on.source(), on.aggregate_kind(), on.aggregate_id(), on.version());
  }
  // Taken back before it got here; routing revokes the offer by approval's event.
  if (fact->field.state() == cw::FIELD_STATE_CANCELLED) return absl::OkStatus();

  auto* task = work.Create<v1::FieldTask>(kinds_->field_task, id);
  task->set_task_id(id);
  task->set_case_id(offer.case_id());
  task->set_case_no(fact->case_no);
  *task->mutable_field() = fact->field;
  task->mutable_field()->set_state(cw::FIELD_STATE_RECEIVED);
  task->set_offer_id(offer.offer_id());
  *task->mutable_create_time() = casework::ToProto(work.now());
  casework::StartClock(task->mutable_clocks(), cw::CLOCK_PURPOSE_FIELD, offer.subject(),
                       FieldLimit(), *calendar_, work.now());
  cw::Event& received =
      EmitField(work, *kinds_, task, "grid.field_received", cw::OFFER_STATE_RECEIVED);
  work.Show(received, task->field().unit_id());
  return absl::OkStatus();
}

absl::Status GridTaskConsumer::Cancel(store::Work& work, const cw::Event& event) const {
  KeepFact(work, event, cw::FIELD_STATE_CANCELLED);
  const std::string id = FieldTaskId(event.case_id(), event.field().field_id());
  const auto loaded = work.Load<v1::FieldTask>(kinds_->field_task, id);
  if (absl::IsNotFound(loaded.status())) return absl::OkStatus();
  YK_RETURN_IF_ERROR(loaded.status());
  v1::FieldTask* task = *loaded;
  const auto row = AllowedFieldCommand("(cancel)", task->field().state());
  // Answered, declined or cancelled meanwhile: approval hears of that by our own event.
  if (!row.ok()) return absl::OkStatus();
  YK_RETURN_IF_ERROR(OnDue(work, kinds_->field_task, id));
  casework::StopAll(task->mutable_clocks(), work.now());
  task->mutable_field()->set_state((*row)->to);
  EmitField(work, *kinds_, task, (*row)->event, cw::OFFER_STATE_UNSPECIFIED);
  return absl::OkStatus();
}

absl::Status GridTaskConsumer::OnDue(store::Work& work, const store::AggregateKind& kind,
                                     const std::string& id) const {
  if (kind.name == kinds_->grid_event.name) {
    YK_ASSIGN_OR_RETURN(v1::GridEvent * event, work.Load<v1::GridEvent>(kind, id));
    ClaimDue(work, kind, id, event, *calendar_,
             [event](cw::Event& said) { *said.mutable_case_facts() = FactsOf(*event); });
  } else if (kind.name == kinds_->field_task.name) {
    YK_ASSIGN_OR_RETURN(v1::FieldTask * task, work.Load<v1::FieldTask>(kind, id));
    ClaimDue(work, kind, id, task, *calendar_,
             [task](cw::Event& said) { *said.mutable_field() = FieldFactsOf(*task); });
  }
  return absl::OkStatus();
}

}  // namespace yikou::gridtask
