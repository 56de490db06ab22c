// The approval service on a real SQLite file: every transition, what it emits, and what it refuses.
#include "services/approval/approval_service.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

#include "catch2/catch.hpp"
#include "libs/app/reaction.h"
#include "libs/auth/roles.h"
#include "libs/base/ids.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/store/sqlite/sqlite_store.h"
#include "services/approval/approval_consumer.h"
#include "tests/support/temp_dir.h"

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> core_schema();
}  // namespace yikou::sql

namespace yikou::approval {
namespace {

using casework::v1::CaseFacts;
using casework::v1::CaseState;
using casework::v1::Event;
using casework::v1::Item;
using casework::v1::Offer;
using Types = std::vector<std::string>;

constexpr char kCase[] = "0195d0000000000000000000000000c1";
constexpr char kCommunity[] = "230108001001";
constexpr char kCentre[] = "230108001-centre";
constexpr char kArchives[] = "230108-archives";
constexpr char kCivil[] = "230108-civil";
constexpr char kEvents[] = "yikou:events:approval:{0}";
constexpr char kSeals[] = R"([{"seal_id": "archives", "name": "档案局公章", "scope": ["YK-S001"],
  "forbidden": [{"item": "YK-F001", "competent_body": "公安派出所"}]}])";

class ManualClock final : public base::Clock {
 public:
  absl::Time Now() const override { return now_; }
  void Set(absl::Time now) { now_ = now; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  // Monday 2 March 2026, 09:00 local time.
  absl::Time now_ = absl::FromCivil(absl::CivilHour(2026, 3, 2, 9), casework::Calendar::Zone());
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

casework::v1::Limit Days(int days) {
  casework::v1::Limit limit;
  limit.set_value(days);
  limit.set_unit(casework::v1::TIME_UNIT_WORKING_DAY);
  return limit;
}

Item ItemOf(const std::string& code) {
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

void AddStep(casework::v1::Route* route, const std::string& branch_id, const std::string& unit,
             casework::v1::StepKind kind) {
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

casework::v1::Route RouteOf(const std::vector<std::pair<std::string, std::string>>& decisions) {
  casework::v1::Route route;
  route.set_deliver_unit(kCommunity);
  for (const auto& [branch, unit] : decisions) {
    AddStep(&route, branch, unit, casework::v1::STEP_KIND_DECIDE);
  }
  route.set_lead_unit(decisions.front().second);
  return route;
}

// The centre reviews, then `second` decides.
casework::v1::Route Chain(const std::string& second) {
  casework::v1::Route route;
  route.set_deliver_unit(kCommunity);
  route.set_lead_unit(kCentre);
  AddStep(&route, "main", kCentre, casework::v1::STEP_KIND_REVIEW);
  AddStep(&route, "main", second, casework::v1::STEP_KIND_DECIDE);
  return route;
}

Offer OfferOf(const std::string& id, casework::v1::OfferPurpose purpose,
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

Event Offered(const Offer& offer) {
  Event event;
  event.set_source("routing");
  event.set_type("routing.offered");
  event.set_case_id(offer.case_id());
  *event.mutable_offer() = offer;
  return event;
}

Event FieldEvent(const std::string& type, casework::v1::FieldState state) {
  Event event;
  event.set_source("gridtask");
  event.set_type(type);
  event.set_case_id(kCase);
  event.mutable_field()->set_field_id("f1");
  event.mutable_field()->set_state(state);
  event.mutable_field()->set_favourable(state == casework::v1::FIELD_STATE_REPORTED);
  return event;
}

rpc::CallContext Caller(const std::string& person, const std::string& unit,
                        std::vector<std::string> roles) {
  rpc::CallContext context;
  context.principal = {
      .person_id = person, .unit_id = unit, .roles = std::move(roles), .agent_for = ""};
  return context;
}

const rpc::CallContext kReviewer = Caller("reviewer", kCentre, {auth::kOfficer});
const rpc::CallContext kArchivist = Caller("archivist", kArchives, {auth::kOfficer});
const rpc::CallContext kCivilOfficer = Caller("civilian", kCivil, {auth::kOfficer});
const rpc::CallContext kHead = Caller("head", kArchives, {auth::kSupervisor});
const rpc::CallContext kClerk = Caller("clerk", kCommunity, {auth::kClerk});

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

  ManualClock clock;
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

  test::TempDir dir_;
  casework::Calendar calendar_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<app::Reference> reference_;
  app::ServiceEnv env_;
  SealRegister seals_;
  std::unique_ptr<ApprovalConsumer> consumer_;
  size_t told_ = 0;
};

casework::v1::ErrorReason ReasonOf(const absl::Status& status) {
  return casework::ReasonOf(status);
}

std::string Metadata(const absl::Status& status, const std::string& key) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!casework::DetailsOf(status, &details) || !details.details(0).UnpackTo(&info)) return "";
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

absl::Time At(int month, int day, int hour) {
  return absl::FromCivil(absl::CivilHour(2026, month, day, hour), casework::Calendar::Zone());
}

TEST_CASE("An opening offer makes a process, starts its first step and is signed by the event") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  CHECK(bench.NewTypes() == Types{"approval.opened"});
  const v1::Process process = bench.Process();
  CHECK(process.state() == casework::v1::CASE_STATE_ACCEPTED);
  CHECK(process.placed());
  // One truth each: state and clocks are the process's own.
  CHECK(process.facts().clocks_size() == 0);
  CHECK(process.facts().state() == casework::v1::CASE_STATE_UNSPECIFIED);
  CHECK(process.version() == 1);
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_OPEN);
  CHECK(bench.StepOf("main-1").offer_id() == "offer-open");
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_WAITING);
  CHECK(bench.WorkRows() == Types{"main-1"});
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STATUTORY)));
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_PROMISED)));
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "main-1").budget() == 3);

  const Event opened = bench.LastEvent("approval.opened");
  CHECK(opened.aggregate_kind() == "process");
  CHECK(opened.offer().offer_id() == "offer-open");
  CHECK(opened.offer().state() == casework::v1::OFFER_STATE_SIGNED);
  CHECK(opened.case_facts().state() == casework::v1::CASE_STATE_ACCEPTED);
  CHECK(opened.case_facts().clocks_size() == 3);
  CHECK(opened.case_facts().case_no() == "23010800100120260302A0000010");
  REQUIRE(opened.visible_to_size() == 1);
  CHECK(opened.visible_to(0) == kCentre);
}

