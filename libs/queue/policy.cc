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

}  // namespace

absl::StatusOr<std::vector<std::string>> CheckPolicy(RedisConnection* redis) {
  // INFO and not CONFIG GET: it says the same, and hosted servers forbid CONFIG.
  YK_ASSIGN_OR_RETURN(
      const auto infos,
      redis->Pipeline({{"INFO", "memory"}, {"INFO", "persistence"}, {"INFO", "server"}},
                      {"NOPERM", "ERR unknown command"}));
  std::vector<std::string> complaints;
  const std::string eviction = Field(infos[0], "maxmemory_policy");
  const std::string append_only = Field(infos[1], "aof_enabled");
  const std::string version = Field(infos[2], "redis_version");
  if (eviction.empty() || append_only.empty() || version.empty()) {
    complaints.push_back(
        "Redis does not let us read INFO; make sure that maxmemory-policy is noeviction and "
        "appendonly is yes.");
    return complaints;
  }
  if (eviction != "noeviction") {
    complaints.push_back(absl::StrCat("Redis has maxmemory-policy ", eviction,
                                      " and may drop whole streams; set it to noeviction."));
  }
  if (append_only != "1") {
    complaints.push_back(
        "Redis keeps no append-only file and forgets the streams when it restarts; set appendonly "
        "to yes.");
  }
  int major = 0;
  if (!absl::SimpleAtoi(version.substr(0, version.find('.')), &major) || major < 7) {
    complaints.push_back(absl::StrCat("Redis is version ", version,
                                      " and cannot say which pending entries were deleted; use 7.0 "
                                      "or later."));
  }
  return complaints;
}

}  // namespace yikou::queue
