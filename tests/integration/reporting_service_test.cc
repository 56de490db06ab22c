// Reporting on a real record: events come in through the inbox as they do from the streams.
#include "services/reporting/reporting_service.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "catch2/catch.hpp"
#include "libs/app/inbox.h"
#include "libs/app/rebuild.h"
#include "libs/app/service.h"
#include "libs/auth/roles.h"
#include "libs/base/executor.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "services/reporting/reporting_schema.h"
#include "tests/support/temp_dir.h"

namespace yikou::reporting {
namespace {

namespace cw = casework::v1;
using cw::Envelope;
using cw::Event;

constexpr char kDistrict[] = "230108";
constexpr char kStreet[] = "230108001";
constexpr char kCommunity[] = "230108001001";
constexpr char kOtherCommunity[] = "230108002001";
constexpr char kArchives[] = "230108-archives";
constexpr char kOtherDistrict[] = "230110";
constexpr char kFarCommunity[] = "230110001001";

// Local time of a day in March 2025; the 3rd is a Monday.
absl::Time March(int day, int hour) {
  return absl::FromCivil(absl::CivilSecond(2025, 3, day, hour, 0, 0), casework::Calendar::Zone());
}

// Logs of the other services: gives events their versions, positions and sequences.
class Logs {
 public:
  Event& Add(const std::string& source, const std::string& kind, const std::string& id,
             const std::string& type, absl::Time at) {
    Envelope& envelope = entries_.emplace_back();
    envelope.set_stream(app::EventsStream(source));
    envelope.set_stream_seq(++seq_[source]);
    Event& event = *envelope.mutable_event();
    event.set_event_id(absl::StrCat(source, "-", seq_[source]));
    event.set_source(source);
    event.set_position(seq_[source]);
    event.set_case_id(id);
    event.set_aggregate_kind(kind);
    event.set_aggregate_id(id);
    event.set_version(++version_[kind + "/" + id]);
    event.set_type(type);
    event.set_hash("chain");
    *event.mutable_occurred_at() = casework::ToProto(at);
    return event;
  }
  const std::vector<Envelope>& entries() const { return entries_; }

