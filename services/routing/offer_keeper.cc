#include "services/routing/offer_keeper.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/app/reaction.h"
#include "libs/base/log.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"
#include "services/routing/offer_rules.h"
#include "services/routing/routing_schema.h"

namespace yikou::routing {

namespace cw = casework::v1;
using cw::Event;
using cw::Offer;
using v1::Custody;

namespace {

constexpr char kStuckPrefix[] = "offer/";

absl::Status CheckRequest(const v1::RedirectOfferRequest& request) {
  casework::Violations violations;
  if (!casework::IsUnitId(request.to_unit())) {
    violations.Add("to_unit", "must be the id of a unit, such as 230108001.");
  }
  const std::string& reason = request.reason();
  if (!casework::IsCleanText(reason) || reason.empty() || casework::CountCharacters(reason) > 500) {
    violations.Add("reason", "must say in 1 to 500 characters why another unit takes it.");
  }
  return violations.ToStatus();
}

}  // namespace

Event& OfferKeeper::PutIntoQueue(store::Work& work, Offer* offer) const {
  const absl::Time until = env_->system_clock->Now() + LeaseAfter(offer->attempts(), lease_);
  *offer->mutable_lease_until() = casework::ToProto(until);
  Event& offered = work.Emit(kOffer, offer->offer_id(), "routing.offered", offer->case_id());
  work.AlsoTo(app::QueueStream(offer->tier(), offer->service()));
  offer->set_version(offered.version());
  *offered.mutable_offer() = *offer;
  return offered;
}

absl::Status OfferKeeper::OnDue(store::Work& work, const std::string& offer_id) const {
  YK_ASSIGN_OR_RETURN(Offer * offer, work.Load<Offer>(kOffer, offer_id));
  const bool waits = offer->state() == cw::OFFER_STATE_OFFERED && offer->has_lease_until();
  if (!waits || casework::FromProto(offer->lease_until()) > env_->system_clock->Now()) {
    return absl::OkStatus();
  }
  if (offer->attempts() < kAttemptsMax) {
    offer->set_attempts(offer->attempts() + 1);
    PutIntoQueue(work, offer);
    return absl::OkStatus();
  }
  offer->clear_lease_until();
  Event& unanswered = work.Emit(kOffer, offer_id, "routing.offer_unanswered", offer->case_id());
  offer->set_version(unanswered.version());
  *unanswered.mutable_offer() = *offer;
  base::LogWarning("offer.unanswered",
                   {{"offer", offer_id},
                    {"case_id", offer->case_id()},
                    {"queue", app::QueueStream(offer->tier(), offer->service())},
                    {"attempts", absl::StrCat(offer->attempts())}});
  return absl::OkStatus();
}

absl::StatusOr<store::Outcome<v1::RedirectOfferResponse>> OfferKeeper::RedirectOffer(
    const rpc::CallContext& context, const v1::RedirectOfferRequest& request) const {
  YK_RETURN_IF_ERROR(CheckRequest(request));
  YK_ASSIGN_OR_RETURN(const cw::Unit to, env_->reference->GetUnit(request.to_unit()));
  store::Work work = env_->WorkFor(context, request.request_id());
  absl::StatusOr<Offer*> loaded = work.Load<Offer>(kOffer, request.offer_id());
  if (absl::IsNotFound(loaded.status())) return casework::NotFound("移交", request.offer_id());
  YK_RETURN_IF_ERROR(loaded.status());
  Offer* offer = *loaded;
  YK_RETURN_IF_ERROR(GuardRedirect(*offer, to));
  YK_RETURN_IF_ERROR(
      app::CheckVersion("offer", request.expected_version(), offer->version(), {"RedirectOffer"}));

  PointAt(to.unit_id(), offer);
  offer->set_attempts(1);
  Event& offered = PutIntoQueue(work, offer);
  offered.set_reason(base::MaskPersonalData(request.reason()));
  work.Show(offered, to.unit_id());
  if (offer->has_route()) {
    YK_ASSIGN_OR_RETURN(Custody * itinerary, work.Load<Custody>(kItinerary, offer->case_id()));
    *itinerary->mutable_route() = offer->route();
    work.Touch(kItinerary, offer->case_id());
  }
  store::Outcome<v1::RedirectOfferResponse> outcome;
  *outcome.response.mutable_offer() = *offer;
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

absl::StatusOr<std::vector<cw::StuckEntry>> OfferKeeper::ListUnanswered(const std::string& after,
                                                                        int limit) const {
  store::Query query{.filters = {{"unanswered", store::Filter::Op::kEq, int64_t{1}}},
                     .scope = std::nullopt,
                     .limit = limit};
  absl::string_view last = after;
  if (absl::ConsumePrefix(&last, kStuckPrefix)) {
    query.after = std::string(last);
  } else if (after > kStuckPrefix) {
    return std::vector<cw::StuckEntry>();
  }
  YK_ASSIGN_OR_RETURN(const std::vector<store::Stored> found, env_->store->Find(kOffer, query));
  std::vector<cw::StuckEntry> entries;
  for (const store::Stored& stored : found) {
    Offer offer;
    if (!offer.ParseFromString(stored.body)) {
      return absl::DataLossError(absl::StrCat("The offer ", stored.id, " cannot be read."));
    }
    cw::StuckEntry& entry = entries.emplace_back();
    entry.set_stuck_id(absl::StrCat(kStuckPrefix, offer.offer_id()));
    entry.set_kind("unanswered");
    entry.set_stream(app::QueueStream(offer.tier(), offer.service()));
    entry.set_event_type("routing.offered");
    entry.set_case_id(offer.case_id());
    entry.set_offer_id(offer.offer_id());
    entry.set_attempts(offer.attempts());
    *entry.mutable_since() = offer.offered_at();
    entry.set_cause(absl::StrCat("nobody at ", offer.to_unit(), " has taken it from this queue"));
  }
  return entries;
}

absl::StatusOr<int64_t> OfferKeeper::CountUnanswered() const {
  return env_->store->Count(kOffer, {{"unanswered", store::Filter::Op::kEq, int64_t{1}}});
}

}  // namespace yikou::routing