TEST_CASE("An opening offer waits for the hand-over and for the item, and changes nothing before") {
  Bench bench;
  const Event offered = Offered(Bench::Opening(Chain(kArchives)));
  std::string source;
  std::string aggregate;
  int64_t version = 0;
  REQUIRE(app::IsWait(bench.React({offered}), &source, &aggregate, &version));
  CHECK(source == "intake");
  CHECK(aggregate == absl::StrCat("case/", kCase));
  CHECK(version == 2);
  REQUIRE(bench.React({bench.Accepted(ItemOf("YK-S001"))}) == absl::OkStatus());
  REQUIRE(app::IsWait(bench.React({offered}), &source, &aggregate, &version));
  CHECK(aggregate == "item/YK-S001@1");
  CHECK(bench.Position() == 0);
  bench.Publish(ItemOf("YK-S001"));
  CHECK(bench.React({offered}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.opened"});
}

TEST_CASE("Item, hand-over and offer that share one Work open one process") {
  Bench bench;
  Event published;
  published.set_type("item.published");
  *published.mutable_item() = ItemOf("YK-S001");
  const Event offered = Offered(Bench::Opening(Chain(kArchives)));
  const Event accepted = bench.Accepted(ItemOf("YK-S001"));
  CHECK(bench.React({published, accepted, offered, offered}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.opened"});
}

TEST_CASE("An opening offer applied again has no effect; another one is declined, once") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  bench.NewTypes();
  CHECK(bench.React({Offered(Bench::Opening(Chain(kArchives)))}) == absl::OkStatus());
  CHECK(bench.NewTypes().empty());
  Offer other = Bench::Opening(Chain(kArchives));
  other.set_offer_id("offer-other");
  CHECK(bench.React({Offered(other), Offered(other)}) == absl::OkStatus());
  CHECK(bench.React({Offered(other)}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.offer_declined"});
  const Event declined = bench.LastEvent("approval.offer_declined");
  CHECK(declined.offer().state() == casework::v1::OFFER_STATE_DECLINED);
  CHECK_FALSE(declined.offer().decline_reason().empty());
}

TEST_CASE("Offers for other services and a route without a decision do not open anything") {
  Bench bench;
  bench.Publish(ItemOf("YK-S001"));
  REQUIRE(bench.React({bench.Accepted(ItemOf("YK-S001"))}) == absl::OkStatus());
  Offer foreign = Bench::Opening(Chain(kArchives));
  foreign.set_service("gridtask");
  CHECK(bench.React({Offered(foreign)}) == absl::OkStatus());
  Offer broken = Bench::Opening(casework::v1::Route());
  CHECK(bench.React({Offered(broken)}).code() == absl::StatusCode::kInvalidArgument);
  CHECK(bench.Position() == 0);
}

TEST_CASE("Parallel branches are offered to their units and open with their offers") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  CHECK(bench.NewTypes() == Types{"approval.opened", "approval.step_offered"});
  const Event offered = bench.LastEvent("approval.step_offered");
  CHECK(offered.step().step_id() == "civil-1");
  CHECK(offered.step().unit_id() == kCivil);
  CHECK(offered.step().state() == casework::v1::STEP_STATE_OFFERED);
  CHECK(offered.visible_to(0) == kCivil);
  CHECK(bench.WorkRows() == Types{"archives-1"});

  const Event offer = Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"));
  CHECK(bench.React({offer, offer}) == absl::OkStatus());
  CHECK(bench.React({offer}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.step_placed"});
  const Event placed = bench.LastEvent("approval.step_placed");
  CHECK(placed.offer().offer_id() == "o-civil");
  CHECK(placed.offer().state() == casework::v1::OFFER_STATE_SIGNED);
  CHECK(placed.step().state() == casework::v1::STEP_STATE_OPEN);
  CHECK(bench.WorkRows() == Types{"archives-1", "civil-1"});
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "civil-1")));
}

TEST_CASE("An offer that comes again, however late, has no second effect") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  const Event opening = Offered(Bench::Opening(Chain(kArchives)));
  // Passed on, decided, sent back: the first step is offered anew and names another offer.
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  const Event second = Offered(OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2"));
  REQUIRE(bench.React({second}) == absl::OkStatus());
  REQUIRE(bench.Claim(kArchivist, "main-2").ok());
  auto back = bench.OnStep<v1::SendBackRequest>("main-2");
  back.set_reason("材料不清");
  REQUIRE(bench.Call(&ApprovalService::SendBack, kArchivist, back).ok());
  REQUIRE(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_OFFERED);
  bench.NewTypes();
  CHECK(bench.React({opening, second}) == absl::OkStatus());
  CHECK(bench.React({second, opening}) == absl::OkStatus());
  CHECK(bench.NewTypes().empty());
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_OFFERED);
}

TEST_CASE("A step goes to the unit its offer was redirected to") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  Offer offer = OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2");
  offer.set_to_unit(kCivil);
  offer.set_tier(casework::v1::TIER_DISTRICT);
  REQUIRE(bench.React({Offered(offer)}) == absl::OkStatus());
  CHECK(bench.StepOf("main-2").unit_id() == kCivil);
  const Event placed = bench.LastEvent("approval.step_placed");
  CHECK(placed.step().unit_id() == kCivil);
  CHECK(placed.offer().to_unit() == kCivil);
  CHECK(absl::IsPermissionDenied(bench.Claim(kArchivist, "main-2").status()));
  CHECK(bench.Claim(kCivilOfficer, "main-2").ok());
}

TEST_CASE("A step offer that is stale is declined once and leaves the step alone") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  bench.NewTypes();
  const Event early = Offered(OfferOf("o-early", casework::v1::OFFER_PURPOSE_STEP, "main-2"));
  CHECK(bench.React({early, early}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.offer_declined"});
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_WAITING);
  REQUIRE(bench.Withdraw(kClerk).ok());
  bench.NewTypes();
  const Event late = Offered(OfferOf("o-late", casework::v1::OFFER_PURPOSE_STEP, "main-2"));
  CHECK(bench.React({late}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.offer_declined"});
  // The case is intake's again: nothing may be said about its state.
  CHECK(bench.LastEvent("approval.offer_declined").aggregate_kind() == "declined_offer");
  CHECK_FALSE(bench.LastEvent("approval.offer_declined").has_case_facts());
}

TEST_CASE("The first claim begins the review, the next of another branch does not") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(
      bench.React({Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"))}).ok());
  bench.NewTypes();
  const auto claimed = bench.Claim(kArchivist, "archives-1");
  REQUIRE(claimed.status() == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.review_started", "approval.step_claimed"});
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_REVIEW);
  CHECK(claimed->view().process().version() == bench.Process().version());
  CHECK(bench.StepOf("archives-1").claimed_by() == "archivist");
  CHECK(bench.LastEvent("approval.step_claimed").step().state() ==
        casework::v1::STEP_STATE_CLAIMED);
  REQUIRE(bench.Claim(kCivilOfficer, "civil-1").ok());
  CHECK(bench.NewTypes() == Types{"approval.step_claimed"});
  // Claimed steps stay on the list, as claimed.
  CHECK(bench.WorkRows() == Types{"archives-1", "civil-1"});
  CHECK(bench.WorkStates() == std::vector<int64_t>(2, casework::v1::STEP_STATE_CLAIMED));
}

TEST_CASE(
    "A step is refused to other units, to the acceptor and to those who cannot see the case") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  const int64_t before = bench.Position();
  const auto wrong_unit = bench.Claim(kCivilOfficer, "archives-1").status();
  CHECK(wrong_unit.code() == absl::StatusCode::kPermissionDenied);
  CHECK(ReasonOf(wrong_unit) == casework::v1::ERROR_REASON_NO_AUTHORITY);
  const auto acceptor =
      bench.Claim(Caller("clerk", kArchives, {auth::kOfficer}), "archives-1").status();
  CHECK(acceptor.code() == absl::StatusCode::kPermissionDenied);
  CHECK(ReasonOf(acceptor) == casework::v1::ERROR_REASON_SAME_PERSON);
  const auto stranger =
      bench.Claim(Caller("x", "230110-archives", {auth::kOfficer}), "archives-1").status();
  CHECK(stranger.code() == absl::StatusCode::kNotFound);
  CHECK(ReasonOf(stranger) == casework::v1::ERROR_REASON_NOT_FOUND);
  const auto unknown = bench.Claim(kArchivist, "archives-9").status();
  CHECK(unknown.code() == absl::StatusCode::kNotFound);
  CHECK(bench.Position() == before);
}

TEST_CASE("Where the counter decides, the acceptor may decide as well") {
  Bench bench;
  casework::v1::Route route = RouteOf({{"main", kCommunity}});
  route.set_counter_decides(true);
  bench.OpenCase(route);
  const rpc::CallContext clerk = Caller("clerk", kCommunity, {auth::kClerk, auth::kOfficer});
  REQUIRE(bench.Claim(clerk, "main-1").status() == absl::OkStatus());
  CHECK(bench.Decide(clerk, "main-1").status() == absl::OkStatus());
  CHECK(bench.Process().returned());
}

TEST_CASE("A command the state does not take is refused, names what is allowed, stores nothing") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  const int64_t before = bench.Position();
  const auto status = bench.Decide(kArchivist, "main-1").status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(status) == casework::v1::ERROR_REASON_STATE_FORBIDS);
  CHECK_THAT(Metadata(status, "allowed_actions"), Catch::Contains("ClaimStep"));
  const auto resume = bench.Call(&ApprovalService::ResumeProcess, kArchivist,
                                 bench.Fill(v1::ResumeProcessRequest()));
  CHECK(ReasonOf(resume.status()) == casework::v1::ERROR_REASON_STATE_FORBIDS);
  CHECK(bench.Position() == before);
  CHECK(bench.Process().version() == 1);
}

TEST_CASE("A stale version is refused with the version there is and what may be done") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  auto request = bench.OnStep<v1::ClaimStepRequest>("main-1");
  request.set_expected_version(7);
  const auto status = bench.Call(&ApprovalService::ClaimStep, kArchivist, request).status();
  CHECK(status.code() == absl::StatusCode::kAborted);
  CHECK(ReasonOf(status) == casework::v1::ERROR_REASON_VERSION_CONFLICT);
  CHECK(Metadata(status, "current_version") == "1");
  CHECK_THAT(Metadata(status, "allowed_actions"), Catch::Contains("ClaimStep"));
}

TEST_CASE("Every wrong field of a command is named at once") {
  Bench bench;
  const auto status =
      bench.Call(&ApprovalService::DecideStep, kArchivist, v1::DecideStepRequest()).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  google::rpc::Status details;
  REQUIRE(casework::DetailsOf(status, &details));
  google::rpc::BadRequest bad;
  REQUIRE(details.details(1).UnpackTo(&bad));
  Types fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  CHECK(fields == Types{"request_id", "case_id", "expected_version", "step_id", "decision"});
}

TEST_CASE("A rejection without an opinion is refused") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  auto request = bench.OnStep<v1::DecideStepRequest>("main-1");
  request.set_decision(casework::v1::DECISION_REJECTED);
  CHECK(bench.Call(&ApprovalService::DecideStep, kArchivist, request).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("A claimed step is left to who claimed it") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  const rpc::CallContext colleague = Caller("colleague", kArchives, {auth::kOfficer});
  CHECK(ReasonOf(bench.Claim(colleague, "main-1").status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  CHECK(ReasonOf(bench.Decide(colleague, "main-1").status()) ==
        casework::v1::ERROR_REASON_NO_AUTHORITY);
  CHECK(bench.Decide(kHead, "main-1").ok());
}

TEST_CASE("A passed review goes on at once within the unit") {
  Bench bench;
  bench.OpenCase(Chain(kCentre));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  bench.NewTypes();
  REQUIRE(bench.Decide(kReviewer, "main-1").status() == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.step_completed", "approval.step_placed"});
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_DONE);
  CHECK(bench.StepOf("main-1").decided_by() == "reviewer");
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_OPEN);
  CHECK(bench.WorkRows() == Types{"main-2"});
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "main-1").stopped());
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "main-2")));
}

