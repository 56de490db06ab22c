// Fault list 4 and 7: PostgreSQL dies under load; two replicas of every service, one of them dies.
#include "catch2/catch.hpp"
#include "tests/fault/load.h"
#include "tests/fault/require.h"
#include "tests/support/suite.h"
#include "tests/support/suite_invariants.h"

namespace yikou::test {
namespace {

SuiteOptions OnPostgres(int replicas) {
  SuiteOptions options;
  options.postgres = true;
  options.replicas = replicas;
  return options;
}

}  // namespace

TEST_CASE("of two replicas either may die under load: no case is lost, doubled or held twice",
          "[postgresql]") {
  Suite suite(OnPostgres(2));
  Load load(&suite, 3);
  for (const std::string& name : suite.processes()) {
    RequireMore(load, 1);
    suite.Kill(name);
    RequireMore(load, 2);
    suite.Start(name);
    suite.WaitServing(name);
  }
  Require(load.Finish());
  Require(CheckInvariants(suite, suite.Ledger()));
}

TEST_CASE("kill -9 of PostgreSQL under load loses nothing that was acknowledged", "[postgresql]") {
  Suite suite(OnPostgres(1));
  Load load(&suite, 3);
  for (int round = 0; round < 3; ++round) {
    RequireMore(load, 2);
    suite.postgres()->KillHard();
    suite.postgres()->Start();
  }
  RequireMore(load, 2);
  Require(load.Finish());
  Require(CheckInvariants(suite, suite.Ledger()));
}

}  // namespace yikou::test
