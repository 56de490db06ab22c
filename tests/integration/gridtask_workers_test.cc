// The directory of grid workers: imports and lists.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catch2/catch.hpp"
#include "libs/casework/errors.h"
#include "tests/integration/gridtask_desk.h"

namespace yikou::gridtask::test {
namespace {

TEST_CASE("an import stores what is new or changed, all or nothing", "[gridtask]") {
  Gridtask t;
  v1::ImportWorkersRequest request;
  *request.add_workers() = MakeWorker("w-a1", kGrid, "w-b1");
  *request.add_workers() = MakeWorker("w-a2", kSecondGrid, "w-a1");
  *request.add_workers() = MakeWorker("w-new", kSecondGrid, "");
  request.mutable_workers(0)->set_load(7);
  request.mutable_workers(0)->set_version(99);
  const auto imported = t.Call(&GridTaskService::ImportWorkers, kAdmin, request);
  REQUIRE(imported.ok());
  CHECK(imported->changed() == 2);
  CHECK(imported->unchanged() == 1);
  CHECK(t.Last().type() == "grid.worker_changed");
  CHECK(t.Last().aggregate_id() == "w-new");
  CHECK(t.Last().case_id().empty());

  request.mutable_workers(1)->set_duty_to("25:00");
  request.mutable_workers(2)->set_grid_id("230110001001-g77");
  *request.add_workers() = MakeWorker("w-new", kGrid, "");
  const absl::Status wrong = t.Refused(&GridTaskService::ImportWorkers, kAdmin, request);
  CHECK(wrong.code() == absl::StatusCode::kInvalidArgument);
  CHECK(absl::StrContains(wrong.message(), "workers[1].duty_to"));
  CHECK(absl::StrContains(wrong.message(), "workers[2].grid_id"));
  CHECK(absl::StrContains(wrong.message(), "workers[3].worker_id"));

  v1::ImportWorkersRequest many;
  for (int i = 0; i < 501; ++i) *many.add_workers() = MakeWorker(absl::StrCat("w", i), kGrid, "");
  const absl::Status limit = t.Refused(&GridTaskService::ImportWorkers, kAdmin, many);
  CHECK(casework::ReasonOf(limit) == cw::ERROR_REASON_LIMIT_EXCEEDED);
  CHECK(MetadataOf(limit, "limit") == "500");
}

TEST_CASE("the shipped workers are imported once, whatever the directory has yet", "[gridtask]") {
  Gridtask t;
  const std::string csv = ReadFile("directory/workers.csv");
  auto first = t.grid().ImportWorkersFromCsv(csv);
  REQUIRE(first.ok());
  CHECK(first->response.changed() == 896);
  REQUIRE(t.env().committer->CommitOne(std::move(first->change)).ok());
  const auto second = t.grid().ImportWorkersFromCsv(csv);
  REQUIRE(second.ok());
  CHECK(second->response.unchanged() == 896);
  CHECK(second->change.empty());
}

TEST_CASE("workers are listed at or below the caller's unit and the unit asked for", "[gridtask]") {
  Gridtask t;
  const auto listed = [&t](const auth::Principal& caller, const std::string& unit) {
    v1::ListWorkersRequest request;
    request.set_unit_id(unit);
    std::vector<std::string> ids;
    const auto response = t.Ask(&GridTaskService::ListWorkers, caller, request);
    for (const v1::Worker& worker : response->workers()) ids.push_back(worker.worker_id());
    return absl::StrJoin(ids, " ");
  };
  CHECK(listed(kAdmin, "") == "w-a1 w-a2 w-b1 w-c1");
  CHECK(listed(kAdmin, kCommunity) == "w-a1 w-a2");
  CHECK(listed(kAdmin, kSecondGrid) == "w-a2");
  CHECK(listed(kDispatcher, "") == "w-a1 w-a2 w-b1");
  CHECK(listed(kDispatcher, kFarCommunity).empty());
  CHECK(listed(kDispatcher, "230110") == "w-a1 w-a2 w-b1");
  CHECK(listed(kBound, "") == "w-a1");
  CHECK(listed(kAuditor, "") == "w-a1 w-a2 w-b1 w-c1");
}

}  // namespace
}  // namespace yikou::gridtask::test
