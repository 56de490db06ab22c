// The ledger of a clock: what it has consumed and when it is due, whatever it was paused for.
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "catch2/catch.hpp"
#include "libs/casework/clocks.h"
#include "libs/casework/clocks_test.h"

namespace yikou::casework::test {
namespace {

// ---- A slow model: every day or minute is looked at, one after the other. ----

bool RunsAt(const v1::Clock& clock, absl::Time time) {
  return std::any_of(clock.running().begin(), clock.running().end(), [&](const auto& interval) {
    return FromProto(interval.begin()) <= time &&
           (!interval.has_end() || time < FromProto(interval.end()));
  });
}

absl::Time EndOfLedger(const v1::Clock& clock) {
  return FromProto(clock.running().rbegin()->has_end() ? clock.running().rbegin()->end()
                                                       : clock.running().rbegin()->begin());
}

// Instants at which the clock consumes a unit: `units` of them, or fewer if it is paused before.
std::vector<absl::Time> SlowDays(const v1::Clock& clock, int units) {
  std::vector<absl::Time> instants;
  const bool working = clock.unit() == v1::TIME_UNIT_WORKING_DAY;
  for (absl::CivilDay day = Calendar::DayOf(FromProto(clock.started_at())) + 1;; ++day) {
    const absl::Time instant =
        absl::FromCivil(working ? absl::CivilHour(day.year(), day.month(), day.day(), 17)
                                : absl::CivilHour(day.year(), day.month(), day.day() + 1),
                        Calendar::Zone());
    if (static_cast<int>(instants.size()) == units) return instants;
    if (IsPaused(clock) && instant >= EndOfLedger(clock)) return instants;
    if (working && !TestCalendar().IsWorkingDay(day)) continue;
    if (RunsAt(clock, instant)) instants.push_back(instant);
  }
}

bool CountersOpen(absl::Time minute) {
  if (!TestCalendar().IsWorkingDay(Calendar::DayOf(minute))) return false;
  const absl::CivilMinute civil = absl::ToCivilMinute(minute, Calendar::Zone());
  const int of_day = civil.hour() * 60 + civil.minute();
  return (of_day >= 510 && of_day < 720) || (of_day >= 810 && of_day < 1020);
}

// The same for hours and minutes; everything happens on whole minutes.
std::vector<absl::Time> SlowMinutes(const v1::Clock& clock, int units) {
  std::vector<absl::Time> instants;
  const int unit = clock.unit() == v1::TIME_UNIT_MINUTE ? 1 : 60;
  int passed = 0;
  for (absl::Time minute = FromProto(clock.started_at());; minute += absl::Minutes(1)) {
    if (static_cast<int>(instants.size()) == units) return instants;
    if (IsPaused(clock) && minute >= EndOfLedger(clock)) return instants;
    if (!RunsAt(clock, minute)) continue;
    if (clock.unit() == v1::TIME_UNIT_WORKING_HOUR && !CountersOpen(minute)) continue;
    if (++passed % unit == 0) instants.push_back(minute + absl::Minutes(1));
  }
}

int64_t CountUpTo(const std::vector<absl::Time>& instants, absl::Time now) {
  return std::upper_bound(instants.begin(), instants.end(), now) - instants.begin();
}

TEST_CASE("eight working days from 24 September 2025 end on 11 October", "[casework]") {
  // 2025-09-24 is a Wednesday; the day itself does not count.
  //   Thu 09-25  1    Sat 09-27  off (weekend)   Mon 09-29  4    Wed 10-01 to Wed 10-08  off
  //   Fri 09-26  2    Sun 09-28  3 (make-up)     Tue 09-30  5    Thu 10-09  6
  //                                                              Fri 10-10  7
  //                                                              Sat 10-11  8 (make-up)
  const v1::Clock clock = Started(At(2025, 9, 24, 10), 8);
  CHECK(DeadlineOf(clock) == At(2025, 10, 11, 17));
  CHECK(Consumed(clock, TestCalendar(), At(2025, 9, 28, 16, 59)) == 2);
  CHECK(Consumed(clock, TestCalendar(), At(2025, 9, 28, 17)) == 3);
  CHECK(Consumed(clock, TestCalendar(), At(2025, 10, 8, 23, 59)) == 5);
}

TEST_CASE("counting starts on the next day, whatever the hour", "[casework]") {
  // Friday; Monday is the first working day after it.
  CHECK(DeadlineOf(Started(At(2025, 9, 12, 0, 0), 1)) == At(2025, 9, 15, 17));
  CHECK(DeadlineOf(Started(At(2025, 9, 12, 23, 59), 1)) == At(2025, 9, 15, 17));
  CHECK(DeadlineOf(Started(At(2025, 9, 13, 0, 0), 1)) == At(2025, 9, 15, 17));
  CHECK(DeadlineOf(Started(At(2025, 9, 14, 23, 59), 1)) == At(2025, 9, 15, 17));
  CHECK(DeadlineOf(Started(At(2025, 9, 15, 0, 0), 1)) == At(2025, 9, 16, 17));
}

TEST_CASE("natural days end at midnight and know no holidays", "[casework]") {
  const v1::Clock clock = Started(At(2025, 9, 30, 10), 8, v1::TIME_UNIT_NATURAL_DAY);
  CHECK(DeadlineOf(clock) == At(2025, 10, 9, 0));
  CHECK(Consumed(clock, TestCalendar(), At(2025, 10, 8, 23, 59)) == 7);
  CHECK(Consumed(clock, TestCalendar(), At(2025, 10, 9, 0)) == 8);
}

TEST_CASE("hours and minutes run at once, working hours only at the counter", "[casework]") {
  CHECK(DeadlineOf(Started(At(2025, 9, 30, 16), 90, v1::TIME_UNIT_MINUTE)) ==
        At(2025, 9, 30, 17, 30));
  CHECK(DeadlineOf(Started(At(2025, 9, 30, 16), 24, v1::TIME_UNIT_HOUR)) == At(2025, 10, 1, 16));
  CHECK(DeadlineOf(Started(At(2025, 9, 30, 16), 2, v1::TIME_UNIT_WORKING_HOUR)) ==
        At(2025, 10, 9, 9, 30));
}

TEST_CASE("a budget of no days is due on the day of the start", "[casework]") {
  CHECK(DeadlineOf(Started(At(2025, 9, 30, 10), 0)) == At(2025, 9, 30, 17));
  CHECK(DeadlineOf(Started(At(2025, 9, 30, 17, 1), 0)) == At(2025, 10, 9, 17));
  CHECK(DeadlineOf(Started(At(2025, 9, 30), 0, v1::TIME_UNIT_NATURAL_DAY)) == At(2025, 10, 1));
  CHECK(DeadlineOf(Started(At(2025, 9, 30, 10), 0, v1::TIME_UNIT_HOUR)) == At(2025, 9, 30, 10));
}

TEST_CASE("a suspension over a holiday grants nothing", "[casework]") {
  v1::Clock clock = Started(At(2025, 9, 24, 10), 8);
  PauseClock(&clock, At(2025, 9, 30, 17, 1));
  ResumeClock(&clock, At(2025, 10, 9, 8, 30));
  CHECK(DeadlineOf(clock) == At(2025, 10, 11, 17));

  REQUIRE(rc::check("a suspension within days off", [] {
    v1::Clock clock = Started(AnyStart(), Pick(1, 60));
    const absl::Time before = DeadlineOf(clock);
    absl::CivilDay off = Calendar::DayOf(FromProto(clock.started_at())) + Pick(1, 90);
    while (TestCalendar().IsWorkingDay(off)) ++off;
    PauseClock(&clock, Calendar::StartOf(off) + AnyTimeOfDay());
    absl::CivilDay back = off + 1;
    while (!TestCalendar().IsWorkingDay(back) && Pick(0, 3) > 0) ++back;
    ResumeClock(&clock, Calendar::StartOf(back) + absl::Minutes(Pick(0, 1021)));
    RC_ASSERT(DeadlineOf(clock) == before);
  }));
}

TEST_CASE("a suspension at night grants nothing", "[casework]") {
  v1::Clock clock = Started(At(2025, 9, 24, 10), 5);
  const absl::Time before = DeadlineOf(clock);
  PauseClock(&clock, At(2025, 9, 25, 17, 1));
  ResumeClock(&clock, At(2025, 9, 26, 17, 0));
  CHECK(DeadlineOf(clock) == before);
}

TEST_CASE("a suspension grants the working days whose close it covers", "[casework]") {
  v1::Clock clock = Started(At(2025, 9, 24, 10), 3);
  CHECK(DeadlineOf(clock) == At(2025, 9, 28, 17));
  PauseClock(&clock, At(2025, 9, 25, 17));
  CHECK(DeadlineOf(clock) == absl::InfiniteFuture());
  CHECK(Consumed(clock, TestCalendar(), At(2025, 9, 25, 17)) == 0);
  ResumeClock(&clock, At(2025, 9, 26, 17, 1));
  // Thursday and Friday were suspended at 17:00; Sunday, Monday and Tuesday count.
  CHECK(DeadlineOf(clock) == At(2025, 9, 30, 17));
}

TEST_CASE("a later start never has an earlier deadline", "[casework]") {
  REQUIRE(rc::check("monotone in the start", [] {
    const auto unit = *rc::gen::element(v1::TIME_UNIT_WORKING_DAY, v1::TIME_UNIT_NATURAL_DAY,
                                        v1::TIME_UNIT_WORKING_HOUR, v1::TIME_UNIT_MINUTE);
    const int budget = Pick(0, 600);
    const absl::Time start = AnyStart();
    const absl::Time later = start + absl::Minutes(Pick(0, 5000));
    RC_ASSERT(DeadlineOf(Started(start, budget, unit)) <= DeadlineOf(Started(later, budget, unit)));
  }));
}

TEST_CASE("a pause that ends when it begins changes nothing", "[casework]") {
  REQUIRE(rc::check("splitting an interval", [] {
    const auto unit = *rc::gen::element(v1::TIME_UNIT_WORKING_DAY, v1::TIME_UNIT_NATURAL_DAY,
                                        v1::TIME_UNIT_WORKING_HOUR, v1::TIME_UNIT_HOUR);
    const v1::Clock clock = Started(AnyStart(), Pick(1, 100), unit);
    v1::Clock split = clock;
    const absl::Time at = FromProto(clock.started_at()) + absl::Hours(24) * Pick(0, 99);
    const absl::Time snapped = Calendar::StartOf(Calendar::DayOf(at)) + AnyTimeOfDay();
    PauseClock(&split, snapped);
    ResumeClock(&split, snapped);
    RC_ASSERT(DeadlineOf(split) == DeadlineOf(clock));
    const absl::Time now = AnyStart();
    RC_ASSERT(Consumed(split, TestCalendar(), now) == Consumed(clock, TestCalendar(), now));
    RC_ASSERT(NextRung(split, TestCalendar()).due == NextRung(clock, TestCalendar()).due);
    RC_ASSERT(LightAt(split, TestCalendar(), now) == LightAt(clock, TestCalendar(), now));
  }));
}

TEST_CASE("days are counted as by looking at every day", "[casework]") {
  REQUIRE(rc::check("days against the slow model", [] {
    const auto unit = *rc::gen::element(v1::TIME_UNIT_WORKING_DAY, v1::TIME_UNIT_NATURAL_DAY);
    const v1::Clock clock = AnyClock(unit, 120, 40);
    const int budget = clock.budget();
    const std::vector<absl::Time> instants = SlowDays(clock, budget + 200);
    if (IsRunning(clock)) {
      RC_ASSERT(DeadlineOf(clock) == instants[budget - 1]);
    } else {
      RC_ASSERT(DeadlineOf(clock) == absl::InfiniteFuture());
    }
    const absl::Time now = FromProto(clock.started_at()) + absl::Hours(Pick(0, 200 * 24));
    const int64_t consumed = CountUpTo(instants, now);
    RC_ASSERT(Consumed(clock, TestCalendar(), now) == consumed);
    for (size_t i = 0; i < instants.size(); ++i) {
      const int64_t done = static_cast<int64_t>(i) + 1;
      RC_ASSERT(Consumed(clock, TestCalendar(), instants[i]) == done);
      RC_ASSERT(Consumed(clock, TestCalendar(), instants[i] - absl::Nanoseconds(1)) == done - 1);
      const int64_t left = budget - done;
      const int64_t threshold = budget == 1 ? 0 : std::max(1, (budget * 20 + 99) / 100);
      RC_ASSERT(LightAt(clock, TestCalendar(), instants[i]) == (left <= 0 ? v1::LIGHT_RED
                                                                : left <= threshold
                                                                    ? v1::LIGHT_YELLOW
                                                                    : v1::LIGHT_GREEN));
    }
  }));
}

TEST_CASE("hours and minutes are counted as by looking at every minute", "[casework]") {
  REQUIRE(rc::check("minutes against the slow model", [] {
    const auto unit = *rc::gen::element(v1::TIME_UNIT_WORKING_HOUR, v1::TIME_UNIT_WORKING_HOUR,
                                        v1::TIME_UNIT_HOUR, v1::TIME_UNIT_MINUTE);
    const v1::Clock clock = AnyClock(unit, 40, 3);
    const std::vector<absl::Time> instants = SlowMinutes(clock, clock.budget());
    if (IsRunning(clock)) RC_ASSERT(DeadlineOf(clock) == instants.back());
    const absl::Time now = FromProto(clock.started_at()) + absl::Minutes(Pick(0, 10 * 1440));
    const int64_t consumed = Consumed(clock, TestCalendar(), now);
    RC_ASSERT(std::min<int64_t>(consumed, clock.budget()) == CountUpTo(instants, now));
    RC_ASSERT((LightAt(clock, TestCalendar(), now) == v1::LIGHT_RED) ==
              (consumed >= clock.budget()));
  }));
}

TEST_CASE("an extension adds exactly its units", "[casework]") {
  REQUIRE(rc::check("extension", [] {
    const auto unit = *rc::gen::element(v1::TIME_UNIT_WORKING_DAY, v1::TIME_UNIT_NATURAL_DAY);
    v1::Clock clock = AnyClock(unit, 60, 20);
    ResumeClock(&clock, FromProto(clock.started_at()));
    const int more = Pick(1, 40);
    const int before = clock.budget();
    v1::Clock extended = clock;
    ExtendClock(&extended, more);
    RC_ASSERT(extended.budget() == before + more);
    RC_ASSERT(extended.extended() == more);
    const std::vector<absl::Time> instants = SlowDays(clock, before + more);
    RC_ASSERT(DeadlineOf(clock) == instants[before - 1]);
    RC_ASSERT(DeadlineOf(extended) == instants[before + more - 1]);
    RC_ASSERT(Consumed(extended, TestCalendar(), instants[before - 1]) == before);
  }));
}

TEST_CASE("the ledger's length does not bound the budget", "[casework]") {
  // 545 working days: 2 in the rest of 2023-12 (28, 29), 251 in 2024, 248 in 2025, 44 in 2026.
  const v1::Clock clock = Started(At(2023, 12, 27, 9), 545);
  CHECK(TestCalendar().WorkingDays(absl::CivilDay(2026, 1, 1),
                                   Calendar::DayOf(DeadlineOf(clock)) + 1) == 44);
  CHECK(DeadlineOf(Started(At(2026, 1, 1), 100000, v1::TIME_UNIT_NATURAL_DAY)) ==
        Calendar::StartOf(absl::CivilDay(2026, 1, 1) + 100001));
}

TEST_CASE("an unstopped clock of the same purpose and subject gives way", "[casework]") {
  ClockList clocks;
  const Calendar& calendar = TestCalendar();
  StartClock(&clocks, v1::CLOCK_PURPOSE_STEP, "main/1", LimitOf(3), calendar, At(2025, 9, 24, 9));
  StartClock(&clocks, v1::CLOCK_PURPOSE_STEP, "main/2", LimitOf(3), calendar, At(2025, 9, 24, 9));
  v1::Clock* again = StartClock(&clocks, v1::CLOCK_PURPOSE_STEP, "main/1", LimitOf(3), calendar,
                                At(2025, 9, 25, 9));
  REQUIRE(clocks.size() == 3);
  CHECK(clocks[0].stopped());
  CHECK(FromProto(clocks[0].running(0).end()) == At(2025, 9, 25, 9));
  CHECK_FALSE(clocks[1].stopped());
  CHECK(FindClock(&clocks, v1::CLOCK_PURPOSE_STEP, "main/1") == again);
  CHECK(FindClock(&clocks, v1::CLOCK_PURPOSE_STEP) == nullptr);
  CHECK(again->calendar() == calendar.version());
  StopAll(&clocks, At(2025, 9, 25, 10));
  CHECK(FindClock(static_cast<const ClockList&>(clocks), v1::CLOCK_PURPOSE_STEP, "main/1") ==
        nullptr);
}

TEST_CASE("pausing twice, resuming twice and touching a stopped clock do nothing", "[casework]") {
  v1::Clock clock = Started(At(2025, 9, 24, 9), 3);
  PauseClock(&clock, At(2025, 9, 25, 9));
  v1::Clock before = clock;
  PauseClock(&clock, At(2025, 9, 26, 9));
  CHECK(clock.SerializeAsString() == before.SerializeAsString());
  CHECK(IsPaused(clock));
  ResumeClock(&clock, At(2025, 9, 26, 9));
  before = clock;
  ResumeClock(&clock, At(2025, 9, 27, 9));
  CHECK(clock.SerializeAsString() == before.SerializeAsString());
  StopClock(&clock, At(2025, 9, 28, 9));
  before = clock;
  PauseClock(&clock, At(2025, 9, 29, 9));
  ResumeClock(&clock, At(2025, 9, 29, 9));
  StopClock(&clock, At(2025, 9, 29, 9));
  ExtendClock(&clock, 1);
  CHECK(clock.SerializeAsString() == before.SerializeAsString());
  CHECK_FALSE(IsRunning(clock));
  CHECK_FALSE(IsPaused(clock));
}

TEST_CASE("a clock stepped back never makes the ledger run backwards", "[casework]") {
  v1::Clock clock = Started(At(2025, 9, 24, 9), 3);
  PauseClock(&clock, At(2025, 9, 23, 9));
  CHECK(FromProto(clock.running(0).end()) == At(2025, 9, 24, 9));
  ResumeClock(&clock, At(2025, 9, 22, 9));
  CHECK(FromProto(clock.running(1).begin()) == At(2025, 9, 24, 9));
}

TEST_CASE("times keep their nanoseconds", "[casework]") {
  for (const absl::Time time : {absl::FromUnixNanos(1), absl::FromUnixNanos(-1),
                                absl::FromUnixNanos(1758679200123456789)}) {
    CHECK(FromProto(ToProto(time)) == time);
    CHECK(ToProto(time).nanos() >= 0);
  }
}

}  // namespace
}  // namespace yikou::casework::test
