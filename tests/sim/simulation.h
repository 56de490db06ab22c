// One run from its seed to its findings.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/ground.h"

namespace yikou::sim {

struct Outcome {
  std::vector<std::string> findings;  // sentences; none in a clean run
  uint64_t digest = 0;                // of everything that was traced: equal for equal runs
  int cases = 0;
  absl::Duration lived;  // simulated time
};

// Lives one run. `trace` prints what happens.
Outcome Simulate(const Ground& ground, uint64_t seed, bool trace);

}  // namespace yikou::sim