TEST_CASE("A passed review goes to another unit by offer") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  bench.NewTypes();
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  CHECK(bench.NewTypes() == Types{"approval.step_completed", "approval.step_offered"});
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_OFFERED);
  CHECK(bench.WorkRows().empty());
  REQUIRE(bench.React({Offered(OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2"))}).ok());
  CHECK(bench.WorkRows() == Types{"main-2"});
  CHECK(bench.Claim(kArchivist, "main-2").ok());
}

TEST_CASE("The last approval decides, seals, issues and returns in one commit") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  bench.NewTypes();
  const auto decided = bench.Decide(kArchivist, "main-1");
  REQUIRE(decided.status() == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.step_completed", "approval.decided", "approval.sealed",
                                  "approval.issued", "approval.returned"});
  const v1::Process process = bench.Process();
  CHECK(process.state() == casework::v1::CASE_STATE_ISSUED);
  CHECK(process.decision() == casework::v1::DECISION_APPROVED);
  CHECK(process.returned());
  CHECK(bench.WorkRows().empty());
  for (const casework::v1::Clock& clock : process.clocks()) {
    CHECK(clock.stopped() == (clock.purpose() != casework::v1::CLOCK_PURPOSE_DELIVERY));
  }
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_DELIVERY).budget() == 10);

  CHECK(bench.LastEvent("approval.decided").case_facts().state() ==
        casework::v1::CASE_STATE_DECIDED);
  const Event returned = bench.LastEvent("approval.returned");
  CHECK(returned.case_facts().state() == casework::v1::CASE_STATE_ISSUED);
  CHECK(returned.case_facts().licence_id() == process.licence_id());
  CHECK(returned.case_facts().decision() == casework::v1::DECISION_APPROVED);
  CHECK(returned.version() == process.version());
  CHECK(returned.visible_to(0) == kCommunity);
  const Event sealed = bench.LastEvent("approval.sealed");
  CHECK(sealed.aggregate_kind() == "licence");
  CHECK(sealed.aggregate_id() == process.licence_id());
  CHECK(sealed.licence().algorithm() == "SM2-SM3");
}

