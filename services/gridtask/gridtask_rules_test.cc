#include "services/gridtask/gridtask_rules.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/casework/clocks.h"
#include "services/gridtask/category_list.h"

namespace yikou::gridtask {
namespace {

namespace cw = casework::v1;

constexpr char kGrid[] = "230110001001-g01";

std::string ReadFile(const std::string& name) {
  std::ifstream file(absl::StrCat(YIKOU_SOURCE_DIR, "/deploy/data/", name));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

absl::Time At(int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilMinute(2025, 9, 17, hour, minute), casework::Calendar::Zone());
}

v1::Worker MakeWorker(const std::string& id, const std::string& grid, const std::string& from,
                      const std::string& to, const std::string& backup = "") {
  v1::Worker worker;
  worker.set_worker_id(id);
  worker.set_name("网格员");
  worker.set_unit_id(grid.substr(0, 12));
  worker.set_grid_id(grid);
  worker.set_backup_worker_id(backup);
  worker.set_duty_from(from);
  worker.set_duty_to(to);
  return worker;
}

// Ids of the shortlist, in order.
std::string Listed(const std::vector<v1::Worker>& workers, absl::Time now,
                   const std::string& returned_by = "") {
  return absl::StrJoin(Shortlist(workers, kGrid, returned_by, now), " ",
                       [](std::string* out, const Candidate& c) { *out += c.worker.worker_id(); });
}

auth::Principal Person(const std::string& id, const std::string& unit,
                       std::vector<std::string> roles) {
  return {.person_id = id, .unit_id = unit, .roles = std::move(roles), .agent_for = ""};
}

v1::GridEvent EventIn(cw::CaseState state) {
  v1::GridEvent event;
  event.set_state(state);
  event.set_grid_id(kGrid);
  event.set_worker_id("w1");
  return event;
}

std::string AllowedActions(const v1::GridEvent& event, const auth::Principal& principal) {
  std::vector<std::string> names;
  for (const cw::Action& action : ActionsFor(event, principal)) {
    if (action.allowed()) names.push_back(action.name());
  }
  return absl::StrJoin(names, " ");
}

// Fields a function of Violations complains about.
template <class Check>
std::string Complaints(Check check) {
  casework::Violations violations;
  check(&violations);
  google::rpc::Status details;
  google::rpc::BadRequest bad;
  std::vector<std::string> fields;
  if (casework::DetailsOf(violations.ToStatus(), &details)) {
    for (const auto& detail : details.details()) {
      if (detail.UnpackTo(&bad)) break;
    }
  }
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  return absl::StrJoin(fields, " ");
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

TEST_CASE("duty is from the first minute to before the last, and may go through midnight",
          "[gridtask]") {
  const struct {
    const char* from;
    const char* to;
    int hour;
    int minute;
    bool on_duty;
  } rows[] = {
      {"08:00", "18:00", 7, 59, false},  {"08:00", "18:00", 8, 0, true},
      {"08:00", "18:00", 17, 59, true},  {"08:00", "18:00", 18, 0, false},
      {"22:00", "06:00", 21, 59, false}, {"22:00", "06:00", 23, 30, true},
      {"22:00", "06:00", 5, 59, true},   {"22:00", "06:00", 6, 0, false},
      {"00:00", "24:00", 23, 59, true},  {"8:00", "18:00", 12, 0, false},
  };
  for (const auto& row : rows) {
    INFO(row.from << "-" << row.to << " at " << row.hour << ":" << row.minute);
    CHECK(OnDuty(MakeWorker("w", kGrid, row.from, row.to), At(row.hour, row.minute)) ==
          row.on_duty);
  }
}

TEST_CASE("who is sent is on duty first, then near, and never from another street", "[gridtask]") {
  const v1::Worker bound = MakeWorker("w9-bound", kGrid, "08:00", "18:00", "w8-backup");
  const v1::Worker second = MakeWorker("w7-bound", kGrid, "08:00", "18:00");
  const v1::Worker backup = MakeWorker("w8-backup", "230110002001-g01", "08:00", "20:00");
  const v1::Worker community = MakeWorker("w2-community", "230110001001-g02", "08:00", "22:00");
  const v1::Worker street = MakeWorker("w1-street", "230110001002-g01", "08:00", "23:00");
  const v1::Worker stranger = MakeWorker("w0-stranger", "230110002002-g01", "00:00", "24:00");
  const std::vector<v1::Worker> all = {stranger, street, community, backup, bound, second};

  CHECK(Listed(all, At(9)) == "w7-bound w9-bound");
  CHECK(Listed(all, At(19)) == "w8-backup");
  CHECK(Listed(all, At(21)) == "w2-community");
  CHECK(Listed(all, At(22, 30)) == "w1-street");
  // Nobody of the street is on duty: the nearest goes all the same.
  CHECK(Listed(all, At(3)) == "w7-bound w9-bound");
  CHECK(Listed({street, stranger}, At(3)) == "w1-street");
  CHECK(Listed({stranger}, At(9)).empty());
  CHECK(Listed({}, At(9)).empty());
}

TEST_CASE("who asked for another assignee is not chosen again by rule", "[gridtask]") {
  const v1::Worker bound = MakeWorker("w1", kGrid, "08:00", "18:00", "w2");
  const v1::Worker backup = MakeWorker("w2", "230110001002-g01", "08:00", "18:00");
  CHECK(Listed({bound, backup}, At(9), "w1") == "w2");
  CHECK(Listed({bound}, At(9), "w1").empty());
}

TEST_CASE("the least loaded is chosen, the first by id among equals, whatever the order",
          "[gridtask]") {
  const auto candidate = [](const std::string& id, int load) {
    Candidate c{MakeWorker(id, kGrid, "08:00", "18:00"), Binding::kBound, true};
    c.worker.set_load(load);
    return c;
  };
  std::vector<Candidate> list = {candidate("w3", 1), candidate("w1", 2), candidate("w4", 1)};
  CHECK(LeastLoaded(list)->worker.worker_id() == "w3");
  std::reverse(list.begin(), list.end());
  CHECK(LeastLoaded(list)->worker.worker_id() == "w3");
  CHECK(LeastLoaded({}) == nullptr);
}

TEST_CASE("the reason says binding, load and duty, and that nobody was on duty", "[gridtask]") {
  Candidate candidate{MakeWorker("w1", kGrid, "08:00", "18:00"), Binding::kBound, true};
  CHECK(DispatchReason(candidate) == "网格绑定：230110001001-g01，当前负荷 0，值班 08:00-18:00");
  candidate.binding = Binding::kStreet;
  candidate.on_duty = false;
  candidate.worker.set_load(3);
  CHECK(DispatchReason(candidate) ==
        "同一街道：230110001001-g01，当前负荷 3，值班 08:00-18:00，现无人值班，非值班时间派遣");
}

TEST_CASE("a report is taken anywhere in the street, and above it, but not in another street",
          "[gridtask]") {
  const struct {
    const char* unit;
    bool allowed;
  } rows[] = {
      {"230110001001-g01", true},
      {"230110001001", true},
      {"230110001001-station", true},
      {"230110001002", true},
      {"230110001-centre", true},
      {"230110", true},
      {"230110-centre", true},
      {"230110002001", false},
      {"230108", false},
      {"230110002001-station", false},
      {"", false},
  };
  for (const auto& row : rows) {
    INFO(row.unit);
    const absl::Status status = MayReport(Person("p", row.unit, {auth::kClerk}), kGrid);
    CHECK(status.ok() == row.allowed);
    if (!row.allowed) {
      CHECK(status.code() == absl::StatusCode::kPermissionDenied);
      CHECK(casework::ReasonOf(status) == cw::ERROR_REASON_NO_AUTHORITY);
    }
  }
}

TEST_CASE("authority over an event is the dispatcher's of a unit above, or the assignee's",
          "[gridtask]") {
  const v1::GridEvent event = EventIn(cw::CASE_STATE_FEEDBACK);
  const auth::Principal dispatcher = Person("d1", "230110001", {auth::kDispatcher});
  const auth::Principal neighbour = Person("d2", "230110001002", {auth::kDispatcher});
  const auth::Principal clerk = Person("c1", "230110001", {auth::kClerk});
  const auth::Principal assignee = Person("w1", kGrid, {auth::kGridWorker});
  const auth::Principal both = Person("w1", "230110001001", {auth::kDispatcher});

  for (const char* command : {"RegisterEvent", "DispatchEvent", "CheckEvent"}) {
    INFO(command);
    CHECK(MayTake(command, event, dispatcher).ok());
    for (const auth::Principal& other : {neighbour, clerk, assignee}) {
      CHECK(casework::ReasonOf(MayTake(command, event, other)) == cw::ERROR_REASON_NO_AUTHORITY);
    }
  }
  for (const char* command : {"SignTask", "ReturnTask", "HandleTask"}) {
    INFO(command);
    CHECK(MayTake(command, event, assignee).ok());
    CHECK(casework::ReasonOf(MayTake(command, event, dispatcher)) == cw::ERROR_REASON_NO_AUTHORITY);
  }
  CHECK(casework::ReasonOf(MayTake("CheckEvent", event, both)) == cw::ERROR_REASON_SAME_PERSON);
  CHECK(MayTake("DispatchEvent", event, both).ok());

  v1::GridEvent unassigned = event;
  unassigned.clear_worker_id();
  CHECK_FALSE(MayTake("SignTask", unassigned, Person("", kGrid, {auth::kGridWorker})).ok());
}

TEST_CASE("the actions offered are those the state, the caller and the guards allow",
          "[gridtask]") {
  const auth::Principal dispatcher = Person("d1", "230110001", {auth::kDispatcher});
  const auth::Principal assignee = Person("w1", kGrid, {auth::kGridWorker});
  const struct {
    cw::CaseState state;
    const char* dispatcher;
    const char* assignee;
  } rows[] = {
      {cw::CASE_STATE_VERIFYING, "RegisterEvent", ""},
      {cw::CASE_STATE_REGISTERED, "DispatchEvent", ""},
      {cw::CASE_STATE_DISPATCHED, "", "SignTask ReturnTask"},
      {cw::CASE_STATE_RETURN_REQUESTED, "DispatchEvent", ""},
      {cw::CASE_STATE_SIGNED, "", "HandleTask"},
      {cw::CASE_STATE_FEEDBACK, "CheckEvent", ""},
      {cw::CASE_STATE_REWORK, "DispatchEvent", ""},
      {cw::CASE_STATE_GRID_CLOSED, "", ""},
      {cw::CASE_STATE_NOT_REGISTERED, "", ""},
  };
  for (const auto& row : rows) {
    INFO(cw::CaseState_Name(row.state));
    CHECK(AllowedActions(EventIn(row.state), dispatcher) == row.dispatcher);
    CHECK(AllowedActions(EventIn(row.state), assignee) == row.assignee);
  }
  v1::GridEvent returned = EventIn(cw::CASE_STATE_DISPATCHED);
  returned.set_returns(kMaxReturns);
  CHECK(AllowedActions(returned, assignee) == "SignTask");
  for (const cw::Action& action : ActionsFor(returned, assignee)) {
    INFO(action.name());
    CHECK(action.allowed() == action.blocked_because().empty());
  }
}

TEST_CASE("the third return is refused", "[gridtask]") {
  v1::GridEvent event = EventIn(cw::CASE_STATE_DISPATCHED);
  event.set_returns(1);
  CHECK(CheckReturns(event).ok());
  event.set_returns(2);
  const absl::Status refused = CheckReturns(event);
  CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(casework::ReasonOf(refused) == cw::ERROR_REASON_GUARD_FAILED);
  CHECK(MetadataOf(refused, "guard") == "returns");
}

TEST_CASE("work done again has the time of the first time, and contact is not asked twice",
          "[gridtask]") {
  const casework::Calendar calendar =
      casework::Calendar::Parse(ReadFile("calendar/cn_holidays_2007_2026.csv")).value();
  v1::GridEvent event = EventIn(cw::CASE_STATE_REGISTERED);
  cw::Limit handle;
  handle.set_value(4);
  handle.set_unit(cw::TIME_UNIT_HOUR);
  StartHandling(&event, handle, calendar, At(9));
  REQUIRE(event.clocks_size() == 2);
  CHECK(casework::FindClock(event.clocks(), cw::CLOCK_PURPOSE_CONTACT) != nullptr);
  casework::StopAll(event.mutable_clocks(), At(10));
  RestartHandling(&event, calendar, At(11));
  const cw::Clock* again = casework::FindClock(event.clocks(), cw::CLOCK_PURPOSE_HANDLE);
  REQUIRE(again != nullptr);
  CHECK(casework::Deadline(*again, calendar) == At(15));
  CHECK(casework::FindClock(event.clocks(), cw::CLOCK_PURPOSE_CONTACT) == nullptr);
  StopPurpose(&event, cw::CLOCK_PURPOSE_HANDLE, At(12));
  CHECK(casework::FindClock(event.clocks(), cw::CLOCK_PURPOSE_HANDLE) == nullptr);
}

TEST_CASE("facts of an event name its state, clocks and units and nothing a person wrote",
          "[gridtask]") {
  v1::GridEvent event = EventIn(cw::CASE_STATE_GRID_CLOSED);
  event.set_case_no("no");
  event.set_title("停水");
  event.set_description("李某某家");
  event.set_place("李某某楼下");
  event.set_result("李某某满意");
  event.set_outcome(cw::OUTCOME_PARTLY);
  event.set_channel(cw::CHANNEL_HOTLINE);
  event.set_receiver_unit("230110001001");
  event.add_clocks()->set_purpose(cw::CLOCK_PURPOSE_HANDLE);
  *event.mutable_create_time() = casework::ToProto(At(9));
  const cw::CaseFacts facts = FactsOf(event);
  CHECK(facts.kind() == cw::CASE_KIND_GRID_EVENT);
  CHECK(facts.state() == cw::CASE_STATE_GRID_CLOSED);
  CHECK(facts.outcome() == cw::OUTCOME_PARTLY);
  CHECK(facts.channel() == cw::CHANNEL_HOTLINE);
  CHECK(facts.case_no() == "no");
  CHECK(facts.title() == "停水");
  CHECK(facts.receiver_unit() == "230110001001");
  CHECK(facts.home_unit() == "230110001001");
  CHECK(facts.clocks_size() == 1);
  CHECK(casework::FromProto(facts.received_at()) == At(9));
  CHECK_FALSE(absl::StrContains(facts.SerializeAsString(), "李某某"));
}

TEST_CASE("a field request moves only along its table, and a refusal names what is allowed",
          "[gridtask]") {
  const struct {
    const char* command;
    cw::FieldState state;
    cw::FieldState to;  // UNSPECIFIED: refused
    const char* allowed;
  } rows[] = {
      {"SignField", cw::FIELD_STATE_RECEIVED, cw::FIELD_STATE_SIGNED, ""},
      {"DeclineField", cw::FIELD_STATE_RECEIVED, cw::FIELD_STATE_DECLINED, ""},
      {"ReportField", cw::FIELD_STATE_SIGNED, cw::FIELD_STATE_REPORTED, ""},
      {"(cancel)", cw::FIELD_STATE_RECEIVED, cw::FIELD_STATE_CANCELLED, ""},
      {"(cancel)", cw::FIELD_STATE_SIGNED, cw::FIELD_STATE_CANCELLED, ""},
      {"ReportField", cw::FIELD_STATE_RECEIVED, {}, "SignField,DeclineField"},
      {"SignField", cw::FIELD_STATE_SIGNED, {}, "ReportField"},
      {"DeclineField", cw::FIELD_STATE_SIGNED, {}, "ReportField"},
      {"(cancel)", cw::FIELD_STATE_REPORTED, {}, ""},
      {"SignField", cw::FIELD_STATE_DECLINED, {}, ""},
      {"ReportField", cw::FIELD_STATE_CANCELLED, {}, ""},
  };
  for (const auto& row : rows) {
    INFO(row.command << " in " << cw::FieldState_Name(row.state));
    const auto found = AllowedFieldCommand(row.command, row.state);
    CHECK(found.ok() == (row.to != cw::FIELD_STATE_UNSPECIFIED));
    if (found.ok()) {
      CHECK((*found)->to == row.to);
      continue;
    }
    CHECK(found.status().code() == absl::StatusCode::kFailedPrecondition);
    CHECK(casework::ReasonOf(found.status()) == cw::ERROR_REASON_STATE_FORBIDS);
    CHECK(MetadataOf(found.status(), "allowed_actions") == row.allowed);
    CHECK(MetadataOf(found.status(), "state") == cw::FieldState_Name(row.state));
  }
}

TEST_CASE("a field request is worked on at its unit, below or above, and after signing by one",
          "[gridtask]") {
  v1::FieldTask task;
  task.mutable_field()->set_unit_id("230110001001");
  const struct {
    const char* unit;
    const char* role;
    bool allowed;
  } rows[] = {
      {"230110001001", auth::kClerk, true},         {"230110001001-g01", auth::kGridWorker, true},
      {"230110001001-station", auth::kClerk, true}, {"230110001", auth::kClerk, true},
      {"230110001002", auth::kClerk, false},        {"230110001-centre", auth::kClerk, false},
      {"230110001001", auth::kOfficer, false},      {"", auth::kClerk, false},
  };
  for (const auto& row : rows) {
    INFO(row.unit << " " << row.role);
    CHECK(MayWorkOn(task, Person("p1", row.unit, {row.role})).ok() == row.allowed);
  }
  task.set_signed_by("p2");
  CHECK_FALSE(MayWorkOn(task, Person("p1", "230110001001", {auth::kClerk})).ok());
  CHECK(MayWorkOn(task, Person("p2", "230110001001", {auth::kClerk})).ok());
}

TEST_CASE("events carry a field request without its finding", "[gridtask]") {
  v1::FieldTask task;
  task.mutable_field()->set_field_id("f1");
  task.mutable_field()->set_finding("房屋属实");
  task.mutable_field()->set_favourable(true);
  const cw::FieldRequest facts = FieldFactsOf(task);
  CHECK(facts.field_id() == "f1");
  CHECK(facts.favourable());
  CHECK(facts.finding().empty());
}

TEST_CASE("every wrong field of a request is named", "[gridtask]") {
  CHECK(Complaints([](auto* v) { CheckTarget("case_id", "", 0, v); }) ==
        "case_id expected_version");
  CHECK(Complaints([](auto* v) { CheckTarget("case_id", "x", 1, v); }).empty());
  CHECK(Complaints([](auto* v) { CheckText("t", "", 1, 5, v); }) == "t");
  CHECK(Complaints([](auto* v) { CheckText("t", "五个字符呀", 1, 5, v); }).empty());
  CHECK(Complaints([](auto* v) { CheckText("t", "六个字符呀！", 1, 5, v); }) == "t");
  CHECK(Complaints([](auto* v) { CheckText("t", "\xff", 0, 5, v); }) == "t");

  google::protobuf::RepeatedPtrField<std::string> digests;
  *digests.Add() = std::string(64, 'a');
  CHECK(Complaints([&](auto* v) { CheckDigests(digests, v); }).empty());
  *digests.Add() = std::string(64, 'G');
  *digests.Add() = std::string(63, 'a');
  CHECK(Complaints([&](auto* v) { CheckDigests(digests, v); }) ==
        "photo_digests[1] photo_digests[2]");
  digests.Clear();
  for (int i = 0; i < 21; ++i) *digests.Add() = std::string(64, '0');
  CHECK(Complaints([&](auto* v) { CheckDigests(digests, v); }) == "photo_digests");
}

TEST_CASE("a worker needs an id, a community, a grid of it, another as backup and duty hours",
          "[gridtask]") {
  const v1::Worker good = MakeWorker("w1", kGrid, "08:00", "18:00", "w2");
  const auto complaints = [](const v1::Worker& worker) {
    return Complaints([&](auto* v) { CheckWorker(worker, "w.", v); });
  };
  CHECK(complaints(good).empty());
  v1::Worker worker = good;
  worker.set_worker_id("w 1");
  worker.set_name("");
  CHECK(complaints(worker) == "w.worker_id w.name");
  worker = good;
  worker.set_unit_id("230110001001-station");
  CHECK(complaints(worker) == "w.unit_id w.grid_id");
  worker = good;
  worker.set_grid_id("230110001002-g01");
  CHECK(complaints(worker) == "w.grid_id");
  worker = good;
  worker.set_backup_worker_id("w1");
  CHECK(complaints(worker) == "w.backup_worker_id");
  for (const char* wrong : {"", "8:00", "24:00", "23:60", "aa:bb", "08-00"}) {
    INFO(wrong);
    worker = good;
    worker.set_duty_from(wrong);
    CHECK(complaints(worker) == "w.duty_from");
  }
  worker = good;
  worker.set_duty_to("08:00");
  CHECK(complaints(worker) == "w.duty_to");
  worker.set_duty_to("24:01");
  CHECK(complaints(worker) == "w.duty_to");
}

TEST_CASE("the shipped workers are read, and a wrong line is named", "[gridtask]") {
  const std::string csv = ReadFile("directory/workers.csv");
  const auto workers = ParseWorkers(csv);
  REQUIRE(workers.ok());
  CHECK(workers->size() == 896);
  CHECK((*workers)[0].worker_id() == "w-230110001001-g01");
  CHECK((*workers)[0].duty_to() == "18:00");

  const std::string header = csv.substr(0, csv.find('\n') + 1);
  const std::string row = "w1,甲,230110001001,230110001001-g01,,08:00,18:00\n";
  CHECK(ParseWorkers(header + row).ok());
  CHECK(absl::StrContains(ParseWorkers(row).status().message(), "Line 1 "));
  CHECK(absl::StrContains(ParseWorkers(header + row + "w2,乙\n").status().message(), "Line 3 "));
  const auto wrong = ParseWorkers(header + row + row + "w1,甲,23,23-g01,,08:00,18:00\n");
  CHECK(absl::StrContains(wrong.status().message(), "Line 4 "));
}

TEST_CASE("the shipped categories are read, and a wrong entry is named", "[gridtask]") {
  const auto list = CategoryList::Parse(ReadFile("grid/categories.json"));
  REQUIRE(list.ok());
  CHECK(list->size() == 27);
  const Category* door = list->Find("G0402");
  REQUIRE(door != nullptr);
  CHECK(door->name == "老人敲不开门");
  CHECK(door->urgent);
  CHECK_FALSE(door->photos_required);
  CHECK(door->handle.value() == 30);
  CHECK(door->handle.unit() == cw::TIME_UNIT_MINUTE);
  CHECK(list->Find("G9999") == nullptr);

  const std::string entry =
      R"({"code":"A","name":"停水","class":"公用","handle":{"value":1,"unit":"TIME_UNIT_HOUR"},)"
      R"("photos_required":false,"urgent":false,"source":"s"})";
  const auto with = [&entry](const std::string& from, const std::string& to) {
    std::string changed = entry;
    changed.replace(changed.find(from), from.size(), to);
    return CategoryList::Parse("[" + changed + "]").status();
  };
  CHECK(with("停水", "停水").ok());
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"A\"", "\"\""},
           {"\"name\"", "\"nam\""},
           {"\"value\":1", "\"value\":0"},
           {"\"value\":1", "\"value\":1.5"},
           {"HOUR", "WEEK"},
           {"\"urgent\":false", "\"urgent\":0"},
           {"\"source\":\"s\"", "\"source\":\"s\",\"x\":1"}}) {
    INFO(from << " -> " << to);
    const absl::Status status = with(from, to);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(absl::StrContains(status.message(), "Entry 1 "));
  }
  const auto twice = CategoryList::Parse(absl::StrCat("[", entry, ",", entry, "]"));
  CHECK(absl::StrContains(twice.status().message(), "Entry 2 "));
  CHECK_FALSE(CategoryList::Parse("[]").ok());
  CHECK_FALSE(CategoryList::Parse("not json").ok());
}

}  // namespace
}  // namespace yikou::gridtask
