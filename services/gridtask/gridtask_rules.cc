#include "services/gridtask/gridtask_rules.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "libs/auth/roles.h"
#include "libs/casework/clocks.h"
#include "libs/casework/grid_event.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"

namespace yikou::gridtask {
namespace {

namespace cw = casework::v1;

constexpr char kService[] = "gridtask";
constexpr int kMostDigests = 20;
constexpr int kDigestLength = 64;
constexpr int kMinutesOfDay = 24 * 60;

cw::Limit MakeLimit(int value, cw::TimeUnit unit) {
  cw::Limit limit;
  limit.set_value(value);
  limit.set_unit(unit);
  return limit;
}

bool TwoDigits(absl::string_view text, int* value) {
  if (!absl::ascii_isdigit(text[0]) || !absl::ascii_isdigit(text[1])) return false;
  *value = (text[0] - '0') * 10 + (text[1] - '0');
  return true;
}

// Minutes since midnight of "HH:MM", 00:00 to 24:00.
std::optional<int> MinuteOf(absl::string_view text) {
  int hours = 0;
  int minutes = 0;
  if (text.size() != 5 || text[2] != ':' || !TwoDigits(text.substr(0, 2), &hours) ||
      !TwoDigits(text.substr(3), &minutes) || minutes > 59) {
    return std::nullopt;
  }
  const int minute = hours * 60 + minutes;
  if (minute > kMinutesOfDay) return std::nullopt;
  return minute;
}

std::optional<Binding> BindingOf(const v1::Worker& worker, const std::set<std::string>& backups,
                                 absl::string_view grid_id) {
  if (worker.grid_id() == grid_id) return Binding::kBound;
  if (backups.count(worker.worker_id()) > 0) return Binding::kBackup;
  if (casework::Covers(casework::DivisionOf(grid_id), worker.unit_id())) {
    return Binding::kCommunity;
  }
  const std::string street = casework::DivisionAt(grid_id, cw::TIER_STREET);
  if (casework::Covers(street, worker.unit_id())) return Binding::kStreet;
  return std::nullopt;
}

absl::string_view BindingName(Binding binding) {
  switch (binding) {
    case Binding::kBound:
      return "网格绑定";
    case Binding::kBackup:
      return "网格后备";
    case Binding::kCommunity:
      return "同一社区";
    case Binding::kStreet:
      return "同一街道";
  }
  return "";
}

absl::Status NoAuthority(absl::string_view why) {
  return casework::Error(absl::StatusCode::kPermissionDenied, cw::ERROR_REASON_NO_AUTHORITY, why);
}

bool IsAssigneesCommand(absl::string_view command) {
  return command == "SignTask" || command == "ReturnTask" || command == "HandleTask";
}

absl::string_view FieldStateName(cw::FieldState state) {
  switch (state) {
    case cw::FIELD_STATE_RECEIVED:
      return "待签收";
    case cw::FIELD_STATE_SIGNED:
      return "已签收";
    case cw::FIELD_STATE_REPORTED:
      return "已反馈";
    case cw::FIELD_STATE_DECLINED:
      return "已退回";
    case cw::FIELD_STATE_CANCELLED:
      return "已撤销";
    default:
      return "尚未送达";
  }
}

const std::vector<FieldTransition>& FieldTable() {
  static const std::vector<FieldTransition>* const table = new std::vector<FieldTransition>{
      {"SignField", {cw::FIELD_STATE_RECEIVED}, cw::FIELD_STATE_SIGNED, "grid.field_signed"},
      {"DeclineField", {cw::FIELD_STATE_RECEIVED}, cw::FIELD_STATE_DECLINED, "grid.field_declined"},
      {"ReportField", {cw::FIELD_STATE_SIGNED}, cw::FIELD_STATE_REPORTED, "grid.field_reported"},
      {"(cancel)",
       {cw::FIELD_STATE_RECEIVED, cw::FIELD_STATE_SIGNED},
       cw::FIELD_STATE_CANCELLED,
       "grid.field_cancelled"},
  };
  return *table;
}

bool Takes(const FieldTransition& row, cw::FieldState state) {
  return std::find(row.from.begin(), row.from.end(), state) != row.from.end();
}

std::vector<std::string> FieldCommandsIn(cw::FieldState state) {
  std::vector<std::string> commands;
  for (const FieldTransition& row : FieldTable()) {
    if (row.command[0] != '(' && Takes(row, state)) commands.emplace_back(row.command);
  }
  return commands;
}

bool IsWorkerId(absl::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

cw::Limit SignLimit(bool urgent) {
  return urgent ? MakeLimit(10, cw::TIME_UNIT_MINUTE) : MakeLimit(1, cw::TIME_UNIT_HOUR);
}
cw::Limit ContactLimit() { return MakeLimit(24, cw::TIME_UNIT_HOUR); }
cw::Limit VerifyLimit() { return MakeLimit(24, cw::TIME_UNIT_HOUR); }
cw::Limit CheckLimit() { return MakeLimit(1, cw::TIME_UNIT_WORKING_DAY); }
cw::Limit FieldLimit() { return MakeLimit(3, cw::TIME_UNIT_WORKING_DAY); }

bool OnDuty(const v1::Worker& worker, absl::Time now) {
  const std::optional<int> from = MinuteOf(worker.duty_from());
  const std::optional<int> to = MinuteOf(worker.duty_to());
  if (!from || !to) return false;
  const absl::CivilMinute local = absl::ToCivilMinute(now, casework::Calendar::Zone());
  const int minute = local.hour() * 60 + local.minute();
  if (*from < *to) return *from <= minute && minute < *to;
  return *from <= minute || minute < *to;
}

std::vector<std::string> BackupsOf(const std::vector<v1::Worker>& workers,
                                   absl::string_view grid_id) {
  std::vector<std::string> backups;
  for (const v1::Worker& worker : workers) {
    if (worker.grid_id() == grid_id && !worker.backup_worker_id().empty()) {
      backups.push_back(worker.backup_worker_id());
    }
  }
  return backups;
}

std::vector<Candidate> Shortlist(const std::vector<v1::Worker>& workers, absl::string_view grid_id,
                                 absl::string_view returned_by, absl::Time now) {
  const std::vector<std::string> named = BackupsOf(workers, grid_id);
  const std::set<std::string> backups(named.begin(), named.end());
  std::vector<Candidate> candidates;
  for (const v1::Worker& worker : workers) {
    const std::optional<Binding> binding = BindingOf(worker, backups, grid_id);
    if (!binding || worker.worker_id() == returned_by) continue;
    candidates.push_back({worker, *binding, OnDuty(worker, now)});
  }
  // Duty counts before nearness; only when nobody is on duty the nearest is sent all the same.
  const auto rank = [](const Candidate& c) { return std::make_pair(!c.on_duty, c.binding); };
  const auto best = std::min_element(
      candidates.begin(), candidates.end(),
      [&rank](const Candidate& a, const Candidate& b) { return rank(a) < rank(b); });
  if (best == candidates.end()) return {};
  const auto least = rank(*best);
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                  [&](const Candidate& c) { return rank(c) != least; }),
                   candidates.end());
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.worker.worker_id() < b.worker.worker_id();
  });
  return candidates;
}

