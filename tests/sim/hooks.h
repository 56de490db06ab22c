// Where the code under simulation meets the world of the run: this binary has its own randomness,
// log and failpoints in place of those of libs/base.
#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "libs/base/log.h"

namespace yikou::sim {

struct Hooks {
  std::function<std::string(int count)> random_bytes;
  std::function<void(base::LogLevel level, absl::string_view event, const std::string& fields)> log;
  std::function<void(absl::string_view name)> failpoint;
  std::string planted_bug;  // the one that is on; "" for none
};

Hooks& CurrentHooks();

}  // namespace yikou::sim
