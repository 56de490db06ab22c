#include "services/routing/routing_consumer.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"
#include "libs/casework/placement.h"
#include "services/routing/offer_rules.h"
#include "services/routing/routing_schema.h"

namespace yikou::routing {

namespace cw = casework::v1;
using cw::Event;
using cw::Offer;
using v1::Custody;

namespace {

// The id of an offer follows from what it rests on, so making it twice is found out.
std::string OfferId(const Event& event, const std::string& subject) {
  return base::ToHex(casework::Digest(absl::StrCat(event.event_id(), "\n", subject))).substr(0, 32);
}

// The item as this Work sees it: an entry that shares the Work may have published it, and then the
// store does not have it yet.
absl::StatusOr<cw::Item> ItemOf(store::Work& work, app::Reference* reference,
                                const cw::CaseFacts& facts) {
  absl::StatusOr<cw::Item> item = reference->GetItem(facts.item_code(), facts.item_version());
  if (!absl::IsNotFound(item.status())) return item;
  YK_ASSIGN_OR_RETURN(
      cw::Item * fresh,
      work.Load<cw::Item>(app::kItemKind, app::ItemId(facts.item_code(), facts.item_version())));
  return *fresh;
}

bool IsHandOver(const std::string& type) {
  return type == "intake.accepted" || type == "intake.accepted_tolerant" ||
         type == "intake.deemed_accepted";
}

void Revoke(store::Work& work, Offer* offer) {
  offer->set_state(cw::OFFER_STATE_REVOKED);
  offer->clear_lease_until();
  *offer->mutable_settled_at() = casework::ToProto(work.now());
  Event& revoked = work.Emit(kOffer, offer->offer_id(), "routing.offer_revoked", offer->case_id());
  offer->set_version(revoked.version());
  *revoked.mutable_offer() = *offer;
}

bool IsEnd(const std::string& type) {
  return type == "intake.refused" || type == "intake.withdrawn" || type == "case.closed" ||
         type == "grid.closed" || type == "grid.not_registered";
}

}  // namespace

absl::Status RoutingConsumer::React(store::Work& work, const Event& event) const {
  const std::string& type = event.type();
  if (type == "intake.received" || type == "grid.reported") return OpenCustody(work, event);
  if (IsHandOver(type)) return OfferOpening(work, event);
  if (type == "approval.step_offered") return OfferStep(work, event);
  if (type == "approval.field_requested") return OfferField(work, event);
  if (type == "approval.field_cancelled") return RevokeField(work, event);
  if (type == "approval.returned") return OfferReturn(work, event);
  if (IsEnd(type)) return End(work, event);
  if (event.source() != "routing" && !event.offer().offer_id().empty()) return Settle(work, event);
  // Routing keeps the items it pins routes with, as every service does.
  return app::FoldReference(work, event).status();
}

absl::Status RoutingConsumer::OpenCustody(store::Work& work, const Event& event) const {
  const std::string& case_id = event.case_id();
  Custody* custody = work.Create<Custody>(kCustody, case_id);
  custody->set_case_id(case_id);
  custody->set_holder_unit(event.case_facts().receiver_unit());
  Custody* itinerary = work.Create<Custody>(kItinerary, case_id);
  itinerary->set_case_id(case_id);
  *itinerary->mutable_facts() = event.case_facts();
  Event& opened = work.Emit(kCustody, case_id, "routing.custody_opened", case_id);
  custody->set_version(opened.version());
  opened.set_holder_unit(custody->holder_unit());
  work.Show(opened, custody->holder_unit());
  return absl::OkStatus();
}

absl::Status RoutingConsumer::MakeOffer(store::Work& work, const Event& event, Custody* itinerary,
                                        cw::OfferKind kind, cw::OfferPurpose purpose,
                                        const std::string& to_unit, const std::string& service,
                                        const std::string& subject) const {
  YK_ASSIGN_OR_RETURN(const Custody* custody, work.Load<Custody>(kCustody, event.case_id()));
  const std::string id = OfferId(event, subject);
  Offer* offer = work.Create<Offer>(kOffer, id);
  offer->set_offer_id(id);
  offer->set_case_id(event.case_id());
  offer->set_case_no(itinerary->facts().case_no());
  offer->set_kind(kind);
  offer->set_purpose(purpose);
  offer->set_from_unit(custody->holder_unit());
  offer->set_to_unit(to_unit);
  offer->set_tier(QueueTierOf(to_unit));
  offer->set_service(service);
  offer->set_state(cw::OFFER_STATE_OFFERED);
  offer->set_subject(subject);
  offer->set_attempts(1);
  *offer->mutable_offered_at() = casework::ToProto(work.now());
  offer->mutable_rests_on()->set_source(event.source());
  offer->mutable_rests_on()->set_aggregate_kind(event.aggregate_kind());
  offer->mutable_rests_on()->set_aggregate_id(event.aggregate_id());
  offer->mutable_rests_on()->set_version(event.version());
  if (kind == cw::OFFER_KIND_CUSTODY) {
    itinerary->set_open_offer_id(id);
  } else {
    itinerary->add_assignment_offer_ids(id);
  }
  if (purpose == cw::OFFER_PURPOSE_OPEN) *offer->mutable_route() = itinerary->route();
  work.Show(keeper_->PutIntoQueue(work, offer), to_unit);
  work.Touch(kItinerary, event.case_id());
  return absl::OkStatus();
}

absl::Status RoutingConsumer::OfferOpening(store::Work& work, const Event& event) const {
  const cw::CaseFacts& facts = event.case_facts();
  const absl::StatusOr<cw::Item> item = ItemOf(work, env_->reference, facts);
  if (absl::IsNotFound(item.status())) {
    return app::WaitFor("intake", "item", app::ItemId(facts.item_code(), facts.item_version()), 1);
  }
  YK_RETURN_IF_ERROR(item.status());
  YK_ASSIGN_OR_RETURN(Custody * itinerary, work.Load<Custody>(kItinerary, event.case_id()));
  *itinerary->mutable_facts() = facts;
  // The rules in force when the case was received are those the counter promised by.
  YK_ASSIGN_OR_RETURN(
      *itinerary->mutable_route(),
      casework::ResolveRoute(*item, facts.receiver_unit(), facts.home_unit(),
                             casework::Calendar::DayOf(casework::FromProto(facts.received_at()))));
  return MakeOffer(work, event, itinerary, cw::OFFER_KIND_CUSTODY, cw::OFFER_PURPOSE_OPEN,
                   itinerary->route().lead_unit(), "approval", "");
}

absl::Status RoutingConsumer::OfferStep(store::Work& work, const Event& event) const {
  YK_ASSIGN_OR_RETURN(Custody * itinerary, work.Load<Custody>(kItinerary, event.case_id()));
  // One branch moves the whole case; parallel branches are parts, and the lead unit keeps it.
  const cw::OfferKind kind =
      itinerary->route().branches_size() == 1 ? cw::OFFER_KIND_CUSTODY : cw::OFFER_KIND_ASSIGNMENT;
  return MakeOffer(work, event, itinerary, kind, cw::OFFER_PURPOSE_STEP, event.step().unit_id(),
                   "approval", event.step().step_id());
}

absl::Status RoutingConsumer::OfferField(store::Work& work, const Event& event) const {
  YK_ASSIGN_OR_RETURN(Custody * itinerary, work.Load<Custody>(kItinerary, event.case_id()));
  return MakeOffer(work, event, itinerary, cw::OFFER_KIND_ASSIGNMENT, cw::OFFER_PURPOSE_FIELD,
                   event.field().unit_id(), "gridtask", event.field().field_id());
}

absl::Status RoutingConsumer::RevokeField(store::Work& work, const Event& event) const {
  YK_ASSIGN_OR_RETURN(const Custody* itinerary, work.Load<Custody>(kItinerary, event.case_id()));
  for (const std::string& id : itinerary->assignment_offer_ids()) {
    YK_ASSIGN_OR_RETURN(Offer * offer, work.Load<Offer>(kOffer, id));
    const bool asked =
        offer->purpose() == cw::OFFER_PURPOSE_FIELD && offer->subject() == event.field().field_id();
    if (asked && IsOpen(*offer)) Revoke(work, offer);
  }
  return absl::OkStatus();
}

absl::Status RoutingConsumer::OfferReturn(store::Work& work, const Event& event) const {
  YK_ASSIGN_OR_RETURN(Custody * itinerary, work.Load<Custody>(kItinerary, event.case_id()));
  *itinerary->mutable_facts() = event.case_facts();
  // Whatever is still open belongs to a process that is over: its sender takes it back.
  std::vector<std::string> open_offers(itinerary->assignment_offer_ids().begin(),
                                       itinerary->assignment_offer_ids().end());
  if (!itinerary->open_offer_id().empty()) open_offers.push_back(itinerary->open_offer_id());
  for (const std::string& id : open_offers) {
    YK_ASSIGN_OR_RETURN(Offer * open, work.Load<Offer>(kOffer, id));
    if (IsOpen(*open)) Revoke(work, open);
  }
  itinerary->clear_assignment_offer_ids();
  const std::string& counter = itinerary->facts().deliver_unit().empty()
                                   ? itinerary->facts().receiver_unit()
                                   : itinerary->facts().deliver_unit();
  return MakeOffer(work, event, itinerary, cw::OFFER_KIND_CUSTODY, cw::OFFER_PURPOSE_RETURN,
                   counter, "intake", "");
}

absl::Status RoutingConsumer::Settle(store::Work& work, const Event& event) const {
  YK_ASSIGN_OR_RETURN(Offer * offer, work.Load<Offer>(kOffer, event.offer().offer_id()));
  // Settled before: a branch that signs after its offer was revoked changes nothing here.
  if (!IsOpen(*offer) || offer->state() == event.offer().state()) return absl::OkStatus();
  // Redirected while it was on its way: who took it is whom it was for.
  const std::string& taken_at = event.offer().to_unit();
  if (!taken_at.empty() && taken_at != offer->to_unit()) PointAt(taken_at, offer);
  offer->set_state(event.offer().state());
  offer->clear_lease_until();
  offer->set_decline_reason(event.offer().decline_reason());
  const bool received = offer->state() == cw::OFFER_STATE_RECEIVED;
  if (!received) *offer->mutable_settled_at() = event.occurred_at();
  const char* type = received                                   ? "routing.offer_received"
                     : offer->state() == cw::OFFER_STATE_SIGNED ? "routing.offer_signed"
                                                                : "routing.offer_declined";
  Event& settled = work.Emit(kOffer, offer->offer_id(), type, offer->case_id());
  offer->set_version(settled.version());
  settled.set_reason(offer->decline_reason());
  *settled.mutable_offer() = *offer;
  if (offer->kind() != cw::OFFER_KIND_CUSTODY || received) return absl::OkStatus();
  YK_ASSIGN_OR_RETURN(Custody * itinerary, work.Load<Custody>(kItinerary, offer->case_id()));
  if (itinerary->open_offer_id() == offer->offer_id()) itinerary->clear_open_offer_id();
  if (offer->has_route()) *itinerary->mutable_route() = offer->route();
  work.Touch(kItinerary, offer->case_id());
  if (offer->state() != cw::OFFER_STATE_SIGNED) return absl::OkStatus();
  YK_ASSIGN_OR_RETURN(Custody * custody, work.Load<Custody>(kCustody, offer->case_id()));
  v1::Hop* hop = custody->add_hops();
  hop->set_from_unit(offer->from_unit());
  hop->set_to_unit(offer->to_unit());
  hop->set_offer_id(offer->offer_id());
  hop->set_stream(app::QueueStream(offer->tier(), offer->service()));
  custody->set_holder_unit(offer->to_unit());
  Event& moved = work.Emit(kCustody, offer->case_id(), "routing.custody_moved", offer->case_id());
  custody->set_version(moved.version());
  moved.set_holder_unit(custody->holder_unit());
  work.Show(moved, custody->holder_unit());
  return absl::OkStatus();
}

absl::Status RoutingConsumer::End(store::Work& work, const Event& event) const {
  YK_ASSIGN_OR_RETURN(Custody * custody, work.Load<Custody>(kCustody, event.case_id()));
  custody->set_ended(true);
  Event& ended = work.Emit(kCustody, event.case_id(), "routing.custody_ended", event.case_id());
  custody->set_version(ended.version());
  ended.set_holder_unit(custody->holder_unit());
  return absl::OkStatus();
}

}  // namespace yikou::routing
