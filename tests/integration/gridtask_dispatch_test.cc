// Who is sent to a grid event, and what its clocks do about it.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "tests/integration/gridtask_desk.h"

namespace yikou::gridtask::test {
namespace {

// --- Dispatch ---

TEST_CASE("the rule sends the bound worker, the less loaded of two, and the bound one at night",
          "[gridtask]") {
  Gridtask t;
  v1::ImportWorkersRequest import;
  *import.add_workers() = MakeWorker("w-a9", kGrid, "");
  REQUIRE(t.Call(&GridTaskService::ImportWorkers, kAdmin, import).ok());
  const v1::GridEvent first = t.Dispatch(t.Report(kBound));
  CHECK(first.worker_id() == "w-a1");
  const v1::GridEvent second = t.Dispatch(t.Report(kBound));
  CHECK(second.worker_id() == "w-a9");
  // Fed back is off the worker's hands.
  t.Handle(t.Sign(first));
  CHECK(t.Dispatch(t.Report(kBound)).worker_id() == "w-a1");

  v1::ListWorkersRequest list;
  std::string loads;
  const auto workers = t.Ask(&GridTaskService::ListWorkers, kDispatcher, list);
  for (const v1::Worker& worker : workers->workers()) {
    absl::StrAppend(&loads, worker.worker_id(), "=", worker.load(), " ");
  }
  CHECK(loads == "w-a1=1 w-a2=0 w-a9=1 w-b1=0 ");

  t.clock.Set(September(17, 23));
  const v1::GridEvent night = t.Dispatch(t.Report(kBound));
  CHECK(night.worker_id() == "w-a1");
  CHECK(absl::StrContains(night.dispatch_reason(), "非值班时间"));
}

TEST_CASE("another worker than the rule's needs a reason, and one nobody knows is not found",
          "[gridtask]") {
  Gridtask t;
  const v1::GridEvent event = t.Report(kBound);
  auto request = Gridtask::RequestFor<v1::DispatchEventRequest>(event);
  request.set_worker_id("w-b1");
  const absl::Status silent = t.Refused(&GridTaskService::DispatchEvent, kDispatcher, request);
  CHECK(silent.code() == absl::StatusCode::kInvalidArgument);
  CHECK(absl::StrContains(silent.message(), "override_reason"));
  request.set_worker_id("w-nobody");
  request.set_override_reason("原网格员外出培训");
  CHECK(t.Refused(&GridTaskService::DispatchEvent, kDispatcher, request).code() ==
        absl::StatusCode::kNotFound);
  // The rule's own choice needs no reason.
  CHECK(t.Dispatch(t.Report(kBound), "w-a1").dispatch_reason() ==
        "网格绑定：230110001001-g01，当前负荷 0，值班 08:00-18:00");
  const v1::GridEvent named = t.Dispatch(event, "w-b1", "原网格员外出培训");
  CHECK(named.worker_id() == "w-b1");
  CHECK(named.dispatch_reason() == "人工指派：原网格员外出培训");
  CHECK(absl::StrContains(absl::StrJoin(t.Last().visible_to(), " "), kNextCommunity));
}

TEST_CASE("an event is returned twice at most, and not sent back to who returned it",
          "[gridtask]") {
  Gridtask t;
  v1::GridEvent event = t.Return(t.Dispatch(t.Report(kBound)), kBound);
  CHECK(event.state() == cw::CASE_STATE_RETURN_REQUESTED);
  CHECK(event.returns() == 1);
  CHECK(RunningClocks(event.clocks()) == "HANDLE CONTACT");
  CHECK(t.Last().type() == "grid.return_requested");
  CHECK(t.Last().reason() == "不属于本网格");
  event = t.Dispatch(event);
  CHECK(event.worker_id() == "w-b1");
  event = t.Return(event, kNext);
  event = t.Dispatch(event);
  CHECK(event.worker_id() == "w-a1");
  auto request = Gridtask::RequestFor<v1::ReturnTaskRequest>(event);
  request.set_reason("不属于本网格");
  const absl::Status third = t.Refused(&GridTaskService::ReturnTask, kBound, request);
  CHECK(third.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(casework::ReasonOf(third) == cw::ERROR_REASON_GUARD_FAILED);
  CHECK(t.Sign(event).state() == cw::CASE_STATE_SIGNED);
}

TEST_CASE("a street without a worker to send says so", "[gridtask]") {
  Gridtask t;
  v1::GridEvent event = t.Report(kFarClerk, kWater, "230110002001-g01");
  auto registering = Gridtask::RequestFor<v1::RegisterEventRequest>(event);
  registering.set_register_(true);
  event = t.Call(&GridTaskService::RegisterEvent, kFarDispatcher, registering)->view().event();
  const auth::Principal only = Person("w-c1", "230110002001-g01", auth::kGridWorker);
  const auto dispatched = t.Call(&GridTaskService::DispatchEvent, kFarDispatcher,
                                 Gridtask::RequestFor<v1::DispatchEventRequest>(event));
  REQUIRE(dispatched.ok());
  event = t.Return(dispatched->view().event(), only);
  const absl::Status nobody = t.Refused(&GridTaskService::DispatchEvent, kFarDispatcher,
                                        Gridtask::RequestFor<v1::DispatchEventRequest>(event));
  CHECK(casework::ReasonOf(nobody) == cw::ERROR_REASON_GUARD_FAILED);
}

TEST_CASE("a category that asks for photographs takes no feedback without one", "[gridtask]") {
  Gridtask t;
  const v1::GridEvent event = t.Sign(t.Dispatch(t.Report(kBound, kRubbish)));
  auto request = Gridtask::RequestFor<v1::HandleTaskRequest>(event);
  request.set_result("已清理");
  const absl::Status bare = t.Refused(&GridTaskService::HandleTask, kBound, request);
  CHECK(bare.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(casework::ReasonOf(bare) == cw::ERROR_REASON_GUARD_FAILED);
  request.add_photo_digests("not a digest");
  CHECK(t.Refused(&GridTaskService::HandleTask, kBound, request).code() ==
        absl::StatusCode::kInvalidArgument);
  request.set_photo_digests(0, std::string(64, 'a'));
  const auto handled = t.Call(&GridTaskService::HandleTask, kBound, request);
  REQUIRE(handled.ok());
  CHECK(handled->view().event().photo_digests_size() == 1);
}

// --- Clocks ---

TEST_CASE("an urgent event has its clocks in minutes", "[gridtask]") {
  Gridtask t;
  const v1::GridEvent event = t.Dispatch(t.Report(kBound, kDoor));
  CHECK(event.urgent());
  CHECK(casework::Deadline(*Running(event, cw::CLOCK_PURPOSE_SIGN), *t.env().calendar) ==
        September(17, 9, 10));
  CHECK(casework::Deadline(*Running(event, cw::CLOCK_PURPOSE_HANDLE), *t.env().calendar) ==
        September(17, 9, 30));
}

TEST_CASE("a rung is claimed once, dated at its deadline, with the facts of the case",
          "[gridtask]") {
  Gridtask t;
  const v1::GridEvent event = t.Dispatch(t.Report(kBound));
  t.clock.Set(September(17, 9, 50));
  t.Fire();
  Event said = t.Last();
  CHECK(said.type() == "clock.rung");
  CHECK(said.rung().purpose() == cw::CLOCK_PURPOSE_SIGN);
  CHECK(said.rung().rung() == cw::RUNG_REMIND);
  CHECK(said.rung().light() == cw::LIGHT_YELLOW);
  CHECK(casework::FromProto(said.occurred_at()) == September(17, 9, 48));
  CHECK(casework::FromProto(said.recorded_at()) == September(17, 9, 50));
  CHECK(said.actor().person_id() == "system");
  CHECK(said.case_facts().state() == cw::CASE_STATE_DISPATCHED);
  CHECK(said.case_facts().clocks(2).claimed_size() == 1);

  const int64_t position = t.env().store->Head()->position;
  t.Fire();
  CHECK(t.env().store->Head()->position == position);
  t.clock.Set(September(17, 10));
  t.Fire();
  said = t.Last();
  CHECK(said.rung().rung() == cw::RUNG_SUPERVISE);
  CHECK(said.rung().light() == cw::LIGHT_RED);
  CHECK(casework::FromProto(said.occurred_at()) == September(17, 10));
  CHECK(t.TypesOf(event.case_id()) == "grid.reported grid.dispatched clock.rung clock.rung");
}

TEST_CASE("rungs that fell due in a pause collapse to the highest of each clock, in order",
          "[gridtask]") {
  Gridtask t;
  const v1::GridEvent event = t.Report(kBound);
  t.clock.Set(September(18, 9));
  t.Fire();
  std::vector<std::string> rungs;
  for (const Event& said : t.Said()) {
    if (said.type() != "clock.rung") continue;
    CHECK(casework::FromProto(said.occurred_at()) == September(18, 9));
    rungs.push_back(absl::StrCat(cw::ClockPurpose_Name(said.rung().purpose()).substr(14), " ",
                                 cw::Rung_Name(said.rung().rung())));
  }
  CHECK(absl::StrJoin(rungs, ", ") == "HANDLE RUNG_SUPERVISE, CONTACT RUNG_SUPERVISE");
}

TEST_CASE("a late command finds the due rungs claimed before it is decided", "[gridtask]") {
  Gridtask t;
  const v1::GridEvent event = t.Dispatch(t.Report(kBound));
  t.clock.Set(September(17, 10, 30));
  auto request = Gridtask::RequestFor<v1::SignTaskRequest>(event);
  const auto late = t.Call(&GridTaskService::SignTask, kBound, request);
  CHECK(t.TypesOf(event.case_id()) == "grid.reported grid.dispatched clock.rung");
  CHECK(casework::FromProto(t.Last().occurred_at()) == September(17, 10));
  // The rung is a version of its own, so the caller is shown the state as it is now.
  CHECK(late.status().code() == absl::StatusCode::kAborted);
  CHECK(MetadataOf(late.status(), "current_version") == "3");
  request.set_expected_version(3);
  request.clear_request_id();
  CHECK(t.Call(&GridTaskService::SignTask, kBound, request).ok());
}

}  // namespace
}  // namespace yikou::gridtask::test
