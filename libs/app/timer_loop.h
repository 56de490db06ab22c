// Fires what is due, each as a change of its own: clocks of aggregates by case time, leases by
// system time. One replica at a time does it; were it two, the version of the aggregate lets one of
// them win.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libs/app/lease.h"
#include "libs/app/service_env.h"
#include "libs/base/executor.h"

namespace yikou::app {

class TimerLoop {
 public:
  // Applies the due timers of one aggregate to the Work.
  using OnDue =
      std::function<absl::Status(store::Work&, const store::AggregateKind&, const std::string& id)>;

  // `clock` is the one the kinds' next_due is told by.
  TimerLoop(const ServiceEnv* env, const base::Clock* clock,
            std::vector<const store::AggregateKind*> kinds, OnDue on_due, Lease lease)
      : env_(env),
        clock_(clock),
        kinds_(std::move(kinds)),
        on_due_(std::move(on_due)),
        lease_(std::move(lease)) {}

  void Start(base::Executor* executor);
  // Case time moved.
  void Wake();
  // A timer due at `due` was committed. Never blocks; threads: any.
  void Notice(absl::Time due);
  void Stop();

 private:
  absl::Duration Step();

  const ServiceEnv* env_;
  const base::Clock* clock_;
  std::vector<const store::AggregateKind*> kinds_;
  OnDue on_due_;
  Lease lease_;
  std::unique_ptr<base::Loop> loop_;
  std::atomic<int64_t> next_due_us_ = INT64_MAX;  // the loop sleeps until then
};

}  // namespace yikou::app
