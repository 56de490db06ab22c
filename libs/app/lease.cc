#include "libs/app/lease.h"

namespace yikou::app {
namespace {

// A replica that died is replaced after this long at most.
constexpr absl::Duration kTerm = absl::Seconds(4);
constexpr absl::Duration kAsk = absl::Milliseconds(500);

}  // namespace

bool Lease::Held() {
  const absl::Time now = clock_->Now();
  if (now < next_ask_) return held_;
  const absl::StatusOr<bool> taken = store_->TakeLease(name_, holder_, now, now + kTerm);
  held_ = taken.ok() && *taken;
  next_ask_ = now + (held_ ? kTerm / 2 : kAsk);
  return held_;
}

}  // namespace yikou::app