 private:
  std::vector<Envelope> entries_;
  std::map<std::string, int64_t> seq_;
  std::map<std::string, int64_t> version_;
};

void Tell(Event& event, cw::CaseKind kind, cw::CaseState state, const std::string& receiver) {
  cw::CaseFacts* facts = event.mutable_case_facts();
  facts->set_kind(kind);
  facts->set_state(state);
  facts->set_case_no(absl::StrCat("No. ", event.case_id()));
  facts->set_title("单身证明");
  facts->set_receiver_unit(receiver);
  *facts->mutable_received_at() = casework::ToProto(March(3, 9));
}

void AddUnits(Logs* logs) {
  const std::pair<const char*, const char*> units[] = {
      {kDistrict, "平房区"},         {kStreet, "兴建街道"},       {kCommunity, "和平社区"},
      {kOtherCommunity, "联盟社区"}, {kArchives, "平房区档案局"}, {kOtherDistrict, "香坊区"},
      {kFarCommunity, "民航社区"}};
  for (const auto& [id, name] : units) {
    Event& event = logs->Add("routing", "unit", id, "routing.unit_changed", March(1, 9));
    event.clear_case_id();
    event.mutable_unit()->set_unit_id(id);
    event.mutable_unit()->set_name(name);
  }
}

// An application from receipt to close: accepted after an hour, decided after two days, returned
// after three hours, two hops.
void AddApplication(Logs* logs, const std::string& id, const std::string& receiver) {
  auto intake = [&](const char* type, cw::CaseState state, absl::Time at) -> Event& {
    Event& event = logs->Add("intake", "case", id, type, at);
    Tell(event, cw::CASE_KIND_APPLICATION, state, receiver);
    return event;
  };
  intake("intake.received", cw::CASE_STATE_RECEIVED, March(3, 9)).add_visible_to(receiver);
  intake("intake.accepted", cw::CASE_STATE_ACCEPTED, March(3, 10));
  Event& offered = logs->Add("routing", "offer", id, "routing.offered", March(3, 10));
  offered.mutable_offer()->set_from_unit(receiver);
  offered.mutable_offer()->set_to_unit(kArchives);
  offered.mutable_offer()->set_tier(cw::TIER_DISTRICT);
  offered.mutable_offer()->set_service("approval");
  offered.add_visible_to(kArchives);
  Event& opened = logs->Add("approval", "process", id, "approval.opened", March(3, 10));
  Tell(opened, cw::CASE_KIND_APPLICATION, cw::CASE_STATE_ACCEPTED, receiver);
  Event& offer = logs->Add("routing", "offer", id, "routing.offer_signed", March(3, 10));
  *offer.mutable_offer() = offered.offer();
  logs->Add("routing", "custody", id, "routing.custody_moved", March(3, 10))
      .set_holder_unit(kArchives);
  Event& decided = logs->Add("approval", "process", id, "approval.decided", March(5, 10));
  Tell(decided, cw::CASE_KIND_APPLICATION, cw::CASE_STATE_DECIDED, receiver);
  decided.mutable_case_facts()->set_decision(cw::DECISION_APPROVED);
  decided.mutable_actor()->set_person_id("p7");
  logs->Add("routing", "custody", id, "routing.custody_moved", March(5, 12))
      .set_holder_unit(receiver);
  intake("intake.ready", cw::CASE_STATE_READY, March(5, 13));
  intake("case.closed", cw::CASE_STATE_CLOSED, March(6, 9));
}

// A grid event whose clock turned red before it was closed.
void AddGridEvent(Logs* logs, const std::string& id, const std::string& receiver) {
  auto grid = [&](const char* type, cw::CaseState state, absl::Time at) -> Event& {
    Event& event = logs->Add("gridtask", "grid_event", id, type, at);
    Tell(event, cw::CASE_KIND_GRID_EVENT, state, receiver);
    return event;
  };
  grid("grid.reported", cw::CASE_STATE_REGISTERED, March(3, 9)).add_visible_to(receiver);
  Event& rung = grid("clock.rung", cw::CASE_STATE_REGISTERED, March(3, 10));
  rung.mutable_rung()->set_purpose(cw::CLOCK_PURPOSE_HANDLE);
  rung.mutable_rung()->set_rung(cw::RUNG_SUPERVISE);
  rung.mutable_rung()->set_light(cw::LIGHT_RED);
  grid("grid.closed", cw::CASE_STATE_GRID_CLOSED, March(3, 12));
}

rpc::CallContext Caller(const std::string& unit, const char* role = auth::kSupervisor) {
  rpc::CallContext context;
  context.principal.person_id = "p1";
  context.principal.unit_id = unit;
  context.principal.roles = {role};
  return context;
}

// One reporting service on a SQLite file of its own.
class Reporting {
 public:
  Reporting() : executor_(2) {
    app::ServiceOptions options;
    options.service = "reporting";
    options.store_url = "sqlite:" + dir_.File("reporting.db");
    options.calendar_path = YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv";
    auto opened = app::Service::Open(options, telemetry::Metrics::None(), &executor_);
    INFO(opened.status().ToString());
    REQUIRE(opened.ok());
    app_ = *std::move(opened);
    app::ServiceParts parts;
    parts.migrations = Migrations();
    REQUIRE(app_->Prepare(std::move(parts)).ok());
    service_ = std::make_unique<ReportingService>(
        &app_->env(), [this](const std::string& request_id) -> absl::StatusOr<int64_t> {
          YK_ASSIGN_OR_RETURN(const app::Rebuild rebuild,
                              app::StartRebuild(app_->env().store, inbox_.get(), Inputs(),
                                                DerivedTables(), request_id));
          return rebuild.total;
        });
    inbox_ = std::make_unique<app::Inbox>(
        app_->env().store, app_->env().committer,
        [this](store::Work& work, const Event& event) { return service_->React(work, event); },
        [this](const Event*) { return app_->env().WorkForTimer("stream"); },
        telemetry::Metrics::None());
  }