TEST_CASE("A licence verifies to anyone, byte for byte, and is read within the scope of its case") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  REQUIRE(bench.Decide(kArchivist, "main-1").ok());
  v1::GetLicenceRequest get;
  get.set_licence_id(bench.Process().licence_id());
  const auto got = bench.service->GetLicence(kClerk, get);
  REQUIRE(got.status() == absl::OkStatus());
  CHECK(got->licence().version() == 1);
  CHECK(got->licence().signer_person() == "archivist");
  CHECK_THAT(got->licence().document(), Catch::Contains("23010800100120260302A0000010"));
  const rpc::CallContext stranger = Caller("x", "230110-archives", {auth::kOfficer});
  CHECK(bench.service->GetLicence(stranger, get).status().code() == absl::StatusCode::kNotFound);

  v1::VerifyLicenceRequest verify;
  verify.set_licence_id(get.licence_id());
  verify.set_document(got->licence().document());
  const auto valid = bench.service->VerifyLicence(stranger, verify);
  REQUIRE(valid.ok());
  CHECK(valid->state() == casework::v1::LICENCE_STATE_VALID);
  verify.set_document(verify.document() + " ");
  const auto altered = bench.service->VerifyLicence(stranger, verify);
  REQUIRE(altered.ok());
  CHECK(altered->state() == casework::v1::LICENCE_STATE_UNSPECIFIED);
  CHECK_FALSE(altered->explanation().empty());
  verify.set_licence_id("nobody");
  const auto unknown = bench.service->VerifyLicence(stranger, verify);
  REQUIRE(unknown.ok());
  CHECK(unknown->state() == casework::v1::LICENCE_STATE_UNSPECIFIED);
}

