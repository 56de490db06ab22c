// One thread, many fibres, a clock of its own: the scheduler that makes a run a function of its
// seed.
//
// Exactly one fibre runs at a time, and it gives way only where it waits. What is due at the same
// instant runs in an order drawn from the seed. Nothing here reads the machine's clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/clock.h"

namespace yikou::sim {

class Fibre;

// What lives and dies together: one incarnation of a service's process.
class Life {
 public:
  explicit Life(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  bool dead() const { return dead_; }

 private:
  friend class Scheduler;
  std::string name_;
  bool dead_ = false;
  std::map<uint64_t, std::shared_ptr<Fibre>> fibres_;  // by id, that is by age
  std::function<void()> when_gone_;
};

// Thrown through the fibres of a life that has ended, so that they unwind; nobody catches it.
struct Killed {};

// Names a wait, so that a wake that comes late does not end another one.
struct WaitTicket {
  std::weak_ptr<Fibre> fibre;
  uint64_t wait = 0;
};

class Scheduler final : public base::Clock {
 public:
  Scheduler(uint64_t seed, absl::Time start);
  ~Scheduler() override;

  absl::Time Now() const override { return now_; }

  // Draws. Every decision of a run comes from here.
  std::mt19937_64& random() { return random_; }
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : random_() % bound; }
  bool Chance(double probability) {
    return static_cast<double>(random_() >> 11) * 0x1.0p-53 < probability;
  }
  absl::Duration Between(absl::Duration least, absl::Duration most);

  // Runs `work` later, outside of any fibre: it must not wait.
  void After(absl::Duration delay, std::function<void()> work);
  // Starts a fibre. Dropped when the life has ended before it begins.
  void Spawn(std::shared_ptr<Life> life, std::string name, std::function<void()> body,
             absl::Duration delay = absl::ZeroDuration());

  // The fibre that runs, and its life; null outside of fibres.
  Fibre* current() const { return current_; }
  Life* life() const;
  // Waits. Outside of fibres, and in a life that has ended, there is no waiting: it returns at
  // once.
  void Sleep(absl::Duration time);
  // Waits for Wake or for `bound`; true when woken. The ticket is taken before the wait.
  WaitTicket Ticket();
  bool Wait(const WaitTicket& ticket, absl::Duration bound);
  void Wake(const WaitTicket& ticket);

  // Ends a life: its fibres unwind where they wait, and `when_gone` runs after the last. Throws
  // Killed when a fibre of that life calls it.
  void Kill(const std::shared_ptr<Life>& life, std::function<void()> when_gone);

  // Runs until `done`, or until `bound`; true when done.
  bool RunUntil(const std::function<bool()>& done, absl::Time bound);

 private:
  friend class Fibre;
  struct Event {
    absl::Time at;
    uint64_t tie;
    uint64_t number;
    std::function<void()> work;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      if (a.at != b.at) return a.at > b.at;
      return a.tie != b.tie ? a.tie > b.tie : a.number > b.number;
    }
  };
  void Resume(const std::shared_ptr<Fibre>& fibre);
  void GiveWay();

  std::mt19937_64 random_;
  absl::Time now_;
  std::vector<Event> events_;  // a heap
  uint64_t next_number_ = 0;
  uint64_t next_fibre_ = 0;
  uint64_t next_wait_ = 0;
  Fibre* current_ = nullptr;
};

}  // namespace yikou::sim
