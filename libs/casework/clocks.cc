#include "libs/casework/clocks.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "libs/casework/clock_days.h"

namespace yikou::casework {

using internal::BudgetOf;
using internal::CounterOf;
using internal::CountsByCalendar;
using internal::CountsDays;
using internal::DayCounter;
using internal::IsProvisional;
using internal::LedgerDeadline;

namespace {

// Length of one unit of a clock that counts continuously.
absl::Duration UnitLength(const v1::Clock& clock) {
  return clock.unit() == v1::TIME_UNIT_MINUTE ? absl::Minutes(1) : absl::Hours(1);
}

// Instant at which the n-th day after `after` is consumed inside a running interval, if the clock
// goes on as it is: InfiniteFuture when it is not running and has not got there.
absl::Time NthInstant(const v1::Clock& clock, const DayCounter& days, absl::CivilDay after,
                      int64_t n) {
  for (const v1::Interval& interval : clock.running()) {
    const absl::CivilDay begin = std::max(days.FirstFrom(FromProto(interval.begin())), after + 1);
    if (interval.has_end()) {
      const int64_t count = days.Count(begin, days.FirstFrom(FromProto(interval.end())));
      if (count < n) {
        n -= count;
        continue;
      }
    }
    return days.InstantOf(days.Nth(begin, n));
  }
  return absl::InfiniteFuture();
}

absl::Duration Passed(const v1::Clock& clock, const Calendar& calendar, absl::Time begin,
                      absl::Time end) {
  if (clock.unit() == v1::TIME_UNIT_WORKING_HOUR) return calendar.WorkingTime(begin, end);
  return std::max(end - begin, absl::ZeroDuration());
}

// As NthInstant, for time that is consumed continuously.
absl::Time InstantAfter(const v1::Clock& clock, const Calendar& calendar, absl::Duration left) {
  for (const v1::Interval& interval : clock.running()) {
    const absl::Time begin = FromProto(interval.begin());
    if (interval.has_end()) {
      const absl::Duration passed = Passed(clock, calendar, begin, FromProto(interval.end()));
      if (passed < left) {
        left -= passed;
        continue;
      }
    }
    if (clock.unit() == v1::TIME_UNIT_WORKING_HOUR) return calendar.AddWorkingTime(begin, left);
    return begin + left;
  }
  return absl::InfiniteFuture();
}

// First instant of yellow, InfiniteFuture when the clock has none or the ledger does not get there.
absl::Time YellowAt(const v1::Clock& clock, const Calendar& calendar) {
  const int64_t budget = BudgetOf(clock);
  if (!CountsDays(clock)) {
    if (budget == 0) return absl::InfiniteFuture();
    return InstantAfter(clock, calendar, UnitLength(clock) * budget * 4 / 5);
  }
  if (budget <= 1) return absl::InfiniteFuture();
  const int64_t threshold = (budget + 4) / 5;
  return NthInstant(clock, CounterOf(clock, calendar),
                    Calendar::DayOf(FromProto(clock.started_at())), budget - threshold);
}

absl::Time LastInstant(const v1::Clock& clock) {
  if (clock.running().empty()) return FromProto(clock.started_at());
  const v1::Interval& last = *clock.running().rbegin();
  return FromProto(last.has_end() ? last.end() : last.begin());
}

v1::Rung HighestClaimed(const v1::Clock& clock) {
  v1::Rung highest = v1::RUNG_UNSPECIFIED;
  for (const v1::ClaimedRung& claimed : clock.claimed()) {
    highest = std::max(highest, claimed.rung());
  }
  return highest;
}

v1::Rung Above(v1::Rung rung) { return static_cast<v1::Rung>(static_cast<int>(rung) + 1); }

absl::Time DueAt(const v1::Clock& clock, const Calendar& calendar, v1::Rung rung) {
  if (rung == v1::RUNG_REMIND) return YellowAt(clock, calendar);
  const absl::Time deadline = LedgerDeadline(clock, calendar);
  if (rung == v1::RUNG_SUPERVISE || deadline == absl::InfiniteFuture()) return deadline;
  const absl::CivilDay day = Calendar::DayOf(deadline - absl::Nanoseconds(1));
  return NthInstant(clock, DayCounter(calendar, /*working=*/true), day, rung - v1::RUNG_SUPERVISE);
}

// The first rung from `rung` on that the running clock will reach.
DueRung RungFrom(const v1::Clock& clock, const Calendar& calendar, v1::Rung rung) {
  for (; rung <= v1::RUNG_ESCALATE_DISTRICT; rung = Above(rung)) {
    const absl::Time due = DueAt(clock, calendar, rung);
    if (due != absl::InfiniteFuture()) return {rung, due};
  }
  return {};
}

void EndInterval(v1::Clock* clock, absl::Time now) {
  v1::Interval* last = clock->mutable_running(clock->running_size() - 1);
  *last->mutable_end() = ToProto(std::max(now, FromProto(last->begin())));
}

}  // namespace

namespace internal {

// The deadline as far as the ledger has it, whether or not the clock still runs.
absl::Time LedgerDeadline(const v1::Clock& clock, const Calendar& calendar) {
  const int64_t budget = BudgetOf(clock);
  if (!CountsDays(clock)) return InstantAfter(clock, calendar, UnitLength(clock) * budget);
  const absl::CivilDay start = Calendar::DayOf(FromProto(clock.started_at()));
  const DayCounter days = CounterOf(clock, calendar);
  if (budget == 0) return NthInstant(clock, days, start - 1, 1);
  return NthInstant(clock, days, start, budget);
}

bool IsProvisional(const v1::Clock& clock, const Calendar& calendar, absl::Time deadline) {
  if (!CountsByCalendar(clock) || deadline == absl::InfiniteFuture()) return false;
  return !calendar.Covers(Calendar::DayOf(FromProto(clock.started_at()))) ||
         !calendar.Covers(Calendar::DayOf(deadline));
}

}  // namespace internal

v1::Clock* StartClock(ClockList* clocks, v1::ClockPurpose purpose, absl::string_view subject,
                      const v1::Limit& limit, const Calendar& calendar, absl::Time now) {
  if (v1::Clock* before = FindClock(clocks, purpose, subject)) StopClock(before, now);
  v1::Clock* clock = clocks->Add();
  clock->set_purpose(purpose);
  clock->set_subject(std::string(subject));
  clock->set_unit(limit.unit());
  clock->set_budget(limit.value());
  clock->set_calendar(calendar.version());
  *clock->mutable_started_at() = ToProto(now);
  *clock->add_running()->mutable_begin() = ToProto(now);
  return clock;
}

v1::Clock* FindClock(ClockList* clocks, v1::ClockPurpose purpose, absl::string_view subject) {
  for (v1::Clock& clock : *clocks) {
    if (!clock.stopped() && clock.purpose() == purpose && clock.subject() == subject) return &clock;
  }
  return nullptr;
}

const v1::Clock* FindClock(const ClockList& clocks, v1::ClockPurpose purpose,
                           absl::string_view subject) {
  for (const v1::Clock& clock : clocks) {
    if (!clock.stopped() && clock.purpose() == purpose && clock.subject() == subject) return &clock;
  }
  return nullptr;
}

void PauseClock(v1::Clock* clock, absl::Time now) {
  if (IsRunning(*clock)) EndInterval(clock, now);
}

void ResumeClock(v1::Clock* clock, absl::Time now) {
  if (!IsPaused(*clock)) return;
  const absl::Time begin = std::max(now, LastInstant(*clock));
  *clock->add_running()->mutable_begin() = ToProto(begin);
}

void StopClock(v1::Clock* clock, absl::Time now) {
  if (IsRunning(*clock)) EndInterval(clock, now);
  clock->set_stopped(true);
}

void StopAll(ClockList* clocks, absl::Time now) {
  for (v1::Clock& clock : *clocks) StopClock(&clock, now);
}

void ExtendClock(v1::Clock* clock, int32_t units) {
  if (clock->stopped()) return;
  clock->set_budget(clock->budget() + units);
  clock->set_extended(clock->extended() + units);
}

bool IsRunning(const v1::Clock& clock) {
  return !clock.stopped() && !clock.running().empty() && !clock.running().rbegin()->has_end();
}

bool IsPaused(const v1::Clock& clock) { return !clock.stopped() && !IsRunning(clock); }

int64_t Consumed(const v1::Clock& clock, const Calendar& calendar, absl::Time now) {
  const DayCounter days = CounterOf(clock, calendar);
  const absl::CivilDay first = Calendar::DayOf(FromProto(clock.started_at())) + 1;
  int64_t count = 0;
  absl::Duration passed;
  for (const v1::Interval& interval : clock.running()) {
    const absl::Time begin = FromProto(interval.begin());
    const bool ended = interval.has_end() && FromProto(interval.end()) <= now;
    const absl::Time end = ended ? FromProto(interval.end()) : now;
    if (CountsDays(clock)) {
      count += days.Count(std::max(days.FirstFrom(begin), first),
                          ended ? days.FirstFrom(end) : days.FirstAfter(end));
    } else {
      passed += Passed(clock, calendar, begin, end);
    }
  }
  return CountsDays(clock) ? count : absl::IDivDuration(passed, UnitLength(clock), &passed);
}

absl::Time Deadline(const v1::Clock& clock, const Calendar& calendar) {
  return IsRunning(clock) ? LedgerDeadline(clock, calendar) : absl::InfiniteFuture();
}

v1::Light LightAt(const v1::Clock& clock, const Calendar& calendar, absl::Time now) {
  if (clock.stopped()) return v1::LIGHT_UNSPECIFIED;
  // The ledger of a paused clock reaches no instant after the pause, so its light stays.
  if (LedgerDeadline(clock, calendar) <= now) return v1::LIGHT_RED;
  return YellowAt(clock, calendar) <= now ? v1::LIGHT_YELLOW : v1::LIGHT_GREEN;
}

v1::Light WorstLight(const ClockList& clocks, const Calendar& calendar, absl::Time now) {
  v1::Light worst = v1::LIGHT_UNSPECIFIED;
  for (const v1::Clock& clock : clocks) worst = std::max(worst, LightAt(clock, calendar, now));
  return worst;
}

DueRung NextRung(const v1::Clock& clock, const Calendar& calendar) {
  if (!IsRunning(clock)) return {};
  return RungFrom(clock, calendar, Above(HighestClaimed(clock)));
}

DueRung HighestDue(const v1::Clock& clock, const Calendar& calendar, absl::Time now) {
  DueRung highest;
  for (DueRung next = NextRung(clock, calendar);
       next.rung != v1::RUNG_UNSPECIFIED && next.due <= now;
       next = RungFrom(clock, calendar, Above(next.rung))) {
    highest = next;
  }
  return highest;
}

void ClaimRung(v1::Clock* clock, v1::Rung rung, absl::Time due) {
  for (v1::Rung lower = v1::RUNG_REMIND; lower <= rung; lower = Above(lower)) {
    const bool claimed =
        std::any_of(clock->claimed().begin(), clock->claimed().end(),
                    [&](const v1::ClaimedRung& earlier) { return earlier.rung() == lower; });
    if (claimed) continue;
    v1::ClaimedRung* added = clock->add_claimed();
    added->set_rung(lower);
    *added->mutable_due_at() = ToProto(due);
  }
}

DueClock EarliestRung(ClockList* clocks, const Calendar& calendar) {
  DueClock earliest;
  for (v1::Clock& clock : *clocks) {
    const DueRung next = NextRung(clock, calendar);
    if (next.due < earliest.rung.due) earliest = {&clock, next};
  }
  return earliest;
}

absl::Time EarliestDue(const ClockList& clocks, const Calendar& calendar) {
  absl::Time earliest = absl::InfiniteFuture();
  for (const v1::Clock& clock : clocks) {
    earliest = std::min(earliest, NextRung(clock, calendar).due);
  }
  return earliest;
}

v1::ClockView ViewOf(const v1::Clock& clock, const Calendar& calendar, absl::Time now) {
  v1::ClockView view;
  view.set_purpose(clock.purpose());
  view.set_subject(clock.subject());
  view.set_light(LightAt(clock, calendar, now));
  const absl::Time deadline = Deadline(clock, calendar);
  if (deadline != absl::InfiniteFuture()) *view.mutable_deadline() = ToProto(deadline);
  view.set_status(clock.stopped() ? "stopped" : IsRunning(clock) ? "running" : "paused");
  const int64_t remaining = BudgetOf(clock) - Consumed(clock, calendar, now);
  view.set_remaining(
      static_cast<int32_t>(std::max<int64_t>(remaining, std::numeric_limits<int32_t>::min())));
  view.set_unit(clock.unit());
  view.set_provisional(IsProvisional(clock, calendar, deadline));
  return view;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace yikou::casework
