// The approval service on a real SQLite file of its own, with who comes to its desk and what they
// bring: callers, items, routes and offers.
#pragma once

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/app/mirror.h"
#include "libs/auth/roles.h"
#include "libs/base/ids.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/store/sqlite/sqlite_store.h"
#include "services/approval/approval_consumer.h"
#include "services/approval/approval_service.h"
#include "tests/support/stopped_clock.h"
#include "tests/support/temp_dir.h"

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> core_schema();
}  // namespace yikou::sql

namespace yikou::approval::test {

using casework::v1::CaseFacts;
using casework::v1::Event;
using casework::v1::Item;
using casework::v1::Offer;
using Types = std::vector<std::string>;

inline constexpr char kCase[] = "0195d0000000000000000000000000c1";
inline constexpr char kCommunity[] = "230108001001";
inline constexpr char kCentre[] = "230108001-centre";
inline constexpr char kArchives[] = "230108-archives";
inline constexpr char kCivil[] = "230108-civil";
inline constexpr char kEvents[] = "yikou:events:approval:{0}";
inline constexpr char kSeals[] =
    R"([{"seal_id": "archives", "name": "档案局公章", "scope": ["YK-S001"],
  "forbidden": [{"item": "YK-F001", "competent_body": "公安派出所"}]}])";

