// Gridtask on a real record: commands run through app::Commands, the events of others come in
// through the inbox, as they do in the running service. Only case time is the test's own.
#include "services/gridtask/gridtask_service.h"

#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catch2/catch.hpp"
#include "libs/app/audit.h"
#include "libs/app/inbox.h"
#include "libs/app/service.h"
#include "libs/auth/roles.h"
#include "libs/base/executor.h"
#include "libs/base/ids.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"
#include "tests/support/temp_dir.h"

namespace yikou::gridtask {
namespace {

namespace cw = casework::v1;
using cw::Event;

constexpr char kCommunity[] = "230110001001";
constexpr char kGrid[] = "230110001001-g01";
constexpr char kSecondGrid[] = "230110001001-g02";
constexpr char kNextCommunity[] = "230110001002";
constexpr char kFarCommunity[] = "230110002001";
constexpr char kOffers[] = "yikou:queue:community:gridtask:{0}";

// Categories of deploy/data/grid/categories.json.
constexpr char kWater[] = "G0101";    // 停水: 24 hours, no photographs
constexpr char kRubbish[] = "G0303";  // 乱堆乱放: 24 hours, photographs
constexpr char kDoor[] = "G0402";     // 老人敲不开门: 30 minutes, urgent

auth::Principal Person(const std::string& id, const std::string& unit, const char* role) {
  return {.person_id = id, .unit_id = unit, .roles = {role}, .agent_for = ""};
}
const auth::Principal kDispatcher = Person("d1", "230110001", auth::kDispatcher);
const auth::Principal kClerk = Person("c1", "230110001001-station", auth::kClerk);
const auth::Principal kBound = Person("w-a1", kGrid, auth::kGridWorker);
const auth::Principal kNext = Person("w-b1", "230110001002-g01", auth::kGridWorker);
const auth::Principal kFarClerk = Person("c9", kFarCommunity, auth::kClerk);
const auth::Principal kFarDispatcher = Person("d9", "230110002", auth::kDispatcher);
const auth::Principal kAdmin = Person("a1", "230110", auth::kAdmin);
const auth::Principal kAuditor = Person("u1", "", auth::kAuditor);

// A Wednesday and the days after it.
absl::Time September(int day, int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilMinute(2025, 9, day, hour, minute), casework::Calendar::Zone());
}

class StoppedClock final : public base::Clock {
 public:
  absl::Time Now() const override { return now_; }
  void Set(absl::Time now) { now_ = now; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  absl::Time now_ = September(17, 9);
};

std::string ReadFile(const std::string& name) {
  std::ifstream file(absl::StrCat(YIKOU_SOURCE_DIR, "/deploy/data/", name));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

v1::Worker MakeWorker(const std::string& id, const std::string& grid, const std::string& backup) {
  v1::Worker worker;
  worker.set_worker_id(id);
  worker.set_name("网格员");
  worker.set_unit_id(casework::DivisionOf(grid));
  worker.set_grid_id(grid);
  worker.set_backup_worker_id(backup);
  worker.set_duty_from("08:00");
  worker.set_duty_to("18:00");
  return worker;
}

std::string MetadataOf(const absl::Status& status, const std::string& key) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!casework::DetailsOf(status, &details)) return "";
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&info)) return info.metadata().count(key) ? info.metadata().at(key) : "";
  }
  return "";
}

const cw::Clock* Running(const v1::GridEvent& event, cw::ClockPurpose purpose) {
  return casework::FindClock(event.clocks(), purpose);
}

// Purposes of the clocks that run, as one word each.
std::string RunningClocks(const google::protobuf::RepeatedPtrField<cw::Clock>& clocks) {
  std::vector<std::string> names;
  for (const cw::Clock& clock : clocks) {
    if (casework::IsRunning(clock)) {
      names.push_back(cw::ClockPurpose_Name(clock.purpose()).substr(14));
    }
  }
  return absl::StrJoin(names, " ");
}

