#include "libs/casework/calendar.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status.h"
#include "libs/casework/chain.h"
#include "libs/casework/identifiers.h"

namespace yikou::casework {
namespace {

constexpr absl::string_view kHeader = "date,is_off_day,name,notice_year";
constexpr int64_t kUtcOffset = 8 * 3600;
constexpr int64_t kSecondsOfDay = 24 * 3600;
// Far beyond any date; keeps arithmetic on damaged or infinite times from overflowing.
constexpr int64_t kMaxSeconds = int64_t{1} << 43;
constexpr absl::CivilDay kEpoch(1970, 1, 1);
// A Monday.
constexpr absl::CivilDay kWeekEpoch(1969, 12, 29);

constexpr absl::Duration kClose = absl::Hours(17);
constexpr absl::Duration kMorning = absl::Minutes(8 * 60 + 30);
constexpr absl::Duration kAfternoon = absl::Minutes(13 * 60 + 30);
constexpr absl::Duration kHalf = absl::Minutes(3 * 60 + 30);
constexpr absl::Duration kOpenPerDay = absl::Hours(7);

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Weekdays (Monday to Friday) in [kWeekEpoch, day), and the weekday with that many before it.
int64_t WeekdaysBefore(absl::CivilDay day) {
  const int64_t n = day - kWeekEpoch;
  const int64_t week = FloorDiv(n, 7);
  return 5 * week + std::min<int64_t>(n - 7 * week, 5);
}
absl::CivilDay WeekdayAt(int64_t index) {
  const int64_t week = FloorDiv(index, 5);
  return kWeekEpoch + (7 * week + index - 5 * week);
}

bool IsWeekend(absl::CivilDay day) {
  const int64_t n = day - kWeekEpoch;
  return n - 7 * FloorDiv(n, 7) >= 5;
}

struct Row {
  absl::CivilDay day;
  bool off = false;
  std::string name;
  int notice_year = 0;
};

absl::StatusOr<Row> ParseRow(absl::string_view line) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
  if (fields.size() != 4) return absl::InvalidArgumentError("needs 4 fields");
  Row row;
  if (!ParseDay(fields[0], &row.day)) {
    return absl::InvalidArgumentError(absl::StrCat("no such day: ", fields[0]));
  }
  if (fields[1] != "0" && fields[1] != "1") {
    return absl::InvalidArgumentError(absl::StrCat("is_off_day is not 0 or 1: ", fields[1]));
  }
  row.off = fields[1] == "1";
  if (fields[2].empty()) return absl::InvalidArgumentError("the name is empty");
  row.name = std::string(fields[2]);
  if (!absl::SimpleAtoi(fields[3], &row.notice_year) || row.notice_year < row.day.year() - 1 ||
      row.notice_year > row.day.year() + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("notice_year is not the day's year or one beside it: ", fields[3]));
  }
  return row;
}

}  // namespace

absl::StatusOr<Calendar> Calendar::Parse(absl::string_view csv) {
  Calendar calendar;
  std::set<int> years;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(csv, '\n')) {
    ++number;
    absl::ConsumeSuffix(&line, "\r");
    if (number == 1) {
      if (line == kHeader) continue;
      return absl::InvalidArgumentError(absl::StrCat("line 1: expected the header ", kHeader));
    }
    if (line.empty()) continue;
    absl::StatusOr<Row> row = ParseRow(line);
    if (!row.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", row.status().message()));
    }
    years.insert(row->notice_year);
    if (!calendar.listed_.emplace(row->day, Day{row->off, std::move(row->name)}).second) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": the day is listed twice"));
    }
  }
  if (years.empty()) return absl::InvalidArgumentError("line 2: no day is listed");
  calendar.first_year_ = *years.begin();
  calendar.last_year_ = *years.rbegin();
  for (int year = calendar.first_year_; year <= calendar.last_year_; ++year) {
    if (years.count(year) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("no day of the notice for ", year));
    }
  }
  calendar.version_ = absl::StrCat("cn-", calendar.first_year_, "-", calendar.last_year_, "-",
                                   absl::BytesToHexString(Digest(csv).substr(0, 4)));
  calendar.CountWorkingDays();
  return calendar;
}

