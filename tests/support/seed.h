// Where a test's random numbers begin: at another place each time, and again at a given one.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

#include "absl/strings/numbers.h"

namespace yikou::test {

// Drawn, or YIKOU_SEED when a printed seed is to be run again.
inline uint64_t Seed() {
  uint64_t seed = std::random_device()();
  if (const char* given = std::getenv("YIKOU_SEED"); given != nullptr) {
    (void)absl::SimpleAtoi(given, &seed);
  }
  return seed;
}

// True under `./dev test TIER --long`: full counts, not just enough to keep a test from rotting.
inline bool Long() { return std::getenv("YIKOU_TEST_LONG") != nullptr; }

}  // namespace yikou::test
