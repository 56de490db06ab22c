#include "libs/casework/calendar.h"

#include <rapidcheck.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"

namespace yikou::casework {
namespace {

std::string CalendarText() {
  std::ifstream file(YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

const Calendar& TestCalendar() {
  static const Calendar calendar = Calendar::Parse(CalendarText()).value();
  return calendar;
}

absl::Time At(int year, int month, int day, int hour = 0, int minute = 0) {
  return absl::FromCivil(absl::CivilMinute(year, month, day, hour, minute), Calendar::Zone());
}

std::string ErrorOf(const std::string& rows) {
  const auto calendar = Calendar::Parse("date,is_off_day,name,notice_year\n" + rows);
  REQUIRE(calendar.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(calendar.status().message());
}

// Any of the whole range from the first case on; rapidcheck's own ranges start small.
int Pick(int begin, int end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(begin, end));
}

absl::CivilDay AnyDay() { return absl::CivilDay(2003, 1, 1) + Pick(0, 27 * 366); }

absl::Time AnyMinute() { return Calendar::StartOf(AnyDay()) + absl::Minutes(Pick(0, 24 * 60)); }

TEST_CASE("working days of every year are those of the published calendars", "[casework]") {
  const std::pair<int, int> published[] = {
      {2014, 250}, {2015, 249}, {2016, 250}, {2017, 249}, {2018, 250}, {2019, 250}, {2020, 249},
      {2021, 250}, {2022, 249}, {2023, 249}, {2024, 251}, {2025, 248}, {2026, 248}};
  for (const auto& [year, days] : published) {
    CAPTURE(year);
    CHECK(TestCalendar().WorkingDays(absl::CivilDay(year, 1, 1), absl::CivilDay(year + 1, 1, 1)) ==
          days);
  }
}

TEST_CASE("holidays are off, make-up days are working, the rest follows the weekday",
          "[casework]") {
  const Calendar& calendar = TestCalendar();
  CHECK_FALSE(calendar.IsWorkingDay(absl::CivilDay(2025, 10, 1)));  // a Wednesday
  CHECK(calendar.NameOf(absl::CivilDay(2025, 10, 1)) == "国庆节、中秋节");
  CHECK(calendar.IsWorkingDay(absl::CivilDay(2025, 9, 28)));  // a Sunday
  CHECK(calendar.NameOf(absl::CivilDay(2025, 9, 28)) == "国庆节、中秋节");
  CHECK_FALSE(calendar.IsWorkingDay(absl::CivilDay(2025, 9, 27)));
  CHECK(calendar.NameOf(absl::CivilDay(2025, 9, 27)) == "周末");
  CHECK(calendar.IsWorkingDay(absl::CivilDay(2025, 9, 26)));
  CHECK(calendar.NameOf(absl::CivilDay(2025, 9, 26)).empty());
}

TEST_CASE("a notice counts for its days in the years beside its own", "[casework]") {
  const Calendar& calendar = TestCalendar();
  CHECK(calendar.IsWorkingDay(absl::CivilDay(2006, 12, 30)));  // a Saturday, notice of 2007
  CHECK_FALSE(calendar.Covers(absl::CivilDay(2006, 12, 30)));
  const auto after = Calendar::Parse("date,is_off_day,name,notice_year\n2026-01-02,1,元旦,2025\n");
  REQUIRE(after.ok());
  CHECK_FALSE(after->IsWorkingDay(absl::CivilDay(2026, 1, 2)));
}

TEST_CASE("days outside the notices follow the weekday and are not covered", "[casework]") {
  const Calendar& calendar = TestCalendar();
  CHECK(calendar.first_year() == 2007);
  CHECK(calendar.last_year() == 2026);
  CHECK(calendar.Covers(absl::CivilDay(2026, 12, 31)));
  for (int year : {1971, 2005, 2027, 2028, 2031, 2100}) {
    CAPTURE(year);
    CHECK_FALSE(calendar.Covers(absl::CivilDay(year, 1, 1)));
    for (absl::CivilDay day(year, 1, 1); day.year() == year; ++day) {
      REQUIRE(calendar.IsWorkingDay(day) == (absl::GetWeekday(day) < absl::Weekday::saturday));
    }
  }
}

TEST_CASE("counting working days agrees with looking at every day", "[casework]") {
  REQUIRE(rc::check("WorkingDays and NthWorkingDay", [] {
    const Calendar& calendar = TestCalendar();
    const absl::CivilDay begin = AnyDay();
    const absl::CivilDay end = begin + Pick(-10, 900);
    int64_t count = 0;
    for (absl::CivilDay day = begin; day < end; ++day) {
      if (!calendar.IsWorkingDay(day)) continue;
      ++count;
      if (count % 97 == 1) RC_ASSERT(calendar.NthWorkingDay(begin, count) == day);
    }
    RC_ASSERT(calendar.WorkingDays(begin, end) == count);
  }));
}

TEST_CASE("counting has no seam where the notices begin and end", "[casework]") {
  const Calendar& calendar = TestCalendar();
  const absl::CivilDay begin(2004, 1, 1);
  int64_t count = 0;
  int wrong = 0;
  for (absl::CivilDay day = begin; day.year() < 2031; ++day) {
    if (calendar.WorkingDays(begin, day) != count) ++wrong;
    if (!calendar.IsWorkingDay(day)) continue;
    ++count;
    if (calendar.NthWorkingDay(begin, count) != day) ++wrong;
    if (calendar.NthWorkingDay(day, 1) != day) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(count > 6700);
}

TEST_CASE("a calendar without notices still knows weekends", "[casework]") {
  const Calendar calendar;
  CHECK(calendar.IsWorkingDay(absl::CivilDay(2025, 10, 1)));
  CHECK_FALSE(calendar.IsWorkingDay(absl::CivilDay(2025, 9, 28)));
  CHECK(calendar.NthWorkingDay(absl::CivilDay(2025, 9, 27), 6) == absl::CivilDay(2025, 10, 6));
  CHECK(calendar.WorkingDays(absl::CivilDay(1969, 1, 1), absl::CivilDay(1970, 1, 1)) == 261);
}

TEST_CASE("a day begins and ends at midnight of UTC+8", "[casework]") {
  CHECK(Calendar::DayOf(absl::FromUnixSeconds(0)) == absl::CivilDay(1970, 1, 1));
  CHECK(Calendar::DayOf(absl::FromUnixSeconds(16 * 3600)) == absl::CivilDay(1970, 1, 2));
  CHECK(Calendar::DayOf(absl::FromUnixSeconds(16 * 3600) - absl::Nanoseconds(1)) ==
        absl::CivilDay(1970, 1, 1));
  CHECK(Calendar::DayOf(absl::FromUnixSeconds(-8 * 3600 - 1)) == absl::CivilDay(1969, 12, 31));
  CHECK(Calendar::StartOf(absl::CivilDay(2025, 9, 24)) == At(2025, 9, 24));
  CHECK(TestCalendar().CloseOfBusiness(absl::CivilDay(2025, 9, 24)) == At(2025, 9, 24, 17));
}

TEST_CASE("working time passes only while counters are open", "[casework]") {
  const Calendar& calendar = TestCalendar();
  CHECK(calendar.WorkingTime(At(2025, 9, 24), At(2025, 9, 25)) == absl::Hours(7));
  CHECK(calendar.WorkingTime(At(2025, 9, 24, 8), At(2025, 9, 24, 9)) == absl::Minutes(30));
  CHECK(calendar.WorkingTime(At(2025, 9, 24, 11, 30), At(2025, 9, 24, 13, 40)) ==
        absl::Minutes(40));
  CHECK(calendar.WorkingTime(At(2025, 9, 24, 12), At(2025, 9, 24, 13, 30)) == absl::Minutes(0));
  CHECK(calendar.WorkingTime(At(2025, 9, 24, 17), At(2025, 9, 25, 8, 30)) == absl::Minutes(0));
  CHECK(calendar.WorkingTime(At(2025, 9, 24, 10), At(2025, 9, 24, 9)) == absl::Minutes(0));
  // The make-up Sunday, two plain days and the eight days of the holiday.
  CHECK(calendar.WorkingTime(At(2025, 9, 27), At(2025, 10, 9)) == absl::Hours(21));
}

TEST_CASE("added working time ends at the close of a day, not at the next opening", "[casework]") {
  const Calendar& calendar = TestCalendar();
  CHECK(calendar.AddWorkingTime(At(2025, 9, 30, 8, 30), absl::Hours(7)) == At(2025, 9, 30, 17));
  CHECK(calendar.AddWorkingTime(At(2025, 9, 30, 11), absl::Hours(1)) == At(2025, 9, 30, 12));
  CHECK(calendar.AddWorkingTime(At(2025, 9, 30, 11), absl::Hours(2)) == At(2025, 9, 30, 14, 30));
  CHECK(calendar.AddWorkingTime(At(2025, 9, 30, 16), absl::Hours(2)) == At(2025, 10, 9, 9, 30));
  CHECK(calendar.AddWorkingTime(At(2025, 10, 3, 16), absl::ZeroDuration()) == At(2025, 10, 3, 16));
}

TEST_CASE("adding working time is the inverse of measuring it", "[casework]") {
  REQUIRE(rc::check("AddWorkingTime and WorkingTime", [] {
    const Calendar& calendar = TestCalendar();
    const absl::Time begin = AnyMinute();
    const absl::Duration amount = absl::Minutes(Pick(1, 400 * 60));
    const absl::Time end = calendar.AddWorkingTime(begin, amount);
    RC_ASSERT(calendar.WorkingTime(begin, end) == amount);
    RC_ASSERT(calendar.WorkingTime(begin, end - absl::Seconds(1)) == amount - absl::Seconds(1));
    const absl::Time middle = begin + (end - begin) / 3;
    RC_ASSERT(calendar.WorkingTime(begin, middle) + calendar.WorkingTime(middle, end) == amount);
  }));
}

TEST_CASE("the version names the years and the text", "[casework]") {
  const std::string text = CalendarText();
  CHECK(absl::StartsWith(TestCalendar().version(), "cn-2007-2026-"));
  CHECK(TestCalendar().version().size() == std::string("cn-2007-2026-01234567").size());
  const std::string other = Calendar::Parse(text + "2026-11-11,1,试验,2026\n")->version();
  CHECK(other != TestCalendar().version());
  // printf 'date,is_off_day,name,notice_year\n2025-10-01,1,A,2025\n' | sha256sum
  CHECK(Calendar::Parse("date,is_off_day,name,notice_year\n2025-10-01,1,A,2025\n")->version() ==
        "cn-2025-2025-3fe755d2");
}

TEST_CASE("a broken calendar is refused and the line is named", "[casework]") {
  const std::string good = "2025-10-01,1,国庆节,2025\n";
  CHECK(ErrorOf(good + "2025-10-02,1,国庆节\n") == "line 3: needs 4 fields");
  CHECK(ErrorOf(good + "2025-02-30,1,国庆节,2025\n") == "line 3: no such day: 2025-02-30");
  CHECK(ErrorOf(good + "\n2025-10-02,2,国庆节,2025\n") == "line 4: is_off_day is not 0 or 1: 2");
  CHECK(ErrorOf("2025-10-02,1,,2025\n") == "line 2: the name is empty");
  CHECK(absl::StartsWith(ErrorOf("2025-10-02,1,国庆节,2052\n"), "line 2: notice_year"));
  CHECK(absl::StartsWith(ErrorOf("2025-10-02,1,国庆节,x\n"), "line 2: notice_year"));
  CHECK(ErrorOf(good + good) == "line 3: the day is listed twice");
  CHECK(ErrorOf("") == "line 2: no day is listed");
  CHECK(ErrorOf(good + "2023-10-01,1,国庆节,2023\n") == "no day of the notice for 2024");
  CHECK(absl::StartsWith(Calendar::Parse("day\n").status().message(), "line 1: "));
  CHECK(absl::StartsWith(Calendar::Parse("").status().message(), "line 1: "));
}

TEST_CASE("line ends of Windows change nothing but the version", "[casework]") {
  const auto calendar =
      Calendar::Parse("date,is_off_day,name,notice_year\r\n2025-10-01,1,国庆节,2025\r\n");
  REQUIRE(calendar.ok());
  CHECK_FALSE(calendar->IsWorkingDay(absl::CivilDay(2025, 10, 1)));
}

}  // namespace
}  // namespace yikou::casework