TEST_CASE("A seal that is not for the item stops the decision, and nothing is stored") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}), {}, ItemOf("YK-F001"));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  const int64_t before = bench.Position();
  const auto status = bench.Decide(kArchivist, "main-1").status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(status) == casework::v1::ERROR_REASON_SEAL_FORBIDDEN);
  CHECK(Metadata(status, "competent_body") == "公安派出所");
  CHECK(bench.Position() == before);
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_CLAIMED);
}

TEST_CASE("One rejection rejects the case once the other branches are done") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(
      bench.React({Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"))}).ok());
  REQUIRE(bench.Claim(kArchivist, "archives-1").ok());
  REQUIRE(bench.Claim(kCivilOfficer, "civil-1").ok());
  REQUIRE(bench.Decide(kArchivist, "archives-1", casework::v1::DECISION_REJECTED).ok());
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_REVIEW);
  bench.NewTypes();
  REQUIRE(bench.Decide(kCivilOfficer, "civil-1").ok());
  CHECK(bench.NewTypes() ==
        Types{"approval.step_completed", "approval.decided", "approval.returned"});
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_DECIDED);
  CHECK(bench.Process().decision() == casework::v1::DECISION_REJECTED);
  CHECK(bench.Process().licence_id().empty());
}

TEST_CASE("A rejected review ends its branch without the steps after it") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  REQUIRE(bench.Decide(kReviewer, "main-1", casework::v1::DECISION_REJECTED).ok());
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_CANCELLED);
  CHECK(bench.Process().decision() == casework::v1::DECISION_REJECTED);
  CHECK(bench.Process().returned());
}

TEST_CASE("A case decided by rule is opened, decided, issued and returned in one commit") {
  Bench bench;
  casework::v1::Route route = RouteOf({{"archives", kArchives}, {"civil", kCivil}});
  route.set_decided_by_rule(true);
  bench.OpenCase(route);
  CHECK(bench.NewTypes() == Types{"approval.opened", "approval.review_started", "approval.decided",
                                  "approval.sealed", "approval.issued", "approval.returned"});
  CHECK(bench.LastEvent("approval.opened").offer().state() == casework::v1::OFFER_STATE_SIGNED);
  CHECK(bench.StepOf("civil-1").decided_by() == "system");
  CHECK(bench.StepOf("civil-1").state() == casework::v1::STEP_STATE_DONE);
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_ISSUED);
  CHECK(bench.WorkRows().empty());
  CHECK(bench.React({Offered(Bench::Opening(route))}) == absl::OkStatus());
  CHECK(bench.NewTypes().empty());
}

