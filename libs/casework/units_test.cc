#include "libs/casework/units.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "google/protobuf/util/json_util.h"
#include "rapidcheck/catch.h"

namespace yikou::casework {
namespace {

// A well-formed id of any tier, with or without a body. Few digits, so that relatives are frequent.
rc::Gen<std::string> AnyUnit() {
  return rc::gen::exec([] {
    std::string unit = "23010";
    const int digits = *rc::gen::element(6, 9, 12);
    while (static_cast<int>(unit.size()) < digits) unit += *rc::gen::element('0', '8', '9');
    const std::string slug = *rc::gen::element<std::string>("", "", "a", "a2", "a-b");
    return UnitWithBody(unit, slug);
  });
}

}  // namespace

TEST_CASE("unit ids are divisions of 6, 9 or 12 digits, alone or with a body") {
  for (const char* good :
       {"230108", "230108001", "230108001002", "230108-archives", "230108001-centre",
        "230108001002-station", "230108001002-g01", "230108001002-g123", "230108-a1-b2"}) {
    CAPTURE(good);
    CHECK(IsUnitId(good));
  }
  for (const char* bad :
       {"", "-", "23010", "2301080", "2301080010023", "23010a", "230108-", "230108-Archives",
        "230108-1a", "230108-a-", "230108-局", "-archives", " 230108", "230108-a b"}) {
    CAPTURE(bad);
    CHECK_FALSE(IsUnitId(bad));
    CHECK(TierOf(bad) == v1::TIER_UNSPECIFIED);
    CHECK(DivisionOf(bad).empty());
  }
  CHECK(IsUnitId("230108-" + std::string(33, 'a')));  // 40 characters
  CHECK_FALSE(IsUnitId("230108-" + std::string(34, 'a')));
}

TEST_CASE("a grid hangs under a community and nowhere else") {
  CHECK(TierOf("230108001002-g01") == v1::TIER_GRID);
  CHECK_FALSE(IsUnitId("230108001-g01"));
  CHECK_FALSE(IsUnitId("230108-g01"));
  CHECK(TierOf("230108001002-g1") == v1::TIER_COMMUNITY);
  CHECK(TierOf("230108001002-governance") == v1::TIER_COMMUNITY);
}

TEST_CASE("a body stands at the tier of its division") {
  CHECK(TierOf("230108-archives") == v1::TIER_DISTRICT);
  CHECK(TierOf("230112008-centre") == v1::TIER_STREET);
  CHECK(TierOf("230112008001-station") == v1::TIER_COMMUNITY);
  CHECK(DivisionOf("230112008-centre") == "230112008");
  CHECK(DivisionOf("230112008001-g01") == "230112008001");
}

TEST_CASE("a unit lies in one division of its own tier and of each above, in none below") {
  CHECK(DivisionAt("230112008001-station", v1::TIER_DISTRICT) == "230112");
  CHECK(DivisionAt("230112008001-station", v1::TIER_STREET) == "230112008");
  CHECK(DivisionAt("230112008001-station", v1::TIER_COMMUNITY) == "230112008001");
  CHECK(DivisionAt("230112008-centre", v1::TIER_COMMUNITY).empty());
  CHECK(DivisionAt("230112", v1::TIER_STREET).empty());
  CHECK(DivisionAt("230112008001-g01", v1::TIER_GRID).empty());
  CHECK(DivisionAt("23011", v1::TIER_DISTRICT).empty());
}

TEST_CASE("a division covers what lies below it, a body only itself") {
  CHECK(Covers("230108", "230108"));
  CHECK(Covers("230108", "230108001002-g01"));
  CHECK(Covers("230108", "230108-archives"));
  CHECK(Covers("230108001", "230108001-centre"));
  CHECK_FALSE(Covers("230108", "230109001"));
  CHECK_FALSE(Covers("230108001", "230108"));
  CHECK(Covers("230108-archives", "230108-archives"));
  CHECK_FALSE(Covers("230108-archives", "230108-archives2"));
  CHECK_FALSE(Covers("230108-archives", "230108001"));
}

TEST_CASE("an empty or malformed id covers nothing, least of all everything") {
  CHECK_FALSE(Covers("", ""));
  CHECK_FALSE(Covers("", "230108"));
  CHECK_FALSE(Covers("230108", ""));
  CHECK_FALSE(Covers("2301", "230108"));
  CHECK(CoveredRange("") == std::pair<std::string, std::string>());
  CHECK(CoveredRange("2301") == std::pair<std::string, std::string>());
}

TEST_CASE("the covered range holds exactly the covered ids") {
  const auto [first, end] = CoveredRange("230108-a");
  for (const std::string other : {"230108-a2", "230108-a-b", "230108-aa", "230108-b"}) {
    CHECK_FALSE((other >= first && other < end));
  }
  rc::prop("range and Covers agree", [] {
    const std::string above = *AnyUnit();
    const std::string unit = *AnyUnit();
    const auto [first, end] = CoveredRange(above);
    RC_ASSERT((unit >= first && unit < end) == Covers(above, unit));
    RC_ASSERT(above >= first && above < end);
  });
}

TEST_CASE("covering is an order: reflexive, transitive, antisymmetric") {
  rc::prop("order", [] {
    const std::string a = *AnyUnit(), b = *AnyUnit(), c = *AnyUnit();
    RC_ASSERT(Covers(a, a));
    if (Covers(a, b) && Covers(b, c)) RC_ASSERT(Covers(a, c));
    if (Covers(a, b) && Covers(b, a)) RC_ASSERT(a == b);
    for (const v1::Tier tier : {v1::TIER_DISTRICT, v1::TIER_STREET, v1::TIER_COMMUNITY}) {
      const std::string division = DivisionAt(a, tier);
      if (!division.empty()) RC_ASSERT(Covers(division, a) && TierOf(division) == tier);
    }
  });
}

TEST_CASE("every unit of the shipped directory is well formed, at its tier, below its parent") {
  std::ifstream file(YIKOU_SOURCE_DIR "/deploy/data/directory/units.jsonl");
  std::string line;
  int count = 0, wrong = 0;
  for (; std::getline(file, line); ++count) {
    v1::Unit unit;
    REQUIRE(google::protobuf::util::JsonStringToMessage(line, &unit).ok());
    const bool below = unit.parent_id().empty() || Covers(unit.parent_id(), unit.unit_id());
    if (!IsUnitId(unit.unit_id()) || TierOf(unit.unit_id()) != unit.tier() || !below) {
      ++wrong;
      WARN(line);
    }
  }
  CHECK(count > 1000);
  CHECK(wrong == 0);
}

}  // namespace yikou::casework
