// Clocks for tests: at chosen times, or any at all, on the calendar that is shipped.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "libs/casework/clocks.h"

namespace yikou::casework::test {

inline const Calendar& TestCalendar() {
  static const Calendar calendar = [] {
    std::ifstream file(YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv");
    std::stringstream text;
    text << file.rdbuf();
    return Calendar::Parse(text.str()).value();
  }();
  return calendar;
}

inline absl::Time At(int year, int month, int day, int hour = 0, int minute = 0) {
  return absl::FromCivil(absl::CivilMinute(year, month, day, hour, minute), Calendar::Zone());
}

inline v1::Limit LimitOf(int32_t value, v1::TimeUnit unit = v1::TIME_UNIT_WORKING_DAY) {
  v1::Limit limit;
  limit.set_value(value);
  limit.set_unit(unit);
  return limit;
}

inline v1::Clock Started(absl::Time start, int32_t value,
                         v1::TimeUnit unit = v1::TIME_UNIT_WORKING_DAY) {
  ClockList clocks;
  return *StartClock(&clocks, v1::CLOCK_PURPOSE_PROMISED, "", LimitOf(value, unit), TestCalendar(),
                     start);
}

inline absl::Time DeadlineOf(const v1::Clock& clock) { return Deadline(clock, TestCalendar()); }

// ---- Random clocks. ----

// Any of the whole range from the first case on; rapidcheck's own ranges start small.
inline int Pick(int begin, int end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(begin, end));
}

// Minutes of a day, often one on which something is decided.
inline absl::Duration AnyTimeOfDay() {
  constexpr int kEdges[] = {0, 510, 720, 810, 1019, 1020, 1021};
  const int edge = Pick(0, 14);
  return absl::Minutes(edge < 7 ? kEdges[edge] : Pick(0, 24 * 60));
}

inline absl::Time AnyStart() {
  return Calendar::StartOf(absl::CivilDay(2007, 1, 1) + Pick(0, 20 * 365)) + AnyTimeOfDay();
}

// A clock that was paused up to three times, and may still be.
inline v1::Clock AnyClock(v1::TimeUnit unit, int max_budget, int max_days) {
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

}  // namespace yikou::casework::test
