// Where an application is accepted and where it goes. Pure; intake and routing use the same
// function, so what the counter promises is what routing does.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "libs/casework/errors.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::casework {

// The rule in force for a receiving unit on a day: most specific unit, then latest effective date,
// then priority. NOT_FOUND when no rule covers the unit on that day.
absl::StatusOr<const v1::PlacementRule*> FindRule(const v1::Item& item, absl::string_view receiver,
                                                  absl::CivilDay day);

// OK when `receiver` may take an application of somebody living in `home`; a body counts as the
// division it sits at. FAILED_PRECONDITION: ITEM_CLOSED (not admitted, paused, gone, forbidden, or
// no rule in force yet; metadata "opens_on" when one will be), WRONG_COUNTER (another tier or
// outside the acceptance scope; metadata "counter" names the unit that takes it). A scope narrower
// than the tier that accepts means the applicant's own counter at that tier.
absl::Status CheckCounter(const v1::Item& item, absl::string_view receiver, absl::string_view home,
                          absl::CivilDay day);

// Resolves the route of an application received by `receiver` on `day`. A step stands in the
// receiver's line of divisions; a step at a tier below the receiver, in the applicant's. NOT_FOUND
// as FindRule; FAILED_PRECONDITION, GUARD_FAILED, when a step has no unit.
absl::StatusOr<v1::Route> ResolveRoute(const v1::Item& item, absl::string_view receiver,
                                       absl::string_view home, absl::CivilDay day);

// Everything wrong with an item as it is imported: fields, ties between rules, branches that do not
// end in a decision, limits that contradict each other. Violations are named below `field`, such as
// "items[3]"; the bare names when it is empty.
void CheckItem(const v1::Item& item, absl::string_view field, Violations* violations);
absl::Status CheckItem(const v1::Item& item);

// Codes of required materials that are not among `given`; `tolerable_only` is set when there are
// some and all of them may follow later.
struct Gaps {
  std::vector<std::string> missing;
  bool tolerable_only = false;
};
Gaps FindGaps(const v1::Item& item, const std::vector<std::string>& given);
// What the citizen should bring, in Chinese, one line; "" for no codes.
std::string WhatToBring(const v1::Item& item, const std::vector<std::string>& codes);

}  // namespace yikou::casework
