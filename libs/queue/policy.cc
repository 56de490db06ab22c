#include "libs/queue/policy.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status.h"

namespace yikou::queue {
namespace {

// Returns the value of a "name:value" line; empty when there is none.
std::string Field(const Reply& info, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(info.text, absl::ByAnyChar("\r\n"))) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (parts.first == name) return std::string(parts.second);
  }
  return "";
}

std::string Unreadable(absl::string_view setting, absl::string_view wanted) {
  return absl::StrCat("Redis does not let us read ", setting,
                      " (INFO is forbidden); make sure that it is ", wanted, ", or allow INFO.");
}

std::string OfEviction(const std::string& policy) {
  if (policy.empty()) return Unreadable("maxmemory-policy", "noeviction");
  if (policy == "noeviction") return "";
  return absl::StrCat("Redis has maxmemory-policy ", policy,
                      " and may drop whole streams when its memory is full; set it to noeviction.");
}

std::string OfAppendOnly(const std::string& enabled) {
  if (enabled.empty()) return Unreadable("appendonly", "yes");
  if (enabled == "1") return "";
  return "Redis keeps no append-only file and forgets the streams when it restarts; set appendonly "
         "to yes.";
}

std::string OfVersion(const std::string& version) {
  if (version.empty()) return Unreadable("its version", "7.0 or later");
  int major = 0;
  if (absl::SimpleAtoi(version.substr(0, version.find('.')), &major) && major >= 7) return "";
  return absl::StrCat("Redis is version ", version,
                      " and cannot say which pending entries were deleted; use 7.0 or later.");
}

}  // namespace

absl::StatusOr<std::vector<PolicySetting>> CheckPolicy(RedisConnection* redis) {
  // INFO and not CONFIG GET: it says the same, and hosted servers forbid CONFIG.
  YK_ASSIGN_OR_RETURN(
      const auto infos,
      redis->Pipeline({{"INFO", "memory"}, {"INFO", "persistence"}, {"INFO", "server"}},
                      {"NOPERM", "ERR unknown command"}));
  return std::vector<PolicySetting>{
      {"maxmemory_policy", OfEviction(Field(infos[0], "maxmemory_policy"))},
      {"appendonly", OfAppendOnly(Field(infos[1], "aof_enabled"))},
      {"version", OfVersion(Field(infos[2], "redis_version"))}};
}

}  // namespace yikou::queue
