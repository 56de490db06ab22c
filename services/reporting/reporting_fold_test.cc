#include "services/reporting/reporting_fold.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/casework/clocks.h"
#include "libs/store/work.h"

namespace yikou::reporting {
namespace {

namespace cw = casework::v1;
using Events = std::vector<cw::Event>;

constexpr char kCounter[] = "230108001001";

// Weekends off, and one make-up working day so that the list is not empty.
const casework::Calendar& TestCalendar() {
  static const auto* const calendar = new casework::Calendar(
      *casework::Calendar::Parse("date,is_off_day,name,notice_year\n2025-01-26,0,春节,2025\n"));
  return *calendar;
}

// Local time of a day in March 2025; the 3rd is a Monday.
absl::Time March(int day, int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilSecond(2025, 3, day, hour, minute, 0),
                         casework::Calendar::Zone());
}

cw::Clock Promised(int days, absl::Time start) {
  casework::ClockList clocks;
  cw::Limit limit;
  limit.set_value(days);
  limit.set_unit(cw::TIME_UNIT_WORKING_DAY);
  return *casework::StartClock(&clocks, cw::CLOCK_PURPOSE_PROMISED, "", limit, TestCalendar(),
                               start);
}

cw::Event EventOf(const std::string& source, const std::string& kind, int64_t version,
                  const std::string& type, absl::Time at) {
  cw::Event event;
  event.set_source(source);
  event.set_case_id("c1");
  event.set_aggregate_kind(kind);
  event.set_aggregate_id("c1");
  event.set_version(version);
  event.set_type(type);
  *event.mutable_occurred_at() = casework::ToProto(at);
  return event;
}

// An event of an application received on the 3rd at 9:00 and, once `accepted`, accepted at 10:00.
cw::Event Told(const std::string& source, const std::string& kind, int64_t version,
               const std::string& type, cw::CaseState state, absl::Time at, bool accepted = true) {
  cw::Event event = EventOf(source, kind, version, type, at);
  cw::CaseFacts* facts = event.mutable_case_facts();
  facts->set_kind(cw::CASE_KIND_APPLICATION);
  facts->set_state(state);
  facts->set_case_no("23010800100120250303A000001X");
  facts->set_receiver_unit(kCounter);
  facts->set_home_unit(kCounter);
  *facts->mutable_received_at() = casework::ToProto(March(3, 9));
  if (accepted) *facts->mutable_accepted_at() = casework::ToProto(March(3, 10));
  return event;
}

cw::Event Rung(cw::Event event, cw::Light light) {
  event.set_type("clock.rung");
  event.mutable_rung()->set_purpose(cw::CLOCK_PURPOSE_PROMISED);
  event.mutable_rung()->set_light(light);
  return event;
}

cw::Event Decided(int64_t version, cw::Clock promised, absl::Time at) {
  casework::StopClock(&promised, at);
  cw::Event event =
      Told("approval", "process", version, "approval.decided", cw::CASE_STATE_DECIDED, at);
  *event.mutable_case_facts()->add_clocks() = promised;
  return event;
}

// An application from receipt to rating, in the order of its time: five working days promised,
// suspended and resumed, yellow once, decided in time, three hops.
Events Application() {
  Events events;
  auto add = [&](cw::Event event, const std::string& unit = "") {
    if (!unit.empty()) event.add_visible_to(unit);
    events.push_back(std::move(event));
  };
  auto intake = [&](int64_t v, const char* type, cw::CaseState state, absl::Time at) {
    return Told("intake", "case", v, type, state, at, v > 1);
  };
  auto process = [&](int64_t v, const char* type, cw::CaseState state, absl::Time at) {
    return Told("approval", "process", v, type, state, at);
  };
  auto custody = [&](int64_t v, const char* type, absl::Time at) {
    return EventOf("routing", "custody", v, type, at);
  };
  add(intake(1, "intake.received", cw::CASE_STATE_RECEIVED, March(3, 9)), kCounter);
  add(intake(2, "intake.accepted", cw::CASE_STATE_ACCEPTED, March(3, 10)));
  add(custody(1, "routing.custody_opened", March(3, 10)), kCounter);
  add(process(1, "approval.opened", cw::CASE_STATE_ACCEPTED, March(3, 10)), "230108-archives");
  add(custody(2, "routing.custody_moved", March(3, 10)), "230108-archives");
  add(process(2, "approval.step_claimed", cw::CASE_STATE_REVIEW, March(4, 9)));
  add(process(3, "approval.suspended", cw::CASE_STATE_SUSPENDED, March(4, 10)));
  add(Rung(process(4, "", cw::CASE_STATE_SUSPENDED, March(4, 11)), cw::LIGHT_YELLOW));
  add(process(5, "approval.resumed", cw::CASE_STATE_REVIEW, March(5, 9)));
  add(Decided(6, Promised(5, March(3, 10)), March(6, 10)));
  add(process(7, "approval.returned", cw::CASE_STATE_DECIDED, March(6, 10)));
  add(custody(3, "routing.custody_moved", March(6, 11)));
  add(custody(4, "routing.custody_moved", March(6, 12)));
  add(intake(3, "intake.ready", cw::CASE_STATE_READY, March(6, 12)));
  add(intake(4, "intake.delivered", cw::CASE_STATE_DELIVERED, March(6, 15)));
  add(intake(5, "case.closed", cw::CASE_STATE_CLOSED, March(6, 16)));
  cw::Event rated = intake(6, "case.rated", cw::CASE_STATE_CLOSED, March(7, 9));
  rated.mutable_case_facts()->set_rating(4);
  rated.mutable_case_facts()->set_outcome(cw::OUTCOME_SOLVED);
  add(std::move(rated));
  return events;
}

// A grid event that is late, fails its check once and is closed.
Events GridEvent() {
  Events events;
  auto add = [&](const char* type, cw::CaseState state, cw::Outcome outcome) {
    const int hour = static_cast<int>(events.size()) + 9;
    cw::Event event = EventOf("gridtask", "grid_event", hour - 8, type, March(3, hour));
    event.mutable_case_facts()->set_kind(cw::CASE_KIND_GRID_EVENT);
    event.mutable_case_facts()->set_state(state);
    event.mutable_case_facts()->set_outcome(outcome);
    event.mutable_case_facts()->set_receiver_unit(kCounter);
    events.push_back(std::move(event));
  };
  add("grid.reported", cw::CASE_STATE_REGISTERED, cw::OUTCOME_UNSPECIFIED);
  add("grid.dispatched", cw::CASE_STATE_DISPATCHED, cw::OUTCOME_UNSPECIFIED);
  add("grid.signed", cw::CASE_STATE_SIGNED, cw::OUTCOME_UNSPECIFIED);
  add("grid.fed_back", cw::CASE_STATE_FEEDBACK, cw::OUTCOME_UNSPECIFIED);
  add("grid.reworked", cw::CASE_STATE_REWORK, cw::OUTCOME_UNSOLVED);
  add("clock.rung", cw::CASE_STATE_REWORK, cw::OUTCOME_UNSOLVED);
  events.back() = Rung(events.back(), cw::LIGHT_RED);
  add("grid.closed", cw::CASE_STATE_GRID_CLOSED, cw::OUTCOME_SOLVED);
  return events;
}

struct Folded {
  v1::CaseFigures figures;
  Sums sums;

