// Fault list 2 and 10: Redis loses everything or is away; SIGTERM under load.
#include "catch2/catch.hpp"
#include "tests/fault/load.h"
#include "tests/fault/require.h"
#include "tests/support/eventually.h"
#include "tests/support/suite.h"
#include "tests/support/suite_invariants.h"

namespace yikou::test {

TEST_CASE("FLUSHALL in mid-run heals by itself and the same cases end") {
  Suite& suite = SharedSuite();
  Load load(&suite, 2);
  for (int round = 0; round < 3; ++round) {
    RequireMore(load, 2);
    suite.redis().FlushAll();
  }
  RequireMore(load, 2);
  Require(load.Finish());
  Require(CheckInvariants(suite, suite.Ledger()));
}

TEST_CASE("kill -9 of Redis under load loses nothing") {
  Suite& suite = SharedSuite();
  Load load(&suite, 2);
  RequireMore(load, 2);
  suite.redis().KillHard();
  suite.redis().Start();
  RequireMore(load, 3);
  Require(load.Finish());
  Require(CheckInvariants(suite, suite.Ledger()));
}

TEST_CASE("cases still move, by the logs alone, while Redis is away") {
  Suite& suite = SharedSuite();
  suite.redis().Stop();
  Load load(&suite, 2);
  RequireMore(load, 2);
  Require(load.Finish());
  suite.redis().Start();
  Require(CheckInvariants(suite, suite.Ledger()));
}

TEST_CASE(
    "with everything but intake away a citizen is served, and the case ends when they return") {
  Suite& suite = SharedSuite();
  for (const std::string service : {"routing", "approval", "gridtask", "reporting"}) {
    suite.Kill(service);
  }
  suite.redis().Stop();
  day::Driver driver(suite.client());
  const cli::Identity clerk = day::Driver::Clerk("230108001004");
  auto item = driver.Item("YK-S001");
  REQUIRE(item.ok());
  auto receive = day::New<intake::v1::ReceiveCaseRequest>();
  receive.set_item_code("YK-S001");
  *receive.mutable_application() = day::Driver::Applicant("周秀英", "230108001004", 4711);
  REQUIRE(driver.HandIn(clerk, *item, {}, receive.mutable_application()).ok());
  auto receipt = driver.Call<intake::v1::ReceiveCaseResponse>(receive, clerk);
  INFO(receipt.status());
  REQUIRE(receipt.ok());
  REQUIRE(receipt->view().case_record().state() == casework::v1::CASE_STATE_ACCEPTED);
  REQUIRE(receipt->has_promised_deadline());
  REQUIRE_FALSE(receipt->view().query_code().empty());

  suite.redis().Start();
  for (const std::string service : {"routing", "approval", "gridtask", "reporting"}) {
    suite.Start(service);
    suite.WaitServing(service);
  }
  const std::string case_id = receipt->view().case_record().case_id();
  suite.AcknowledgeCase(case_id);
  REQUIRE(
      driver.Decide(case_id, "230108-archives", casework::v1::DECISION_APPROVED, "档案相符").ok());
  REQUIRE(driver.Deliver(case_id, "230108001004", 5).ok());
  Require(CheckInvariants(suite, suite.Ledger()));
}

TEST_CASE(
    "SIGTERM under load drains, ends with 0 in bounded time, and nothing acknowledged is lost") {
  Suite& suite = SharedSuite();
  Load load(&suite, 3);
  RequireMore(load, 2);
  for (const std::string service : cli::kServices) {
    REQUIRE(suite.Terminate(service) == 0);
    suite.Start(service);
    suite.WaitServing(service);
  }
  RequireMore(load, 2);
  Require(load.Finish());
  Require(CheckInvariants(suite, suite.Ledger()));
}

}  // namespace yikou::test
