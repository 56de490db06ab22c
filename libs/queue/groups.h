// What the groups of a stream have behind them and before them: for metrics and for trimming.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/queue/redis.h"

namespace yikou::queue {

struct GroupStats {
  std::string stream;
  std::string group;
  std::optional<int64_t> lag;         // entries not read yet; none when the server cannot tell
  int64_t pending = 0;                // entries read and not acknowledged
  absl::Duration oldest_pending_age;  // since it was written; zero when nothing is pending
};

// Returns one element for each group of the stream; none when there is no such stream.
// Errors and threads: as RedisConnection.
absl::StatusOr<std::vector<GroupStats>> ReadGroupStats(RedisConnection* redis,
                                                       const std::string& stream);

// Sets a group that stands behind the last entry the stream ever had back to its first entry: it
// would be given nothing until ids have come that far. No failover does that, but a restored dump
// or a hand does. Returns whether it had to. OK and false when there is no such stream or group.
// Errors and threads: as RedisConnection.
absl::StatusOr<bool> PullBackGroup(RedisConnection* redis, const std::string& stream,
                                   const std::string& group);

// Returns the smallest entry id that some group may still need: entries before it may go. Never
// behind a pending entry of a group that counts. A group counts unless it neither reached an entry
// as young as `forget_before` nor had a member ask for one since; such a group, and a stream
// without groups, needs only entries younger than `forget_before`.
// Errors and threads: as RedisConnection.
absl::StatusOr<std::string> SafeTrimId(RedisConnection* redis, const std::string& stream,
                                       absl::Time forget_before = absl::InfinitePast());

}  // namespace yikou::queue