  void Add(const cw::Event& event) {
    for (const Increment& increment : FoldEvent(&figures, event, TestCalendar())) {
      sums[increment.metric] += increment.delta;
    }
  }
  // Sums that are not zero, and the stored bytes of the figures.
  std::pair<Sums, std::string> Result() const {
    Sums kept;
    for (const auto& [metric, value] : sums) {
      if (value != 0) kept[metric] = value;
    }
    return {kept, store::StableBytes(figures)};
  }
};

Folded Fold(const Events& events) {
  Folded folded;
  for (const cw::Event& event : events) folded.Add(event);
  return folded;
}

// Merges the events of each aggregate, in their order, in a random order of aggregates.
Events Interleave(const Events& events, std::mt19937* random) {
  std::map<std::string, Events> by_aggregate;
  std::vector<std::string> turns;
  for (const cw::Event& event : events) {
    by_aggregate[event.aggregate_kind()].push_back(event);
    turns.push_back(event.aggregate_kind());
  }
  std::shuffle(turns.begin(), turns.end(), *random);
  std::map<std::string, size_t> next;
  Events merged;
  for (const std::string& turn : turns) merged.push_back(by_aggregate[turn][next[turn]++]);
  return merged;
}

}  // namespace

TEST_CASE("an application is counted in every metric it reaches", "[reporting]") {
  const Folded folded = Fold(Application());
  CHECK(folded.Result().first == Sums{{kReceived, 1},
                                      {kAccepted, 1},
                                      {kDecided, 1},
                                      {kInTime, 1},
                                      {kClosed, 1},
                                      {kHops, 3},
                                      {kDwellIntake, 3600},
                                      {kDwellIntakeCases, 1},
                                      {kDwellApproval, 72 * 3600},
                                      {kDwellApprovalCases, 1},
                                      {kDwellReturn, 2 * 3600},
                                      {kDwellReturnCases, 1},
                                      {kYellow, 1},
                                      {kRated, 1},
                                      {kStars, 4}});
  CHECK(folded.figures.state() == cw::CASE_STATE_CLOSED);
  CHECK(folded.figures.outcome() == cw::OUTCOME_SOLVED);
  CHECK(folded.figures.hops() == 3);
  CHECK(folded.figures.in_time());
  CHECK(folded.figures.receiver_unit() == kCounter);
  const std::vector<int> lights(folded.figures.lights_seen().begin(),
                                folded.figures.lights_seen().end());
  CHECK(lights == std::vector<int>{cw::LIGHT_GREEN, cw::LIGHT_YELLOW});
  const std::vector<std::string> units(folded.figures.visible_to().begin(),
                                       folded.figures.visible_to().end());
  CHECK(units == std::vector<std::string>{"230108-archives", kCounter});
}

