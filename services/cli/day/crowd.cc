// Scenario f: many ordinary applications, so that the report has something to show.
#include <atomic>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/casework/placement.h"
#include "libs/casework/units.h"
#include "services/cli/day/scenarios.h"

namespace yikou::day {

namespace cw = casework::v1;

namespace {

constexpr int kThreads = 4;
constexpr unsigned kSeed = 20250924;
const absl::CivilDay kDay(2025, 9, 24);

// One application to be made.
struct Plan {
  cw::Item item;
  std::string counter;
  std::string home;
  int serial = 0;
  bool reject = false;
};

absl::StatusOr<std::vector<cw::Item>> AllItems(Driver& driver) {
  std::vector<cw::Item> items;
  intake::v1::ListItemsRequest request;
  request.set_page_size(500);
  do {
    YK_ASSIGN_OR_RETURN(auto page,
                        driver.Call<intake::v1::ListItemsResponse>(request, Driver::Operator()));
    for (const cw::Item& item : page.items()) items.push_back(item);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return items;
}

absl::StatusOr<std::vector<std::string>> Communities(Driver& driver) {
  std::vector<std::string> communities;
  routing::v1::ListUnitsRequest request;
  request.set_page_size(1000);
  request.set_tier(cw::TIER_COMMUNITY);
  do {
    YK_ASSIGN_OR_RETURN(auto page,
                        driver.Call<routing::v1::ListUnitsResponse>(request, Driver::Operator()));
    for (const cw::Unit& unit : page.units()) {
      if (unit.kind() == cw::UNIT_KIND_DIVISION) communities.push_back(unit.unit_id());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return communities;
}

// Draws items and counters by a fixed seed: every day run makes the same ones.
std::vector<Plan> Draw(const std::vector<cw::Item>& items,
                       const std::vector<std::string>& communities, int count) {
  std::mt19937 random(kSeed);
  std::vector<Plan> plans;
  while (static_cast<int>(plans.size()) < count) {
    Plan plan;
    plan.item = items[random() % items.size()];
    plan.home = communities[random() % communities.size()];
    plan.serial = 100 + static_cast<int>(plans.size());
    plan.reject = random() % 12 == 0;
    absl::StatusOr<const cw::PlacementRule*> rule = casework::FindRule(plan.item, plan.home, kDay);
    if (!rule.ok() || (*rule)->decided_by_rule()) continue;
    plan.counter = casework::DivisionAt(plan.home, (*rule)->accept_tier());
    if (!casework::CheckCounter(plan.item, plan.counter, plan.home, kDay).ok()) continue;
    plans.push_back(std::move(plan));
  }
  return plans;
}

absl::StatusOr<std::string> Live(Driver& driver, const Plan& plan) {
  intake::v1::Application application =
      Driver::Applicant(absl::StrCat("申请人", plan.serial), plan.home, plan.serial);
  YK_RETURN_IF_ERROR(driver.HandIn(Driver::Clerk(plan.counter), plan.item, {}, &application));
  auto receive = New<intake::v1::ReceiveCaseRequest>();
  receive.set_item_code(plan.item.code());
  receive.set_receiver_unit(plan.counter);
  *receive.mutable_application() = std::move(application);
  receive.set_channel(cw::CHANNEL_WINDOW);
  YK_ASSIGN_OR_RETURN(auto received, driver.Call<intake::v1::ReceiveCaseResponse>(
                                         receive, Driver::Clerk(plan.counter)));
  const std::string case_id = received.view().case_record().case_id();
  YK_ASSIGN_OR_RETURN(const cw::Route route,
                      casework::ResolveRoute(plan.item, plan.counter, plan.home, kDay));
  for (const cw::RouteBranch& branch : route.branches()) {
    for (const cw::RouteStep& step : branch.steps()) {
      const bool reject = plan.reject && step.kind() == cw::STEP_KIND_DECIDE;
      YK_RETURN_IF_ERROR(driver.Decide(case_id, step.unit_id(),
                                       reject ? cw::DECISION_REJECTED : cw::DECISION_APPROVED,
                                       reject ? "不符合条件" : "符合条件"));
    }
  }
  YK_RETURN_IF_ERROR(driver.Deliver(case_id, plan.counter, plan.reject ? 3 : 5));
  return case_id;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Crowd(Driver& driver, int count,
                                               const std::function<void(int)>& progress) {
  YK_ASSIGN_OR_RETURN(const std::vector<cw::Item> items, AllItems(driver));
  YK_ASSIGN_OR_RETURN(const std::vector<std::string> communities, Communities(driver));
  const std::vector<Plan> plans = Draw(items, communities, count);
  std::vector<absl::StatusOr<std::string>> results(plans.size(), absl::UnknownError("not run"));
  std::atomic<size_t> next{0};
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (size_t n = next++; n < plans.size(); n = next++) {
        results[n] = Live(driver, plans[n]);
        progress(++done);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> case_ids;
  for (size_t n = 0; n < plans.size(); ++n) {
    if (!results[n].ok()) {
      return absl::Status(results[n].status().code(),
                          absl::StrCat("Application ", n + 1, " (", plans[n].item.code(), " at ",
                                       plans[n].counter, "): ", results[n].status().message()));
    }
    case_ids.push_back(*results[n]);
  }
  return case_ids;
}

}  // namespace yikou::day