  static std::vector<app::InputStream> Inputs() {
    std::vector<app::InputStream> inputs;
    for (const char* owner : {"intake", "routing", "approval", "gridtask"}) {
      inputs.push_back({app::EventsStream(owner), owner});
    }
    return inputs;
  }

  int64_t Rebuild(const std::string& request_id) {
    v1::RebuildFiguresRequest request;
    request.set_request_id(request_id);
    const auto response = service_->RebuildFigures(Caller("", auth::kOperator), request);
    INFO(response.status().ToString());
    REQUIRE(response.ok());
    return response->events();
  }

  void Apply(const std::vector<Envelope>& entries) {
    for (const absl::Status& status : inbox_->Apply(entries)) {
      INFO(status.ToString());
      REQUIRE(status.ok());
    }
  }

  v1::GetSummaryResponse Summary(const rpc::CallContext& caller, const std::string& unit = "") {
    v1::GetSummaryRequest request;
    request.set_unit_id(unit);
    auto response = service_->GetSummary(caller, request);
    INFO(response.status().ToString());
    REQUIRE(response.ok());
    return *response;
  }

  absl::Status SummaryStatus(const rpc::CallContext& caller, const std::string& unit) {
    v1::GetSummaryRequest request;
    request.set_unit_id(unit);
    return service_->GetSummary(caller, request).status();
  }

  absl::StatusOr<v1::GetTimelineResponse> Timeline(const rpc::CallContext& caller,
                                                   const std::string& case_id) {
    v1::GetTimelineRequest request;
    request.set_case_id(case_id);
    return service_->GetTimeline(caller, request);
  }

