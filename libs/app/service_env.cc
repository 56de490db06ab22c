#include "libs/app/service_env.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/auth/roles.h"
#include "libs/casework/errors.h"

namespace yikou::app {

store::Work ServiceEnv::WorkFor(const rpc::CallContext& context,
                                const std::string& request_id) const {
  store::WorkContext work;
  work.source = service;
  work.actor.set_unit_id(context.principal.unit_id);
  work.actor.set_person_id(context.principal.person_id);
  work.actor.set_agent_for(context.principal.agent_for);
  work.cause = request_id;
  work.traceparent = telemetry::FormatTraceparent(context.trace);
  work.now = case_clock->Now();
  work.stream = EventsStream(service);
  return store::Work(store, std::move(work));
}

store::Work ServiceEnv::WorkForTimer(const std::string& cause) const {
  store::WorkContext work;
  work.source = service;
  work.actor.set_person_id("system");
  work.cause = cause;
  work.now = case_clock->Now();
  work.stream = EventsStream(service);
  return store::Work(store, std::move(work));
}

std::optional<store::Scope> ServiceEnv::ScopeOf(const rpc::CallContext& context) const {
  const auth::Principal& principal = context.principal;
  if (principal.Has(auth::kService) || principal.Has(auth::kAuditor) ||
      principal.Has(auth::kOperator)) {
    return std::nullopt;
  }
  return store::Scope{principal.unit_id};
}

absl::Status CheckVersion(absl::string_view what, int64_t expected_version, int64_t current,
                          const std::vector<std::string>& allowed) {
  if (expected_version < 1) {
    casework::Violations violations;
    violations.Add(
        "expected_version",
        absl::StrCat("must be the version you decided on, at least 1; it is ", current, " now."));
    return violations.ToStatus();
  }
  if (expected_version == current) return absl::OkStatus();
  return casework::VersionConflict(what, expected_version, current, absl::StrJoin(allowed, ","));
}

}  // namespace yikou::app
