// Clocks: a budget and a ledger, never a stored date. Everything here is pure.
//
// Days are counted from the day after the start. A working day is consumed when the clock runs at
// its close of business, a natural day when it runs at the end of the day (24:00 local), so a
// suspension at night or over a holiday consumes and grants nothing. Hours and minutes are consumed
// continuously; working hours only while counters are open. The deadline is the instant the last
// unit is consumed. Intervals are half open: a clock paused at 17:00 sharp has not consumed the
// day, one resumed then has. A budget of 0 days is due when the day of the start would be consumed
// (即办, the same day).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "libs/casework/calendar.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::casework {

using ClockList = google::protobuf::RepeatedPtrField<v1::Clock>;

// Starts a clock in the list at `now`; an unstopped one with the same purpose and subject is
// stopped first. Returns it.
v1::Clock* StartClock(ClockList* clocks, v1::ClockPurpose purpose, absl::string_view subject,
                      const v1::Limit& limit, const Calendar& calendar, absl::Time now);
// The unstopped clock of a purpose and subject, or null.
v1::Clock* FindClock(ClockList* clocks, v1::ClockPurpose purpose, absl::string_view subject = "");
const v1::Clock* FindClock(const ClockList& clocks, v1::ClockPurpose purpose,
                           absl::string_view subject = "");

// No effect on a stopped clock; pausing a paused and resuming a running one are no effects either.
// An instant before the ledger's last is taken as the ledger's last.
void PauseClock(v1::Clock* clock, absl::Time now);
void ResumeClock(v1::Clock* clock, absl::Time now);
void StopClock(v1::Clock* clock, absl::Time now);
void StopAll(ClockList* clocks, absl::Time now);
// Adds units to the budget (延期); no effect on a stopped clock.
void ExtendClock(v1::Clock* clock, int32_t units);

bool IsRunning(const v1::Clock& clock);
bool IsPaused(const v1::Clock& clock);  // neither running nor stopped

// Units consumed up to `now`: whole days for day units, whole hours or minutes otherwise.
int64_t Consumed(const v1::Clock& clock, const Calendar& calendar, absl::Time now);
// When the budget is used up if the clock keeps running; InfiniteFuture while paused or stopped.
absl::Time Deadline(const v1::Clock& clock, const Calendar& calendar);
// GREEN; YELLOW from the instant the larger of one unit (units of days) and 20 % of the budget is
// left, for days rounded up to whole ones; RED from the deadline on. A budget of one day has no
// yellow: it would be yellow from the start. UNSPECIFIED for a stopped clock; for a paused one the
// light it had when it was paused.
v1::Light LightAt(const v1::Clock& clock, const Calendar& calendar, absl::Time now);
v1::Light WorstLight(const ClockList& clocks, const Calendar& calendar, absl::Time now);

// The next rung of a running clock above the highest claimed one, and when it is due: REMIND at
// yellow (left out where there is no yellow), SUPERVISE at the deadline, ESCALATE_* at the first,
// second and third close of business on working days after the deadline's day that the clock runs
// through; a natural day that ends at 24:00 is that day's deadline. UNSPECIFIED when there is none.
struct DueRung {
  v1::Rung rung = v1::RUNG_UNSPECIFIED;
  absl::Time due = absl::InfiniteFuture();
};
DueRung NextRung(const v1::Clock& clock, const Calendar& calendar);
// The highest unclaimed rung due at or before `now`: what to claim when several are due at once,
// as after a back-dated start. UNSPECIFIED when none is.
DueRung HighestDue(const v1::Clock& clock, const Calendar& calendar, absl::Time now);
// Marks a rung and every lower one as claimed; those marked now carry the same `due`.
void ClaimRung(v1::Clock* clock, v1::Rung rung, absl::Time due);
// Earliest NextRung over all clocks, and which clock; null when none.
struct DueClock {
  v1::Clock* clock = nullptr;
  DueRung rung;
};
DueClock EarliestRung(ClockList* clocks, const Calendar& calendar);
absl::Time EarliestDue(const ClockList& clocks, const Calendar& calendar);

// A clock as people see it. Remaining is budget less Consumed(). Provisional when the unit is a
// working day or hour and the calendar does not cover the day of the start or of the deadline.
v1::ClockView ViewOf(const v1::Clock& clock, const Calendar& calendar, absl::Time now);
// The ledger in Chinese sentences, in order of time: start, days counted, days skipped and why,
// pauses, extensions, deadline, light.
std::vector<std::string> Explain(const v1::Clock& clock, const Calendar& calendar, absl::Time now);

// Proto time conversions, in whole nanoseconds.
google::protobuf::Timestamp ToProto(absl::Time time);
absl::Time FromProto(const google::protobuf::Timestamp& time);

}  // namespace yikou::casework
