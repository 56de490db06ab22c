#include "libs/casework/clocks.h"

#include <rapidcheck.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "catch2/catch.hpp"

namespace yikou::casework {
namespace {

const Calendar& TestCalendar() {
  static const Calendar calendar = [] {
    std::ifstream file(YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv");
    std::stringstream text;
    text << file.rdbuf();
    return Calendar::Parse(text.str()).value();
  }();
  return calendar;
}

absl::Time At(int year, int month, int day, int hour = 0, int minute = 0) {
  return absl::FromCivil(absl::CivilMinute(year, month, day, hour, minute), Calendar::Zone());
}

v1::Limit LimitOf(int32_t value, v1::TimeUnit unit = v1::TIME_UNIT_WORKING_DAY) {
  v1::Limit limit;
  limit.set_value(value);
  limit.set_unit(unit);
  return limit;
}

v1::Clock Started(absl::Time start, int32_t value, v1::TimeUnit unit = v1::TIME_UNIT_WORKING_DAY) {
  ClockList clocks;
  return *StartClock(&clocks, v1::CLOCK_PURPOSE_PROMISED, "", LimitOf(value, unit), TestCalendar(),
                     start);
}

absl::Time DeadlineOf(const v1::Clock& clock) { return Deadline(clock, TestCalendar()); }

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

// ---- Random clocks. ----

// Any of the whole range from the first case on; rapidcheck's own ranges start small.
int Pick(int begin, int end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(begin, end));
}

// Minutes of a day, often one on which something is decided.
absl::Duration AnyTimeOfDay() {
  constexpr int kEdges[] = {0, 510, 720, 810, 1019, 1020, 1021};
  const int edge = Pick(0, 14);
  return absl::Minutes(edge < 7 ? kEdges[edge] : Pick(0, 24 * 60));
}

absl::Time AnyStart() {
  return Calendar::StartOf(absl::CivilDay(2007, 1, 1) + Pick(0, 20 * 365)) + AnyTimeOfDay();
}

// A clock that was paused up to three times, and may still be.
v1::Clock AnyClock(v1::TimeUnit unit, int max_budget, int max_days) {
  v1::Clock clock = Started(AnyStart(), Pick(1, max_budget + 1), unit);
  const int turns = Pick(0, 7);
  absl::Time now = FromProto(clock.started_at());
  for (int i = 0; i < turns; ++i) {
    const absl::CivilDay day = Calendar::DayOf(now) + Pick(0, max_days);
    now = std::max(now, Calendar::StartOf(day) + AnyTimeOfDay());
    i % 2 == 0 ? PauseClock(&clock, now) : ResumeClock(&clock, now);
  }
  return clock;
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

TEST_CASE("a view says what is left and whether that is certain", "[casework]") {
  const Calendar& calendar = TestCalendar();
  v1::Clock clock = Started(At(2025, 9, 24, 10), 8);
  v1::ClockView view = ViewOf(clock, calendar, At(2025, 9, 29, 9));
  CHECK(view.status() == "running");
  CHECK(view.remaining() == 5);
  CHECK(view.light() == v1::LIGHT_GREEN);
  CHECK(FromProto(view.deadline()) == At(2025, 10, 11, 17));
  CHECK_FALSE(view.provisional());
  CHECK(ViewOf(clock, calendar, At(2025, 10, 14, 9)).remaining() == -1);
  PauseClock(&clock, At(2025, 9, 29, 9));
  view = ViewOf(clock, calendar, At(2025, 10, 20));
  CHECK(view.status() == "paused");
  CHECK_FALSE(view.has_deadline());
  CHECK(view.remaining() == 5);
  StopClock(&clock, At(2025, 10, 20));
  CHECK(ViewOf(clock, calendar, At(2025, 10, 21)).status() == "stopped");
}

TEST_CASE("a deadline beyond the published years is provisional", "[casework]") {
  const Calendar& calendar = TestCalendar();
  const absl::Time start = At(2026, 12, 25, 9);
  CHECK_FALSE(ViewOf(Started(start, 4), calendar, start).provisional());
  CHECK(ViewOf(Started(start, 5), calendar, start).provisional());
  CHECK(ViewOf(Started(start, 90, v1::TIME_UNIT_WORKING_HOUR), calendar, start).provisional());
  // These ask no calendar.
  CHECK_FALSE(ViewOf(Started(start, 90, v1::TIME_UNIT_NATURAL_DAY), calendar, start).provisional());
  CHECK_FALSE(ViewOf(Started(start, 900, v1::TIME_UNIT_HOUR), calendar, start).provisional());
}

TEST_CASE("a new calendar moves the deadline of an open clock", "[casework]") {
  const Calendar changed =
      Calendar::Parse("date,is_off_day,name,notice_year\n2025-09-16,1,试验,2025\n").value();
  const v1::Clock clock = Started(At(2025, 9, 15, 9), 1);
  CHECK(DeadlineOf(clock) == At(2025, 9, 16, 17));
  CHECK(Deadline(clock, changed) == At(2025, 9, 17, 17));
}

TEST_CASE("the ledger is told in words", "[casework]") {
  const Calendar& calendar = TestCalendar();
  v1::Clock clock = Started(At(2025, 9, 24, 10), 8);
  CHECK(Explain(clock, calendar, At(2025, 9, 29, 9)) ==
        std::vector<std::string>{
            "2025年9月24日（周三）10:00 开始计时，承诺办结时限 8 个工作日，从次日起算。",
            "2025年9月25日至9月26日 计 2 个工作日，累计 2 个。",
            "2025年9月27日（周六）周末，不计。",
            "2025年9月28日（周日）国庆节、中秋节调休上班，计 1 个工作日。",
            "2025年9月29日至9月30日 计 2 个工作日，累计 5 个。",
            "2025年10月1日至10月8日 国庆节、中秋节 放假，不计。",
            "2025年10月9日至10月10日 计 2 个工作日，累计 7 个。",
            "2025年10月11日（周六）国庆节、中秋节调休上班，计 1 个工作日。",
            "办结期限：2025年10月11日（周六）17:00。",
            "现在已用 3 个工作日，剩余 5 个工作日，绿灯。"});
  CHECK(Explain(clock, calendar, At(2025, 10, 11, 18)).back() ==
        "现在已用 8 个工作日，已到期，红灯。");
  CHECK(Explain(clock, calendar, At(2025, 10, 14, 18)).back() ==
        "现在已用 10 个工作日，超期 2 个工作日，红灯。");
}

TEST_CASE("pauses and extensions are told with what they grant", "[casework]") {
  const Calendar& calendar = TestCalendar();
  v1::Clock clock = Started(At(2025, 9, 8, 9, 5), 8);
  PauseClock(&clock, At(2025, 9, 9, 15));
  CHECK(Explain(clock, calendar, At(2025, 9, 10)) ==
        std::vector<std::string>{
            "2025年9月8日（周一）09:05 开始计时，承诺办结时限 8 个工作日，从次日起算。",
            "2025年9月9日（周二）15:00 暂停计时，此前已用 0 个工作日。",
            "暂停中，恢复计时后确定办结期限。", "现在已用 0 个工作日，剩余 8 个工作日，绿灯。"});
  ResumeClock(&clock, At(2025, 9, 11, 9));
  PauseClock(&clock, At(2025, 9, 12, 18));
  ResumeClock(&clock, At(2025, 9, 15, 8));
  ExtendClock(&clock, 2);
  CHECK(Explain(clock, calendar, At(2025, 9, 24, 18)) ==
        std::vector<std::string>{
            "2025年9月8日（周一）09:05 开始计时，承诺办结时限 8 个工作日，从次日起算。",
            "2025年9月9日（周二）15:00 暂停计时，此前已用 0 个工作日。",
            "2025年9月11日（周四）09:00 恢复计时，暂停期间 2 个工作日不计。",
            "2025年9月11日至9月12日 计 2 个工作日，累计 2 个。",
            "2025年9月12日（周五）18:00 暂停计时，此前已用 2 个工作日。",
            "2025年9月15日（周一）08:00 恢复计时，暂停期间没有应计的日子，期限不变。",
            "2025年9月15日至9月24日 除周末外计 8 个工作日，累计 10 个。",
            "延长 2 个工作日，共 10 个工作日。", "办结期限：2025年9月24日（周三）17:00。",
            "现在已用 10 个工作日，已到期，红灯。"});
}

TEST_CASE("every unit has its own words", "[casework]") {
  const Calendar& calendar = TestCalendar();
  v1::Clock natural = Started(At(2025, 12, 30, 9), 3, v1::TIME_UNIT_NATURAL_DAY);
  CHECK(Explain(natural, calendar, At(2026, 1, 1, 9)) ==
        std::vector<std::string>{
            "2025年12月30日（周二）09:00 开始计时，承诺办结时限 3 个自然日，从次日起算。",
            "2025年12月31日至2026年1月2日 计 3 个自然日，累计 3 个。",
            "办结期限：2026年1月2日（周五）24:00。",
            "现在已用 1 个自然日，剩余 2 个自然日，绿灯。"});
  v1::Clock minutes = Started(At(2025, 9, 8, 9), 60, v1::TIME_UNIT_MINUTE);
  PauseClock(&minutes, At(2025, 9, 8, 9, 50));
  ResumeClock(&minutes, At(2025, 9, 8, 10));
  StopClock(&minutes, At(2025, 9, 8, 10, 5));
  CHECK(Explain(minutes, calendar, At(2025, 9, 9)) ==
        std::vector<std::string>{
            "2025年9月8日（周一）09:00 开始计时，承诺办结时限 60 分钟，即时起算。",
            "2025年9月8日（周一）09:50 暂停计时，此前已用 50 分钟。",
            "2025年9月8日（周一）10:00 恢复计时。",
            "2025年9月8日（周一）10:05 计时结束，此前已用 55 分钟。",
            "计时已结束，共用 55 分钟。"});
  const v1::Clock same_day = Started(At(2025, 9, 8, 9), 0);
  CHECK(Explain(same_day, calendar, At(2025, 9, 8, 10)) ==
        std::vector<std::string>{
            "2025年9月8日（周一）09:00 开始计时，承诺办结时限 0 个工作日，当日办结。",
            "办结期限：2025年9月8日（周一）17:00。", "现在已用 0 个工作日，当日到期，绿灯。"});
}

TEST_CASE("the words say when the calendar is not published yet", "[casework]") {
  const std::vector<std::string> lines =
      Explain(Started(At(2026, 12, 25, 9), 5), TestCalendar(), At(2026, 12, 25, 9));
  CHECK(lines[lines.size() - 2] == "工作日历只有 2007 年至 2026 年的放假安排，上述期限为暂定。");
}

TEST_CASE("the days told add up to the budget", "[casework]") {
  REQUIRE(rc::check("Explain against Deadline", [] {
    v1::Clock clock = AnyClock(v1::TIME_UNIT_WORKING_DAY, 80, 20);
    ResumeClock(&clock, FromProto(clock.started_at()));
    const absl::Time deadline = DeadlineOf(clock);
    int told = 0;
    for (const std::string& line : Explain(clock, TestCalendar(), deadline)) {
      const size_t counted = line.find("计 ");
      if (counted == std::string::npos || absl::StrContains(line, "计时")) continue;
      told += std::stoi(line.substr(counted + std::string("计 ").size()));
    }
    RC_ASSERT(told == clock.budget());
  }));
}

TEST_CASE("times keep their nanoseconds", "[casework]") {
  for (const absl::Time time : {absl::FromUnixNanos(1), absl::FromUnixNanos(-1),
                                absl::FromUnixNanos(1758679200123456789)}) {
    CHECK(FromProto(ToProto(time)) == time);
    CHECK(ToProto(time).nanos() >= 0);
  }
}

}  // namespace
}  // namespace yikou::casework
