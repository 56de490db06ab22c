#include "libs/base/executor.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace yikou::base {
namespace {

class ThreadLoop final : public Loop {
 public:
  ThreadLoop(const std::string& name, std::function<absl::Duration()> step)
      : step_(std::move(step)), thread_([this] { Run(); }) {
    // Linux keeps 15 characters of a thread's name.
    pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
  }
  ~ThreadLoop() override { Stop(); }

  void Wake() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }

  void Stop() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopped_) {
      woken_ = false;
      lock.unlock();
      const absl::Duration wait = step_();
      lock.lock();
      if (wait > absl::ZeroDuration()) {
        changed_.wait_for(lock, absl::ToChronoNanoseconds(std::min(wait, absl::Hours(1))),
                          [this] { return woken_ || stopped_; });
      }
    }
  }

  std::function<absl::Duration()> step_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopped_ = false;
  std::thread thread_;  // last: starts when everything above is ready
};

class ThreadSemaphore final : public Semaphore {
 public:
  explicit ThreadSemaphore(int permits) : permits_(permits) {}

  void Acquire() override {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return permits_ > 0; });
    --permits_;
  }
  // Notifies under the lock: who was waiting may destroy the semaphore as soon as it is let go.
  void Release() override {
    std::lock_guard<std::mutex> lock(mutex_);
    ++permits_;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int permits_;
};

}  // namespace

std::unique_ptr<Semaphore> Executor::NewSemaphore(int permits) {
  return std::make_unique<ThreadSemaphore>(permits);
}

const Clock& Executor::clock() const {
  static const SystemClock clock;
  return clock;
}

struct ThreadExecutor::Pool {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> queue;
  bool stopped = false;
  std::vector<std::thread> threads;

  void Run() {
    std::unique_lock<std::mutex> lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stopped || !queue.empty(); });
      if (queue.empty()) return;
      std::function<void()> work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
  }
};

ThreadExecutor::ThreadExecutor(int pool_threads) : pool_(std::make_unique<Pool>()) {
  for (int i = 0; i < pool_threads; ++i) {
    pool_->threads.emplace_back([pool = pool_.get()] { pool->Run(); });
  }
}

ThreadExecutor::~ThreadExecutor() { Shutdown(); }

std::unique_ptr<Loop> ThreadExecutor::StartLoop(std::string name,
                                                std::function<absl::Duration()> step) {
  return std::make_unique<ThreadLoop>(name, std::move(step));
}

void ThreadExecutor::Post(std::function<void()> work) {
  {
    std::lock_guard<std::mutex> lock(pool_->mutex);
    if (pool_->stopped) return;
    pool_->queue.push_back(std::move(work));
  }
  pool_->changed.notify_one();
}

void ThreadExecutor::Shutdown() {
  {
    std::lock_guard<std::mutex> lock(pool_->mutex);
    pool_->stopped = true;
  }
  pool_->changed.notify_all();
  for (std::thread& thread : pool_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace yikou::base
