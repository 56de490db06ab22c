// Cases lived to their end while something is being broken, and the ledger of what was
// acknowledged.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "services/cli/day/driver.h"

namespace yikou::test {

// Threads that live cases from the counter back to the counter until stopped. Every call retries
// with its own request id, so an unknown outcome is asked again until it is known.
class Load {
 public:
  Load(cli::Client* client, int threads);
  ~Load();

  // Cases acknowledged up to now.
  std::vector<std::string> Ledger();
  // Cases that were delivered up to now.
  int delivered() const { return delivered_; }
  // Lets every case come to its end, then returns what failed for good, each a sentence.
  std::vector<std::string> Finish();

 private:
  void Run(int thread);
  absl::Status LiveOne(int serial);

  day::Driver driver_;
  std::atomic<bool> stop_{false};
  std::atomic<int> delivered_{0};
  std::atomic<int> next_serial_;
  std::mutex mutex_;
  std::vector<std::string> ledger_;
  std::vector<std::string> failures_;
  std::vector<std::thread> threads_;
};

// Cases acknowledged by every Load of this process: the suite is shared, so is the ledger.
std::vector<std::string>& WholeLedger();

}  // namespace yikou::test
