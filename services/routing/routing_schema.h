// What routing stores, and where.
#pragma once

#include "libs/store/store.h"

namespace yikou::routing {

extern const store::AggregateKind kOffer;    // Offer
extern const store::AggregateKind kCustody;  // Custody: holder and hops. Id: case id
// Custody: facts, route and open offers. Id: case id. Changes with every offer and emits nothing.
extern const store::AggregateKind kItinerary;

std::vector<store::Migration> RoutingMigrations();

}  // namespace yikou::routing