void Calendar::CountWorkingDays() {
  // One year more on either side: a notice lists days of the years beside its own.
  table_begin_ = absl::CivilDay(first_year_ - 1, 1, 1);
  const absl::CivilDay end(last_year_ + 2, 1, 1);
  working_before_ = {0};
  working_before_.reserve(end - table_begin_ + 1);
  for (absl::CivilDay day = table_begin_; day < end; ++day) {
    const auto listed = listed_.find(day);
    const bool off = listed != listed_.end() ? listed->second.off : IsWeekend(day);
    working_before_.push_back(working_before_.back() + (off ? 0 : 1));
  }
}

int64_t Calendar::IndexOf(absl::CivilDay day) const {
  const int64_t i = day - table_begin_;
  const int64_t last = static_cast<int64_t>(working_before_.size()) - 1;
  if (i < 0) return WeekdaysBefore(day) - WeekdaysBefore(table_begin_);
  if (i <= last) return working_before_[i];
  return working_before_.back() + WeekdaysBefore(day) - WeekdaysBefore(table_begin_ + last);
}

absl::CivilDay Calendar::WorkingDayAt(int64_t index) const {
  if (index < 0) return WeekdayAt(WeekdaysBefore(table_begin_) + index);
  if (index >= working_before_.back()) {
    const int64_t last = static_cast<int64_t>(working_before_.size()) - 1;
    return WeekdayAt(WeekdaysBefore(table_begin_ + last) + index - working_before_.back());
  }
  const auto after = std::upper_bound(working_before_.begin(), working_before_.end(), index);
  return table_begin_ + (after - working_before_.begin() - 1);
}

bool Calendar::IsWorkingDay(absl::CivilDay day) const { return IndexOf(day + 1) > IndexOf(day); }

int64_t Calendar::WorkingDays(absl::CivilDay begin, absl::CivilDay end) const {
  return end <= begin ? 0 : IndexOf(end) - IndexOf(begin);
}

absl::CivilDay Calendar::NthWorkingDay(absl::CivilDay begin, int64_t n) const {
  return WorkingDayAt(IndexOf(begin) + n - 1);
}

std::string Calendar::NameOf(absl::CivilDay day) const {
  const auto listed = listed_.find(day);
  if (listed != listed_.end()) return listed->second.name;
  return IsWeekend(day) ? "周末" : "";
}

absl::Time Calendar::CloseOfBusiness(absl::CivilDay day) const { return StartOf(day) + kClose; }

absl::Duration Calendar::WorkingTimeSince(absl::Time time) const {
  const absl::CivilDay day = DayOf(time);
  const absl::Duration whole = kOpenPerDay * IndexOf(day);
  if (!IsWorkingDay(day)) return whole;
  const absl::Duration passed = time - StartOf(day);
  return whole + std::clamp(passed - kMorning, absl::ZeroDuration(), kHalf) +
         std::clamp(passed - kAfternoon, absl::ZeroDuration(), kHalf);
}

absl::Duration Calendar::WorkingTime(absl::Time begin, absl::Time end) const {
  if (end <= begin) return absl::ZeroDuration();
  return WorkingTimeSince(end) - WorkingTimeSince(begin);
}

absl::Time Calendar::AddWorkingTime(absl::Time begin, absl::Duration amount) const {
  if (amount <= absl::ZeroDuration()) return begin;
  absl::Duration rest;
  int64_t index = absl::IDivDuration(WorkingTimeSince(begin) + amount, kOpenPerDay, &rest);
  // The whole of a day passes at its close, not at the next opening.
  if (rest <= absl::ZeroDuration()) {
    rest += kOpenPerDay;
    --index;
  }
  return StartOf(WorkingDayAt(index)) +
         (rest <= kHalf ? kMorning + rest : kAfternoon + (rest - kHalf));
}

absl::TimeZone Calendar::Zone() {
  static const absl::TimeZone zone = absl::FixedTimeZone(kUtcOffset);
  return zone;
}

absl::CivilDay Calendar::DayOf(absl::Time time) {
  const int64_t seconds = std::clamp(absl::ToUnixSeconds(time), -kMaxSeconds, kMaxSeconds);
  return kEpoch + FloorDiv(seconds + kUtcOffset, kSecondsOfDay);
}

absl::Time Calendar::StartOf(absl::CivilDay day) {
  return absl::FromUnixSeconds((day - kEpoch) * kSecondsOfDay - kUtcOffset);
}

}  // namespace yikou::casework
