#include "libs/casework/clocks.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace yikou::casework {
namespace {

bool CountsDays(const v1::Clock& clock) {
  return clock.unit() != v1::TIME_UNIT_WORKING_HOUR && clock.unit() != v1::TIME_UNIT_HOUR &&
         clock.unit() != v1::TIME_UNIT_MINUTE;
}

bool CountsByCalendar(const v1::Clock& clock) {
  return clock.unit() != v1::TIME_UNIT_NATURAL_DAY && clock.unit() != v1::TIME_UNIT_HOUR &&
         clock.unit() != v1::TIME_UNIT_MINUTE;
}

int64_t BudgetOf(const v1::Clock& clock) { return std::max<int64_t>(clock.budget(), 0); }

// Length of one unit of a clock that counts continuously.
absl::Duration UnitLength(const v1::Clock& clock) {
  return clock.unit() == v1::TIME_UNIT_MINUTE ? absl::Minutes(1) : absl::Hours(1);
}

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

DayCounter CounterOf(const v1::Clock& clock, const Calendar& calendar) {
  return DayCounter(calendar, clock.unit() != v1::TIME_UNIT_NATURAL_DAY);
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

// The deadline as far as the ledger has it, whether or not the clock still runs.
absl::Time LedgerDeadline(const v1::Clock& clock, const Calendar& calendar) {
  const int64_t budget = BudgetOf(clock);
  if (!CountsDays(clock)) return InstantAfter(clock, calendar, UnitLength(clock) * budget);
  const absl::CivilDay start = Calendar::DayOf(FromProto(clock.started_at()));
  const DayCounter days = CounterOf(clock, calendar);
  if (budget == 0) return NthInstant(clock, days, start - 1, 1);
  return NthInstant(clock, days, start, budget);
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

bool IsProvisional(const v1::Clock& clock, const Calendar& calendar, absl::Time deadline) {
  if (!CountsByCalendar(clock) || deadline == absl::InfiniteFuture()) return false;
  return !calendar.Covers(Calendar::DayOf(FromProto(clock.started_at()))) ||
         !calendar.Covers(Calendar::DayOf(deadline));
}

}  // namespace

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

namespace {

absl::string_view PurposeName(v1::ClockPurpose purpose) {
  switch (purpose) {
    case v1::CLOCK_PURPOSE_NOTICE:
      return "受理告知时限";
    case v1::CLOCK_PURPOSE_STATUTORY:
      return "法定办结时限";
    case v1::CLOCK_PURPOSE_PROMISED:
      return "承诺办结时限";
    case v1::CLOCK_PURPOSE_STEP:
      return "环节办理时限";
    case v1::CLOCK_PURPOSE_CORRECTION:
      return "补正时限";
    case v1::CLOCK_PURPOSE_SUPPLEMENT:
      return "容缺补交时限";
    case v1::CLOCK_PURPOSE_DELIVERY:
      return "送达时限";
    case v1::CLOCK_PURPOSE_CLOSE:
      return "结案时限";
    case v1::CLOCK_PURPOSE_RECTIFY:
      return "差评整改时限";
    case v1::CLOCK_PURPOSE_HANDOVER:
      return "移交接收时限";
    case v1::CLOCK_PURPOSE_SIGN:
      return "签收时限";
    case v1::CLOCK_PURPOSE_CONTACT:
      return "联系时限";
    case v1::CLOCK_PURPOSE_HANDLE:
      return "处置时限";
    case v1::CLOCK_PURPOSE_CHECK:
      return "核查时限";
    case v1::CLOCK_PURPOSE_FIELD:
      return "现场核实时限";
    default:
      return "时限";
  }
}

// "8 个工作日"
std::string Amount(const v1::Clock& clock, int64_t units) {
  switch (clock.unit()) {
    case v1::TIME_UNIT_NATURAL_DAY:
      return absl::StrCat(units, " 个自然日");
    case v1::TIME_UNIT_WORKING_HOUR:
      return absl::StrCat(units, " 个工作小时");
    case v1::TIME_UNIT_HOUR:
      return absl::StrCat(units, " 小时");
    case v1::TIME_UNIT_MINUTE:
      return absl::StrCat(units, " 分钟");
    default:
      return absl::StrCat(units, " 个工作日");
  }
}

// "2025年9月28日（周日）"
std::string DayText(absl::CivilDay day) {
  constexpr absl::string_view kNames[] = {"一", "二", "三", "四", "五", "六", "日"};
  return absl::StrCat(day.year(), "年", day.month(), "月", day.day(), "日（周",
                      kNames[static_cast<int>(absl::GetWeekday(day))], "）");
}

// One day as DayText, more as "2025年10月1日至10月8日 ".
std::string DaysText(absl::CivilDay first, absl::CivilDay last) {
  if (first == last) return DayText(first);
  return absl::StrCat(first.year(), "年", first.month(), "月", first.day(), "日至",
                      last.year() == first.year() ? "" : absl::StrCat(last.year(), "年"),
                      last.month(), "月", last.day(), "日 ");
}

std::string TimeText(absl::Time time) {
  const absl::CivilMinute minute = absl::ToCivilMinute(time, Calendar::Zone());
  return absl::StrFormat("%s%02d:%02d", DayText(absl::CivilDay(minute)), minute.hour(),
                         minute.minute());
}

// Midnight as the end of the day before, as people say it.
std::string DeadlineText(absl::Time time) {
  const absl::CivilDay day = Calendar::DayOf(time);
  return Calendar::StartOf(day) == time ? DayText(day - 1) + "24:00" : TimeText(time);
}

// A run of days that are all counted, or all skipped for the same reason.
struct Run {
  enum Kind { kCounted, kMakeUp, kWeekend, kHoliday };
  Kind kind = kCounted;
  absl::CivilDay first;
  absl::CivilDay last;
  int64_t counted = 0;
  std::vector<std::string> names;  // distinct, in order
  bool spans_weekend = false;
};

Run RunOf(const Calendar& calendar, absl::CivilDay day) {
  Run run;
  run.first = run.last = day;
  const bool weekend = absl::GetWeekday(day) >= absl::Weekday::saturday;
  if (calendar.IsWorkingDay(day)) {
    run.kind = weekend ? Run::kMakeUp : Run::kCounted;
    run.counted = 1;
  } else {
    const std::string name = calendar.NameOf(day);
    run.kind = weekend && name == "周末" ? Run::kWeekend : Run::kHoliday;
  }
  if (run.kind != Run::kCounted) run.names.push_back(calendar.NameOf(day));
  return run;
}

bool IsOff(const Run& run) { return run.kind == Run::kWeekend || run.kind == Run::kHoliday; }

void Append(Run* run, const Run& next) {
  run->last = next.last;
  run->counted += next.counted;
  run->spans_weekend |= next.spans_weekend;
  if (next.kind == Run::kHoliday) run->kind = Run::kHoliday;
  for (const std::string& name : next.names) {
    if (std::find(run->names.begin(), run->names.end(), name) == run->names.end()) {
      run->names.push_back(name);
    }
  }
}

// The days [begin, end) as runs; a plain weekend between counted days is part of their run, so that
// a long budget stays readable.
std::vector<Run> RunsOf(const Calendar& calendar, absl::CivilDay begin, absl::CivilDay end) {
  std::vector<Run> runs;
  for (absl::CivilDay day = begin; day < end; ++day) {
    const Run next = RunOf(calendar, day);
    if (!runs.empty() && next.kind != Run::kMakeUp &&
        (runs.back().kind == next.kind || (IsOff(runs.back()) && IsOff(next)))) {
      Append(&runs.back(), next);
    } else {
      runs.push_back(next);
    }
  }
  std::vector<Run> folded;
  for (size_t i = 0; i < runs.size(); ++i) {
    const bool between = runs[i].kind == Run::kWeekend && !folded.empty() &&
                         folded.back().kind == Run::kCounted && i + 1 < runs.size() &&
                         runs[i + 1].kind == Run::kCounted;
    if (between) {
      Append(&folded.back(), runs[++i]);
      folded.back().spans_weekend = true;
    } else {
      folded.push_back(std::move(runs[i]));
    }
  }
  return folded;
}

// Writes the ledger of one clock, sentence by sentence.
class Explainer {
 public:
  Explainer(const v1::Clock& clock, const Calendar& calendar, absl::Time now)
      : clock_(clock),
        calendar_(calendar),
        now_(now),
        days_(CounterOf(clock, calendar)),
        start_(FromProto(clock.started_at())),
        deadline_(LedgerDeadline(clock, calendar)) {}

  std::vector<std::string> Write() && {
    Start();
    for (int i = 0; i < clock_.running_size(); ++i) {
      if (i > 0) Resumed(clock_.running(i - 1), clock_.running(i));
      if (CountsDays(clock_)) Days(clock_.running(i));
      if (clock_.running(i).has_end()) Ended(i);
    }
    Extended();
    Due();
    Now();
    return std::move(lines_);
  }

 private:
  template <typename... Parts>
  void Say(const Parts&... parts) {
    lines_.push_back(absl::StrCat(parts...));
  }

  void Start() {
    const int64_t granted = std::max<int64_t>(BudgetOf(clock_) - clock_.extended(), 0);
    const bool same_day = CountsDays(clock_) && granted == 0;
    Say(TimeText(start_), " 开始计时，", PurposeName(clock_.purpose()), " ",
        Amount(clock_, granted),
        same_day             ? "，当日办结。"
        : CountsDays(clock_) ? "，从次日起算。"
                             : "，即时起算。");
  }

  absl::CivilDay FirstDay(absl::Time time) const {
    return std::max(days_.FirstFrom(time), Calendar::DayOf(start_) + 1);
  }

  // Days whose instant lies in the interval, up to the deadline.
  void Days(const v1::Interval& interval) {
    const absl::CivilDay begin = FirstDay(FromProto(interval.begin()));
    absl::CivilDay end = absl::CivilDay::max();
    if (interval.has_end()) end = days_.FirstFrom(FromProto(interval.end()));
    if (deadline_ != absl::InfiniteFuture()) end = std::min(end, days_.FirstAfter(deadline_));
    if (clock_.unit() != v1::TIME_UNIT_NATURAL_DAY) {
      for (const Run& run : RunsOf(calendar_, begin, end)) WorkingRun(run);
    } else if (begin < end) {
      counted_ += end - begin;
      Say(DaysText(begin, end - 1), "计 ", Amount(clock_, end - begin), "，累计 ", counted_,
          " 个。");
    }
  }

  void WorkingRun(const Run& run) {
    counted_ += run.counted;
    const std::string days = DaysText(run.first, run.last);
    const std::string names = absl::StrJoin(run.names, "、");
    switch (run.kind) {
      case Run::kCounted:
        Say(days, run.spans_weekend ? "除周末外计 " : "计 ", Amount(clock_, run.counted), "，累计 ",
            counted_, " 个。");
        break;
      case Run::kMakeUp:
        Say(days, names, "调休上班，计 ", Amount(clock_, run.counted), "。");
        break;
      case Run::kWeekend:
        Say(days, names, "，不计。");
        break;
      case Run::kHoliday:
        Say(days, names, " 放假，不计。");
        break;
    }
  }

  void Ended(int i) {
    const bool over = clock_.stopped() && i + 1 == clock_.running_size();
    const absl::Time end = FromProto(clock_.running(i).end());
    Say(TimeText(end), over ? " 计时结束" : " 暂停计时", "，此前已用 ",
        Amount(clock_, Consumed(clock_, calendar_, end)), "。");
  }

  void Resumed(const v1::Interval& before, const v1::Interval& after) {
    const std::string when = TimeText(FromProto(after.begin()));
    if (!CountsDays(clock_)) return Say(when, " 恢复计时。");
    const int64_t skipped =
        days_.Count(FirstDay(FromProto(before.end())), days_.FirstFrom(FromProto(after.begin())));
    if (skipped == 0) return Say(when, " 恢复计时，暂停期间没有应计的日子，期限不变。");
    Say(when, " 恢复计时，暂停期间 ", Amount(clock_, skipped), "不计。");
  }

  void Extended() {
    if (clock_.extended() == 0) return;
    Say("延长 ", Amount(clock_, clock_.extended()), "，共 ", Amount(clock_, BudgetOf(clock_)),
        "。");
  }

  void Due() {
    if (clock_.stopped()) return;
    if (IsPaused(clock_)) return Say("暂停中，恢复计时后确定办结期限。");
    Say("办结期限：", DeadlineText(deadline_), "。");
    if (IsProvisional(clock_, calendar_, deadline_)) {
      Say("工作日历只有 ", calendar_.first_year(), " 年至 ", calendar_.last_year(),
          " 年的放假安排，上述期限为暂定。");
    }
  }

  void Now() {
    const int64_t used = Consumed(clock_, calendar_, now_);
    if (clock_.stopped()) return Say("计时已结束，共用 ", Amount(clock_, used), "。");
    const int64_t left = BudgetOf(clock_) - used;
    const v1::Light light = LightAt(clock_, calendar_, now_);
    std::string rest = absl::StrCat("剩余 ", Amount(clock_, left));
    if (left <= 0) rest = left < 0 ? absl::StrCat("超期 ", Amount(clock_, -left)) : "已到期";
    if (left <= 0 && light != v1::LIGHT_RED) rest = "当日到期";
    Say("现在已用 ", Amount(clock_, used), "，", rest, "，",
        light == v1::LIGHT_RED      ? "红灯。"
        : light == v1::LIGHT_YELLOW ? "黄灯。"
                                    : "绿灯。");
  }

  const v1::Clock& clock_;
  const Calendar& calendar_;
  const absl::Time now_;
  const DayCounter days_;
  const absl::Time start_;
  const absl::Time deadline_;
  int64_t counted_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> Explain(const v1::Clock& clock, const Calendar& calendar, absl::Time now) {
  return Explainer(clock, calendar, now).Write();
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
