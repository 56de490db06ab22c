#include "libs/casework/lifecycle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/casework/errors.h"

namespace yikou::casework {
namespace {

struct NamedState {
  v1::CaseState state;
  const char* name;
};

// As the comments of CaseState in casework.proto have them.
constexpr NamedState kStateNames[] = {
    {v1::CASE_STATE_RECEIVED, "收件"},
    {v1::CASE_STATE_CORRECTION, "补正"},
    {v1::CASE_STATE_ACCEPTED, "受理"},
    {v1::CASE_STATE_NOT_ACCEPTED, "不予受理"},
    {v1::CASE_STATE_REFERRED, "转办"},
    {v1::CASE_STATE_WITHDRAWN, "撤回"},
    {v1::CASE_STATE_REVIEW, "审查"},
    {v1::CASE_STATE_SUSPENDED, "中止"},
    {v1::CASE_STATE_DECIDED, "决定"},
    {v1::CASE_STATE_ISSUED, "制证"},
    {v1::CASE_STATE_RETURNED, "退件"},
    {v1::CASE_STATE_TERMINATED, "终止"},
    {v1::CASE_STATE_READY, "待领取"},
    {v1::CASE_STATE_DELIVERED, "送达"},
    {v1::CASE_STATE_CLOSED, "办结"},
    {v1::CASE_STATE_REPORTED, "采集"},
    {v1::CASE_STATE_VERIFYING, "核实"},
    {v1::CASE_STATE_REGISTERED, "立案"},
    {v1::CASE_STATE_NOT_REGISTERED, "不予立案"},
    {v1::CASE_STATE_VOID, "作废"},
    {v1::CASE_STATE_SELF_HANDLED, "自处置"},
    {v1::CASE_STATE_DISPATCHED, "派遣"},
    {v1::CASE_STATE_SIGNED, "签收"},
    {v1::CASE_STATE_HANDLING, "处理"},
    {v1::CASE_STATE_FEEDBACK, "反馈"},
    {v1::CASE_STATE_CHECKING, "核查"},
    {v1::CASE_STATE_REWORK, "返工"},
    {v1::CASE_STATE_GRID_CLOSED, "结案"},
    {v1::CASE_STATE_RETURN_REQUESTED, "退单"},
};

// "AcceptCase" of "AcceptCase:tolerant".
absl::string_view PlainName(absl::string_view command) {
  return command.substr(0, command.find(':'));
}

// Timers and rules stand in brackets, variants of a command behind a colon.
bool IsOffered(const Transition& row) {
  const absl::string_view command = row.command;
  return command.find_first_of("(:") == absl::string_view::npos;
}

bool Takes(const Transition& row, v1::CaseState state) {
  if (row.from.empty()) return state == v1::CASE_STATE_UNSPECIFIED;
  return std::find(row.from.begin(), row.from.end(), state) != row.from.end();
}

// Commands a caller may give in a state; of every service when `owner` is empty.
std::vector<std::string> Offered(absl::Span<const Transition> table, absl::string_view owner,
                                 v1::CaseState state) {
  std::vector<std::string> commands;
  for (const Transition& row : table) {
    const bool wanted = owner.empty() || owner == row.owner;
    if (wanted && IsOffered(row) && Takes(row, state) &&
        std::find(commands.begin(), commands.end(), row.command) == commands.end()) {
      commands.emplace_back(row.command);
    }
  }
  return commands;
}

std::string Forbids(absl::string_view command, v1::CaseState state) {
  return absl::StrCat("办件处于“", StateName(state), "”状态，不能执行 ", PlainName(command));
}

}  // namespace

absl::StatusOr<const Transition*> Find(absl::Span<const Transition> table,
                                       absl::string_view command, v1::CaseState state) {
  for (const Transition& row : table) {
    if (row.command == command && Takes(row, state)) return &row;
  }
  const std::vector<std::string> allowed = Offered(table, "", state);
  const std::string next =
      allowed.empty() ? "；当前没有可以执行的操作。"
                      : absl::StrCat("；当前可以执行：", absl::StrJoin(allowed, "、"), "。");
  return Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_STATE_FORBIDS,
               absl::StrCat(Forbids(command, state), next))
      .With("state", v1::CaseState_Name(state))
      .With("command", PlainName(command))
      .With("allowed_actions", absl::StrJoin(allowed, ","));
}

std::vector<std::string> AllowedCommands(absl::Span<const Transition> table,
                                         absl::string_view owner, v1::CaseState state) {
  return Offered(table, owner, state);
}

std::vector<v1::Action> ActionsFor(absl::Span<const Transition> table, absl::string_view owner,
                                   v1::CaseState state) {
  const std::vector<std::string> allowed = Offered(table, owner, state);
  std::vector<v1::Action> actions;
  for (const Transition& row : table) {
    const bool known = std::any_of(actions.begin(), actions.end(),
                                   [&](const v1::Action& a) { return a.name() == row.command; });
    const bool creates = row.from.empty() && state != v1::CASE_STATE_UNSPECIFIED;
    if (owner != row.owner || !IsOffered(row) || known || creates) continue;
    v1::Action& action = actions.emplace_back();
    action.set_name(row.command);
    action.set_allowed(std::find(allowed.begin(), allowed.end(), row.command) != allowed.end());
    if (!action.allowed()) {
      action.set_blocked_because(absl::StrCat(Forbids(row.command, state), "。"));
    }
  }
  return actions;
}

absl::string_view StateName(v1::CaseState state) {
  for (const NamedState& named : kStateNames) {
    if (named.state == state) return named.name;
  }
  return "尚未建立";
}

bool IsOver(v1::CaseState state, bool accepted) {
  switch (state) {
    case v1::CASE_STATE_CLOSED:
    case v1::CASE_STATE_NOT_ACCEPTED:
    case v1::CASE_STATE_NOT_REGISTERED:
    case v1::CASE_STATE_VOID:
    case v1::CASE_STATE_SELF_HANDLED:
    case v1::CASE_STATE_GRID_CLOSED:
      return true;
    case v1::CASE_STATE_WITHDRAWN:
      return !accepted;
    default:
      return false;
  }
}

}  // namespace yikou::casework
