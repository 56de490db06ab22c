// Waiting for something that happens in another thread or process, with an end.
#pragma once

#include <chrono>
#include <thread>

#include "absl/time/time.h"

namespace yikou::test {

// Asks every 10 ms until `predicate` is true or `bound` has passed; returns what it said last.
template <class Predicate>
bool Eventually(absl::Duration bound, Predicate predicate) {
  const auto end = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(bound);
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace yikou::test
