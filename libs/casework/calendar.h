// The working calendar: weekends, the State Council's holidays and the make-up working days.
//
// Local time is UTC+8 all year (China has had no daylight saving time since 1991).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace yikou::casework {

class Calendar {
 public:
  // Reads CSV text with the header date,is_off_day,name,notice_year. INVALID_ARGUMENT names the
  // line, or a year between the first and the last that has no notice. The version is
  // "cn-<first>-<last>-<8 hex digits of the text's SHA-256>".
  static absl::StatusOr<Calendar> Parse(absl::string_view csv);

  const std::string& version() const { return version_; }
  // True for a working day: listed make-up days, and weekdays that are not listed as off.
  bool IsWorkingDay(absl::CivilDay day) const;
  // Name of the holiday or make-up day when the day is listed; else "周末" for a weekend, "".
  std::string NameOf(absl::CivilDay day) const;
  // First and last year with a notice; days outside follow the weekday and are provisional.
  int first_year() const { return first_year_; }
  int last_year() const { return last_year_; }
  bool Covers(absl::CivilDay day) const {
    return day.year() >= first_year_ && day.year() <= last_year_;
  }
  // Working days in [begin, end), 0 when end <= begin. Constant time.
  int64_t WorkingDays(absl::CivilDay begin, absl::CivilDay end) const;
  // The n-th working day at or after `begin`; n counts from 1. Logarithmic time.
  absl::CivilDay NthWorkingDay(absl::CivilDay begin, int64_t n) const;
  // Close of business of a day, 17:00 local time; a working day is consumed at this instant.
  absl::Time CloseOfBusiness(absl::CivilDay day) const;
  // Opening hours 08:30-12:00 and 13:30-17:00 of working days: working time in [begin, end).
  absl::Duration WorkingTime(absl::Time begin, absl::Time end) const;
  // Instant at which `amount` of working time after `begin` has passed.
  absl::Time AddWorkingTime(absl::Time begin, absl::Duration amount) const;

  static absl::TimeZone Zone();
  static absl::CivilDay DayOf(absl::Time time);
  // 00:00 local time, the first instant of a day.
  static absl::Time StartOf(absl::CivilDay day);

 private:
  struct Day {
    bool off = false;
    std::string name;
  };
  void CountWorkingDays();
  // Working days in [table_begin_, day), negative for earlier days; and the inverse: the working
  // day that has `index` working days before it.
  int64_t IndexOf(absl::CivilDay day) const;
  absl::CivilDay WorkingDayAt(int64_t index) const;
  absl::Duration WorkingTimeSince(absl::Time time) const;

  std::map<absl::CivilDay, Day> listed_;
  // working_before_[i] is the number of working days in the i days from table_begin_ on. Days
  // outside the table follow the weekday, which has a closed form.
  absl::CivilDay table_begin_;
  std::vector<int32_t> working_before_ = {0};
  std::string version_;
  int first_year_ = 0;
  int last_year_ = 0;
};

}  // namespace yikou::casework
