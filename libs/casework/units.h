// Questions of the directory that need only ids.
#pragma once

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::casework {

// True when `unit` is `above` or below it: a division covers every id that starts with its code, a
// body covers only itself. False when `above` is malformed or empty.
bool Covers(absl::string_view above, absl::string_view unit);

// Half-open range [first, second) of ids that Covers(above, ·) holds for, in byte order (SQL:
// collation "C"); an empty range when `above` is malformed.
std::pair<std::string, std::string> CoveredRange(absl::string_view above);

// Digits of the division a unit belongs to: 6, 9 or 12; "" when malformed.
std::string DivisionOf(absl::string_view unit);
// The division's code at a tier: the district, street or community a unit lies in; "" when the unit
// lies above that tier, and for tiers without divisions (GRID).
std::string DivisionAt(absl::string_view unit, v1::Tier tier);
// Tier of the unit's division; GRID for "-gNN" bodies; UNSPECIFIED when malformed.
v1::Tier TierOf(absl::string_view unit);
// Division code and slug: UnitWithBody("230108", "archives") is "230108-archives"; "" slug is the
// division itself.
std::string UnitWithBody(absl::string_view division, absl::string_view slug);
// True for a well-formed unit id (see Unit.unit_id in casework.proto).
bool IsUnitId(absl::string_view unit);

}  // namespace yikou::casework
