// What the flows share: counters, requests made beforehand, and the time until all is drained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/flows.h"
#include "tests/bench/load.h"
#include "tests/bench/machine.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::bench {

// Items of the catalogue made for load: two parallel branches.
inline constexpr char kByRule[] = "YK-B001";
inline constexpr char kByOfficers[] = "YK-B002";

// Receives cases of one item at all counters of a district in turn, so that no block of case
// numbers is hot. Requests are made beforehand, but for their ids.
class Receiving {
 public:
  Receiving(test::Suite* suite, Load* load, const std::string& item);

  // Begins the next call; `done` gets the case id. Latencies count from `from`.
  void Next(absl::Time from, std::function<void(const std::string& case_id)> done);

  const Latencies& latencies() const { return latencies_; }
  const std::vector<std::string>& case_ids() const { return case_ids_; }

 private:
  struct Counter {
    cli::Identity clerk;
    intake::v1::ReceiveCaseRequest request;
  };
  Load* const load_;
  std::vector<Counter> counters_;
  size_t next_ = 0;
  Latencies latencies_;
  std::vector<std::string> case_ids_;
};

// Measures a flow from its making to Drained.
class FlowMeter {
 public:
  explicit FlowMeter(test::Suite* suite);

  // The load has ended.
  void LoadEnded();
  // Waits until all five services have applied everything.
  static void Drain(test::Suite* suite);
  // Takes the time of `cases` from `begin` to now.
  void Take(int64_t cases, absl::Time begin);
  // Counts what was stored; call it when everything is drained.
  Flow Finish();

 private:
  test::Suite* const suite_;
  const int64_t events_before_;
  const CpuMeter cpu_;
  Flow flow_;
};

// Throws unless some of these cases, from first to last, are READY.
void ExpectReady(test::Suite* suite, const std::vector<std::string>& case_ids);

}  // namespace yikou::bench