const Candidate* LeastLoaded(const std::vector<Candidate>& shortlist) {
  const auto least = std::min_element(
      shortlist.begin(), shortlist.end(), [](const Candidate& a, const Candidate& b) {
        return std::make_pair(a.worker.load(), a.worker.worker_id()) <
               std::make_pair(b.worker.load(), b.worker.worker_id());
      });
  return least == shortlist.end() ? nullptr : &*least;
}

std::string DispatchReason(const Candidate& candidate) {
  const v1::Worker& worker = candidate.worker;
  return absl::StrCat(BindingName(candidate.binding), "：", worker.grid_id(), "，当前负荷 ",
                      worker.load(), "，值班 ", worker.duty_from(), "-", worker.duty_to(),
                      candidate.on_duty ? "" : "，现无人值班，非值班时间派遣");
}

absl::Status MayReport(const auth::Principal& principal, absl::string_view grid_id) {
  std::string reach = casework::DivisionAt(principal.unit_id, cw::TIER_STREET);
  if (reach.empty()) reach = casework::DivisionOf(principal.unit_id);
  if (casework::Covers(reach, grid_id)) return absl::OkStatus();
  return NoAuthority(absl::StrCat("网格 ", grid_id, " 不在您所在单位 ", principal.unit_id,
                                  " 的街道范围内，不能在此采集；请转告该网格所在街道。"));
}

absl::Status MayTake(absl::string_view command, const v1::GridEvent& event,
                     const auth::Principal& principal) {
  if (IsAssigneesCommand(command)) {
    if (!event.worker_id().empty() && principal.person_id == event.worker_id()) {
      return absl::OkStatus();
    }
    return NoAuthority(absl::StrCat("只有被派遣的网格员才能执行 ", command, "。"));
  }
  const std::string community = casework::DivisionOf(event.grid_id());
  if (!principal.Has(auth::kDispatcher) || !casework::Covers(principal.unit_id, community)) {
    return NoAuthority(
        absl::StrCat("执行 ", command, " 需要管辖社区 ", community, " 的单位的调度员。"));
  }
  if (command == "CheckEvent" && principal.person_id == event.worker_id()) {
    return casework::Error(absl::StatusCode::kPermissionDenied, cw::ERROR_REASON_SAME_PERSON,
                           "处理人不能核查自己处理的事件，请由另一位调度员核查。");
  }
  return absl::OkStatus();
}

