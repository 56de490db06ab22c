// Field requests: from approval's question to the finding.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "tests/integration/gridtask_desk.h"

namespace yikou::gridtask::test {
namespace {

constexpr char kOffers[] = "yikou:queue:community:gridtask:{0}";

// Approval's and routing's side of a field request.
class FieldStory {
 public:
  explicit FieldStory(std::string case_id) : case_id_(std::move(case_id)) {}

  std::pair<std::string, Event> Opened() { return Approval("approval.opened", "", {}); }
  std::pair<std::string, Event> Requested(const std::string& field_id = "f1",
                                          const std::string& unit = kCommunity) {
    unit_ = unit;
    return Approval("approval.field_requested", field_id, cw::FIELD_STATE_REQUESTED);
  }
  std::pair<std::string, Event> Cancelled(const std::string& field_id = "f1") {
    return Approval("approval.field_cancelled", field_id, cw::FIELD_STATE_CANCELLED);
  }
  // Rests on the last event of approval.
  std::pair<std::string, Event> Offered(const std::string& field_id = "f1",
                                        const std::string& offer_id = "offer-1") {
    Event event;
    event.set_source("routing");
    event.set_case_id(case_id_);
    event.set_aggregate_kind("offer");
    event.set_aggregate_id(offer_id);
    event.set_version(1);
    event.set_type("routing.offered");
    cw::Offer* offer = event.mutable_offer();
    offer->set_offer_id(offer_id);
    offer->set_case_id(case_id_);
    offer->set_purpose(cw::OFFER_PURPOSE_FIELD);
    offer->set_kind(cw::OFFER_KIND_ASSIGNMENT);
    offer->set_to_unit(unit_);
    offer->set_service("gridtask");
    offer->set_state(cw::OFFER_STATE_OFFERED);
    offer->set_subject(field_id);
    offer->mutable_rests_on()->set_source("approval");
    offer->mutable_rests_on()->set_aggregate_kind("process");
    offer->mutable_rests_on()->set_aggregate_id(case_id_);
    offer->mutable_rests_on()->set_version(version_);
    return {kOffers, event};
  }

 private:
  std::pair<std::string, Event> Approval(const std::string& type, const std::string& field_id,
                                         cw::FieldState state) {
    Event event;
    event.set_source("approval");
    event.set_case_id(case_id_);
    event.set_aggregate_kind("process");
    event.set_aggregate_id(case_id_);
    event.set_version(++version_);
    event.set_type(type);
    event.mutable_case_facts()->set_case_no("NO-1");
    if (!field_id.empty()) {
      event.mutable_field()->set_field_id(field_id);
      event.mutable_field()->set_unit_id(unit_);
      event.mutable_field()->set_subject("核对房屋面积");
      event.mutable_field()->set_state(state);
    }
    return {app::EventsStream("approval"), event};
  }

