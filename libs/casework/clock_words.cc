// The ledger of a clock in words: what ExplainDeadline tells the citizen.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "libs/casework/clock_days.h"
#include "libs/casework/clocks.h"

namespace yikou::casework {

using internal::BudgetOf;
using internal::CounterOf;
using internal::CountsDays;
using internal::DayCounter;
using internal::IsProvisional;
using internal::LedgerDeadline;

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

}  // namespace yikou::casework
