// How clocks count days; shared by clocks.cc, which computes with them, and clock_words.cc, which
// puts the same counting into words. For these two only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/casework/calendar.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::casework::internal {

inline bool CountsDays(const v1::Clock& clock) {
  return clock.unit() != v1::TIME_UNIT_WORKING_HOUR && clock.unit() != v1::TIME_UNIT_HOUR &&
         clock.unit() != v1::TIME_UNIT_MINUTE;
}

inline bool CountsByCalendar(const v1::Clock& clock) {
  return clock.unit() != v1::TIME_UNIT_NATURAL_DAY && clock.unit() != v1::TIME_UNIT_HOUR &&
         clock.unit() != v1::TIME_UNIT_MINUTE;
}

inline int64_t BudgetOf(const v1::Clock& clock) { return std::max<int64_t>(clock.budget(), 0); }

// Days of one kind, working or natural, each consumed at one instant.
class DayCounter {
 public:
  DayCounter(const Calendar& calendar, bool working) : calendar_(calendar), working_(working) {}

  // Instant at which a day is consumed.
  absl::Time InstantOf(absl::CivilDay day) const {
    return working_ ? calendar_.CloseOfBusiness(day) : Calendar::StartOf(day + 1);
  }
  // First day, working or not, whose instant is at or after `time`.
  absl::CivilDay FirstFrom(absl::Time time) const {
    absl::CivilDay day = Calendar::DayOf(time);
    // Only midnight itself is the instant of the day before.
    if (!working_) return Calendar::StartOf(day) == time ? day - 1 : day;
    return InstantOf(day) >= time ? day : day + 1;
  }
  absl::CivilDay FirstAfter(absl::Time time) const {
    const absl::CivilDay day = FirstFrom(time);
    return InstantOf(day) > time ? day : day + 1;
  }
  // Counted days in [begin, end), and the n-th one (from 1) at or after `begin`.
  int64_t Count(absl::CivilDay begin, absl::CivilDay end) const {
    if (working_) return calendar_.WorkingDays(begin, end);
    return end <= begin ? 0 : end - begin;
  }
  absl::CivilDay Nth(absl::CivilDay begin, int64_t n) const {
    return working_ ? calendar_.NthWorkingDay(begin, n) : begin + (n - 1);
  }

 private:
  const Calendar& calendar_;
  const bool working_;
};

inline DayCounter CounterOf(const v1::Clock& clock, const Calendar& calendar) {
  return DayCounter(calendar, clock.unit() != v1::TIME_UNIT_NATURAL_DAY);
}

// The deadline by the ledger alone, of a stopped clock too.
absl::Time LedgerDeadline(const v1::Clock& clock, const Calendar& calendar);
// True when the calendar does not cover the day of the start or of the deadline.
bool IsProvisional(const v1::Clock& clock, const Calendar& calendar, absl::Time deadline);

}  // namespace yikou::casework::internal
