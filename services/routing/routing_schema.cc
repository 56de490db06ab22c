#include "services/routing/routing_schema.h"

#include "libs/app/mirror.h"
#include "libs/casework/clocks.h"
#include "services/routing/offer_rules.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> routing_schema();
}  // namespace yikou::sql

namespace yikou::routing {

using casework::v1::Offer;
using google::protobuf::Message;
using store::Value;

const store::AggregateKind kOffer{
    .name = "offer",
    .table = "offer",
    .columns = {"case_id", "state", "to_unit", "unanswered"},
    .extract =
        [](const Message& message) {
          const auto& offer = static_cast<const Offer&>(message);
          return std::vector<Value>{offer.case_id(), int64_t{offer.state()}, offer.to_unit(),
                                    int64_t{IsUnanswered(offer)}};
        },
    .next_due =
        [](const Message& message) {
          const auto& offer = static_cast<const Offer&>(message);
          const bool waits = offer.state() == casework::v1::OFFER_STATE_OFFERED;
          return waits && offer.has_lease_until() ? casework::FromProto(offer.lease_until())
                                                  : absl::InfiniteFuture();
        },
    .scope_column = "case_id"};

const store::AggregateKind kCustody{
    .name = "custody",
    .table = "custody",
    .columns = {"holder_unit"},
    .extract =
        [](const Message& message) {
          return std::vector<Value>{static_cast<const v1::Custody&>(message).holder_unit()};
        },
    .next_due = nullptr,
    .scope_column = "id"};

const store::AggregateKind kItinerary{
    .name = "itinerary",
    .table = "itinerary",
    .columns = {},
    .extract = [](const Message&) { return std::vector<Value>{}; },
    .next_due = nullptr,
    .scope_column = "id",
    .emits = false};

std::vector<store::Migration> RoutingMigrations() {
  std::vector<store::Migration> migrations;
  for (auto& [name, text] : sql::routing_schema()) {
    migrations.push_back({static_cast<int>(migrations.size()) + 1, name, text});
  }
  return migrations;
}

}  // namespace yikou::routing