TEST_CASE("a grid event counts when it is closed, and not as an application", "[reporting]") {
  const Folded folded = Fold(GridEvent());
  CHECK(folded.Result().first == Sums{{kGridClosed, 1}, {kRed, 1}});
  CHECK(folded.figures.state() == cw::CASE_STATE_GRID_CLOSED);
  CHECK(folded.figures.outcome() == cw::OUTCOME_SOLVED);
}

TEST_CASE("200 random interleavings of the services give the same figures", "[reporting]") {
  for (const Events& events : {Application(), GridEvent()}) {
    const auto expected = Fold(events).Result();
    for (unsigned seed = 1; seed <= 200; ++seed) {
      std::mt19937 random(seed);
      CAPTURE(seed);
      REQUIRE(Fold(Interleave(events, &random)).Result() == expected);
    }
  }
}

TEST_CASE("even out of order and twice, events give the same figures", "[reporting]") {
  for (const Events& events : {Application(), GridEvent()}) {
    const auto expected = Fold(events).Result();
    for (unsigned seed = 1; seed <= 200; ++seed) {
      std::mt19937 random(seed);
      CAPTURE(seed);
      Events twice = events;
      twice.insert(twice.end(), events.begin(), events.end());
      std::shuffle(twice.begin(), twice.end(), random);
      REQUIRE(Fold(twice).Result() == expected);
    }
  }
}

TEST_CASE("a repeated event changes nothing", "[reporting]") {
  Folded folded = Fold(Application());
  const std::string before = store::StableBytes(folded.figures);
  for (const cw::Event& event : Application()) {
    CAPTURE(event.type());
    CHECK(FoldEvent(&folded.figures, event, TestCalendar()).empty());
    CHECK(store::StableBytes(folded.figures) == before);
  }
}

TEST_CASE("what comes before the counter is known is counted once it is", "[reporting]") {
  v1::CaseFigures figures;
  cw::Event red = Rung(EventOf("approval", "process", 1, "", March(4, 9)), cw::LIGHT_RED);
  CHECK(FoldEvent(&figures, red, TestCalendar()).empty());
  cw::Event moved = EventOf("routing", "custody", 2, "routing.custody_moved", March(4, 9));
  CHECK(FoldEvent(&figures, moved, TestCalendar()).empty());
  const cw::Event closed =
      Told("intake", "case", 5, "case.closed", cw::CASE_STATE_CLOSED, March(6, 9));
  CHECK(FoldEvent(&figures, closed, TestCalendar()) ==
        std::vector<Increment>{{kAccepted, 1},
                               {kClosed, 1},
                               {kDwellIntake, 3600},
                               {kHops, 1},
                               {kDwellIntakeCases, 1},
                               {kReceived, 1},
                               {kRed, 1}});
}