// One gridtask on a file of its own, with a small directory and four workers.
class Gridtask {
 public:
  Gridtask() {
    app::ServiceOptions options;
    options.service = "gridtask";
    options.store_url = "sqlite:" + dir_.File("gridtask.db");
    options.calendar_path =
        absl::StrCat(YIKOU_SOURCE_DIR, "/deploy/data/calendar/cn_holidays_2007_2026.csv");
    service_ = app::Service::Open(options, telemetry::Metrics::None(), &executor_).value();
    env_ = service_->env();
    env_.case_clock = &clock;
    grid_ = std::make_unique<GridTaskService>(
        env_, &service_->case_numbers(),
        CategoryList::Parse(ReadFile("grid/categories.json")).value());
    app::ServiceParts parts;
    parts.migrations = Migrations();
    REQUIRE(service_->Prepare(parts).ok());
    inbox_ = std::make_unique<app::Inbox>(
        env_.store, env_.committer,
        [this](store::Work& work, const Event& event) {
          return grid_->consumer().React(work, event);
        },
        [this](const Event*) { return env_.WorkForTimer("stream"); }, telemetry::Metrics::None());
    AddUnits();
    v1::ImportWorkersRequest import;
    *import.add_workers() = MakeWorker("w-a1", kGrid, "w-b1");
    *import.add_workers() = MakeWorker("w-a2", kSecondGrid, "");
    *import.add_workers() = MakeWorker("w-b1", "230110001002-g01", "w-a1");
    *import.add_workers() = MakeWorker("w-c1", "230110002001-g01", "");
    REQUIRE(Call(&GridTaskService::ImportWorkers, kAdmin, import).ok());
  }
  // Whatever a test did, the record must hold together.
  ~Gridtask() {
    const Kinds& kinds = grid_->kinds();
    const auto verified = app::VerifyRecord(
        env_.store, {&kinds.grid_event, &kinds.field_task, &kinds.worker}, "gridtask", "", "");
    CHECK(verified.ok());
    if (verified.ok()) {
      INFO(absl::StrJoin(verified->findings(), "; "));
      CHECK(verified->ok());
    }
    service_->Stop();
  }

  GridTaskService& grid() { return *grid_; }
  const app::ServiceEnv& env() const { return env_; }

