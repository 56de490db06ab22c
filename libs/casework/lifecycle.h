// What every lifecycle has in common: a table of transitions, one row a command.
//
// A row says who owns the state, from which states the command is taken, where it leads
// (UNSPECIFIED leaves the state as it is) and what event it makes. Guards that need data stand with
// the command; the table is what a reader looks at first.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::casework {

struct Transition {
  const char* owner;  // service that takes the command
  // RPC name; with ":variant" when the same RPC may lead elsewhere; in brackets the name of a timer
  // or of what a service does by itself. Only plain RPC names are offered to callers.
  const char* command;
  std::vector<v1::CaseState> from;  // empty: the case does not exist yet
  v1::CaseState to;                 // UNSPECIFIED: unchanged
  const char* event;
};

// The row of a command for a state, UNSPECIFIED for a case that does not exist yet.
// FAILED_PRECONDITION, STATE_FORBIDS, names the state and the commands this state allows, of
// whichever service; metadata state, command and allowed_actions (comma separated).
absl::StatusOr<const Transition*> Find(absl::Span<const Transition> table,
                                       absl::string_view command, v1::CaseState state);
// Commands that `owner` offers in a state, in table order, each once.
std::vector<std::string> AllowedCommands(absl::Span<const Transition> table,
                                         absl::string_view owner, v1::CaseState state);
// One Action for each command `owner` offers: allowed, or blocked with the reason. Commands that
// create a case are left out once it exists.
std::vector<v1::Action> ActionsFor(absl::Span<const Transition> table, absl::string_view owner,
                                   v1::CaseState state);

// Chinese name of a state, for people.
absl::string_view StateName(v1::CaseState state);
// True when nothing can happen to the case any more but rating. A withdrawal ends a case only
// before acceptance; after it, as every end, it still goes back to the counter
// (CaseRecord.accept_time tells).
bool IsOver(v1::CaseState state, bool accepted);

}  // namespace yikou::casework
