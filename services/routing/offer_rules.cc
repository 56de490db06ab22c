#include "services/routing/offer_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/casework/errors.h"
#include "libs/casework/units.h"

namespace yikou::routing {

namespace cw = casework::v1;
using cw::Offer;

namespace {

constexpr absl::Duration kLongestLease = absl::Hours(1);

casework::Error Refused(absl::string_view guard, const std::string& sentence) {
  return casework::Error(absl::StatusCode::kFailedPrecondition, cw::ERROR_REASON_GUARD_FAILED,
                         sentence)
      .With("guard", guard);
}

}  // namespace

absl::Duration LeaseAfter(int attempts, absl::Duration first) {
  absl::Duration lease = first;
  for (int i = 1; i < attempts && lease < kLongestLease; ++i) lease *= 2;
  return std::min(lease, std::max(first, kLongestLease));
}

cw::Tier QueueTierOf(const std::string& unit_id) {
  return std::min(casework::TierOf(unit_id), cw::TIER_COMMUNITY);
}

bool IsOpen(const Offer& offer) {
  return offer.state() == cw::OFFER_STATE_OFFERED || offer.state() == cw::OFFER_STATE_RECEIVED;
}

bool IsUnanswered(const Offer& offer) {
  return offer.state() == cw::OFFER_STATE_OFFERED && !offer.has_lease_until();
}

absl::Status GuardRedirect(const Offer& offer, const cw::Unit& to) {
  if (offer.state() != cw::OFFER_STATE_OFFERED) {
    return casework::Error(absl::StatusCode::kFailedPrecondition, cw::ERROR_REASON_STATE_FORBIDS,
                           absl::StrCat("The offer ", offer.offer_id(),
                                        " is in " + cw::OfferState_Name(offer.state()),
                                        ": only one that nobody has taken can be redirected."))
        .With("state", cw::OfferState_Name(offer.state()));
  }
  if (offer.purpose() == cw::OFFER_PURPOSE_FIELD) {
    return Refused(
        "redirect.field",
        "A look on the spot is redirected by who asked for it: take the request back and "
        "ask another unit.");
  }
  if (to.retired() || to.tier() == cw::TIER_GRID) {
    return Refused("redirect.unit",
                   absl::StrCat("The unit ", to.unit_id(), " (", to.name(),
                                ") takes no offers: name a district, street, community, or a body "
                                "of one, that is not retired."));
  }
  const std::string district = casework::DivisionAt(offer.to_unit(), cw::TIER_DISTRICT);
  if (casework::DivisionAt(to.unit_id(), cw::TIER_DISTRICT) != district) {
    return Refused("redirect.district",
                   absl::StrCat("The offer is to a unit of district ", district, ", and ",
                                to.unit_id(), " is of another: authority ends there."));
  }
  return absl::OkStatus();
}

void PointAt(const std::string& unit_id, Offer* offer) {
  offer->set_to_unit(unit_id);
  offer->set_tier(QueueTierOf(unit_id));
  if (!offer->has_route() || offer->route().branches().empty()) return;
  cw::Route* route = offer->mutable_route();
  route->set_lead_unit(unit_id);
  if (route->branches(0).steps().empty()) return;
  cw::RouteStep* first = route->mutable_branches(0)->mutable_steps(0);
  first->set_unit_id(unit_id);
  first->set_tier(offer->tier());
}

}  // namespace yikou::routing
