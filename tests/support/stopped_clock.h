// A clock that goes only when it is told to.
#pragma once

#include "absl/time/time.h"
#include "libs/base/clock.h"

namespace yikou::test {

// Threads: asked from any, but set while nobody asks.
class StoppedClock final : public base::Clock {
 public:
  explicit StoppedClock(absl::Time now = absl::FromUnixSeconds(1'800'000'000)) : now_(now) {}

  absl::Time Now() const override { return now_; }
  void Set(absl::Time now) { now_ = now; }
  // Backwards too.
  void Advance(absl::Duration by) { now_ += by; }

 private:
  absl::Time now_;
};

}  // namespace yikou::test
