// Two deployments of a service on one database, each with tiers of its own.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "services/cli/day/driver.h"
#include "tests/fault/load.h"
#include "tests/fault/require.h"
#include "tests/support/eventually.h"
#include "tests/support/suite.h"
#include "tests/support/suite_invariants.h"

namespace yikou::test {
namespace {

namespace cw = casework::v1;

constexpr char kCounter[] = "230108001004";
constexpr char kStreet[] = "230108001";
constexpr char kOtherStreet[] = "230108002";
constexpr char kBureau[] = "230108-hr";
constexpr char kLoan[] = "YK-S004";  // reviewed by the street, decided by the district
std::atomic<int> g_serial{8000};

// "approval" serves the communities and streets, "approval#2" the district.
SuiteOptions SplitByTier() {
  SuiteOptions options;
  options.postgres = true;
  options.replicas = 2;
  options.replicated = {"approval"};
  options.flags = {{"approval", {"--tiers", "community,street"}},
                   {"approval#2", {"--tiers", "district"}},
                   {"routing", {"--offer_lease_seconds", "1"}}};
  return options;
}

// Receives an application; returns its case.
std::string Receive(Suite& suite, day::Driver& driver, const std::string& item_code) {
  const auto item = driver.Item(item_code);
  INFO(item.status());
  REQUIRE(item.ok());
  const cli::Identity clerk = day::Driver::Clerk(kCounter);
  auto receive = day::New<intake::v1::ReceiveCaseRequest>();
  receive.set_item_code(item_code);
  *receive.mutable_application() = day::Driver::Applicant("周秀英", kCounter, g_serial++);
  REQUIRE(driver.HandIn(clerk, *item, {}, receive.mutable_application()).ok());
  const auto receipt = driver.Call<intake::v1::ReceiveCaseResponse>(receive, clerk);
  INFO(receipt.status());
  REQUIRE(receipt.ok());
  const std::string case_id = receipt->view().case_record().case_id();
  suite.AcknowledgeCase(case_id);
  return case_id;
}

void Decide(day::Driver& driver, const std::string& case_id, const std::string& unit) {
  const absl::Status decided = driver.Decide(case_id, unit, cw::DECISION_APPROVED, "同意");
  INFO(unit << ": " << decided);
  REQUIRE(decided.ok());
}

void Deliver(day::Driver& driver, const std::string& case_id) {
  const absl::Status delivered = driver.Deliver(case_id, kCounter, 5);
  INFO(delivered);
  REQUIRE(delivered.ok());
}

// The case's newest offer that nobody has taken, once it was made at least `attempts` times.
cw::Offer WaitOffer(day::Driver& driver, const std::string& case_id, int attempts) {
  routing::v1::ListOffersRequest list;
  list.set_case_id(case_id);
  list.set_state(cw::OFFER_STATE_OFFERED);
  cw::Offer found;
  REQUIRE(Eventually(absl::Seconds(60), [&] {
    const auto offers = driver.Call<routing::v1::ListOffersResponse>(list, day::Driver::Operator());
    if (!offers.ok() || offers->offers().empty()) return false;
    found = offers->offers(0);
    return found.attempts() >= attempts;
  }));
  return found;
}

}  // namespace

TEST_CASE("a deployment reads the queues of its tiers only, and every tier's case ends",
          "[postgresql]") {
  Suite suite(SplitByTier());
  Load load(&suite, 2);
  RequireMore(load, 3);
  Require(load.Finish());
  day::Driver driver(suite.client());
  // Decided by the community, by the street, by the district.
  const std::string at_community = Receive(suite, driver, "YK-S029");
  const std::string at_street = Receive(suite, driver, "YK-S002");
  const std::string at_district = Receive(suite, driver, "YK-S001");
  Decide(driver, at_community, kCounter);
  Decide(driver, at_street, kStreet);
  Decide(driver, at_district, "230108-archives");
  for (const std::string& case_id : {at_community, at_street, at_district}) {
    Deliver(driver, case_id);
  }
  Require(CheckInvariants(suite, suite.Ledger()));
  for (const std::string name : {"approval", "approval#2"}) {
    const cw::GetQueueStatsResponse stats = suite.QueueStatsOf(name);
    const auto reads = [&](const std::string& tier) {
      return std::any_of(stats.queues().begin(), stats.queues().end(), [&](const auto& queue) {
        return queue.direction() == "in" && queue.done_seq() > 0 &&
               queue.stream() == absl::StrCat("yikou:queue:", tier, ":approval:{0}");
      });
    };
    INFO(name);
    CHECK(reads("district") == (name == "approval#2"));
    CHECK(reads("street") == (name == "approval"));
    CHECK(reads("community") == (name == "approval"));
  }
}

TEST_CASE("a tier whose deployment is down waits, the others' cases end, and so does it at last",
          "[postgresql]") {
  Suite suite(SplitByTier());
  day::Driver driver(suite.client());
  suite.Kill("approval#2");
  const std::string loan = Receive(suite, driver, kLoan);
  Decide(driver, loan, kStreet);
  const cw::Offer waiting = WaitOffer(driver, loan, 2);
  CHECK(waiting.to_unit() == kBureau);
  const std::string at_street = Receive(suite, driver, "YK-S002");
  Decide(driver, at_street, kStreet);
  Deliver(driver, at_street);

  SECTION("when the deployment is back") {
    suite.Start("approval#2");
    suite.WaitServing("approval#2");
    Decide(driver, loan, kBureau);
  }
  SECTION("when an operator sends the offer to a unit of another tier") {
    absl::Status redirected = absl::AbortedError("not tried");
    // It is offered again and again meanwhile, and each time is a version.
    for (int i = 0; i < 20 && absl::IsAborted(redirected); ++i) {
      auto redirect = day::New<routing::v1::RedirectOfferRequest>();
      redirect.set_offer_id(waiting.offer_id());
      redirect.set_expected_version(WaitOffer(driver, loan, 1).version());
      redirect.set_to_unit(kOtherStreet);
      redirect.set_reason("区级部署停机");
      redirected =
          driver.Call<routing::v1::RedirectOfferResponse>(redirect, day::Driver::Operator())
              .status();
    }
    INFO(redirected);
    REQUIRE(redirected.ok());
    Decide(driver, loan, kOtherStreet);
    routing::v1::GetCustodyRequest custody;
    custody.set_case_id(loan);
    const auto held =
        driver.Call<routing::v1::GetCustodyResponse>(custody, day::Driver::Operator());
    REQUIRE(held.ok());
    CHECK(std::any_of(held->custody().hops().begin(), held->custody().hops().end(),
                      [](const auto& hop) { return hop.to_unit() == kOtherStreet; }));
    // What waited in the district's queue has no effect any more.
    suite.Start("approval#2");
    suite.WaitServing("approval#2");
  }
  Deliver(driver, loan);
  Require(CheckInvariants(suite, suite.Ledger()));
}

}  // namespace yikou::test
