// An offer nobody takes: it comes again, and the case ends once.
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "services/cli/day/driver.h"
#include "tests/fault/require.h"
#include "tests/support/eventually.h"
#include "tests/support/suite.h"
#include "tests/support/suite_invariants.h"

namespace yikou::test {

TEST_CASE("offers made while approval is down come again and again, and are signed once") {
  Suite& suite = SharedSuite();
  suite.Kill("routing");
  suite.Kill("approval");
  suite.Start("routing", {"--offer_lease_seconds", "1"});
  suite.WaitServing("routing");
  day::Driver driver(suite.client());
  const cli::Identity clerk = day::Driver::Clerk("230108001004");
  auto item = driver.Item("YK-S001");
  REQUIRE(item.ok());
  auto receive = day::New<intake::v1::ReceiveCaseRequest>();
  receive.set_item_code("YK-S001");
  *receive.mutable_application() = day::Driver::Applicant("周秀英", "230108001004", 4712);
  REQUIRE(driver.HandIn(clerk, *item, {}, receive.mutable_application()).ok());
  auto receipt = driver.Call<intake::v1::ReceiveCaseResponse>(receive, clerk);
  INFO(receipt.status());
  REQUIRE(receipt.ok());
  const std::string case_id = receipt->view().case_record().case_id();
  suite.AcknowledgeCase(case_id);

  routing::v1::ListOffersRequest list;
  list.set_case_id(case_id);
  const auto attempts = [&] {
    const auto offers = driver.Call<routing::v1::ListOffersResponse>(list, day::Driver::Operator());
    return offers.ok() && offers->offers_size() == 1 ? offers->offers(0).attempts() : 0;
  };
  REQUIRE(Eventually(absl::Seconds(30), [&] { return attempts() >= 3; }));

  suite.Start("approval");
  suite.WaitServing("approval");
  REQUIRE(
      driver.Decide(case_id, "230108-archives", casework::v1::DECISION_APPROVED, "档案相符").ok());
  REQUIRE(driver.Deliver(case_id, "230108001004", 5).ok());
  Require(CheckInvariants(suite, suite.Ledger()));
  REQUIRE(suite.Terminate("routing") == 0);
  suite.Start("routing");
  suite.WaitServing("routing");
}

}  // namespace yikou::test
