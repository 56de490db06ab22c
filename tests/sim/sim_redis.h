// The part of Redis the suite uses, in memory: streams with groups, pending entries, claims and
// trims. Speaks commands, so that libs/queue runs on it as it is.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/queue/redis.h"

namespace yikou::sim {

class SimRedis {
 public:
  explicit SimRedis(const base::Clock* clock) : clock_(clock) {}

  // Runs one command. It never waits: `wait`, when given, is set to how long a server would wait
  // for entries before it answers this; whoever calls looks again meanwhile.
  queue::Reply Execute(const queue::Command& command, absl::Duration* wait = nullptr);
  // How many calls are waiting, as INFO tells it.
  void set_waiting(int waiting) { waiting_ = waiting; }

  // Everything is gone.
  void FlushAll();
  // As after a failover to a replica that was behind: the youngest `count` entries of each stream
  // are gone, and what was read or acknowledged of them; or, without `groups_too`, as after a dump
  // was put back by hand: the groups stand ahead of their streams.
  void LoseTail(int count, bool groups_too);
  // As after a restart within the second: acknowledgements of the last entries are forgotten, so
  // that they are pending again.
  void ForgetAcks();

  // Called with every entry that is acknowledged while it was pending.
  std::function<void(const std::string& stream, const std::string& group,
                     const std::string& payload)>
      on_ack;

 private:
  using Id = std::pair<uint64_t, uint64_t>;
  using Fields = std::vector<std::string>;
  struct Pending {
    std::string member;
    absl::Time delivered;
  };
  struct Group {
    Id last_delivered{0, 0};
    uint64_t entries_read = 0;
    std::map<Id, Pending> pending;
    std::map<std::string, absl::Time> members;  // when each asked last
    std::vector<std::pair<Id, Pending>> acked;  // since the last ForgetAcks, for it
  };
  struct Stream {
    std::map<Id, Fields> entries;
    Id last_id{0, 0};
    uint64_t added = 0;
    std::map<std::string, Group> groups;
  };
  using Words = std::vector<std::string>;

  static std::string Text(const Id& id);
  static Id ParseId(const std::string& text);
  static queue::Reply EntryReply(const Id& id, const Fields& fields);
  Group* Find(const std::string& stream, const std::string& group);

  queue::Reply Add(const Words& words);
  queue::Reply MakeGroup(const Words& words);
  queue::Reply ReadGroup(const Words& words, absl::Duration* wait);
  queue::Reply AutoClaim(const Words& words);
  queue::Reply Ack(const Words& words);
  queue::Reply Trim(const Words& words);
  queue::Reply Info(const Words& words);
  queue::Reply PendingSummary(const Words& words);

  const base::Clock* clock_;
  std::map<std::string, Stream> streams_;
  int waiting_ = 0;
};

}  // namespace yikou::sim
