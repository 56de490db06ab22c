// Whether a Redis server is set up to keep what it is given.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/queue/redis.h"

namespace yikou::queue {

// Returns one sentence for everything an operator should change: an eviction policy other than
// noeviction, no append-only file, a version before 7.0, or that none of it may be read. None when
// all is well.
// Errors and threads: as RedisConnection.
absl::StatusOr<std::vector<std::string>> CheckPolicy(RedisConnection* redis);

}  // namespace yikou::queue
