// Where work runs. Libraries start no threads and never sleep but through an Executor, so the same
// code runs on real threads and on a simulated clock.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "libs/base/clock.h"

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

// Permits to go on. The only way a library waits for another step: what it waits through, the
// simulator can run the others in.
class Semaphore {
 public:
  virtual ~Semaphore() = default;
  // Waits for a permit and takes it.
  virtual void Acquire() = 0;
  // Never blocks; may be called from any thread.
  virtual void Release() = 0;
};

// Holds one permit: a lock that may be held while waiting, where a std::mutex may not.
class Hold {
 public:
  explicit Hold(Semaphore* semaphore) : semaphore_(semaphore) { semaphore_->Acquire(); }
  ~Hold() { semaphore_->Release(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  Semaphore* semaphore_;
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

  // Blocks threads, unless the executor has something else that waits.
  virtual std::unique_ptr<Semaphore> NewSemaphore(int permits);

  // The clock that waits are measured by: system time.
  virtual const Clock& clock() const;
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