TEST_CASE("A case sent back opens the step before again and can go on from there") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  auto first = bench.OnStep<v1::SendBackRequest>("main-1");
  first.set_reason("材料不清");
  const auto refused = bench.Call(&ApprovalService::SendBack, kReviewer, first).status();
  CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(refused) == casework::v1::ERROR_REASON_GUARD_FAILED);
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  REQUIRE(bench.React({Offered(OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2"))}).ok());
  REQUIRE(bench.Claim(kArchivist, "main-2").ok());
  bench.NewTypes();

  auto back = bench.OnStep<v1::SendBackRequest>("main-2");
  back.set_reason("请联系13912345678后重审");
  REQUIRE(bench.Call(&ApprovalService::SendBack, kArchivist, back).status() == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.sent_back", "approval.step_offered"});
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_WAITING);
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_OFFERED);
  CHECK(bench.StepOf("main-1").decision() == casework::v1::DECISION_UNSPECIFIED);
  CHECK(bench.WorkRows().empty());
  const std::string reason = bench.LastEvent("approval.sent_back").reason();
  CHECK_THAT(reason, Catch::Contains("后重审") && !Catch::Contains("13912345678"));

  // The offer that once placed main-2 is history and changes nothing.
  CHECK(bench.React({Offered(OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2"))}).ok());
  CHECK(bench.NewTypes().empty());
  REQUIRE(bench.React({Offered(OfferOf("o3", casework::v1::OFFER_PURPOSE_STEP, "main-1"))}).ok());
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_OFFERED);
}

TEST_CASE("A look on the spot blocks the decision until it is answered, and answers count once") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  bench.NewTypes();
  const auto asked = bench.AskField(kArchivist, kCommunity);
  REQUIRE(asked.status() == absl::OkStatus());
  CHECK(asked->field_id() == "f1");
  CHECK(bench.NewTypes() == Types{"approval.field_requested"});
  const Event requested = bench.LastEvent("approval.field_requested");
  CHECK(requested.field().unit_id() == kCommunity);
  CHECK(requested.field().state() == casework::v1::FIELD_STATE_REQUESTED);
  CHECK(requested.visible_to(0) == kCommunity);
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_FIELD, "f1").budget() == 3);
  const auto blocked = bench.Decide(kArchivist, "main-1").status();
  CHECK(ReasonOf(blocked) == casework::v1::ERROR_REASON_GUARD_FAILED);
  CHECK(Metadata(blocked, "field_id") == "f1");
  CHECK(bench.NewTypes().empty());

  const Event signed_event = FieldEvent("grid.field_signed", casework::v1::FIELD_STATE_SIGNED);
  const Event reported = FieldEvent("grid.field_reported", casework::v1::FIELD_STATE_REPORTED);
  CHECK(bench.React({signed_event, signed_event, reported, reported}) == absl::OkStatus());
  CHECK(bench.React({signed_event, reported}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.field_answered", "approval.field_answered"});
  CHECK(bench.Process().fields(0).favourable());
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_FIELD, "f1").stopped());
  CHECK(bench.Decide(kArchivist, "main-1").ok());
}

TEST_CASE("A look can be taken back once; a declined one frees the decision") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  REQUIRE(bench.AskField(kArchivist, kCommunity).ok());
  bench.NewTypes();
  auto cancel = bench.Fill(v1::CancelFieldRequest());
  cancel.set_field_id("f1");
  REQUIRE(bench.Call(&ApprovalService::CancelField, kArchivist, cancel).ok());
  CHECK(bench.NewTypes() == Types{"approval.field_cancelled"});
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_FIELD, "f1").stopped());
  cancel = bench.Fill(cancel);
  CHECK(ReasonOf(bench.Call(&ApprovalService::CancelField, kArchivist, cancel).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  CHECK(bench.React({FieldEvent("grid.field_reported", casework::v1::FIELD_STATE_REPORTED)}) ==
        absl::OkStatus());
  CHECK(bench.Process().fields(0).state() == casework::v1::FIELD_STATE_CANCELLED);
  cancel = bench.Fill(cancel);
  cancel.set_field_id("f9");
  CHECK(bench.Call(&ApprovalService::CancelField, kArchivist, cancel).status().code() ==
        absl::StatusCode::kNotFound);

  REQUIRE(bench.AskField(kArchivist, kCommunity)->field_id() == "f2");
  Event declined = FieldEvent("grid.field_declined", casework::v1::FIELD_STATE_DECLINED);
  declined.mutable_field()->set_field_id("f2");
  declined.mutable_field()->set_decline_reason("不在辖区");
  CHECK(bench.React({declined}) == absl::OkStatus());
  CHECK(bench.Process().fields(1).decline_reason() == "不在辖区");
  CHECK(bench.Decide(kArchivist, "main-1").ok());
}

TEST_CASE("A look is refused for units that are not below or not known, and with a number in it") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  const int64_t before = bench.Position();
  CHECK(ReasonOf(bench.AskField(kArchivist, "230110001001").status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  CHECK(bench.AskField(kArchivist, "230108001099").status().code() == absl::StatusCode::kNotFound);
  CHECK(bench.AskField(kClerk, kCommunity).status().code() == absl::StatusCode::kPermissionDenied);
  auto numbered = bench.Fill(v1::RequestFieldRequest());
  numbered.set_unit_id(kCommunity);
  numbered.set_subject("联系13912345678");
  CHECK(bench.Call(&ApprovalService::RequestField, kArchivist, numbered).status().code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(bench.Position() == before);
}

TEST_CASE("A suspension pauses limits and steps, and resuming lets them run on") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(bench.Claim(kArchivist, "archives-1").ok());
  bench.NewTypes();
  auto suspend = bench.Fill(v1::SuspendProcessRequest());
  suspend.set_reason("听证");
  suspend.set_planned_end("2026-03-20");
  CHECK(ReasonOf(bench.Call(&ApprovalService::SuspendProcess, kArchivist, suspend).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  suspend.set_reason("现场勘验");
  suspend.set_planned_end("2026-03-02");
  CHECK(bench.Call(&ApprovalService::SuspendProcess, kArchivist, suspend).status().code() ==
        absl::StatusCode::kInvalidArgument);
  suspend.set_planned_end("2026-03-20");
  REQUIRE(bench.Call(&ApprovalService::SuspendProcess, kArchivist, suspend).ok());
  CHECK(bench.NewTypes() == Types{"approval.suspended"});
  CHECK(bench.LastEvent("approval.suspended").reason() == "现场勘验");
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_SUSPENDED);
  CHECK(casework::IsPaused(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STATUTORY)));
  CHECK(casework::IsPaused(bench.ClockOf(casework::v1::CLOCK_PURPOSE_PROMISED)));
  CHECK(casework::IsPaused(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "archives-1")));

  // A step placed meanwhile waits with the rest.
  REQUIRE(
      bench.React({Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"))}).ok());
  CHECK(casework::IsPaused(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "civil-1")));
  CHECK(bench.AskField(kArchivist, kCommunity).ok());
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_FIELD, "f1")));
  bench.clock.Advance(absl::Hours(1));
  bench.NewTypes();
  REQUIRE(
      bench
          .Call(&ApprovalService::ResumeProcess, kArchivist, bench.Fill(v1::ResumeProcessRequest()))
          .ok());
  CHECK(bench.NewTypes() == Types{"approval.resumed"});
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_REVIEW);
  CHECK(bench.Process().suspensions(0).has_end());
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STATUTORY)));
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "civil-1")));
}