// Of 2026, local time; 2 March is a Monday.
inline absl::Time At(int month, int day, int hour) {
  return absl::FromCivil(absl::CivilHour(2026, month, day, hour), casework::Calendar::Zone());
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline casework::v1::Limit Days(int days) {
  casework::v1::Limit limit;
  limit.set_value(days);
  limit.set_unit(casework::v1::TIME_UNIT_WORKING_DAY);
  return limit;
}

inline Item ItemOf(const std::string& code) {
  Item item;
  item.set_code(code);
  item.set_version(1);
  item.set_name("单身证明");
  item.add_suspension_reasons("现场勘验");
  *item.mutable_extension_cap() = Days(5);
  item.mutable_licence()->set_title("单身证明书");
  item.mutable_licence()->set_seal_id("archives");
  return item;
}

inline void AddStep(casework::v1::Route* route, const std::string& branch_id,
                    const std::string& unit, casework::v1::StepKind kind) {
  const auto found =
      std::find_if(route->mutable_branches()->begin(), route->mutable_branches()->end(),
                   [&](const auto& branch) { return branch.branch_id() == branch_id; });
  auto* branch = found == route->mutable_branches()->end() ? route->add_branches() : &*found;
  branch->set_branch_id(branch_id);
  branch->set_name(branch_id);
  branch->set_mandatory(true);
  auto* step = branch->add_steps();
  step->set_step_id(absl::StrCat(branch_id, "-", branch->steps_size()));
  step->set_unit_id(unit);
  step->set_kind(kind);
  step->set_tier(casework::v1::TIER_DISTRICT);
}

inline casework::v1::Route RouteOf(
    const std::vector<std::pair<std::string, std::string>>& decisions) {
  casework::v1::Route route;
  route.set_deliver_unit(kCommunity);
  for (const auto& [branch, unit] : decisions) {
    AddStep(&route, branch, unit, casework::v1::STEP_KIND_DECIDE);
  }
  route.set_lead_unit(decisions.front().second);
  return route;
}

// The centre reviews, then `second` decides.
inline casework::v1::Route Chain(const std::string& second) {
  casework::v1::Route route;
  route.set_deliver_unit(kCommunity);
  route.set_lead_unit(kCentre);
  AddStep(&route, "main", kCentre, casework::v1::STEP_KIND_REVIEW);
  AddStep(&route, "main", second, casework::v1::STEP_KIND_DECIDE);
  return route;
}

inline Offer OfferOf(const std::string& id, casework::v1::OfferPurpose purpose,
                     const std::string& subject) {
  Offer offer;
  offer.set_offer_id(id);
  offer.set_case_id(kCase);
  offer.set_service("approval");
  offer.set_purpose(purpose);
  offer.set_subject(subject);
  offer.set_state(casework::v1::OFFER_STATE_OFFERED);
  offer.mutable_rests_on()->set_source("intake");
  offer.mutable_rests_on()->set_aggregate_kind("case");
  offer.mutable_rests_on()->set_aggregate_id(kCase);
  offer.mutable_rests_on()->set_version(2);
  return offer;
}

inline Event Offered(const Offer& offer) {
  Event event;
  event.set_source("routing");
  event.set_type("routing.offered");
  event.set_case_id(offer.case_id());
  *event.mutable_offer() = offer;
  return event;
}

inline rpc::CallContext Caller(const std::string& person, const std::string& unit,
                               std::vector<std::string> roles) {
  rpc::CallContext context;
  context.principal = {
      .person_id = person, .unit_id = unit, .roles = std::move(roles), .agent_for = ""};
  return context;
}

inline const rpc::CallContext kReviewer = Caller("reviewer", kCentre, {auth::kOfficer});
inline const rpc::CallContext kArchivist = Caller("archivist", kArchives, {auth::kOfficer});
inline const rpc::CallContext kCivilOfficer = Caller("civilian", kCivil, {auth::kOfficer});
inline const rpc::CallContext kHead = Caller("head", kArchives, {auth::kSupervisor});
inline const rpc::CallContext kClerk = Caller("clerk", kCommunity, {auth::kClerk});

// The service on a file of its own, without threads: decisions are committed as they come.
class Bench {
 public:
  Bench() {
    auto calendar = casework::Calendar::Parse(
        ReadFile(YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv"));
    REQUIRE(calendar.status() == absl::OkStatus());
    calendar_ = *std::move(calendar);
    auto store = store::OpenSqliteStore(dir_.File("approval.db"));
    REQUIRE(store.status() == absl::OkStatus());
    store_ = *std::move(store);
    std::vector<store::Migration> migrations;
    for (auto& [name, sql] : sql::core_schema()) {
      migrations.push_back({static_cast<int>(migrations.size()) + 1, name, sql});
    }
    for (store::Migration& own : Migrations()) {
      own.version += 1000;
      migrations.push_back(std::move(own));
    }
    REQUIRE(store_->Migrate(migrations) == absl::OkStatus());
    reference_ = std::make_unique<app::Reference>(store_.get());
    env_.service = "approval";
    env_.store = store_.get();
    env_.system_clock = &clock;
    env_.case_clock = &clock;
    env_.calendar = &calendar_;
    env_.reference = reference_.get();
    auto seals = SealRegister::Parse(kSeals);
    REQUIRE(seals.ok());
    seals_ = *std::move(seals);
    REQUIRE(seals_.LoadKeys(dir_.path(), true) == absl::OkStatus());
    service = std::make_unique<ApprovalService>(&env_, &seals_);
    consumer_ = std::make_unique<ApprovalConsumer>(&service->flow());
    AddUnit(kCommunity);
    AddUnit("230108002001");
  }

  void AddUnit(const std::string& unit_id) {
    Event event;
    event.set_type("routing.unit_changed");
    event.mutable_unit()->set_unit_id(unit_id);
    REQUIRE(React({event}) == absl::OkStatus());
  }

  void Publish(const Item& item) {
    Event event;
    event.set_type("item.published");
    *event.mutable_item() = item;
    REQUIRE(React({event}) == absl::OkStatus());
  }

  // What intake hands over: the limits of the case, and a STEP clock of its own.
  Event Accepted(const Item& item, const Types& missing = {}) const {
    Event event;
    event.set_source("intake");
    event.set_type(missing.empty() ? "intake.accepted" : "intake.accepted_tolerant");
    event.set_case_id(kCase);
    event.set_version(2);
    CaseFacts* facts = event.mutable_case_facts();
    facts->set_state(casework::v1::CASE_STATE_ACCEPTED);
    facts->set_kind(casework::v1::CASE_KIND_APPLICATION);
    facts->set_case_no("23010800100120260302A0000010");
    facts->set_item_code(item.code());
    facts->set_item_version(item.version());
    facts->set_title(item.name());
    facts->set_receiver_unit(kCommunity);
    facts->set_deliver_unit(kCommunity);
    facts->set_acceptor_person("clerk");
    for (const std::string& code : missing) facts->add_missing(code);
    facts->set_tolerant(!missing.empty());
    const auto start = [&](casework::v1::ClockPurpose purpose, int days) {
      casework::StartClock(facts->mutable_clocks(), purpose, "", Days(days), calendar_,
                           clock.Now());
    };
    start(casework::v1::CLOCK_PURPOSE_STATUTORY, 20);
    start(casework::v1::CLOCK_PURPOSE_PROMISED, 10);
    start(casework::v1::CLOCK_PURPOSE_STEP, 3);
    if (!missing.empty()) start(casework::v1::CLOCK_PURPOSE_SUPPLEMENT, 5);
    return event;
  }

  static Offer Opening(const casework::v1::Route& route) {
    Offer offer = OfferOf("offer-open", casework::v1::OFFER_PURPOSE_OPEN, "");
    *offer.mutable_route() = route;
    return offer;
  }

  // Brings a case all the way to an opened process.
  void OpenCase(const casework::v1::Route& route, const Types& missing = {},
                const Item& item = ItemOf("YK-S001")) {
    Publish(item);
    Event accepted = Accepted(item, missing);
    REQUIRE(React({accepted}) == absl::OkStatus());
    // As the consumer loop does for visible_to.
    Commit([&](store::Work& work) { work.ShowFor(kCase, kCommunity); });
    REQUIRE(React({Offered(Opening(route))}) == absl::OkStatus());
  }

  // Applies events in one Work, as the consumer loop does.
  absl::Status React(const std::vector<Event>& events) {
    store::Work work = env_.WorkForTimer("event");
    for (const Event& event : events) YK_RETURN_IF_ERROR(consumer_->React(work, event));
    return CommitWork(std::move(work));
  }

  void Commit(const std::function<void(store::Work&)>& write) {
    store::Work work = env_.WorkForTimer("test");
    write(work);
    REQUIRE(CommitWork(std::move(work)) == absl::OkStatus());
  }

  // Fires the timers that are due, as the timer loop does.
  void Fire() {
    const std::vector<const store::AggregateKind*> kinds = {&service->kinds().process};
    for (int round = 0; round < 20; ++round) {
      auto due = store_->Due(kinds, clock.Now(), 10);
      REQUIRE(due.ok());
      if (due->empty()) return;
      store::Work work = env_.WorkForTimer("timer");
      REQUIRE(service->OnDue(work, *(*due)[0].kind, (*due)[0].id) == absl::OkStatus());
      REQUIRE(CommitWork(std::move(work)) == absl::OkStatus());
    }
    FAIL("timers stay due for ever");
  }

  // Runs a command as app::Commands does: due timers first, then the decision.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(
      absl::StatusOr<store::Outcome<Response>> (ApprovalService::*handler)(const rpc::CallContext&,
                                                                           const Request&) const,
      const rpc::CallContext& caller, const Request& request) {
    for (;;) {
      auto outcome = (service.get()->*handler)(caller, request);
      if (!outcome.ok()) return outcome.status();
      YK_RETURN_IF_ERROR(CommitChange(std::move(outcome->change)));
      if (!outcome->decide_again) return outcome->response;
    }
  }

  // Fills what every command carries.
  template <class Request>
  Request Fill(Request request) {
    request.set_request_id(base::RandomHex(16));
    request.set_case_id(kCase);
    request.set_expected_version(Process().version());
    return request;
  }
  template <class Request>
  Request OnStep(const std::string& step_id) {
    Request request = Fill(Request());
    request.set_step_id(step_id);
    return request;
  }

  absl::StatusOr<v1::ClaimStepResponse> Claim(const rpc::CallContext& caller,
                                              const std::string& step_id) {
    return Call(&ApprovalService::ClaimStep, caller, OnStep<v1::ClaimStepRequest>(step_id));
  }
  absl::StatusOr<v1::DecideStepResponse> Decide(
      const rpc::CallContext& caller, const std::string& step_id,
      casework::v1::Decision decision = casework::v1::DECISION_APPROVED) {
    auto request = OnStep<v1::DecideStepRequest>(step_id);
    request.set_decision(decision);
    request.set_opinion("材料齐全");
    return Call(&ApprovalService::DecideStep, caller, request);
  }
  absl::StatusOr<v1::RequestFieldResponse> AskField(const rpc::CallContext& caller,
                                                    const std::string& unit) {
    auto request = Fill(v1::RequestFieldRequest());
    request.set_unit_id(unit);
    request.set_subject("查看房屋现状");
    return Call(&ApprovalService::RequestField, caller, request);
  }
  absl::StatusOr<v1::WithdrawProcessResponse> Withdraw(const rpc::CallContext& caller) {
    return Call(&ApprovalService::WithdrawProcess, caller, Fill(v1::WithdrawProcessRequest()));
  }

  v1::Process Process() {
    v1::Process process;
    auto stored = store_->Get(service->kinds().process, kCase);
    if (stored.ok()) {
      REQUIRE(process.ParseFromString(stored->body));
      CHECK(process.version() == stored->version);
    }
    return process;
  }
  casework::v1::Clock ClockOf(casework::v1::ClockPurpose purpose, const std::string& subject = "") {
    const v1::Process process = Process();
    for (int i = process.clocks_size() - 1; i >= 0; --i) {
      const casework::v1::Clock& clock = process.clocks(i);
      if (clock.purpose() == purpose && clock.subject() == subject) return clock;
    }
    FAIL("no such clock");
    return {};
  }
  v1::Step StepOf(const std::string& step_id) {
    v1::Process process = Process();
    const StepRef at = FindStep(&process, step_id);
    REQUIRE(at.step != nullptr);
    return *at.step;
  }

  std::vector<Event> AllEvents() {
    auto entries = store_->ReadStream(kEvents, 1, 1000);
    REQUIRE(entries.ok());
    std::vector<Event> events;
    for (const store::StreamEntry& entry : *entries) events.push_back(entry.event);
    return events;
  }
  // Types emitted since the last time somebody asked.
  Types NewTypes() {
    const std::vector<Event> events = AllEvents();
    Types types;
    for (size_t i = told_; i < events.size(); ++i) types.push_back(events[i].type());
    told_ = events.size();
    return types;
  }
  Event LastEvent(const std::string& type) {
    std::vector<Event> events = AllEvents();
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      if (event->type() == type) return *event;
    }
    FAIL("no event " << type);
    return {};
  }
  int64_t Position() {
    auto head = store_->Head();
    REQUIRE(head.ok());
    return head->position;
  }
  Types WorkRows() {
    auto rows = store_->Select(kWork, {});
    REQUIRE(rows.ok());
    Types keys;
    for (const auto& row : *rows) keys.push_back(std::get<std::string>(row[0]).substr(33));
    return keys;
  }
  std::vector<int64_t> WorkStates() {
    auto rows = store_->Select(kWork, {});
    REQUIRE(rows.ok());
    std::vector<int64_t> states;
    for (const auto& row : *rows) states.push_back(std::get<int64_t>(row[3]));
    return states;
  }
  Types ListedFor(const rpc::CallContext& caller) {
    auto listed = service->ListWork(caller, v1::ListWorkRequest());
    REQUIRE(listed.status() == absl::OkStatus());
    Types steps;
    for (const v1::WorkItem& item : listed->items()) steps.push_back(item.step().step_id());
    return steps;
  }

  yikou::test::StoppedClock clock{At(3, 2, 9)};
  std::unique_ptr<ApprovalService> service;

 private:
  absl::Status CommitWork(store::Work work) {
    YK_ASSIGN_OR_RETURN(store::Change change, work.Take());
    return CommitChange(std::move(change));
  }
  absl::Status CommitChange(store::Change change) {
    if (change.empty()) return absl::OkStatus();
    return store_->Commit({&change})[0];
  }

  yikou::test::TempDir dir_;
  casework::Calendar calendar_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<app::Reference> reference_;
  app::ServiceEnv env_;
  SealRegister seals_;
  std::unique_ptr<ApprovalConsumer> consumer_;
  size_t told_ = 0;
};

inline casework::v1::ErrorReason ReasonOf(const absl::Status& status) {
  return casework::ReasonOf(status);
}

inline std::string Metadata(const absl::Status& status, const std::string& key) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!casework::DetailsOf(status, &details) || !details.details(0).UnpackTo(&info)) return "";
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

}  // namespace yikou::approval::test
