#include "libs/casework/units.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace yikou::casework {
namespace {

constexpr size_t kLongestUnitId = 40;

struct Parts {
  absl::string_view division;
  absl::string_view slug;
};

Parts Split(absl::string_view unit) {
  const size_t dash = unit.find('-');
  if (dash == absl::string_view::npos) return {unit, ""};
  return {unit.substr(0, dash), unit.substr(dash + 1)};
}

bool AllDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Digits of a division's code at a tier; 0 for tiers without divisions.
size_t DigitsAt(v1::Tier tier) {
  switch (tier) {
    case v1::TIER_DISTRICT:
      return 6;
    case v1::TIER_STREET:
      return 9;
    case v1::TIER_COMMUNITY:
      return 12;
    default:
      return 0;
  }
}

v1::Tier TierOfDivision(absl::string_view division) {
  for (const v1::Tier tier : {v1::TIER_DISTRICT, v1::TIER_STREET, v1::TIER_COMMUNITY}) {
    if (division.size() == DigitsAt(tier) && AllDigits(division)) return tier;
  }
  return v1::TIER_UNSPECIFIED;
}

// "g" and two digits or more; such a slug names a grid, whatever stands before it.
bool IsGridSlug(absl::string_view slug) {
  return slug.size() >= 3 && slug[0] == 'g' && AllDigits(slug.substr(1));
}

bool IsSlug(absl::string_view slug) {
  return !slug.empty() && absl::ascii_islower(slug.front()) && slug.back() != '-' &&
         std::all_of(slug.begin(), slug.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

}  // namespace

bool IsUnitId(absl::string_view unit) {
  const Parts parts = Split(unit);
  const v1::Tier tier = TierOfDivision(parts.division);
  if (tier == v1::TIER_UNSPECIFIED || unit.size() > kLongestUnitId) return false;
  if (parts.division.size() == unit.size()) return true;
  // A grid hangs under a community, never under a street (domain.md section 1).
  return IsSlug(parts.slug) && (tier == v1::TIER_COMMUNITY || !IsGridSlug(parts.slug));
}

bool Covers(absl::string_view above, absl::string_view unit) {
  if (!IsUnitId(above)) return false;
  return Split(above).slug.empty() ? absl::StartsWith(unit, above) : unit == above;
}

std::pair<std::string, std::string> CoveredRange(absl::string_view above) {
  if (!IsUnitId(above)) return {};
  // '!' sorts before every character of an id, so nothing that is an id lies between.
  if (!Split(above).slug.empty()) return {std::string(above), absl::StrCat(above, "!")};
  std::string end(above);
  ++end.back();  // '9' becomes ':', the character after it
  return {std::string(above), end};
}

std::string DivisionOf(absl::string_view unit) {
  return IsUnitId(unit) ? std::string(Split(unit).division) : "";
}

std::string DivisionAt(absl::string_view unit, v1::Tier tier) {
  const std::string division = DivisionOf(unit);
  return division.size() < DigitsAt(tier) ? "" : division.substr(0, DigitsAt(tier));
}

v1::Tier TierOf(absl::string_view unit) {
  if (!IsUnitId(unit)) return v1::TIER_UNSPECIFIED;
  const Parts parts = Split(unit);
  return IsGridSlug(parts.slug) ? v1::TIER_GRID : TierOfDivision(parts.division);
}

std::string UnitWithBody(absl::string_view division, absl::string_view slug) {
  if (division.empty() || slug.empty()) return std::string(division);
  return absl::StrCat(division, "-", slug);
}

}  // namespace yikou::casework
