// The two ends of the streams between services. Delivery is at least once: an entry may come twice,
// and all of Redis may be lost; the record is in SQL, and the owner's log heals what is missing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/queue/redis.h"

namespace yikou::queue {

struct StreamMessage {
  std::string stream;
  std::string entry_id;  // for Ack only; after a loss of Redis it says nothing about the entry
  std::string payload;   // empty when somebody wrote an entry that is not ours
};

// Writes entries. Errors and threads: as RedisConnection.
class Producer {
 public:
  Producer(RedisOptions options, const base::Clock* clock) : redis_(std::move(options), clock) {}

  // Appends (stream, payload) pairs in their order, in one round trip. OK when the server has taken
  // all of them; on an error any of them may be in the stream: append all of them again.
  absl::Status Append(const std::vector<std::pair<std::string, std::string>>& entries);

  // Returns how many entries the stream holds; 0 when there is no such stream.
  absl::StatusOr<int64_t> Length(const std::string& stream);

  // Removes entries before `min_id` and returns how many went. Removes whole nodes of the stream
  // only and a bounded number a call, so some of them may stay for now.
  absl::StatusOr<int64_t> Trim(const std::string& stream, const std::string& min_id);

  // Removes what every group has confirmed and returns how many entries went. A group that was not
  // active for `absent_group_age`, and a stream without groups, holds back only entries younger
  // than that.
  absl::StatusOr<int64_t> TrimBehind(const std::string& stream, absl::Duration absent_group_age);

  RedisConnection* redis() { return &redis_; }

 private:
  RedisConnection redis_;
};

// What Claim took over.
struct Claimed {
  std::vector<StreamMessage> messages;
  // Entries that were pending but no longer exist. They never come again: fetch from the owner.
  int64_t deleted = 0;
};

// Reads streams as one member of a group. Errors and threads: as RedisConnection.
class Consumer {
 public:
  // `name` is the same after a restart and unlike any other member's.
  Consumer(RedisOptions options, const base::Clock* clock, std::string group, std::string name,
           std::vector<std::string> streams);

  // Creates what is missing of streams and groups; a new group starts at the first entry, and so
  // does one that stands ahead of its stream. Call it after every failure: another server may have
  // become the master.
  absl::Status EnsureGroups();

  // Returns entries no member of the group has read, at most `count` of each stream, in order
  // within a stream; waits up to `block` for the first. Returns none when there are none, and when
  // the group was missing, which is then made again from the first entry. Not a place to wait when
  // there are no streams.
  absl::StatusOr<std::vector<StreamMessage>> Read(int count, absl::Duration block);

  // Takes over entries, at most `count` of each stream, that a member, this one included, read at
  // least `min_idle` ago without acknowledging. Call it again and again: each call looks at a part
  // of what is pending and the next goes on behind it.
  absl::StatusOr<Claimed> Claim(absl::Duration min_idle, int count);

  // Marks entries as done for the group. Ids that are not pending are ignored.
  absl::Status Ack(const std::string& stream, const std::vector<std::string>& entry_ids);
  // The same, sent ahead of the next Read, or by Flush, to save a round trip. Lost when that fails:
  // then the entries come again.
  void AckLater(const std::string& stream, std::vector<std::string> entry_ids);
  absl::Status Flush();

  RedisConnection* redis() { return &redis_; }

 private:
  absl::Status RecreateGroups();
  std::vector<Command> AckCommands(
      const std::map<std::string, std::vector<std::string>>& done) const;

  RedisConnection redis_;
  const std::string group_;
  const std::string name_;
  const std::vector<std::string> streams_;
  std::vector<std::string> claim_cursors_;                  // one for each stream
  std::map<std::string, std::vector<std::string>> to_ack_;  // by stream
};

}  // namespace yikou::queue