  // Everything folded so far, for comparison.
  std::string Everything() {
    std::string all;
    auto rows = app_->env().store->Select(kFigure, {.limit = 10'000});
    REQUIRE(rows.ok());
    for (const auto& row : *rows) {
      if (std::get<int64_t>(row[2]) == 0) continue;
      absl::StrAppend(&all, std::get<std::string>(row[0]), " ", std::get<std::string>(row[1]), " ",
                      std::get<int64_t>(row[2]), "\n");
    }
    auto figures = app_->env().store->Find(kCaseFigures, {.limit = 1000});
    REQUIRE(figures.ok());
    for (const store::Stored& stored : *figures) absl::StrAppend(&all, stored.body, "\n");
    return all;
  }

  ReportingService& service() { return *service_; }
  app::Service& app() { return *app_; }

 private:
  test::TempDir dir_;
  base::ThreadExecutor executor_;
  std::unique_ptr<app::Service> app_;
  std::unique_ptr<ReportingService> service_;
  std::unique_ptr<app::Inbox> inbox_;
};

Logs TwoDistricts() {
  Logs logs;
  AddUnits(&logs);
  AddApplication(&logs, "c1", kCommunity);
  AddApplication(&logs, "c2", kOtherCommunity);
  AddApplication(&logs, "c3", kFarCommunity);
  AddGridEvent(&logs, "g1", kCommunity);
  return logs;
}

}  // namespace

TEST_CASE("a summary has one row a district and a total", "[reporting][integration]") {
  Reporting reporting;
  reporting.Apply(TwoDistricts().entries());
  const v1::GetSummaryResponse all = reporting.Summary(Caller("", auth::kAuditor));
  REQUIRE(all.rows_size() == 2);
  CHECK(all.rows(0).unit_id() == kDistrict);
  CHECK(all.rows(0).name() == "平房区");
  CHECK(all.rows(0).received() == 2);
  CHECK(all.rows(0).accepted() == 2);
  CHECK(all.rows(0).closed() == 2);
  CHECK(all.rows(0).decided() == 2);
  CHECK(all.rows(0).in_time_rate() == Approx(1));
  CHECK(all.rows(0).dwell_intake_s() == Approx(3600));
  CHECK(all.rows(0).dwell_approval_s() == Approx(48 * 3600));
  CHECK(all.rows(0).dwell_return_s() == Approx(3 * 3600));
  CHECK(all.rows(0).hops() == Approx(2));
  CHECK(all.rows(0).grid_closed() == 1);
  CHECK(all.rows(0).red() == 1);
  CHECK(all.rows(1).unit_id() == kOtherDistrict);
  CHECK(all.rows(1).received() == 1);
  CHECK(all.total().received() == 3);
  CHECK(all.total().unit_id().empty());
  CHECK(all.total().hops() == Approx(2));
}

TEST_CASE("a summary holds what the caller's unit covers", "[reporting][integration]") {
  Reporting reporting;
  reporting.Apply(TwoDistricts().entries());
  CHECK(reporting.Summary(Caller(kDistrict)).total().received() == 2);
  CHECK(reporting.Summary(Caller(kStreet)).total().received() == 1);
  CHECK(reporting.Summary(Caller(kOtherCommunity)).total().received() == 1);
  CHECK(reporting.Summary(Caller(kDistrict), kStreet).total().received() == 1);
  CHECK(reporting.Summary(Caller(kArchives)).total().received() == 0);
  const v1::GetSummaryResponse citizen = reporting.Summary(Caller("", auth::kCitizen));
  CHECK(citizen.rows_size() == 0);
  CHECK(citizen.total().received() == 0);
}

TEST_CASE("figures of a unit out of scope or unknown are not found", "[reporting][integration]") {
  Reporting reporting;
  reporting.Apply(TwoDistricts().entries());
  const absl::Status foreign = reporting.SummaryStatus(Caller(kDistrict), kOtherDistrict);
  CHECK(absl::IsNotFound(foreign));
  CHECK(casework::ReasonOf(foreign) == cw::ERROR_REASON_NOT_FOUND);
  CHECK(absl::IsNotFound(reporting.SummaryStatus(Caller(kCommunity), kDistrict)));
  CHECK(absl::IsNotFound(reporting.SummaryStatus(Caller(kDistrict), "230108999")));
  const absl::Status malformed = reporting.SummaryStatus(Caller(kDistrict), "2301");
  CHECK(absl::IsInvalidArgument(malformed));
  CHECK(casework::ReasonOf(malformed) == cw::ERROR_REASON_INVALID_FIELD);
}

TEST_CASE("a rebuild ends in the figures there were before, and tells how far it is",
          "[reporting][integration]") {
  Reporting reporting;
  const std::vector<Envelope> entries = TwoDistricts().entries();
  reporting.Apply(entries);
  const std::string before = reporting.Everything();
  const std::string summary = reporting.Summary(Caller(kDistrict)).SerializeAsString();

  CHECK(reporting.Rebuild("7a0c0d6e-0000-4000-8000-000000000001") ==
        static_cast<int64_t>(entries.size()));
  const v1::GetSummaryResponse empty = reporting.Summary(Caller(kDistrict));
  CHECK(empty.rebuild().folded() == 0);
  CHECK(empty.rebuild().total() == static_cast<int64_t>(entries.size()));
  // Names stay, and a case that may only not be there yet is not denied.
  CHECK(reporting.SummaryStatus(Caller(kDistrict), kStreet).ok());
  CHECK(absl::IsUnavailable(reporting.Timeline(Caller(kCommunity), "c1").status()));

  // Half of it, then somebody repeats the command: nothing begins anew.
  const std::vector<Envelope> half(entries.begin(), entries.begin() + entries.size() / 2);
  reporting.Apply(half);
  CHECK(reporting.Rebuild("7a0c0d6e-0000-4000-8000-000000000001") ==
        static_cast<int64_t>(entries.size()));
  CHECK(reporting.Summary(Caller(kDistrict)).rebuild().folded() ==
        static_cast<int64_t>(half.size()));
  reporting.Apply(entries);
  CHECK(reporting.Everything() == before);
  CHECK(reporting.Summary(Caller(kDistrict)).SerializeAsString() == summary);
  CHECK(absl::IsNotFound(reporting.Timeline(Caller(kCommunity), "nobody").status()));
  CHECK(reporting.Timeline(Caller(kCommunity), "c1").ok());

  // One that is cut short by another has as far to go as the first.
  reporting.Rebuild("7a0c0d6e-0000-4000-8000-000000000002");
  reporting.Apply(half);
  CHECK(reporting.Rebuild("7a0c0d6e-0000-4000-8000-000000000003") ==
        static_cast<int64_t>(entries.size()));
  reporting.Apply(entries);
  CHECK(reporting.Everything() == before);
  CHECK_FALSE(reporting.Summary(Caller(kDistrict)).has_rebuild());
}

TEST_CASE("a rebuild in the middle of what comes in loses nothing, in whatever order it comes",
          "[reporting][integration]") {
  const std::vector<Envelope> entries = TwoDistricts().entries();
  Reporting straight;
  straight.Apply(entries);
  const std::string right = straight.Everything();
  for (const unsigned seed : {1U, 2U, 3U, 4U, 5U}) {
    INFO("seed " << seed);
    Reporting reporting;
    std::vector<Envelope> shuffled = entries;
    std::mt19937 random(seed);
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    const auto middle = shuffled.begin() + shuffled.size() / 2;
    reporting.Apply({shuffled.begin(), middle});
    reporting.Rebuild(absl::StrCat("7a0c0d6e-0000-4000-8000-00000000000", seed));
    // What is new comes first; what was forgotten comes from the logs.
    reporting.Apply({middle, shuffled.end()});
    reporting.Apply(entries);
    CHECK(reporting.Everything() == right);
  }
}

TEST_CASE("a timeline tells a case in order of case time, in words", "[reporting][integration]") {
  Reporting reporting;
  reporting.Apply(TwoDistricts().entries());
  const auto timeline = reporting.Timeline(Caller(kCommunity), "c1");
  INFO(timeline.status().ToString());
  REQUIRE(timeline.ok());
  std::vector<std::string> types;
  std::map<std::string, const v1::TimelineEntry*> by_type;
  for (const v1::TimelineEntry& entry : timeline->entries()) {
    types.push_back(entry.type());
    by_type[entry.type()] = &entry;
  }
  CHECK(types == std::vector<std::string>{"intake.received", "approval.opened", "intake.accepted",
                                          "routing.offered", "routing.offer_signed",
                                          "routing.custody_moved", "approval.decided",
                                          "routing.custody_moved", "intake.ready", "case.closed"});
  CHECK(by_type["routing.offer_signed"]->detail() == "移交 和平社区 → 平房区档案局（已签收）");
  CHECK(by_type["routing.offered"]->stream() == "yikou:queue:district:approval:{0}");
  CHECK(by_type["approval.decided"]->stream() == "yikou:events:approval:{0}");
  CHECK(by_type["approval.decided"]->detail() == "决定：准予");
  CHECK(by_type["approval.decided"]->actor().person_id() == "p7");
  CHECK(by_type["approval.decided"]->state() == cw::CASE_STATE_DECIDED);
  CHECK(timeline->figures().state() == cw::CASE_STATE_CLOSED);
  CHECK(timeline->figures().case_no() == "No. c1");
  CHECK(timeline->figures().hops() == 2);
  CHECK(timeline->figures().version() > 0);
}

TEST_CASE("a timeline is seen by units of the case and those above them only",
          "[reporting][integration]") {
  Reporting reporting;
  reporting.Apply(TwoDistricts().entries());
  for (const char* unit : {kCommunity, kStreet, kDistrict, kArchives}) {
    CAPTURE(unit);
    CHECK(reporting.Timeline(Caller(unit), "c1").ok());
  }
  CHECK(reporting.Timeline(Caller("", auth::kAuditor), "c1").ok());
  for (const char* unit : {kOtherCommunity, kOtherDistrict, kFarCommunity}) {
    CAPTURE(unit);
    const absl::Status status = reporting.Timeline(Caller(unit), "c1").status();
    CHECK(absl::IsNotFound(status));
    // Worded as for a case that does not exist, so that nobody can probe.
    const absl::Status unknown = reporting.Timeline(Caller(unit), "c9").status();
    CHECK(absl::StrReplaceAll(status.message(), {{"c1", ""}}) ==
          absl::StrReplaceAll(unknown.message(), {{"c9", ""}}));
  }
  CHECK(absl::IsInvalidArgument(reporting.Timeline(Caller(kCommunity), "").status()));
}

TEST_CASE("entries delivered again change nothing", "[reporting][integration]") {
  Reporting reporting;
  const Logs logs = TwoDistricts();
  reporting.Apply(logs.entries());
  const std::string before = reporting.Everything();
  reporting.Apply(logs.entries());
  for (const Envelope& entry : logs.entries()) reporting.Apply({entry});
  CHECK(reporting.Everything() == before);
  CHECK(reporting.Timeline(Caller(kCommunity), "c1")->entries_size() == 10);
}

TEST_CASE("a reaction repeated past the inbox changes no figure and adds no line",
          "[reporting][integration]") {
  Reporting reporting;
  const Logs logs = TwoDistricts();
  reporting.Apply(logs.entries());
  const std::string before = reporting.Everything();
  for (const Envelope& entry : logs.entries()) {
    store::Work work = reporting.app().env().WorkForTimer("again");
    REQUIRE(reporting.service().React(work, entry.event()).ok());
    auto change = work.Take();
    REQUIRE(change.ok());
    CHECK(change->events.empty());
    REQUIRE(reporting.app().env().committer->CommitOne(*std::move(change)).ok());
  }
  CHECK(reporting.Everything() == before);
  CHECK(reporting.Timeline(Caller(kCommunity), "c1")->entries_size() == 10);
}

TEST_CASE("streams delivered in any order and in any batches give the same record",
          "[reporting][integration]") {
  const Logs logs = TwoDistricts();
  std::string expected;
  {
    Reporting reporting;
    reporting.Apply(logs.entries());
    expected = reporting.Everything();
  }
  for (unsigned seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<Envelope> shuffled = logs.entries();
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    Reporting reporting;
    for (size_t begin = 0; begin < shuffled.size();) {
      const size_t end = std::min(shuffled.size(), begin + 1 + random() % 7);
      reporting.Apply({shuffled.begin() + static_cast<int64_t>(begin),
                       shuffled.begin() + static_cast<int64_t>(end)});
      begin = end;
    }
    CHECK(reporting.Everything() == expected);
    CHECK(reporting.Timeline(Caller(kCommunity), "c1")->entries_size() == 10);
  }
}

TEST_CASE("reporting writes no event of its own", "[reporting][integration]") {
  Reporting reporting;
  reporting.Apply(TwoDistricts().entries());
  const auto head = reporting.app().env().store->Head();
  REQUIRE(head.ok());
  CHECK(head->position == 0);
}

TEST_CASE("every figure of a summary has a published formula", "[reporting][integration]") {
  Reporting reporting;
  const auto metrics = reporting.service().ListMetrics(Caller(kCommunity), {});
  REQUIRE(metrics.ok());
  std::set<std::string> ids;
  for (const v1::Metric& metric : metrics->metrics()) {
    CAPTURE(metric.metric_id());
    CHECK(ids.insert(metric.metric_id()).second);
    CHECK(metric.version() >= 1);
    CHECK_FALSE(metric.name().empty());
    CHECK_FALSE(metric.numerator().empty());
    CHECK_FALSE(metric.denominator().empty());
    CHECK_FALSE(metric.excludes().empty());
  }
  // The ids reporting.proto names beside its fields.
  for (const char* id : {"M01", "M02", "M03", "M04", "M05", "M06", "M07"}) {
    CHECK(ids.count(id) == 1);
  }
}

}  // namespace yikou::reporting
