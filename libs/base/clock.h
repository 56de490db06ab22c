// The two clocks of the suite, both injected: the system clock for leases, tokens and retries, the
// case clock for everything legal.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace yikou::base {

class Clock {
 public:
  virtual ~Clock() = default;
  // Threads: may be called from any.
  virtual absl::Time Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
};

// The system clock plus an offset that only grows; the offset is how a test day skips eight days.
class CaseClock final : public Clock {
 public:
  explicit CaseClock(const Clock* system) : system_(system) {}

  absl::Time Now() const override { return system_->Now() + offset(); }
  absl::Duration offset() const { return absl::Microseconds(offset_us_.load()); }
  // Sets the offset; the caller has checked that it does not go back.
  void set_offset(absl::Duration offset) { offset_us_ = absl::ToInt64Microseconds(offset); }

 private:
  const Clock* system_;
  std::atomic<int64_t> offset_us_{0};
};

}  // namespace yikou::base
