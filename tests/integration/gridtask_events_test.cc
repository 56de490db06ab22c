// Grid events from the report to the closing: what each command does, and what it refuses.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/base/ids.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/casework/identifiers.h"
#include "tests/integration/gridtask_desk.h"

namespace yikou::gridtask::test {
namespace {

TEST_CASE("a grid worker's report is registered at once, handling and contact begin",
          "[gridtask]") {
  Gridtask t;
  const v1::GridEvent event = t.Report(kBound);
  CHECK(event.state() == cw::CASE_STATE_REGISTERED);
  CHECK(event.version() == 1);
  CHECK(event.title() == "停水");
  CHECK(event.receiver_unit() == kCommunity);
  CHECK(event.reporter_person() == "w-a1");
  CHECK(event.channel() == cw::CHANNEL_GRID_WORKER);
  CHECK(casework::IsCaseNumber(event.case_no()));
  CHECK(absl::StartsWith(event.case_no(), "23011000100120250917G"));
  CHECK(RunningClocks(event.clocks()) == "HANDLE CONTACT");
  CHECK(casework::Deadline(*Running(event, cw::CLOCK_PURPOSE_HANDLE), *t.env().calendar) ==
        September(18, 9));

  const Event said = t.Last();
  CHECK(said.type() == "grid.reported");
  CHECK(said.case_id() == event.case_id());
  CHECK(said.aggregate_kind() == "grid_event");
  CHECK(said.actor().person_id() == "w-a1");
  CHECK(said.case_facts().kind() == cw::CASE_KIND_GRID_EVENT);
  CHECK(said.case_facts().state() == cw::CASE_STATE_REGISTERED);
  CHECK(said.case_facts().case_no() == event.case_no());
  CHECK(said.case_facts().home_unit() == kCommunity);
  CHECK(said.case_facts().clocks_size() == 2);
  CHECK(absl::StrJoin(said.visible_to(), " ") == absl::StrCat(kCommunity, " ", kGrid));
  CHECK_FALSE(absl::StrContains(said.SerializeAsString(), "三号楼"));
}

TEST_CASE("a public report waits for a look and is registered or turned down", "[gridtask]") {
  Gridtask t;
  const v1::GridEvent first = t.Report(kClerk);
  CHECK(first.state() == cw::CASE_STATE_VERIFYING);
  CHECK(first.reporter_person().empty());
  CHECK(first.channel() == cw::CHANNEL_WINDOW);
  CHECK(RunningClocks(first.clocks()) == "CHECK");
  CHECK(t.Last().case_facts().state() == cw::CASE_STATE_VERIFYING);

  auto request = Gridtask::RequestFor<v1::RegisterEventRequest>(first);
  request.set_register_(true);
  const auto registered = t.Call(&GridTaskService::RegisterEvent, kDispatcher, request);
  REQUIRE(registered.ok());
  CHECK(registered->view().event().state() == cw::CASE_STATE_REGISTERED);
  CHECK(RunningClocks(registered->view().event().clocks()) == "HANDLE CONTACT");
  CHECK(t.Last().type() == "grid.registered");

  const v1::GridEvent second = t.Report(kClerk);
  CHECK(second.case_no() != first.case_no());
  request = Gridtask::RequestFor<v1::RegisterEventRequest>(second);
  CHECK(casework::ReasonOf(t.Refused(&GridTaskService::RegisterEvent, kDispatcher, request)) ==
        cw::ERROR_REASON_INVALID_FIELD);
  request.set_reason("到现场看过，没有停水，报告人电话 13912345678");
  const auto refused = t.Call(&GridTaskService::RegisterEvent, kDispatcher, request);
  REQUIRE(refused.ok());
  CHECK(refused->view().event().state() == cw::CASE_STATE_NOT_REGISTERED);
  CHECK(RunningClocks(refused->view().event().clocks()).empty());
  CHECK(t.Last().type() == "grid.not_registered");
  CHECK(absl::StrContains(t.Last().reason(), "没有停水"));
  CHECK_FALSE(absl::StrContains(t.Last().reason(), "13912345678"));
}

TEST_CASE("an event walks the loop to closing, and its outcome stands apart from its state",
          "[gridtask]") {
  Gridtask t;
  v1::GridEvent event = t.Report(kBound);
  event = t.Dispatch(event);
  CHECK(event.state() == cw::CASE_STATE_DISPATCHED);
  CHECK(event.worker_id() == "w-a1");
  CHECK(event.dispatch_reason() == "网格绑定：230110001001-g01，当前负荷 0，值班 08:00-18:00");
  CHECK(RunningClocks(event.clocks()) == "HANDLE CONTACT SIGN");
  CHECK(casework::Deadline(*Running(event, cw::CLOCK_PURPOSE_SIGN), *t.env().calendar) ==
        September(17, 10));
  CHECK(t.Last().reason() == event.dispatch_reason());

  t.clock.Advance(absl::Minutes(10));
  event = t.Sign(event);
  CHECK(event.state() == cw::CASE_STATE_SIGNED);
  CHECK(RunningClocks(event.clocks()) == "HANDLE CONTACT");
  event = t.Handle(event);
  CHECK(event.state() == cw::CASE_STATE_FEEDBACK);
  CHECK(RunningClocks(event.clocks()) == "CHECK");
  CHECK(casework::Deadline(*Running(event, cw::CLOCK_PURPOSE_CHECK), *t.env().calendar) ==
        September(18, 17));
  event = t.Check(event, true);
  CHECK(event.state() == cw::CASE_STATE_GRID_CLOSED);
  CHECK(event.outcome() == cw::OUTCOME_PARTLY);
  CHECK(RunningClocks(event.clocks()).empty());
  CHECK(event.version() == 5);

  CHECK(t.TypesOf(event.case_id()) ==
        "grid.reported grid.dispatched grid.signed grid.fed_back grid.closed");
  int64_t version = 0;
  for (const Event& said : t.Said()) {
    if (said.case_id() != event.case_id()) continue;
    CHECK(said.version() == ++version);
    CHECK(said.case_facts().case_no() == event.case_no());
    CHECK_FALSE(absl::StrContains(said.SerializeAsString(), "供水公司"));
  }
  CHECK(t.Last().case_facts().outcome() == cw::OUTCOME_PARTLY);
}

TEST_CASE("a failed check sends the event back, counted, and it is handled and checked again",
          "[gridtask]") {
  Gridtask t;
  v1::GridEvent event = t.Handle(t.Sign(t.Dispatch(t.Report(kBound))));
  t.clock.Advance(absl::Hours(2));
  event = t.Check(event, false);
  CHECK(event.state() == cw::CASE_STATE_REWORK);
  CHECK(event.reworks() == 1);
  CHECK(event.outcome() == cw::OUTCOME_UNSPECIFIED);
  CHECK(RunningClocks(event.clocks()) == "HANDLE");
  CHECK(casework::Deadline(*Running(event, cw::CLOCK_PURPOSE_HANDLE), *t.env().calendar) ==
        September(18, 11));
  CHECK(t.Last().type() == "grid.reworked");
  CHECK(t.Last().reason() == "仍有三户没有水");

  event = t.Handle(t.Sign(t.Dispatch(event)));
  event = t.Check(event, true);
  CHECK(event.state() == cw::CASE_STATE_GRID_CLOSED);
  CHECK(event.reworks() == 1);
}

TEST_CASE("a command the state forbids names what is allowed and stores nothing", "[gridtask]") {
  Gridtask t;
  const auto forbidden = [&t](const v1::GridEvent& event, const absl::Status& status,
                              const std::string& allowed) {
    INFO(cw::CaseState_Name(event.state()) << ": " << status);
    CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(casework::ReasonOf(status) == cw::ERROR_REASON_STATE_FORBIDS);
    CHECK(MetadataOf(status, "allowed_actions") == allowed);
    CHECK(MetadataOf(status, "state") == cw::CaseState_Name(event.state()));
  };
  const auto dispatch = [&t](const v1::GridEvent& event) {
    return t.Refused(&GridTaskService::DispatchEvent, kDispatcher,
                     Gridtask::RequestFor<v1::DispatchEventRequest>(event));
  };
  const auto sign = [&t](const v1::GridEvent& event) {
    return t.Refused(&GridTaskService::SignTask, kBound,
                     Gridtask::RequestFor<v1::SignTaskRequest>(event));
  };
  const auto check = [&t](const v1::GridEvent& event) {
    auto request = Gridtask::RequestFor<v1::CheckEventRequest>(event);
    request.set_passed(true);
    request.set_outcome(cw::OUTCOME_SOLVED);
    return t.Refused(&GridTaskService::CheckEvent, kDispatcher, request);
  };
  const auto handle = [&t](const v1::GridEvent& event) {
    auto request = Gridtask::RequestFor<v1::HandleTaskRequest>(event);
    request.set_result("完成");
    return t.Refused(&GridTaskService::HandleTask, kBound, request);
  };
  const auto hand_back = [&t](const v1::GridEvent& event) {
    auto request = Gridtask::RequestFor<v1::ReturnTaskRequest>(event);
    request.set_reason("不属于本网格");
    return t.Refused(&GridTaskService::ReturnTask, kBound, request);
  };

  const v1::GridEvent verifying = t.Report(kClerk);
  forbidden(verifying, dispatch(verifying), "RegisterEvent");
  const v1::GridEvent registered = t.Report(kBound);
  forbidden(registered, check(registered), "DispatchEvent");
  auto again = Gridtask::RequestFor<v1::RegisterEventRequest>(registered);
  again.set_register_(true);
  forbidden(registered, t.Refused(&GridTaskService::RegisterEvent, kDispatcher, again),
            "DispatchEvent");
  const v1::GridEvent dispatched = t.Dispatch(registered);
  forbidden(dispatched, handle(dispatched), "SignTask,ReturnTask");
  forbidden(dispatched, dispatch(dispatched), "SignTask,ReturnTask");
  const v1::GridEvent signed_event = t.Sign(dispatched);
  forbidden(signed_event, sign(signed_event), "HandleTask");
  forbidden(signed_event, hand_back(signed_event), "HandleTask");
  const v1::GridEvent fed_back = t.Handle(signed_event);
  forbidden(fed_back, handle(fed_back), "CheckEvent");
  const v1::GridEvent closed = t.Check(fed_back, true);
  forbidden(closed, check(closed), "");
  forbidden(closed, dispatch(closed), "");
}

TEST_CASE("a wrong report names every wrong field and leaves no event", "[gridtask]") {
  Gridtask t;
  v1::ReportEventRequest request;
  request.set_category("G9999");
  request.set_grid_id(kCommunity);
  request.set_households(-1);
  request.add_photo_digests("abc");
  const absl::Status wrong = t.Refused(&GridTaskService::ReportEvent, kBound, request);
  CHECK(wrong.code() == absl::StatusCode::kInvalidArgument);
  google::rpc::Status details;
  REQUIRE(casework::DetailsOf(wrong, &details));
  google::rpc::BadRequest bad;
  for (const auto& detail : details.details()) detail.UnpackTo(&bad);
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  CHECK(absl::StrJoin(fields, " ") == "category grid_id description households photo_digests[0]");

  request = v1::ReportEventRequest();
  request.set_category(kWater);
  request.set_description("停水");
  request.set_grid_id("230110001001-g77");
  CHECK(t.Refused(&GridTaskService::ReportEvent, kBound, request).code() ==
        absl::StatusCode::kNotFound);
  request.set_grid_id(kGrid);
  CHECK(casework::ReasonOf(t.Refused(&GridTaskService::ReportEvent, kFarClerk, request)) ==
        cw::ERROR_REASON_NO_AUTHORITY);
}

TEST_CASE("a request that is repeated is answered as before and changes nothing", "[gridtask]") {
  Gridtask t;
  v1::ReportEventRequest request;
  request.set_request_id(base::NewId(t.clock.Now()));
  request.set_category(kWater);
  request.set_grid_id(kGrid);
  request.set_description("停水");
  const auto first = t.Call(&GridTaskService::ReportEvent, kBound, request);
  REQUIRE(first.ok());
  const int64_t position = t.env().store->Head()->position;
  const auto second = t.Call(&GridTaskService::ReportEvent, kBound, request);
  REQUIRE(second.ok());
  CHECK(second->view().event().case_id() == first->view().event().case_id());
  CHECK(t.env().store->Head()->position == position);
  request.set_description("停电");
  CHECK(casework::ReasonOf(t.Refused(&GridTaskService::ReportEvent, kBound, request)) ==
        cw::ERROR_REASON_REQUEST_ID_REUSED);
}

TEST_CASE("a stale version is told the current one and what is allowed now", "[gridtask]") {
  Gridtask t;
  const v1::GridEvent registered = t.Report(kBound);
  const v1::GridEvent dispatched = t.Dispatch(registered);
  auto request = Gridtask::RequestFor<v1::SignTaskRequest>(registered);
  const absl::Status stale = t.Refused(&GridTaskService::SignTask, kBound, request);
  CHECK(stale.code() == absl::StatusCode::kAborted);
  CHECK(MetadataOf(stale, "current_version") == absl::StrCat(dispatched.version()));
  CHECK(MetadataOf(stale, "allowed_actions") == "SignTask,ReturnTask");
  request.set_expected_version(0);
  CHECK(t.Refused(&GridTaskService::SignTask, kBound, request).code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("only the assignee signs, returns and handles, and never checks the own work",
          "[gridtask]") {
  Gridtask t;
  const v1::GridEvent dispatched = t.Dispatch(t.Report(kBound));
  for (const auth::Principal& other : {kDispatcher, Person("w-x", kGrid, auth::kGridWorker)}) {
    const absl::Status refused = t.Refused(&GridTaskService::SignTask, other,
                                           Gridtask::RequestFor<v1::SignTaskRequest>(dispatched));
    CHECK(refused.code() == absl::StatusCode::kPermissionDenied);
    CHECK(casework::ReasonOf(refused) == cw::ERROR_REASON_NO_AUTHORITY);
  }
  const v1::GridEvent fed_back = t.Handle(t.Sign(dispatched));
  auto request = Gridtask::RequestFor<v1::CheckEventRequest>(fed_back);
  request.set_passed(true);
  request.set_outcome(cw::OUTCOME_SOLVED);
  const absl::Status own = t.Refused(&GridTaskService::CheckEvent,
                                     Person("w-a1", kCommunity, auth::kDispatcher), request);
  CHECK(own.code() == absl::StatusCode::kPermissionDenied);
  CHECK(casework::ReasonOf(own) == cw::ERROR_REASON_SAME_PERSON);
  request.clear_outcome();
  CHECK(casework::ReasonOf(t.Refused(&GridTaskService::CheckEvent, kDispatcher, request)) ==
        cw::ERROR_REASON_INVALID_FIELD);
}

TEST_CASE("what is out of the caller's scope does not exist, for reads and commands",
          "[gridtask]") {
  Gridtask t;
  const v1::GridEvent event = t.Report(kBound);
  v1::GetEventRequest get;
  get.set_case_id(event.case_id());
  CHECK(t.Ask(&GridTaskService::GetEvent, kDispatcher, get).ok());
  CHECK(t.Ask(&GridTaskService::GetEvent, kBound, get).ok());
  CHECK(t.Ask(&GridTaskService::GetEvent, kAuditor, get).ok());
  const absl::Status hidden = t.Ask(&GridTaskService::GetEvent, kFarDispatcher, get).status();
  get.set_case_id(base::NewId(t.clock.Now()));
  const absl::Status unknown = t.Ask(&GridTaskService::GetEvent, kDispatcher, get).status();
  CHECK(hidden.code() == absl::StatusCode::kNotFound);
  CHECK(unknown.code() == absl::StatusCode::kNotFound);
  CHECK(casework::ReasonOf(hidden) == cw::ERROR_REASON_NOT_FOUND);
  CHECK(t.Refused(&GridTaskService::DispatchEvent, kFarDispatcher,
                  Gridtask::RequestFor<v1::DispatchEventRequest>(event))
            .code() == absl::StatusCode::kNotFound);
  // A worker of another community sees it once it is theirs to handle.
  get.set_case_id(event.case_id());
  CHECK_FALSE(t.Ask(&GridTaskService::GetEvent, kNext, get).ok());
  t.Dispatch(event, "w-b1", "原网格员外出培训");
  CHECK(t.Ask(&GridTaskService::GetEvent, kNext, get).ok());
}

TEST_CASE("an event is found by its number, and lists run newest first through every page",
          "[gridtask]") {
  Gridtask t;
  std::vector<std::string> newest_first;
  for (int i = 0; i < 5; ++i) {
    newest_first.insert(newest_first.begin(), t.Report(kBound).case_id());
    t.clock.Advance(absl::Seconds(1));
  }
  t.Report(kFarClerk, kWater, "230110002001-g01");
  v1::GetEventRequest get;
  v1::ListEventsRequest list;
  list.set_page_size(2);
  std::vector<std::string> listed;
  do {
    const auto page = t.Ask(&GridTaskService::ListEvents, kDispatcher, list);
    REQUIRE(page.ok());
    for (const v1::GridEventView& view : page->views()) {
      listed.push_back(view.event().case_id());
      get.set_case_id(view.event().case_no());
      const auto found = t.Ask(&GridTaskService::GetEvent, kDispatcher, get);
      REQUIRE(found.ok());
      CHECK(found->view().event().case_id() == view.event().case_id());
      CHECK(found->view().light() == cw::LIGHT_GREEN);
      CHECK(found->view().clocks_size() == 2);
    }
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  CHECK(listed == newest_first);

  v1::ListEventsRequest all;
  CHECK(t.Ask(&GridTaskService::ListEvents, kAuditor, all)->views_size() == 6);
  get.set_case_id(newest_first[0]);
  t.Dispatch(t.Ask(&GridTaskService::GetEvent, kDispatcher, get)->view().event());
  all.set_worker_id("w-a1");
  CHECK(t.Ask(&GridTaskService::ListEvents, kDispatcher, all)->views_size() == 1);
  all.set_state(cw::CASE_STATE_SIGNED);
  CHECK(t.Ask(&GridTaskService::ListEvents, kDispatcher, all)->views_size() == 0);
}

}  // namespace
}  // namespace yikou::gridtask::test
