// The light of a clock and the ladder of its rungs.
#include <rapidcheck.h>

#include <utility>

#include "catch2/catch.hpp"
#include "libs/casework/clocks.h"
#include "libs/casework/clocks_test.h"

namespace yikou::casework::test {
namespace {

TEST_CASE("the light turns yellow at a fifth or one day, red at the deadline", "[casework]") {
  const Calendar& calendar = TestCalendar();
  // 20 % of 8 is 1.6, so two days: yellow when the sixth is consumed, on 9 October.
  const v1::Clock eight = Started(At(2025, 9, 24, 10), 8);
  CHECK(LightAt(eight, calendar, At(2025, 10, 9, 16, 59)) == v1::LIGHT_GREEN);
  CHECK(LightAt(eight, calendar, At(2025, 10, 9, 17)) == v1::LIGHT_YELLOW);
  CHECK(LightAt(eight, calendar, At(2025, 10, 11, 16, 59)) == v1::LIGHT_YELLOW);
  CHECK(LightAt(eight, calendar, At(2025, 10, 11, 17)) == v1::LIGHT_RED);
  // 20 % of 3 is less than a day.
  const v1::Clock three = Started(At(2025, 9, 15, 10), 3);
  CHECK(LightAt(three, calendar, At(2025, 9, 17, 16, 59)) == v1::LIGHT_GREEN);
  CHECK(LightAt(three, calendar, At(2025, 9, 17, 17)) == v1::LIGHT_YELLOW);
  const v1::Clock hour = Started(At(2025, 9, 15, 10), 1, v1::TIME_UNIT_HOUR);
  CHECK(LightAt(hour, calendar, At(2025, 9, 15, 10, 47)) == v1::LIGHT_GREEN);
  CHECK(LightAt(hour, calendar, At(2025, 9, 15, 10, 48)) == v1::LIGHT_YELLOW);
  CHECK(LightAt(hour, calendar, At(2025, 9, 15, 11)) == v1::LIGHT_RED);
}

TEST_CASE("a budget of one day has no yellow and no reminder", "[casework]") {
  const Calendar& calendar = TestCalendar();
  const v1::Clock clock = Started(At(2025, 9, 15, 10), 1);
  CHECK(LightAt(clock, calendar, At(2025, 9, 15, 10)) == v1::LIGHT_GREEN);
  CHECK(LightAt(clock, calendar, At(2025, 9, 16, 16, 59)) == v1::LIGHT_GREEN);
  CHECK(LightAt(clock, calendar, At(2025, 9, 16, 17)) == v1::LIGHT_RED);
  CHECK(NextRung(clock, calendar).rung == v1::RUNG_SUPERVISE);
  CHECK(NextRung(clock, calendar).due == At(2025, 9, 16, 17));
}

TEST_CASE("a paused clock keeps its light and never fires, a stopped one has none", "[casework]") {
  const Calendar& calendar = TestCalendar();
  v1::Clock clock = Started(At(2025, 9, 24, 10), 8);
  PauseClock(&clock, At(2025, 10, 10, 9));
  CHECK(LightAt(clock, calendar, At(2026, 1, 1)) == v1::LIGHT_YELLOW);
  CHECK(NextRung(clock, calendar).rung == v1::RUNG_UNSPECIFIED);
  CHECK(HighestDue(clock, calendar, At(2026, 1, 1)).rung == v1::RUNG_UNSPECIFIED);
  StopClock(&clock, At(2025, 10, 20));
  CHECK(LightAt(clock, calendar, At(2026, 1, 1)) == v1::LIGHT_UNSPECIFIED);
  CHECK(DeadlineOf(clock) == absl::InfiniteFuture());
  CHECK(Consumed(clock, calendar, At(2026, 1, 1)) == 6);
}

TEST_CASE("the worst light is the one that shows", "[casework]") {
  const Calendar& calendar = TestCalendar();
  ClockList clocks;
  CHECK(WorstLight(clocks, calendar, At(2025, 9, 24)) == v1::LIGHT_UNSPECIFIED);
  StartClock(&clocks, v1::CLOCK_PURPOSE_STEP, "a", LimitOf(2), calendar, At(2025, 9, 15, 9));
  StartClock(&clocks, v1::CLOCK_PURPOSE_PROMISED, "", LimitOf(20), calendar, At(2025, 9, 15, 9));
  CHECK(WorstLight(clocks, calendar, At(2025, 9, 16, 17)) == v1::LIGHT_YELLOW);
  // A late step is red even if the total is in time.
  CHECK(WorstLight(clocks, calendar, At(2025, 9, 17, 17)) == v1::LIGHT_RED);
  StopClock(&clocks[0], At(2025, 9, 17, 17));
  CHECK(WorstLight(clocks, calendar, At(2025, 9, 17, 17)) == v1::LIGHT_GREEN);
}

TEST_CASE("the ladder climbs over working days, each rung once", "[casework]") {
  const Calendar& calendar = TestCalendar();
  v1::Clock clock = Started(At(2025, 9, 24, 10), 5);  // due on 30 September, before the holiday
  const std::pair<v1::Rung, absl::Time> expected[] = {
      {v1::RUNG_REMIND, At(2025, 9, 29, 17)},
      {v1::RUNG_SUPERVISE, At(2025, 9, 30, 17)},
      {v1::RUNG_ESCALATE_UNIT, At(2025, 10, 9, 17)},
      {v1::RUNG_ESCALATE_STREET, At(2025, 10, 10, 17)},
      {v1::RUNG_ESCALATE_DISTRICT, At(2025, 10, 11, 17)}};
  for (const auto& [rung, due] : expected) {
    const DueRung next = NextRung(clock, calendar);
    CHECK(next.rung == rung);
    CHECK(next.due == due);
    ClaimRung(&clock, next.rung, next.due);
  }
  CHECK(NextRung(clock, calendar).rung == v1::RUNG_UNSPECIFIED);
  CHECK(NextRung(clock, calendar).due == absl::InfiniteFuture());
  CHECK(clock.claimed_size() == 5);
}

TEST_CASE("escalation waits a whole working day after the deadline's day", "[casework]") {
  const Calendar& calendar = TestCalendar();
  // Ends with Sunday 14 September, at 24:00.
  v1::Clock natural = Started(At(2025, 9, 11, 10), 3, v1::TIME_UNIT_NATURAL_DAY);
  ClaimRung(&natural, v1::RUNG_SUPERVISE, At(2025, 9, 15));
  CHECK(NextRung(natural, calendar).due == At(2025, 9, 15, 17));
  v1::Clock hours = Started(At(2025, 9, 15, 9), 1, v1::TIME_UNIT_HOUR);
  ClaimRung(&hours, v1::RUNG_SUPERVISE, At(2025, 9, 15, 10));
  CHECK(NextRung(hours, calendar).due == At(2025, 9, 16, 17));
}

TEST_CASE("a late clock does not escalate for days it was suspended", "[casework]") {
  const Calendar& calendar = TestCalendar();
  v1::Clock clock = Started(At(2025, 9, 15, 9), 1);
  ClaimRung(&clock, v1::RUNG_SUPERVISE, At(2025, 9, 16, 17));
  PauseClock(&clock, At(2025, 9, 17, 9));
  ResumeClock(&clock, At(2025, 9, 19, 9));
  CHECK(NextRung(clock, calendar).rung == v1::RUNG_ESCALATE_UNIT);
  CHECK(NextRung(clock, calendar).due == At(2025, 9, 19, 17));
}

TEST_CASE("rungs that a back-dated start has passed collapse to the highest", "[casework]") {
  const Calendar& calendar = TestCalendar();
  v1::Clock clock = Started(At(2025, 9, 15, 9), 3);  // due on the 18th
  CHECK(HighestDue(clock, calendar, At(2025, 9, 17, 16)).rung == v1::RUNG_UNSPECIFIED);
  CHECK(HighestDue(clock, calendar, At(2025, 9, 17, 17)).rung == v1::RUNG_REMIND);
  const DueRung highest = HighestDue(clock, calendar, At(2025, 9, 22, 18));
  CHECK(highest.rung == v1::RUNG_ESCALATE_STREET);
  CHECK(highest.due == At(2025, 9, 22, 17));
  ClaimRung(&clock, highest.rung, highest.due);
  CHECK(clock.claimed_size() == 4);
  CHECK(HighestDue(clock, calendar, At(2025, 9, 22, 18)).rung == v1::RUNG_UNSPECIFIED);
  CHECK(NextRung(clock, calendar).rung == v1::RUNG_ESCALATE_DISTRICT);
  // Claiming again, or a lower rung, adds nothing.
  ClaimRung(&clock, v1::RUNG_REMIND, At(2025, 9, 17, 17));
  ClaimRung(&clock, highest.rung, highest.due);
  CHECK(clock.claimed_size() == 4);
}

TEST_CASE("rungs come one after the other and the light agrees with them", "[casework]") {
  REQUIRE(rc::check("ladder", [] {
    const Calendar& calendar = TestCalendar();
    const auto unit = *rc::gen::element(v1::TIME_UNIT_WORKING_DAY, v1::TIME_UNIT_NATURAL_DAY,
                                        v1::TIME_UNIT_WORKING_HOUR, v1::TIME_UNIT_MINUTE);
    v1::Clock clock = AnyClock(unit, 60, 15);
    ResumeClock(&clock, FromProto(clock.started_at()));
    absl::Time before = absl::InfinitePast();
    DueRung next = NextRung(clock, calendar);
    for (; next.rung != v1::RUNG_UNSPECIFIED; next = NextRung(clock, calendar)) {
      RC_ASSERT(next.due >= before);
      RC_ASSERT(HighestDue(clock, calendar, next.due - absl::Nanoseconds(1)).rung ==
                v1::RUNG_UNSPECIFIED);
      RC_ASSERT(HighestDue(clock, calendar, next.due).rung >= next.rung);
      RC_ASSERT(LightAt(clock, calendar, next.due) >=
                (next.rung == v1::RUNG_REMIND ? v1::LIGHT_YELLOW : v1::LIGHT_RED));
      if (next.rung <= v1::RUNG_SUPERVISE) {
        RC_ASSERT(LightAt(clock, calendar, next.due - absl::Nanoseconds(1)) <
                  (next.rung == v1::RUNG_REMIND ? v1::LIGHT_YELLOW : v1::LIGHT_RED));
      }
      ClaimRung(&clock, next.rung, next.due);
      before = next.due;
    }
    RC_ASSERT(clock.claimed_size() == 5);
  }));
}

TEST_CASE("the earliest rung of all clocks is the next to fire", "[casework]") {
  const Calendar& calendar = TestCalendar();
  ClockList clocks;
  CHECK(EarliestRung(&clocks, calendar).clock == nullptr);
  CHECK(EarliestDue(clocks, calendar) == absl::InfiniteFuture());
  const absl::Time start = At(2025, 9, 15, 9);
  StartClock(&clocks, v1::CLOCK_PURPOSE_STATUTORY, "", LimitOf(20), calendar, start);
  v1::Clock* step = StartClock(&clocks, v1::CLOCK_PURPOSE_STEP, "a", LimitOf(3), calendar, start);
  StartClock(&clocks, v1::CLOCK_PURPOSE_PROMISED, "", LimitOf(10), calendar, start);
  const DueClock earliest = EarliestRung(&clocks, calendar);
  CHECK(earliest.clock == step);
  CHECK(earliest.rung.rung == v1::RUNG_REMIND);
  CHECK(earliest.rung.due == At(2025, 9, 17, 17));
  CHECK(EarliestDue(clocks, calendar) == earliest.rung.due);
  PauseClock(step, At(2025, 9, 16));
  CHECK(EarliestRung(&clocks, calendar).clock->purpose() == v1::CLOCK_PURPOSE_PROMISED);
}

}  // namespace
}  // namespace yikou::casework::test
