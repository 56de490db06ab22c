// Whether a Redis server is set up to keep what it is given.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/queue/redis.h"

namespace yikou::queue {

// One thing an operator sets.
struct PolicySetting {
  std::string name;       // "maxmemory_policy", "appendonly", "version"
  std::string complaint;  // a sentence that says what to change; empty when all is well
};

// Looks at the eviction policy (must be noeviction), the append-only file (must be kept) and the
// version (7.0 or later), always in this order. What may not be read is complained of.
// Errors and threads: as RedisConnection.
absl::StatusOr<std::vector<PolicySetting>> CheckPolicy(RedisConnection* redis);

}  // namespace yikou::queue
