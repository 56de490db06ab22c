#include "services/routing/offer_rules.h"

#include "absl/strings/match.h"
#include "catch2/catch.hpp"
#include "libs/casework/errors.h"

namespace yikou::routing {
namespace {

namespace cw = casework::v1;

cw::Unit UnitOf(const std::string& id, cw::Tier tier) {
  cw::Unit unit;
  unit.set_unit_id(id);
  unit.set_tier(tier);
  unit.set_name("单位");
  return unit;
}

cw::Offer OfferTo(const std::string& unit) {
  cw::Offer offer;
  offer.set_offer_id("o1");
  offer.set_to_unit(unit);
  offer.set_state(cw::OFFER_STATE_OFFERED);
  offer.set_purpose(cw::OFFER_PURPOSE_STEP);
  return offer;
}

}  // namespace

TEST_CASE("an offer is left alone twice as long each time, an hour at most", "[offers]") {
  const absl::Duration minute = absl::Minutes(1);
  CHECK(LeaseAfter(1, minute) == minute);
  CHECK(LeaseAfter(2, minute) == absl::Minutes(2));
  CHECK(LeaseAfter(6, minute) == absl::Minutes(32));
  absl::Duration until_told;
  for (int attempts = 1; attempts <= kAttemptsMax; ++attempts) {
    until_told += LeaseAfter(attempts, absl::Minutes(5));
  }
  CHECK(until_told == absl::Minutes(75));
  CHECK(LeaseAfter(7, minute) == absl::Hours(1));
  CHECK(LeaseAfter(1'000'000, minute) == absl::Hours(1));
  // Whoever asks for more patience gets it.
  CHECK(LeaseAfter(3, absl::Hours(2)) == absl::Hours(2));
}

TEST_CASE("an offer without an answer is one that nobody took and nobody offers again",
          "[offers]") {
  cw::Offer offer = OfferTo("230108001");
  CHECK(IsOpen(offer));
  CHECK(IsUnanswered(offer));
  offer.mutable_lease_until()->set_seconds(1);
  CHECK_FALSE(IsUnanswered(offer));
  for (const cw::OfferState state : {cw::OFFER_STATE_RECEIVED, cw::OFFER_STATE_SIGNED,
                                     cw::OFFER_STATE_DECLINED, cw::OFFER_STATE_REVOKED}) {
    offer = OfferTo("230108001");
    offer.set_state(state);
    CHECK_FALSE(IsUnanswered(offer));
    CHECK(IsOpen(offer) == (state == cw::OFFER_STATE_RECEIVED));
  }
}

TEST_CASE("an offer goes to a unit of its district, never past one who has taken it", "[offers]") {
  const cw::Unit street = UnitOf("230108002", cw::TIER_STREET);
  CHECK(GuardRedirect(OfferTo("230108001"), street) == absl::OkStatus());
  CHECK(GuardRedirect(OfferTo("230108-hr"), street) == absl::OkStatus());
  CHECK(GuardRedirect(OfferTo("230108001"), UnitOf("230108-hr", cw::TIER_DISTRICT)).ok());
  // To the same unit: offered again at once.
  CHECK(GuardRedirect(OfferTo("230108002"), street) == absl::OkStatus());

  const auto refused = [](const cw::Offer& offer, const cw::Unit& to, absl::string_view word) {
    const absl::Status status = GuardRedirect(offer, to);
    INFO(status.ToString());
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(absl::StrContains(status.message(), word));
  };
  cw::Offer taken = OfferTo("230108001");
  taken.set_state(cw::OFFER_STATE_RECEIVED);
  refused(taken, street, "OFFER_STATE_RECEIVED");
  CHECK(casework::ReasonOf(GuardRedirect(taken, street)) == cw::ERROR_REASON_STATE_FORBIDS);
  cw::Offer field = OfferTo("230108001004");
  field.set_purpose(cw::OFFER_PURPOSE_FIELD);
  refused(field, street, "who asked for it");
  cw::Unit retired = street;
  retired.set_retired(true);
  refused(OfferTo("230108001"), retired, "takes no offers");
  refused(OfferTo("230108001"), UnitOf("230108001004-g01", cw::TIER_GRID), "takes no offers");
  refused(OfferTo("230108001"), UnitOf("230110001", cw::TIER_STREET), "authority ends there");
}

TEST_CASE("a redirected opening leads its route to the new unit and leaves the rest", "[offers]") {
  cw::Offer offer = OfferTo("230108001");
  PointAt("230108-hr", &offer);
  CHECK(offer.to_unit() == "230108-hr");
  CHECK(offer.tier() == cw::TIER_DISTRICT);
  CHECK_FALSE(offer.has_route());

  cw::Route* route = offer.mutable_route();
  route->set_lead_unit("230108-hr");
  cw::RouteBranch* branch = route->add_branches();
  branch->add_steps()->set_unit_id("230108-hr");
  branch->add_steps()->set_unit_id("230108-seal");
  route->add_branches()->add_steps()->set_unit_id("230108-hr");
  PointAt("230108001004", &offer);
  CHECK(offer.tier() == cw::TIER_COMMUNITY);
  CHECK(route->lead_unit() == "230108001004");
  CHECK(route->branches(0).steps(0).unit_id() == "230108001004");
  CHECK(route->branches(0).steps(0).tier() == cw::TIER_COMMUNITY);
  CHECK(route->branches(0).steps(1).unit_id() == "230108-seal");
  CHECK(route->branches(1).steps(0).unit_id() == "230108-hr");
}

}  // namespace yikou::routing
