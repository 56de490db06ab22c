// A clock as people are shown it: its view, and its ledger in words.
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "catch2/catch.hpp"
#include "libs/casework/clocks.h"
#include "libs/casework/clocks_test.h"

namespace yikou::casework::test {
namespace {

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

}  // namespace
}  // namespace yikou::casework::test