TEST_CASE("hops count when the case closes, and late ones are added then", "[reporting]") {
  v1::CaseFigures figures;
  auto fold = [&](const cw::Event& event) { return FoldEvent(&figures, event, TestCalendar()); };
  auto moved = [](int64_t version) {
    return EventOf("routing", "custody", version, "routing.custody_moved", March(3, 11));
  };
  fold(Told("intake", "case", 1, "intake.accepted", cw::CASE_STATE_ACCEPTED, March(3, 10)));
  CHECK(fold(moved(2)).empty());
  CHECK(figures.hops() == 1);
  CHECK(fold(Told("intake", "case", 2, "case.closed", cw::CASE_STATE_CLOSED, March(4, 9))) ==
        std::vector<Increment>{{kClosed, 1}, {kHops, 1}});
  CHECK(fold(moved(10)) == std::vector<Increment>{{kHops, 1}});
  CHECK(fold(moved(10)).empty());
  CHECK(figures.hops() == 2);
}

TEST_CASE("a dwell is counted when both its ends are known", "[reporting]") {
  v1::CaseFigures figures;
  auto fold = [&](const cw::Event& event) { return FoldEvent(&figures, event, TestCalendar()); };
  const cw::Event ready =
      Told("intake", "case", 3, "intake.ready", cw::CASE_STATE_READY, March(6, 12));
  for (const Increment& increment : fold(ready)) CHECK(increment.metric != kDwellReturn);
  const std::vector<Increment> decided = fold(Decided(6, Promised(5, March(3, 10)), March(6, 10)));
  CHECK(std::find(decided.begin(), decided.end(), Increment{kDwellReturn, 7200}) != decided.end());
}

TEST_CASE("of two times told for one fact the earlier stands, and the dwell follows",
          "[reporting]") {
  const cw::Event first =
      Told("intake", "case", 1, "intake.accepted", cw::CASE_STATE_ACCEPTED, March(3, 10));
  cw::Event second = first;
  *second.mutable_case_facts()->mutable_accepted_at() = casework::ToProto(March(3, 12));
  for (const Events& events : {Events{first, second}, Events{second, first}}) {
    const Folded folded = Fold(events);
    CHECK(casework::FromProto(folded.figures.accepted_at()) == March(3, 10));
    CHECK(folded.sums.at(kDwellIntake) == 3600);
  }
}

TEST_CASE("a refused application is received and refused, not accepted", "[reporting]") {
  const Folded folded = Fold({Told("intake", "case", 1, "intake.received", cw::CASE_STATE_RECEIVED,
                                   March(3, 9), /*accepted=*/false),
                              Told("intake", "case", 2, "intake.refused",
                                   cw::CASE_STATE_NOT_ACCEPTED, March(3, 10), false)});
  CHECK(folded.Result().first == Sums{{kReceived, 1}, {kRefused, 1}});
}

TEST_CASE("a red light counts a case once however many clocks are late", "[reporting]") {
  Events events;
  for (int64_t version = 1; version <= 4; ++version) {
    events.push_back(
        Rung(Told("approval", "process", version, "", cw::CASE_STATE_REVIEW, March(10, 9)),
             version == 1 ? cw::LIGHT_YELLOW : cw::LIGHT_RED));
  }
  const Sums sums = Fold(events).Result().first;
  CHECK(sums.at(kYellow) == 1);
  CHECK(sums.at(kRed) == 1);
}

TEST_CASE("a process that is heard of late does not take the case back", "[reporting]") {
  v1::CaseFigures figures;
  FoldEvent(&figures, Told("intake", "case", 3, "intake.ready", cw::CASE_STATE_READY, March(6, 12)),
            TestCalendar());
  FoldEvent(
      &figures,
      Told("approval", "process", 2, "approval.suspended", cw::CASE_STATE_SUSPENDED, March(4, 9)),
      TestCalendar());
  CHECK(figures.state() == cw::CASE_STATE_READY);
}

TEST_CASE("intake's copy of the owner's state does not speak for the owner", "[reporting]") {
  v1::CaseFigures figures;
  FoldEvent(&figures,
            Told("approval", "process", 5, "approval.resumed", cw::CASE_STATE_REVIEW, March(5, 9)),
            TestCalendar());
  FoldEvent(&figures,
            Told("intake", "case", 3, "clock.rung", cw::CASE_STATE_SUSPENDED, March(5, 10)),
            TestCalendar());
  CHECK(figures.state() == cw::CASE_STATE_REVIEW);
}

