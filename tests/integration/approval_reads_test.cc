// The approval service on a real SQLite file: what is shown, and to whom.
#include <algorithm>

#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "tests/integration/approval_desk.h"

namespace yikou::approval::test {
namespace {

TEST_CASE("A work list shows the caller's steps alone, page by page") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(
      bench.React({Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"))}).ok());
  CHECK(bench.ListedFor(kArchivist) == Types{"archives-1"});
  CHECK(bench.ListedFor(kCivilOfficer) == Types{"civil-1"});
  CHECK(bench.ListedFor(Caller("d", "230108", {auth::kOfficer})) == Types{"archives-1", "civil-1"});
  CHECK(bench.ListedFor(Caller("x", "230110", {auth::kOfficer})).empty());

  v1::ListWorkRequest request;
  request.set_page_size(1);
  const rpc::CallContext district = Caller("d", "230108", {auth::kOfficer});
  const auto first = bench.service->ListWork(district, request);
  REQUIRE(first.ok());
  REQUIRE(first->items_size() == 1);
  CHECK(first->items(0).process_version() == bench.Process().version());
  CHECK(first->items(0).case_no() == "23010800100120260302A0000010");
  request.set_page_token(first->next_page_token());
  const auto second = bench.service->ListWork(district, request);
  REQUIRE(second.ok());
  REQUIRE(second->items_size() == 1);
  CHECK(second->items(0).step().step_id() == "civil-1");
  request.Clear();
  request.set_unit_id(kCivil);
  CHECK(bench.service->ListWork(district, request)->items_size() == 1);
  request.set_page_size(-1);
  CHECK(bench.service->ListWork(district, request).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("A step of a division is on the list of the division's bodies that see the case") {
  Bench bench;
  casework::v1::Route route = RouteOf({{"main", kCommunity}});
  route.set_counter_decides(true);
  bench.OpenCase(route);
  const rpc::CallContext station =
      Caller("clerk", "230108001001-station", {auth::kClerk, auth::kOfficer});
  CHECK(bench.ListedFor(station).empty());
  bench.Commit([&](store::Work& work) { work.ShowFor(kCase, "230108001001-station"); });
  CHECK(bench.ListedFor(station) == Types{"main-1"});
  CHECK(bench.Claim(station, "main-1").ok());
}

TEST_CASE("A process is read within its scope only, with what the caller may do next") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  v1::GetProcessRequest get;
  get.set_case_id(kCase);
  const auto view = bench.service->GetProcess(kArchivist, get);
  REQUIRE(view.ok());
  CHECK(view->view().clocks_size() == 3);
  CHECK(view->view().light() == casework::v1::LIGHT_GREEN);
  const auto& actions = view->view().actions();
  const auto claim = std::find_if(actions.begin(), actions.end(),
                                  [](const auto& action) { return action.name() == "ClaimStep"; });
  REQUIRE(claim != actions.end());
  CHECK(claim->allowed());
  CHECK(bench.service->GetProcess(Caller("x", "230110", {auth::kOfficer}), get).status().code() ==
        absl::StatusCode::kNotFound);
  CHECK(bench.service->GetProcess(kClerk, get).ok());
}

}  // namespace
}  // namespace yikou::approval::test
