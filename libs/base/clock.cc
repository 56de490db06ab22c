#include "libs/base/clock.h"

#include "absl/time/clock.h"

namespace yikou::base {

absl::Time SystemClock::Now() const { return absl::Now(); }

}  // namespace yikou::base
