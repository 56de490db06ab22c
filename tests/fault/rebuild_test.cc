// Read models are made anew while the suite lives, and a death in the middle changes nothing.
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "services/cli/day/driver.h"
#include "tests/fault/load.h"
#include "tests/fault/require.h"
#include "tests/support/eventually.h"
#include "tests/support/suite.h"
#include "tests/support/suite_invariants.h"

namespace yikou::test {
namespace {

namespace rp = reporting::v1;

absl::StatusOr<rp::RebuildFiguresResponse> Rebuild(Suite& suite) {
  return suite.client()->Call<rp::RebuildFiguresResponse>(
      "reporting", day::Driver::MethodOf(rp::RebuildFiguresRequest::descriptor()),
      day::New<rp::RebuildFiguresRequest>(), day::Driver::Operator(), absl::Seconds(10));
}

rp::GetSummaryResponse Summary(day::Driver& driver) {
  auto summary =
      driver.Call<rp::GetSummaryResponse>(rp::GetSummaryRequest(), day::Driver::Operator());
  INFO(summary.status());
  REQUIRE(summary.ok());
  return *summary;
}

// Everything reporting tells: the figures of all districts, and every case from end to end.
std::map<std::string, std::string> Everything(Suite& suite, day::Driver& driver) {
  std::map<std::string, std::string> told;
  told["summary"] = Summary(driver).DebugString();
  const Acknowledged ledger = suite.Ledger();
  for (const std::string& case_id : ledger.applications) {
    rp::GetTimelineRequest request;
    request.set_case_id(case_id);
    auto timeline = driver.Call<rp::GetTimelineResponse>(request, day::Driver::Operator());
    INFO(case_id << ": " << timeline.status());
    REQUIRE(timeline.ok());
    timeline->mutable_figures()->clear_version();
    told[case_id] = timeline->DebugString();
  }
  return told;
}

bool Rebuilt(Suite& suite, day::Driver& driver) {
  return suite.Settle(absl::Seconds(60)) &&
         Eventually(absl::Seconds(60), [&] { return !Summary(driver).has_rebuild(); });
}

void LiveSome(Suite& suite, int cases) {
  Load load(&suite, 2);
  RequireMore(load, cases);
  Require(load.Finish());
  REQUIRE(suite.Settle(absl::Seconds(60)));
}

}  // namespace

TEST_CASE("a rebuild ends in the figures there were before, at the cost of reading once") {
  Suite& suite = SharedSuite();
  day::Driver driver(suite.client());
  LiveSome(suite, 3);
  const auto before = Everything(suite, driver);
  const absl::Time begin = absl::Now();
  const auto begun = Rebuild(suite);
  INFO(begun.status());
  REQUIRE(begun.ok());
  CHECK(begun->events() > 1000);
  REQUIRE(Rebuilt(suite, driver));
  WARN(begun->events() << " events folded again in " << absl::FormatDuration(absl::Now() - begin));
  CHECK(Everything(suite, driver) == before);
  Require(CheckInvariants(suite, suite.Ledger()));
}

TEST_CASE("kill -9 in the middle of a rebuild ends in the right figures") {
  Suite& suite = SharedSuite();
  day::Driver driver(suite.client());
  LiveSome(suite, 1);
  const auto before = Everything(suite, driver);
  // As it empties the read models; after the first commits; with the rest of them.
  for (const char* point : {"commit.before:1", "commit.after:1", "commit.before:3"}) {
    DYNAMIC_SECTION("at " << point) {
      REQUIRE(suite.Terminate("reporting") == 0);
      suite.Start("reporting", {"--failpoint", point});
      suite.WaitServing("reporting");
      (void)Rebuild(suite);
      REQUIRE(suite.WaitForDeath("reporting", absl::Seconds(60)));
      suite.Start("reporting");
      suite.WaitServing("reporting");
      REQUIRE(Rebuilt(suite, driver));
      CHECK(Everything(suite, driver) == before);
      Require(CheckInvariants(suite, suite.Ledger()));
    }
  }
}

TEST_CASE("figures are rebuilt under load and agree with the cases in the end") {
  Suite& suite = SharedSuite();
  day::Driver driver(suite.client());
  Load load(&suite, 2);
  for (int round = 0; round < 3; ++round) {
    RequireMore(load, 1);
    REQUIRE(Rebuild(suite).ok());
    if (round == 1) {
      suite.Kill("reporting");
      suite.Start("reporting");
      suite.WaitServing("reporting");
    }
  }
  RequireMore(load, 1);
  Require(load.Finish());
  REQUIRE(Rebuilt(suite, driver));
  Require(CheckInvariants(suite, suite.Ledger()));
}

}  // namespace yikou::test