TEST_CASE("a decision is in time until the promised deadline itself", "[reporting]") {
  struct Row {
    const char* what;
    int days;
    absl::Time decided;
    bool in_time;
  };
  // Accepted on Monday the 3rd: the first day counted is the 4th, the fifth the 10th.
  const std::vector<Row> rows = {
      {"the same day", 5, March(3, 11), true},
      {"the morning of the last day", 5, March(10, 9), true},
      {"the close of business of the last day", 5, March(10, 17), true},
      {"a minute after it", 5, March(10, 17, 1), false},
      {"the next morning, before that day is consumed", 5, March(11, 9), false},
      {"one day promised, on that day", 1, March(4, 16), true},
      {"one day promised, on the day after", 1, March(5, 8), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    cw::CaseFacts facts;
    *facts.add_clocks() = Promised(row.days, March(3, 10));
    CHECK(DecidedInTime(facts, row.decided, TestCalendar()) == row.in_time);
    casework::StopClock(facts.mutable_clocks(0), row.decided);
    CHECK(DecidedInTime(facts, row.decided, TestCalendar()) == row.in_time);
  }
}

TEST_CASE("a suspension grants the days it takes, an extension its units", "[reporting]") {
  cw::CaseFacts facts;
  cw::Clock* clock = facts.add_clocks();
  *clock = Promised(2, March(3, 10));
  SECTION("suspended from the 4th to the 12th, decided on the 12th") {
    casework::PauseClock(clock, March(4, 9));
    casework::ResumeClock(clock, March(12, 9));
    casework::StopClock(clock, March(12, 16));
    CHECK(DecidedInTime(facts, March(12, 16), TestCalendar()));
  }
  SECTION("suspended for good, ended while paused") {
    casework::PauseClock(clock, March(4, 9));
    casework::StopClock(clock, March(20, 9));
    CHECK(DecidedInTime(facts, March(20, 9), TestCalendar()));
  }
  SECTION("extended by three days, decided on the fifth") {
    casework::ExtendClock(clock, 3);
    casework::StopClock(clock, March(10, 9));
    CHECK(DecidedInTime(facts, March(10, 9), TestCalendar()));
  }
  SECTION("not extended, decided on the fifth") {
    casework::StopClock(clock, March(10, 9));
    CHECK_FALSE(DecidedInTime(facts, March(10, 9), TestCalendar()));
  }
}

TEST_CASE("only the promised clock is asked whether a decision is in time", "[reporting]") {
  cw::CaseFacts facts;
  CHECK(DecidedInTime(facts, March(20, 9), TestCalendar()));
  *facts.add_clocks() = Promised(1, March(3, 10));
  facts.mutable_clocks(0)->set_purpose(cw::CLOCK_PURPOSE_STATUTORY);
  CHECK(DecidedInTime(facts, March(20, 9), TestCalendar()));
  *facts.add_clocks() = Promised(1, March(3, 10));
  CHECK_FALSE(DecidedInTime(facts, March(20, 9), TestCalendar()));
}

TEST_CASE("a row's rates and means are quotients of its sums, and 0 of nothing", "[reporting]") {
  const v1::SummaryRow row = RowOf({{kReceived, 10},
                                    {kAccepted, 8},
                                    {kRefused, 1},
                                    {kClosed, 4},
                                    {kDecided, 5},
                                    {kInTime, 4},
                                    {kHops, 6},
                                    {kDwellIntake, 300},
                                    {kDwellIntakeCases, 8},
                                    {kDwellApproval, 1000},
                                    {kDwellApprovalCases, 5},
                                    {kDwellReturn, 9},
                                    {kDwellReturnCases, 2},
                                    {kGridClosed, 3},
                                    {kYellow, 2},
                                    {kRed, 1}});
  CHECK(row.received() == 10);
  CHECK(row.accepted() == 8);
  CHECK(row.refused() == 1);
  CHECK(row.closed() == 4);
  CHECK(row.in_time_rate() == Approx(0.8));
  CHECK(row.hops() == Approx(1.5));
  CHECK(row.dwell_intake_s() == Approx(37.5));
  CHECK(row.dwell_approval_s() == Approx(200));
  CHECK(row.dwell_return_s() == Approx(4.5));
  CHECK(row.grid_closed() == 3);
  CHECK(row.yellow() == 2);
  CHECK(row.red() == 1);
  const v1::SummaryRow nothing = RowOf({});
  CHECK(nothing.in_time_rate() == 0);
  CHECK(nothing.hops() == 0);
  CHECK(nothing.dwell_intake_s() == 0);
}

}  // namespace yikou::reporting
