// What routing decides of an offer from data alone: when it is offered again, when operators are
// told, to whom it may be redirected. Pure.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::routing {

// After so many attempts without an answer operators are told: 75 minutes, when the first lease is
// 5 minutes.
inline constexpr int kAttemptsMax = 4;

// How long nobody offers again once an offer was made `attempts` times: twice as long each time, an
// hour at most.
absl::Duration LeaseAfter(int attempts, absl::Duration first);

// Tier whose queue carries offers to a unit; a grid is reached through its community.
casework::v1::Tier QueueTierOf(const std::string& unit_id);

// Offered or received: somebody may still sign or decline it.
bool IsOpen(const casework::v1::Offer& offer);
// Nobody has taken it, and nobody offers it again.
bool IsUnanswered(const casework::v1::Offer& offer);

// OK when the offer may go to `to` instead. FAILED_PRECONDITION: STATE_FORBIDS when somebody has
// taken it; GUARD_FAILED for a look on the spot, which its requester asks of another unit, for a
// unit that is retired or a grid, and for one of another district.
absl::Status GuardRedirect(const casework::v1::Offer& offer, const casework::v1::Unit& to);
// Lets the offer, and the route it opens a process by, name `unit_id` in place of its receiver.
void PointAt(const std::string& unit_id, casework::v1::Offer* offer);

}  // namespace yikou::routing
