// Which server is the master, by the word of the sentinels that watch it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/queue/redis.h"

namespace yikou::queue {

class Link;

// Reads "host:port,host:port"; a host with colons stands in brackets. INVALID_ARGUMENT with a
// sentence that names the part it cannot read, and when there is none at all.
absl::StatusOr<std::vector<Address>> ParseAddresses(absl::string_view text);

// A master and the failover that made it so; each failover has a higher epoch than the one before.
struct Master {
  Address address;
  int64_t epoch = 0;
};

// Errors: UNAVAILABLE with a sentence. Threads: one at a time; it starts none and never sleeps.
class MasterFinder {
 public:
  // Takes sentinels, master_name and sentinel_password_file of `options`. `clock` outlives it.
  MasterFinder(const RedisOptions& options, const base::Clock* clock);
  ~MasterFinder();

  // Asks the sentinels in turn until one names the master; that one is asked first the next time.
  // Each has an equal share of `timeout`, and one share is left over for whoever connects then.
  // What is named is not verified: a sentinel may have slept through the last failover.
  absl::StatusOr<Master> Find(absl::Duration timeout);

  // What Find named was of no use. The sentinel that named it may be cut off from the others, so it
  // is asked last the next time.
  void NamedInVain();

  // True when a sentinel names another master, made by a later failover than `current` was; that
  // sentinel is asked first then. Looks at most once a second, over a connection that is kept, and
  // asks another one each time: one that is cut off together with an old master must not have the
  // last word. One that does not answer is left in peace for ten seconds.
  // Raises the epoch of `current` when the sentinel confirms it by a later failover.
  bool HasMoved(Master* current, absl::Duration timeout);

 private:
  struct Sentinel {
    Address address;
    std::unique_ptr<Link> link;
    absl::Time rests_until = absl::InfinitePast();
  };

  absl::StatusOr<Master> Ask(Sentinel* sentinel, absl::Duration patience);
  void PutFirst(size_t index);
  absl::Duration Share(absl::Duration timeout) const;

  const base::Clock* clock_;
  std::string master_name_;
  std::string password_file_;
  std::vector<Sentinel> sentinels_;
  size_t next_ = 0;  // to be asked by HasMoved
  absl::Time next_look_ = absl::InfinitePast();
};

}  // namespace yikou::queue
