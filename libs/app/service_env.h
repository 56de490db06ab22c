// What a service's handlers and reactions share: record, clocks, calendar, reference data.
#pragma once

#include <string>

#include "libs/app/mirror.h"
#include "libs/base/clock.h"
#include "libs/casework/calendar.h"
#include "libs/rpc/call.h"
#include "libs/store/group_committer.h"
#include "libs/store/work.h"

namespace yikou::app {

struct ServiceEnv {
  std::string service;  // "intake", ...
  store::Store* store = nullptr;
  store::GroupCommitter* committer = nullptr;
  const base::Clock* system_clock = nullptr;
  const base::Clock* case_clock = nullptr;
  const casework::Calendar* calendar = nullptr;
  Reference* reference = nullptr;

  // Work of a command: the actor is the caller.
  store::Work WorkFor(const rpc::CallContext& context, const std::string& request_id) const;
  // Work of a timer or a rule: the actor is "system".
  store::Work WorkForTimer(const std::string& cause) const;
  // Scope of a caller's reads: absent for services, auditors and operators, who see everything.
  std::optional<store::Scope> ScopeOf(const rpc::CallContext& context) const;
};

// INVALID_ARGUMENT unless `expected_version` is at least 1; ABORTED, VERSION_CONFLICT, unless it is
// `current`. `allowed` are the commands to name.
absl::Status CheckVersion(absl::string_view what, int64_t expected_version, int64_t current,
                          const std::vector<std::string>& allowed);

}  // namespace yikou::app
