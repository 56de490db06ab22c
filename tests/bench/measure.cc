#include "tests/bench/measure.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <thread>

#include "absl/time/clock.h"

namespace yikou::bench {

void Must(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void Latencies::Add(const Latencies& more) {
  milliseconds_.insert(milliseconds_.end(), more.milliseconds_.begin(), more.milliseconds_.end());
}

double Latencies::Percentile(double share) const {
  if (milliseconds_.empty()) return 0;
  std::vector<double> sorted = milliseconds_;
  const auto at =
      std::min(sorted.size() - 1, static_cast<size_t>(share * static_cast<double>(sorted.size())));
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(at), sorted.end());
  return sorted[at];
}

void Readings::Add(const std::string& store, const std::string& name, double value) {
  stores_[store][name].push_back(value);
}

void Readings::Add(const std::string& store, const std::string& name, const Latencies& latencies) {
  Add(store, name + "_p50_ms", latencies.Percentile(0.50));
  Add(store, name + "_p99_ms", latencies.Percentile(0.99));
}

std::vector<double> Readings::Of(const std::string& store, const std::string& name) const {
  const auto rounds = stores_.find(store);
  if (rounds == stores_.end()) return {};
  const auto found = rounds->second.find(name);
  return found == rounds->second.end() ? std::vector<double>() : found->second;
}

double Rate(int threads, absl::Duration span, const std::function<void(int)>& work,
            Latencies* latencies) {
  struct Mine {
    int64_t done = 0;
    Latencies took;
    std::exception_ptr failed;
  };
  std::vector<Mine> mine(static_cast<size_t>(threads));
  const absl::Time begin = absl::Now();
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      Mine& own = mine[static_cast<size_t>(i)];
      try {
        for (absl::Time from = absl::Now(); from - begin < span;) {
          work(i);
          const absl::Time to = absl::Now();
          if (latencies != nullptr) own.took.Add(to - from);
          from = to;
          ++own.done;
        }
      } catch (...) {
        own.failed = std::current_exception();
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  int64_t done = 0;
  for (const Mine& own : mine) {
    if (own.failed) std::rethrow_exception(own.failed);
    if (latencies != nullptr) latencies->Add(own.took);
    done += own.done;
  }
  return static_cast<double>(done) / seconds;
}

}  // namespace yikou::bench