  // Runs a command as the service does and waits for the answer.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(absl::StatusOr<store::Outcome<Response>> (GridTaskService::*verb)(
                                    const rpc::CallContext&, const Request&),
                                const auth::Principal& caller, Request request) {
    if (request.request_id().empty()) request.set_request_id(base::NewId(clock.Now()));
    std::promise<absl::StatusOr<Response>> answer;
    service_->commands().Run<Request, Response>(
        ContextOf(caller, Request::descriptor()->full_name()), request,
        [this, verb](const rpc::CallContext& context, const Request& given) {
          return (grid_.get()->*verb)(context, given);
        },
        [&answer](absl::StatusOr<Response> response) { answer.set_value(std::move(response)); });
    return answer.get_future().get();
  }
  // The same for a command that must be refused and leave no trace.
  template <class Request, class Response>
  absl::Status Refused(absl::StatusOr<store::Outcome<Response>> (GridTaskService::*verb)(
                           const rpc::CallContext&, const Request&),
                       const auth::Principal& caller, Request request) {
    const int64_t before = env_.store->Head()->position;
    const absl::Status status = Call(verb, caller, std::move(request)).status();
    CHECK_FALSE(status.ok());
    CHECK(env_.store->Head()->position == before);
    return status;
  }
  template <class Request, class Response>
  absl::StatusOr<Response> Ask(
      absl::StatusOr<Response> (GridTaskService::*verb)(const rpc::CallContext&, const Request&),
      const auth::Principal& caller, const Request& request) {
    return (grid_.get()->*verb)(ContextOf(caller, ""), request);
  }

  // Steps of a grid event; each must succeed.
  v1::GridEvent Report(const auth::Principal& caller, const std::string& category = kWater,
                       const std::string& grid = kGrid) {
    v1::ReportEventRequest request;
    request.set_category(category);
    request.set_grid_id(grid);
    request.set_description("三号楼停水");
    request.set_households(120);
    const auto response = Call(&GridTaskService::ReportEvent, caller, request);
    REQUIRE(response.ok());
    return response->view().event();
  }
  v1::GridEvent Dispatch(const v1::GridEvent& event, const std::string& worker = "",
                         const std::string& why = "") {
    auto request = RequestFor<v1::DispatchEventRequest>(event);
    request.set_worker_id(worker);
    request.set_override_reason(why);
    const auto response = Call(&GridTaskService::DispatchEvent, kDispatcher, request);
    INFO(response.status());
    REQUIRE(response.ok());
    return response->view().event();
  }
  v1::GridEvent Sign(const v1::GridEvent& event, const auth::Principal& caller = kBound) {
    const auto response =
        Call(&GridTaskService::SignTask, caller, RequestFor<v1::SignTaskRequest>(event));
    INFO(response.status());
    REQUIRE(response.ok());
    return response->view().event();
  }
  v1::GridEvent Return(const v1::GridEvent& event, const auth::Principal& caller) {
    auto request = RequestFor<v1::ReturnTaskRequest>(event);
    request.set_reason("不属于本网格");
    const auto response = Call(&GridTaskService::ReturnTask, caller, request);
    INFO(response.status());
    REQUIRE(response.ok());
    return response->view().event();
  }
  v1::GridEvent Handle(const v1::GridEvent& event, const auth::Principal& caller = kBound) {
    auto request = RequestFor<v1::HandleTaskRequest>(event);
    request.set_result("已联系供水公司恢复供水");
    const auto response = Call(&GridTaskService::HandleTask, caller, request);
    INFO(response.status());
    REQUIRE(response.ok());
    return response->view().event();
  }
  v1::GridEvent Check(const v1::GridEvent& event, bool passed) {
    auto request = RequestFor<v1::CheckEventRequest>(event);
    request.set_passed(passed);
    if (passed) request.set_outcome(cw::OUTCOME_PARTLY);
    if (!passed) request.set_reason("仍有三户没有水");
    const auto response = Call(&GridTaskService::CheckEvent, kDispatcher, request);
    INFO(response.status());
    REQUIRE(response.ok());
    return response->view().event();
  }

  template <class Request>
  static Request RequestFor(const v1::GridEvent& event) {
    Request request;
    request.set_case_id(event.case_id());
    request.set_expected_version(event.version());
    return request;
  }

  // Everything gridtask has said, oldest first.
  std::vector<Event> Said() {
    std::vector<Event> events;
    const auto entries = env_.store->ReadStream(app::EventsStream("gridtask"), 1, 10'000);
    for (const store::StreamEntry& entry : entries.value()) events.push_back(entry.event);
    return events;
  }
  Event Last() { return Said().back(); }
  std::string TypesOf(const std::string& case_id) {
    std::vector<std::string> types;
    for (const Event& event : Said()) {
      if (event.case_id() == case_id) types.push_back(event.type());
    }
    return absl::StrJoin(types, " ");
  }

  // Applies events of others in one batch, as they would come by `stream`.
  void Hear(const std::vector<std::pair<std::string, Event>>& entries) {
    std::vector<cw::Envelope> envelopes;
    for (const auto& [stream, event] : entries) {
      cw::Envelope& envelope = envelopes.emplace_back();
      envelope.set_stream(stream);
      envelope.set_stream_seq(++seq_[stream]);
      *envelope.mutable_event() = event;
    }
    for (const absl::Status& status : inbox_->Apply(envelopes)) CHECK(status.ok());
  }
  // Fires what is due, as the timer loop does.
  void Fire() {
    const Kinds& kinds = grid_->kinds();
    const auto due = env_.store->Due({&kinds.grid_event, &kinds.field_task}, clock.Now(), 100);
    for (const store::DueAggregate& aggregate : due.value()) {
      store::Work work = env_.WorkForTimer("timer");
      REQUIRE(grid_->consumer().OnDue(work, *aggregate.kind, aggregate.id).ok());
      REQUIRE(env_.committer->CommitOne(work.Take().value()).ok());
    }
  }

  StoppedClock clock;

 private:
  static rpc::CallContext ContextOf(const auth::Principal& caller, const std::string& method) {
    rpc::CallContext context;
    context.principal = caller;
    context.method = method;
    context.deadline = absl::InfiniteFuture();
    return context;
  }

  void AddUnits() {
    std::vector<std::pair<std::string, Event>> entries;
    for (const char* id : {"230110", "230110001", kCommunity, kGrid, kSecondGrid, kNextCommunity,
                           "230110001002-g01", kFarCommunity, "230110002001-g01"}) {
      Event event;
      event.set_source("routing");
      event.set_aggregate_kind("unit");
      event.set_aggregate_id(id);
      event.set_version(1);
      event.set_type("routing.unit_changed");
      event.mutable_unit()->set_unit_id(id);
      event.mutable_unit()->set_tier(casework::TierOf(id));
      entries.emplace_back(app::EventsStream("routing"), event);
    }
    Hear(entries);
  }

  test::TempDir dir_;
  base::ThreadExecutor executor_{2};
  std::unique_ptr<app::Service> service_;
  app::ServiceEnv env_;
  std::unique_ptr<GridTaskService> grid_;
  std::unique_ptr<app::Inbox> inbox_;
  std::map<std::string, int64_t> seq_;
};

// --- Grid events ---

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

// --- Field requests ---

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

// --- Workers ---

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
}  // namespace yikou::gridtask
