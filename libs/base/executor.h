// Where work runs. Libraries start no threads and never sleep but through an Executor, so the same
// code runs on real threads and on a simulated clock.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace yikou::base {

// A step that is run again and again, never by two threads at once.
class Loop {
 public:
  virtual ~Loop() = default;
  // Ends the current wait early. Never blocks; may be called from any thread.
  virtual void Wake() = 0;
  // Returns after the step in progress, if any, has ended; it is not run again. Idempotent.
  virtual void Stop() = 0;
};

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `step` until the loop is stopped or destroyed. The step returns how long to wait before it
  // runs again; zero runs it at once.
  virtual std::unique_ptr<Loop> StartLoop(std::string name,
                                          std::function<absl::Duration()> step) = 0;

  // Runs `work` once on the pool. Work posted after Shutdown is dropped.
  virtual void Post(std::function<void()> work) = 0;
};

// Real threads: one for each loop, a fixed pool for posted work.
class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(int pool_threads);
  ~ThreadExecutor() override;

  std::unique_ptr<Loop> StartLoop(std::string name, std::function<absl::Duration()> step) override;
  void Post(std::function<void()> work) override;
  // Finishes posted work and joins the pool. Idempotent.
  void Shutdown();

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace yikou::base