absl::Status CheckReturns(const v1::GridEvent& event) {
  if (event.returns() < kMaxReturns) return absl::OkStatus();
  return GuardFailed("returns", absl::StrCat("该事件已退单 ", event.returns(), " 次，最多 ",
                                             kMaxReturns, " 次，请签收处理。"));
}

absl::Status GuardFailed(absl::string_view guard, absl::string_view why) {
  return casework::Error(absl::StatusCode::kFailedPrecondition, cw::ERROR_REASON_GUARD_FAILED, why)
      .With("guard", guard);
}

void StartHandling(v1::GridEvent* event, const cw::Limit& handle,
                   const casework::Calendar& calendar, absl::Time now) {
  auto* clocks = event->mutable_clocks();
  casework::StartClock(clocks, cw::CLOCK_PURPOSE_HANDLE, "", handle, calendar, now);
  casework::StartClock(clocks, cw::CLOCK_PURPOSE_CONTACT, "", ContactLimit(), calendar, now);
}

void RestartHandling(v1::GridEvent* event, const casework::Calendar& calendar, absl::Time now) {
  cw::Limit limit;
  for (const cw::Clock& clock : event->clocks()) {
    if (clock.purpose() != cw::CLOCK_PURPOSE_HANDLE) continue;
    limit = MakeLimit(clock.budget() - clock.extended(), clock.unit());
  }
  casework::StartClock(event->mutable_clocks(), cw::CLOCK_PURPOSE_HANDLE, "", limit, calendar, now);
}

void StopPurpose(v1::GridEvent* event, cw::ClockPurpose purpose, absl::Time now) {
  if (cw::Clock* clock = casework::FindClock(event->mutable_clocks(), purpose)) {
    casework::StopClock(clock, now);
  }
}

std::vector<cw::Action> ActionsFor(const v1::GridEvent& event, const auth::Principal& principal) {
  std::vector<cw::Action> actions =
      casework::ActionsFor(casework::GridEventTable(), kService, event.state());
  for (cw::Action& action : actions) {
    if (!action.allowed()) continue;
    absl::Status status = MayTake(action.name(), event, principal);
    if (status.ok() && action.name() == "ReturnTask") status = CheckReturns(event);
    if (status.ok()) continue;
    action.set_allowed(false);
    action.set_blocked_because(std::string(status.message()));
  }
  return actions;
}

cw::CaseFacts FactsOf(const v1::GridEvent& event) {
  cw::CaseFacts facts;
  facts.set_kind(cw::CASE_KIND_GRID_EVENT);
  facts.set_state(event.state());
  facts.set_case_no(event.case_no());
  facts.set_title(event.title());
  facts.set_receiver_unit(event.receiver_unit());
  facts.set_home_unit(casework::DivisionOf(event.grid_id()));
  *facts.mutable_clocks() = event.clocks();
  facts.set_outcome(event.outcome());
  facts.set_channel(event.channel());
  *facts.mutable_received_at() = event.create_time();
  return facts;
}

absl::StatusOr<const FieldTransition*> AllowedFieldCommand(absl::string_view command,
                                                           cw::FieldState state) {
  for (const FieldTransition& row : FieldTable()) {
    if (row.command == command && Takes(row, state)) return &row;
  }
  const std::vector<std::string> allowed = FieldCommandsIn(state);
  const std::string next = allowed.empty()
                               ? "当前没有可以执行的操作。"
                               : absl::StrCat("当前可以执行：", absl::StrJoin(allowed, "、"), "。");
  return casework::Error(absl::StatusCode::kFailedPrecondition, cw::ERROR_REASON_STATE_FORBIDS,
                         absl::StrCat("现场核实任务处于“", FieldStateName(state),
                                      "”状态，不能执行 ", command, "；", next))
      .With("state", cw::FieldState_Name(state))
      .With("command", command)
      .With("allowed_actions", absl::StrJoin(allowed, ","));
}

std::vector<std::string> AllowedFieldCommands(cw::FieldState state) {
  return FieldCommandsIn(state);
}

bool NearField(absl::string_view field_unit, absl::string_view unit) {
  return casework::Covers(field_unit, unit) || casework::Covers(unit, field_unit);
}

absl::Status MayWorkOn(const v1::FieldTask& task, const auth::Principal& principal) {
  const std::string& unit = task.field().unit_id();
  const bool role = principal.Has(auth::kGridWorker) || principal.Has(auth::kClerk);
  if (!role || !NearField(unit, principal.unit_id)) {
    return NoAuthority(
        absl::StrCat("现场核实任务由单位 ", unit, " 的网格员或窗口人员办理，您没有权限。"));
  }
  if (!task.signed_by().empty() && task.signed_by() != principal.person_id) {
    return NoAuthority("该现场核实任务已由另一位工作人员签收，请由签收人反馈。");
  }
  return absl::OkStatus();
}

