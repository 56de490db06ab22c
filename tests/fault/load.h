// Cases lived to their end while something is being broken; the suite keeps the ledger of what was
// acknowledged.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "services/cli/day/driver.h"
#include "tests/support/suite.h"

namespace yikou::test {

// Threads that live cases from the counter back to the counter until stopped. Every call retries
// with its own request id, so an unknown outcome is asked again until it is known.
class Load {
 public:
  Load(Suite* suite, int threads);
  ~Load();

  // Cases that were delivered up to now.
  int delivered() const { return delivered_; }
  // Lets every case come to its end, then returns what failed for good, each a sentence.
  std::vector<std::string> Finish();

 private:
  void Run(int thread);
  absl::Status LiveOne(int serial);

  Suite* suite_;
  day::Driver driver_;
  std::atomic<bool> stop_{false};
  std::atomic<int> delivered_{0};
  std::atomic<int> next_serial_;
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::thread> threads_;
};

}  // namespace yikou::test
