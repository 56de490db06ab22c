// The executor that runs the suite's loops, posts and waits as fibres of one process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "libs/base/executor.h"
#include "tests/sim/scheduler.h"

namespace yikou::sim {

class SimExecutor final : public base::Executor {
 public:
  // `clock` is the machine's own, which may be wrong.
  SimExecutor(Scheduler* scheduler, std::shared_ptr<Life> life, const base::Clock* clock)
      : scheduler_(scheduler), life_(std::move(life)), clock_(clock) {}

  std::unique_ptr<base::Loop> StartLoop(std::string name,
                                        std::function<absl::Duration()> step) override;
  void Post(std::function<void()> work) override;
  std::unique_ptr<base::Semaphore> NewSemaphore(int permits) override;
  const base::Clock& clock() const override { return *clock_; }

 private:
  Scheduler* scheduler_;
  std::shared_ptr<Life> life_;
  const base::Clock* clock_;
};

}  // namespace yikou::sim