cw::FieldRequest FieldFactsOf(const v1::FieldTask& task) {
  cw::FieldRequest facts = task.field();
  facts.clear_finding();
  return facts;
}

void CheckTarget(absl::string_view field, const std::string& id, int64_t expected_version,
                 casework::Violations* violations) {
  if (id.empty()) violations->Add(field, "不能为空");
  if (expected_version < 1) violations->Add("expected_version", "应为您所依据的版本，至少为 1");
}

void CheckText(absl::string_view field, const std::string& text, int least, int most,
               casework::Violations* violations) {
  if (!casework::IsCleanText(text)) {
    violations->Add(field, "应为 UTF-8 文本，不含控制字符");
    return;
  }
  const int64_t characters = casework::CountCharacters(text);
  if (characters < least || characters > most) {
    violations->Add(
        field, absl::StrCat("应为 ", least, " 至 ", most, " 个字符，现为 ", characters, " 个"));
  }
}

void CheckDigests(const google::protobuf::RepeatedPtrField<std::string>& digests,
                  casework::Violations* violations) {
  if (digests.size() > kMostDigests) {
    violations->Add("photo_digests", absl::StrCat("最多 ", kMostDigests, " 张照片"));
  }
  for (int i = 0; i < digests.size(); ++i) {
    const std::string& digest = digests[i];
    const bool hex = std::all_of(digest.begin(), digest.end(), [](char c) {
      return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
    });
    if (digest.size() != kDigestLength || !hex) {
      violations->Add(absl::StrCat("photo_digests[", i, "]"),
                      "应为 SHA-256 摘要：64 位小写十六进制");
    }
  }
}

void CheckWorker(const v1::Worker& worker, absl::string_view prefix,
                 casework::Violations* violations) {
  const auto field = [prefix](absl::string_view name) { return absl::StrCat(prefix, name); };
  if (!IsWorkerId(worker.worker_id())) {
    violations->Add(field("worker_id"), "应为 1 至 64 个字母、数字、“-”、“_”或“.”");
  }
  CheckText(field("name"), worker.name(), 1, 200, violations);
  if (casework::TierOf(worker.unit_id()) != cw::TIER_COMMUNITY ||
      casework::DivisionOf(worker.unit_id()) != worker.unit_id()) {
    violations->Add(field("unit_id"), "应为社区编码：12 位数字");
  }
  if (casework::TierOf(worker.grid_id()) != cw::TIER_GRID ||
      casework::DivisionOf(worker.grid_id()) != worker.unit_id()) {
    violations->Add(field("grid_id"), "应为该社区的网格编码，例如 230110001001-g01");
  }
  const std::string& backup = worker.backup_worker_id();
  if (!backup.empty() && (!IsWorkerId(backup) || backup == worker.worker_id())) {
    violations->Add(field("backup_worker_id"), "应为另一位网格员的编号，或者不填");
  }
  const std::optional<int> from = MinuteOf(worker.duty_from());
  const std::optional<int> to = MinuteOf(worker.duty_to());
  if (!from || *from == kMinutesOfDay) {
    violations->Add(field("duty_from"), "应为 00:00 至 23:59 的时刻 HH:MM");
  }
  if (!to || to == from) {
    violations->Add(field("duty_to"), "应为 00:00 至 24:00 的时刻 HH:MM，且不同于 duty_from");
  }
}

absl::StatusOr<std::vector<v1::Worker>> ParseWorkers(absl::string_view csv) {
  constexpr absl::string_view kHeader =
      "worker_id,name,unit_id,grid_id,backup_worker_id,duty_from,duty_to";
  std::vector<v1::Worker> workers;
  int line_no = 0;
  for (absl::string_view line : absl::StrSplit(csv, '\n')) {
    line = absl::StripTrailingAsciiWhitespace(line);
    if (++line_no == 1) {
      if (line == kHeader) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("Line 1 of the workers is not the header ", kHeader, "."));
    }
    if (line.empty()) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (cells.size() != 7) {
      return absl::InvalidArgumentError(absl::StrCat("Line ", line_no, " of the workers has ",
                                                     cells.size(), " cells instead of 7."));
    }
    v1::Worker& worker = workers.emplace_back();
    worker.set_worker_id(cells[0]);
    worker.set_name(cells[1]);
    worker.set_unit_id(cells[2]);
    worker.set_grid_id(cells[3]);
    worker.set_backup_worker_id(cells[4]);
    worker.set_duty_from(cells[5]);
    worker.set_duty_to(cells[6]);
    casework::Violations violations;
    CheckWorker(worker, "", &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Line ", line_no, " of the workers is wrong: ", status.message()));
    }
  }
  return workers;
}

}  // namespace yikou::gridtask