  std::string case_id_;
  std::string unit_ = kCommunity;
  int64_t version_ = 0;
};

// The only field request of a case, as the auditor sees it.
v1::FieldTask TaskOf(Gridtask* t, const std::string& case_id) {
  v1::ListFieldsRequest request;
  request.set_case_id(case_id);
  const auto listed = t->Ask(&GridTaskService::ListFields, kAuditor, request);
  REQUIRE(listed.ok());
  REQUIRE(listed->tasks_size() == 1);
  return listed->tasks(0);
}

template <class Request>
Request TaskRequest(const v1::FieldTask& task) {
  Request request;
  request.set_task_id(task.task_id());
  request.set_expected_version(task.version());
  return request;
}

TEST_CASE("a field request is received once its facts and its offer are there, in any order",
          "[gridtask]") {
  Gridtask t;
  FieldStory story("case-1");
  const auto opened = story.Opened();
  const auto requested = story.Requested();
  const auto offered = story.Offered();
  SECTION("one after the other") {
    t.Hear({opened});
    t.Hear({requested});
    t.Hear({offered});
  }
  SECTION("in one batch") { t.Hear({opened, requested, offered}); }
  SECTION("the offer first, in one batch") { t.Hear({offered, opened, requested}); }
  SECTION("the offer first, parked") {
    t.Hear({offered});
    CHECK(t.TypesOf("case-1").empty());
    t.Hear({opened, requested});
  }
  const v1::FieldTask task = TaskOf(&t, "case-1");
  CHECK(task.task_id() == "case-1/f1");
  CHECK(task.case_no() == "NO-1");
  CHECK(task.offer_id() == "offer-1");
  CHECK(task.version() == 1);
  CHECK(task.field().state() == cw::FIELD_STATE_RECEIVED);
  CHECK(task.field().subject() == "核对房屋面积");
  REQUIRE(RunningClocks(task.clocks()) == "FIELD");
  CHECK(task.clocks(0).subject() == "f1");
  CHECK(casework::Deadline(task.clocks(0), *t.env().calendar) == September(22, 17));

  const Event said = t.Last();
  CHECK(said.type() == "grid.field_received");
  CHECK(said.aggregate_kind() == "field_task");
  CHECK(said.case_id() == "case-1");
  CHECK_FALSE(said.has_case_facts());
  CHECK(said.offer().offer_id() == "offer-1");
  CHECK(said.offer().state() == cw::OFFER_STATE_RECEIVED);
  CHECK(said.field().field_id() == "f1");
  CHECK(absl::StrJoin(said.visible_to(), " ") == kCommunity);
}

TEST_CASE("a repeated offer, and an offer of somebody else's work, change nothing", "[gridtask]") {
  Gridtask t;
  FieldStory story("case-1");
  t.Hear({story.Opened(), story.Requested(), story.Offered()});
  t.Hear({story.Offered()});
  auto [stream, other] = story.Offered("f9", "offer-9");
  other.mutable_offer()->set_service("approval");
  t.Hear({{stream, other}});
  CHECK(t.TypesOf("case-1") == "grid.field_received");
}

TEST_CASE("a request cancelled before its offer came is never received", "[gridtask]") {
  Gridtask t;
  FieldStory story("case-1");
  const auto opened = story.Opened();
  const auto requested = story.Requested();
  const auto offered = story.Offered();
  t.Hear({opened, requested, story.Cancelled()});
  t.Hear({offered});
  CHECK(t.TypesOf("case-1").empty());
}

TEST_CASE("a request is cancelled while it is open and left alone once it is answered",
          "[gridtask]") {
  Gridtask t;
  FieldStory story("case-1");
  t.Hear({story.Opened(), story.Requested(), story.Offered()});
  SECTION("received") {
    t.Hear({story.Cancelled()});
    const v1::FieldTask task = TaskOf(&t, "case-1");
    CHECK(task.field().state() == cw::FIELD_STATE_CANCELLED);
    CHECK(RunningClocks(task.clocks()).empty());
    CHECK(t.Last().type() == "grid.field_cancelled");
    CHECK(t.Last().field().state() == cw::FIELD_STATE_CANCELLED);
    CHECK_FALSE(t.Last().has_offer());
    t.Hear({story.Cancelled()});
    CHECK(t.TypesOf("case-1") == "grid.field_received grid.field_cancelled");
  }
  SECTION("declined meanwhile") {
    auto request = TaskRequest<v1::DeclineFieldRequest>(TaskOf(&t, "case-1"));
    request.set_reason("不在本社区");
    REQUIRE(t.Call(&GridTaskService::DeclineField, kClerk, request).ok());
    t.Hear({story.Cancelled()});
    CHECK(TaskOf(&t, "case-1").field().state() == cw::FIELD_STATE_DECLINED);
    CHECK(t.TypesOf("case-1") == "grid.field_received grid.field_declined");
  }
}

TEST_CASE("who signs a field request answers it, and the finding stays out of the events",
          "[gridtask]") {
  Gridtask t;
  FieldStory story("case-1");
  t.Hear({story.Opened(), story.Requested(), story.Offered()});
  const auto sign = TaskRequest<v1::SignFieldRequest>(TaskOf(&t, "case-1"));
  CHECK(t.Refused(&GridTaskService::SignField, kFarClerk, sign).code() ==
        absl::StatusCode::kNotFound);
  CHECK(t.Refused(&GridTaskService::SignField, Person("o1", kCommunity, auth::kOfficer), sign)
            .code() == absl::StatusCode::kPermissionDenied);
  const auto signed_task = t.Call(&GridTaskService::SignField, kBound, sign);
  REQUIRE(signed_task.ok());
  CHECK(signed_task->task().signed_by() == "w-a1");
  CHECK(signed_task->task().field().state() == cw::FIELD_STATE_SIGNED);
  CHECK(t.Last().type() == "grid.field_signed");
  CHECK(t.Last().offer().state() == cw::OFFER_STATE_SIGNED);
  CHECK(t.Last().offer().offer_id() == "offer-1");

  const absl::Status twice = t.Refused(&GridTaskService::SignField, kBound,
                                       TaskRequest<v1::SignFieldRequest>(signed_task->task()));
  CHECK(casework::ReasonOf(twice) == cw::ERROR_REASON_STATE_FORBIDS);
  CHECK(MetadataOf(twice, "allowed_actions") == "ReportField");
  auto report = TaskRequest<v1::ReportFieldRequest>(signed_task->task());
  report.set_finding("房屋面积与登记一致");
  report.set_favourable(true);
  CHECK(t.Refused(&GridTaskService::ReportField, kClerk, report).code() ==
        absl::StatusCode::kPermissionDenied);
  const auto reported = t.Call(&GridTaskService::ReportField, kBound, report);
  REQUIRE(reported.ok());
  CHECK(reported->task().field().finding() == "房屋面积与登记一致");
  CHECK(RunningClocks(reported->task().clocks()).empty());
  const Event said = t.Last();
  CHECK(said.type() == "grid.field_reported");
  CHECK(said.field().state() == cw::FIELD_STATE_REPORTED);
  CHECK(said.field().favourable());
  CHECK_FALSE(said.has_offer());
  CHECK_FALSE(absl::StrContains(said.SerializeAsString(), "房屋面积与登记一致"));
  CHECK(TaskOf(&t, "case-1").field().finding() == "房屋面积与登记一致");
}

TEST_CASE("a declined field request says why, to the requester and to routing", "[gridtask]") {
  Gridtask t;
  FieldStory story("case-1");
  t.Hear({story.Opened(), story.Requested(), story.Offered()});
  auto request = TaskRequest<v1::DeclineFieldRequest>(TaskOf(&t, "case-1"));
  CHECK(t.Refused(&GridTaskService::DeclineField, kClerk, request).code() ==
        absl::StatusCode::kInvalidArgument);
  request.set_reason("房屋不在本社区");
  const auto declined = t.Call(&GridTaskService::DeclineField, kClerk, request);
  REQUIRE(declined.ok());
  CHECK(declined->task().field().state() == cw::FIELD_STATE_DECLINED);
  CHECK(RunningClocks(declined->task().clocks()).empty());
  const Event said = t.Last();
  CHECK(said.type() == "grid.field_declined");
  CHECK(said.reason() == "房屋不在本社区");
  CHECK(said.field().decline_reason() == "房屋不在本社区");
  CHECK(said.offer().state() == cw::OFFER_STATE_DECLINED);
  CHECK(said.offer().decline_reason() == "房屋不在本社区");
  const absl::Status again = t.Refused(&GridTaskService::SignField, kClerk,
                                       TaskRequest<v1::SignFieldRequest>(declined->task()));
  CHECK(casework::ReasonOf(again) == cw::ERROR_REASON_STATE_FORBIDS);
}

TEST_CASE("the clock of a field request rings like any other", "[gridtask]") {
  Gridtask t;
  FieldStory story("case-1");
  t.Hear({story.Opened(), story.Requested(), story.Offered()});
  t.clock.Set(September(22, 17));
  t.Fire();
  const Event said = t.Last();
  CHECK(said.type() == "clock.rung");
  CHECK(said.rung().purpose() == cw::CLOCK_PURPOSE_FIELD);
  CHECK(said.rung().subject() == "f1");
  CHECK(said.rung().rung() == cw::RUNG_SUPERVISE);
  CHECK(said.field().field_id() == "f1");
  CHECK(TaskOf(&t, "case-1").version() == said.version());
}

TEST_CASE("field requests are listed to those they concern, oldest first", "[gridtask]") {
  Gridtask t;
  for (const auto& [id, unit] : std::vector<std::pair<std::string, std::string>>{
           {"case-1", kCommunity}, {"case-2", kSecondGrid}, {"case-3", kFarCommunity}}) {
    FieldStory story(id);
    t.Hear({story.Opened(), story.Requested("f1", unit), story.Offered("f1", "offer-" + id)});
  }
  const auto listed = [&t](const auth::Principal& caller, const std::string& case_id = "") {
    v1::ListFieldsRequest request;
    request.set_case_id(case_id);
    std::vector<std::string> ids;
    const auto response = t.Ask(&GridTaskService::ListFields, caller, request);
    for (const v1::FieldTask& task : response->tasks()) ids.push_back(task.case_id());
    return absl::StrJoin(ids, " ");
  };
  CHECK(listed(kDispatcher) == "case-1 case-2");
  CHECK(listed(kClerk) == "case-1");
  CHECK(listed(kBound) == "case-1");
  CHECK(listed(Person("w-a2", kSecondGrid, auth::kGridWorker)) == "case-1 case-2");
  CHECK(listed(kFarClerk) == "case-3");
  CHECK(listed(kAuditor) == "case-1 case-2 case-3");
  CHECK(listed(kFarClerk, "case-1").empty());
  CHECK(listed(kBound, "case-1") == "case-1");
  CHECK(listed(kDispatcher, "case-2") == "case-2");
}

}  // namespace
}  // namespace yikou::gridtask::test
