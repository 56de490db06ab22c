// What routing stores, and where.
#pragma once

#include "libs/store/store.h"

namespace yikou::routing {

extern const store::AggregateKind kOffer;    // Offer
extern const store::AggregateKind kCustody;  // Custody, id: case id

std::vector<store::Migration> RoutingMigrations();

}  // namespace yikou::routing
