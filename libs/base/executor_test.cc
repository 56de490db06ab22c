#include "libs/base/executor.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "catch2/catch.hpp"

namespace yikou::base {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

// Counts, and lets the test wait for a count without sleeping for luck.
class Counter {
 public:
  void Add() {
    std::lock_guard<std::mutex> lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool Reaches(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return count_ >= count; });
  }
  int count() {
    std::lock_guard<std::mutex> lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

}  // namespace

TEST_CASE("a loop that asks for no wait runs again at once") {
  ThreadExecutor executor(0);
  Counter steps;
  auto loop = executor.StartLoop("test", [&] {
    steps.Add();
    return absl::ZeroDuration();
  });
  CHECK(steps.Reaches(100));
  loop->Stop();
}

TEST_CASE("a wake ends the wait") {
  ThreadExecutor executor(0);
  Counter steps;
  auto loop = executor.StartLoop("test", [&] {
    steps.Add();
    return absl::InfiniteDuration();
  });
  for (int i = 1; i <= 5; ++i) {
    REQUIRE(steps.Reaches(i));
    loop->Wake();
  }
  CHECK(steps.Reaches(6));
}

TEST_CASE("a wake during a step is not lost") {
  ThreadExecutor executor(0);
  Counter started, released, steps;
  auto loop = executor.StartLoop("test", [&] {
    started.Add();
    if (started.count() == 1) released.Reaches(1);
    steps.Add();
    return absl::InfiniteDuration();
  });
  REQUIRE(started.Reaches(1));
  loop->Wake();  // the first step is still in progress
  released.Add();
  CHECK(steps.Reaches(2));
}

TEST_CASE("a wait ends by itself") {
  ThreadExecutor executor(0);
  Counter steps;
  auto loop = executor.StartLoop("test", [&] {
    steps.Add();
    return absl::Milliseconds(1);
  });
  CHECK(steps.Reaches(3));
}

TEST_CASE("stop waits for the step in progress, and no step runs after it") {
  ThreadExecutor executor(0);
  Counter started, released, stopped;
  std::atomic<bool> in_step{false};
  std::atomic<int> steps{0};
  auto loop = executor.StartLoop("test", [&] {
    in_step = true;
    started.Add();
    released.Reaches(1);
    ++steps;
    in_step = false;
    return absl::ZeroDuration();
  });
  REQUIRE(started.Reaches(1));
  bool in_step_after_stop = true;
  std::thread stopper([&] {
    loop->Stop();
    in_step_after_stop = in_step;
    stopped.Add();
  });
  CHECK(stopped.count() == 0);
  released.Add();
  CHECK(stopped.Reaches(1));
  stopper.join();
  CHECK_FALSE(in_step_after_stop);
  const int after = steps;
  loop->Wake();
  loop->Stop();  // idempotent
  loop.reset();
  CHECK(steps == after);
}

TEST_CASE("a loop that is destroyed while it waits ends at once") {
  ThreadExecutor executor(0);
  Counter steps;
  auto loop = executor.StartLoop("test", [&] {
    steps.Add();
    return absl::InfiniteDuration();
  });
  REQUIRE(steps.Reaches(1));
  const absl::Time before = absl::Now();
  loop.reset();
  CHECK(absl::Now() - before < absl::Seconds(5));
  CHECK(steps.count() == 1);
}

TEST_CASE("a step never runs twice at the same time, however often it is woken") {
  ThreadExecutor executor(0);
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  Counter steps;
  auto loop = executor.StartLoop("test", [&] {
    if (++inside > 1) overlapped = true;
    std::this_thread::yield();
    --inside;
    steps.Add();
    return absl::Microseconds(100);
  });
  std::vector<std::thread> wakers;
  for (int i = 0; i < 4; ++i) {
    wakers.emplace_back([&] {
      for (int n = 0; n < 200; ++n) loop->Wake();
    });
  }
  for (std::thread& waker : wakers) waker.join();
  CHECK(steps.Reaches(2));
  loop->Stop();
  CHECK_FALSE(overlapped);
}

TEST_CASE("what was posted before shutdown is done, what comes after is dropped") {
  ThreadExecutor executor(2);
  Counter done;
  for (int i = 0; i < 500; ++i) executor.Post([&] { done.Add(); });
  executor.Shutdown();
  CHECK(done.count() == 500);
  const auto held = std::make_shared<int>();
  executor.Post([&done, held] { done.Add(); });
  CHECK(held.use_count() == 1);  // not kept either
  executor.Shutdown();           // idempotent
  CHECK(done.count() == 500);
}

TEST_CASE("work may post work, and the pool runs it in parallel") {
  ThreadExecutor executor(2);
  Counter both, done;
  for (int i = 0; i < 2; ++i) {
    executor.Post([&] {
      both.Add();
      both.Reaches(2);  // only when the other one runs too
      executor.Post([&] { done.Add(); });
    });
  }
  CHECK(done.Reaches(2));
}

}  // namespace yikou::base
