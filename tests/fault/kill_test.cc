// Fault list 1: kill -9 of each service at each failpoint.
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/fault/load.h"
#include "tests/fault/require.h"
#include "tests/support/eventually.h"
#include "tests/support/suite.h"
#include "tests/support/suite_invariants.h"

namespace yikou::test {
namespace {

struct Point {
  const char* name;
  const char* what;
};
constexpr Point kPoints[] = {
    {"commit.before", "before the commit of a group, with its writes done"},
    {"commit.after", "after the commit, before anybody is answered"},
    {"relay.after_xadd", "after XADD, before the mark"},
    {"reader.before_ack", "after the effect, before XACK"},
};

// Passages of the point before the process dies: the first of a batch, and one in mid-run.
constexpr int kHits[] = {1, 4};

}  // namespace

TEST_CASE("kill -9 of a service at any failpoint loses nothing and doubles nothing") {
  Suite& suite = SharedSuite();
  for (const std::string service : cli::kServices) {
    for (const Point& point : kPoints) {
      // Reporting owns no fact: it has nothing to publish.
      if (service == "reporting" && point.name == std::string("relay.after_xadd")) continue;
      for (const int hit : kHits) {
        DYNAMIC_SECTION(service << " dies " << point.what << ", passage " << hit) {
          REQUIRE(suite.Terminate(service) == 0);
          Load load(&suite, 2);
          suite.Start(service, {"--failpoint", absl::StrCat(point.name, ":", hit)});
          const bool died = suite.WaitForDeath(service, absl::Seconds(30));
          suite.Start(service);
          suite.WaitServing(service);
          const int before = load.delivered();
          const bool lives =
              Eventually(absl::Seconds(60), [&] { return load.delivered() > before; });
          const std::vector<std::string> failures = load.Finish();
          REQUIRE(died);
          Require(failures);
          REQUIRE(lives);
          Require(CheckInvariants(suite, suite.Ledger()));
        }
      }
    }
  }
}

}  // namespace yikou::test