TEST_CASE("An extension adds to both limits, once, by a supervisor, within the cap") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  bench.NewTypes();
  auto extend = bench.Fill(v1::ExtendProcessRequest());
  extend.set_reason("需要外单位核实");
  extend.set_add(5);
  CHECK(bench.Call(&ApprovalService::ExtendProcess, kArchivist, extend).status().code() ==
        absl::StatusCode::kPermissionDenied);
  extend.set_add(6);
  CHECK(ReasonOf(bench.Call(&ApprovalService::ExtendProcess, kHead, extend).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  extend.set_add(5);
  REQUIRE(bench.Call(&ApprovalService::ExtendProcess, kHead, extend).ok());
  CHECK(bench.NewTypes() == Types{"approval.extended"});
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STATUTORY).budget() == 25);
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_PROMISED).budget() == 15);
  extend = bench.Fill(extend);
  CHECK(ReasonOf(bench.Call(&ApprovalService::ExtendProcess, kHead, extend).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
}

TEST_CASE("Promised materials are taken one by one; the last stops the applicant's clock") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}), {"INCOME_PROOF", "DRAWING"});
  bench.NewTypes();
  auto supply = bench.Fill(v1::SupplyMissingRequest());
  supply.add_codes("PHOTO");
  CHECK(ReasonOf(bench.Call(&ApprovalService::SupplyMissing, kClerk, supply).status()) ==
        casework::v1::ERROR_REASON_GUARD_FAILED);
  supply.set_codes(0, "DRAWING");
  CHECK(bench.Call(&ApprovalService::SupplyMissing, kArchivist, supply).status().code() ==
        absl::StatusCode::kPermissionDenied);
  REQUIRE(bench.Call(&ApprovalService::SupplyMissing, kClerk, supply).ok());
  CHECK(bench.NewTypes() == Types{"approval.supplemented"});
  CHECK(bench.LastEvent("approval.supplemented").case_facts().missing_size() == 1);
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_SUPPLEMENT)));
  supply = bench.Fill(supply);
  supply.set_codes(0, "INCOME_PROOF");
  REQUIRE(bench.Call(&ApprovalService::SupplyMissing, kClerk, supply).ok());
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_SUPPLEMENT).stopped());
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_ACCEPTED);
}

TEST_CASE("Materials that never come return the case as of the deadline, before any command") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}), {"INCOME_PROOF"});
  const int64_t seen = bench.Process().version();
  bench.NewTypes();
  // Five working days after Monday: due on Monday 9 March, close of business.
  bench.clock.Set(At(3, 11, 9));
  auto supply = bench.Fill(v1::SupplyMissingRequest());
  supply.add_codes("INCOME_PROOF");
  supply.set_expected_version(seen);
  SECTION("found by a command") {
    const auto status = bench.Call(&ApprovalService::SupplyMissing, kClerk, supply).status();
    CHECK(status.code() == absl::StatusCode::kAborted);
  }
  SECTION("found by the timer") { bench.Fire(); }
  const Types types = bench.NewTypes();
  REQUIRE(types.size() >= 2);
  CHECK(Types(types.end() - 2, types.end()) ==
        Types{"approval.returned_incomplete", "approval.returned"});
  CHECK(bench.Process().state() == casework::v1::CASE_STATE_RETURNED);
  CHECK(bench.Process().returned());
  CHECK(bench.WorkRows().empty());
  CHECK(casework::FromProto(bench.LastEvent("approval.returned_incomplete").occurred_at()) ==
        At(3, 9, 17));
  CHECK(casework::FromProto(bench.ClockOf(casework::v1::CLOCK_PURPOSE_DELIVERY).started_at()) ==
        At(3, 9, 17));
  // Nothing that was due after the end has happened.
  for (const Event& event : bench.AllEvents()) {
    CHECK(casework::FromProto(event.occurred_at()) <= At(3, 9, 17));
  }
  bench.clock.Set(At(4, 30, 9));
  bench.Fire();
  CHECK(bench.NewTypes().empty());
}

TEST_CASE("A late step claims each rung once, as of its deadline, and is named late") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  bench.NewTypes();
  bench.clock.Set(At(3, 4, 18));
  bench.Fire();
  CHECK(bench.NewTypes() == Types{"clock.rung"});
  Event rung = bench.LastEvent("clock.rung");
  CHECK(rung.rung().purpose() == casework::v1::CLOCK_PURPOSE_STEP);
  CHECK(rung.rung().subject() == "main-1");
  CHECK(rung.rung().rung() == casework::v1::RUNG_REMIND);
  CHECK(rung.rung().light() == casework::v1::LIGHT_YELLOW);
  CHECK(rung.has_case_facts());
  bench.Fire();
  CHECK(bench.NewTypes().empty());

  bench.clock.Set(At(3, 5, 18));
  bench.Fire();
  CHECK(bench.NewTypes() == Types{"clock.rung"});
  rung = bench.LastEvent("clock.rung");
  CHECK(rung.rung().rung() == casework::v1::RUNG_SUPERVISE);
  CHECK(rung.rung().light() == casework::v1::LIGHT_RED);
  CHECK(casework::FromProto(rung.occurred_at()) == At(3, 5, 17));
  v1::GetProcessRequest get;
  get.set_case_id(kCase);
  const auto view = bench.service->GetProcess(kArchivist, get);
  REQUIRE(view.ok());
  REQUIRE(view->view().late_branches_size() == 1);
  CHECK(view->view().late_branches(0) == "main");
  CHECK(view->view().light() == casework::v1::LIGHT_RED);
}

