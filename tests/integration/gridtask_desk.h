// Gridtask on a real record: commands run through app::Commands, the events of others come in
// through the inbox, as they do in the running service. Only case time is the test's own.
#pragma once

#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

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
#include "libs/casework/units.h"
#include "services/gridtask/gridtask_service.h"
#include "tests/support/stopped_clock.h"
#include "tests/support/temp_dir.h"

namespace yikou::gridtask::test {

namespace cw = casework::v1;
using cw::Event;

inline constexpr char kCommunity[] = "230110001001";
inline constexpr char kGrid[] = "230110001001-g01";
inline constexpr char kSecondGrid[] = "230110001001-g02";
inline constexpr char kNextCommunity[] = "230110001002";
inline constexpr char kFarCommunity[] = "230110002001";

// Categories of deploy/data/grid/categories.json.
inline constexpr char kWater[] = "G0101";    // 停水: 24 hours, no photographs
inline constexpr char kRubbish[] = "G0303";  // 乱堆乱放: 24 hours, photographs
inline constexpr char kDoor[] = "G0402";     // 老人敲不开门: 30 minutes, urgent

inline auth::Principal Person(const std::string& id, const std::string& unit, const char* role) {
  return {.person_id = id, .unit_id = unit, .roles = {role}, .agent_for = ""};
}
inline const auth::Principal kDispatcher = Person("d1", "230110001", auth::kDispatcher);
inline const auth::Principal kClerk = Person("c1", "230110001001-station", auth::kClerk);
inline const auth::Principal kBound = Person("w-a1", kGrid, auth::kGridWorker);
inline const auth::Principal kNext = Person("w-b1", "230110001002-g01", auth::kGridWorker);
inline const auth::Principal kFarClerk = Person("c9", kFarCommunity, auth::kClerk);
inline const auth::Principal kFarDispatcher = Person("d9", "230110002", auth::kDispatcher);
inline const auth::Principal kAdmin = Person("a1", "230110", auth::kAdmin);
inline const auth::Principal kAuditor = Person("u1", "", auth::kAuditor);

// A Wednesday and the days after it.
inline absl::Time September(int day, int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilMinute(2025, 9, day, hour, minute), casework::Calendar::Zone());
}

inline std::string ReadFile(const std::string& name) {
  std::ifstream file(absl::StrCat(YIKOU_SOURCE_DIR, "/deploy/data/", name));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline v1::Worker MakeWorker(const std::string& id, const std::string& grid,
                             const std::string& backup) {
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

inline std::string MetadataOf(const absl::Status& status, const std::string& key) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!casework::DetailsOf(status, &details)) return "";
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&info)) return info.metadata().count(key) ? info.metadata().at(key) : "";
  }
  return "";
}

inline const cw::Clock* Running(const v1::GridEvent& event, cw::ClockPurpose purpose) {
  return casework::FindClock(event.clocks(), purpose);
}

// Purposes of the clocks that run, as one word each.
inline std::string RunningClocks(const google::protobuf::RepeatedPtrField<cw::Clock>& clocks) {
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

  yikou::test::StoppedClock clock{September(17, 9)};

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

  yikou::test::TempDir dir_;
  base::ThreadExecutor executor_{2};
  std::unique_ptr<app::Service> service_;
  app::ServiceEnv env_;
  std::unique_ptr<GridTaskService> grid_;
  std::unique_ptr<app::Inbox> inbox_;
  std::map<std::string, int64_t> seq_;
};

}  // namespace yikou::gridtask::test
