// Readings of one run on one machine. Machines differ and drift; ratios of one run hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace yikou::bench {

// A benchmark that cannot be run ends the run: these throw std::runtime_error with the status.
void Must(const absl::Status& status);
template <class T>
T Must(absl::StatusOr<T> value) {
  Must(value.status());
  return *std::move(value);
}

// 0 of none; the mean of the two in the middle when there are two.
double Median(std::vector<double> values);

// How long single things took, in milliseconds.
class Latencies {
 public:
  void Add(absl::Duration took) { milliseconds_.push_back(absl::ToDoubleMilliseconds(took)); }
  void Add(const Latencies& more);
  size_t size() const { return milliseconds_.size(); }
  // The value `share` (0 to 1) of them do not exceed; 0 of none.
  double Percentile(double share) const;

 private:
  std::vector<double> milliseconds_;
};

// Every reading, by store and name, one a round.
class Readings {
 public:
  using Rounds = std::map<std::string, std::vector<double>>;

  void Add(const std::string& store, const std::string& name, double value);
  // Adds "<name>_p50_ms" and "<name>_p99_ms".
  void Add(const std::string& store, const std::string& name, const Latencies& latencies);
  // Empty when there is none.
  std::vector<double> Of(const std::string& store, const std::string& name) const;
  const std::map<std::string, Rounds>& all() const { return stores_; }

 private:
  std::map<std::string, Rounds> stores_;
};

// Runs `work(thread)` on threads again and again for `span`; returns completions a second. With
// `latencies`, adds what each took.
double Rate(int threads, absl::Duration span, const std::function<void(int)>& work,
            Latencies* latencies = nullptr);

}  // namespace yikou::bench