TEST_CASE("Rungs that passed unseen collapse to the highest") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  bench.NewTypes();
  bench.clock.Set(At(3, 6, 18));
  bench.Fire();
  CHECK(bench.NewTypes() == Types{"clock.rung"});
  CHECK(bench.LastEvent("clock.rung").rung().rung() == casework::v1::RUNG_ESCALATE_UNIT);
}

TEST_CASE("Withdrawing and terminating cancel what is open and return the case") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  REQUIRE(bench.Claim(kArchivist, "archives-1").ok());
  REQUIRE(bench.AskField(kArchivist, kCommunity).ok());
  bench.NewTypes();
  CaseState state = casework::v1::CASE_STATE_UNSPECIFIED;
  SECTION("withdrawn by the counter") {
    CHECK(bench.Withdraw(kArchivist).status().code() == absl::StatusCode::kPermissionDenied);
    REQUIRE(bench.Withdraw(kClerk).status() == absl::OkStatus());
    CHECK(bench.NewTypes() ==
          Types{"approval.withdrawn", "approval.field_cancelled", "approval.returned"});
    state = casework::v1::CASE_STATE_WITHDRAWN;
  }
  SECTION("terminated by a supervisor") {
    auto terminate = bench.Fill(v1::TerminateProcessRequest());
    terminate.set_reason("申请人已死亡");
    CHECK(bench.Call(&ApprovalService::TerminateProcess, kArchivist, terminate).status().code() ==
          absl::StatusCode::kPermissionDenied);
    REQUIRE(bench.Call(&ApprovalService::TerminateProcess, kHead, terminate).ok());
    CHECK(bench.NewTypes() ==
          Types{"approval.terminated", "approval.field_cancelled", "approval.returned"});
    CHECK(bench.LastEvent("approval.terminated").reason() == "申请人已死亡");
    state = casework::v1::CASE_STATE_TERMINATED;
  }
  const v1::Process process = bench.Process();
  CHECK(process.state() == state);
  CHECK(process.returned());
  CHECK(process.fields(0).state() == casework::v1::FIELD_STATE_CANCELLED);
  CHECK(bench.StepOf("archives-1").state() == casework::v1::STEP_STATE_CANCELLED);
  CHECK(bench.StepOf("civil-1").state() == casework::v1::STEP_STATE_CANCELLED);
  CHECK(bench.WorkRows().empty());
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_DELIVERY)));
  CHECK(bench.LastEvent("approval.returned").case_facts().state() == state);
  // It is over here: nothing more is taken.
  CHECK(ReasonOf(bench.Withdraw(kClerk).status()) == casework::v1::ERROR_REASON_STATE_FORBIDS);
}

TEST_CASE("A look that was answered stays answered when the case ends") {
  Bench bench;
  bench.OpenCase(RouteOf({{"main", kArchives}}));
  REQUIRE(bench.Claim(kArchivist, "main-1").ok());
  REQUIRE(bench.AskField(kArchivist, kCommunity).ok());
  REQUIRE(
      bench.React({FieldEvent("grid.field_reported", casework::v1::FIELD_STATE_REPORTED)}).ok());
  bench.NewTypes();
  REQUIRE(bench.Withdraw(kClerk).ok());
  CHECK(bench.NewTypes() == Types{"approval.withdrawn", "approval.returned"});
  CHECK(bench.Process().fields(0).state() == casework::v1::FIELD_STATE_REPORTED);
}

TEST_CASE("A withdrawal that comes before the process is asked to come again") {
  Bench bench;
  auto withdraw = bench.Fill(v1::WithdrawProcessRequest());
  REQUIRE(withdraw.expected_version() == 0);
  const auto unplaced = [&](const rpc::CallContext& caller) {
    return bench.Call(&ApprovalService::WithdrawProcess, caller, withdraw).status();
  };
  CHECK(ReasonOf(unplaced(kClerk)) == casework::v1::ERROR_REASON_UNPLACED);
  REQUIRE(bench.React({bench.Accepted(ItemOf("YK-S001"))}).ok());
  bench.Commit([&](store::Work& work) { work.ShowFor(kCase, kCommunity); });
  const absl::Status status = unplaced(kClerk);
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  google::rpc::Status details;
  REQUIRE(casework::DetailsOf(status, &details));
  google::rpc::RetryInfo retry;
  REQUIRE(details.details(details.details_size() - 1).UnpackTo(&retry));
  CHECK(retry.retry_delay().seconds() == 1);
  CHECK(unplaced(Caller("x", "230110001001", {auth::kClerk})).code() ==
        absl::StatusCode::kNotFound);

  // Open here, but the forwarding mirror has not heard of it; without forwarding it is a mistake.
  bench.Publish(ItemOf("YK-S001"));
  REQUIRE(bench.React({Offered(Bench::Opening(Chain(kArchives)))}).ok());
  rpc::CallContext forwarded = kClerk;
  forwarded.forwarded = true;
  CHECK(ReasonOf(unplaced(forwarded)) == casework::v1::ERROR_REASON_UNPLACED);
  CHECK(unplaced(kClerk).code() == absl::StatusCode::kInvalidArgument);
  CHECK(bench.Withdraw(kClerk).ok());
}

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
}  // namespace yikou::approval
