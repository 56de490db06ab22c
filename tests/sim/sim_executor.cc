#include "tests/sim/sim_executor.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace yikou::sim {
namespace {

// A step that wants to run again at once still lets others go first.
constexpr absl::Duration kBreath = absl::Microseconds(20);

class SimSemaphore final : public base::Semaphore {
 public:
  SimSemaphore(Scheduler* scheduler, int permits) : scheduler_(scheduler), permits_(permits) {}

  void Acquire() override {
    while (permits_ == 0) {
      // There is nobody who could be waited for: only the end of a process comes here.
      if (scheduler_->current() == nullptr) return;
      const WaitTicket ticket = scheduler_->Ticket();
      waiting_.push_back(ticket);
      scheduler_->Wait(ticket, absl::InfiniteDuration());
    }
    --permits_;
  }
  void Release() override {
    ++permits_;
    while (!waiting_.empty()) {
      const WaitTicket next = waiting_.front();
      waiting_.pop_front();
      if (next.fibre.expired()) continue;
      scheduler_->Wake(next);
      break;
    }
  }

 private:
  Scheduler* scheduler_;
  int permits_;
  std::deque<WaitTicket> waiting_;
};

struct LoopState {
  Scheduler* scheduler;
  std::function<absl::Duration()> step;
  bool stopped = false;
  bool woken = false;
  bool ended = false;
  WaitTicket waiting;
  WaitTicket joiner;

  void Run() {
    while (!stopped) {
      woken = false;
      const absl::Duration wait = step();
      if (stopped) break;
      if (wait <= absl::ZeroDuration()) {
        scheduler->Sleep(scheduler->Between(absl::ZeroDuration(), kBreath));
      } else if (!woken) {
        waiting = scheduler->Ticket();
        scheduler->Wait(waiting, std::min(wait, absl::Hours(1)));
      }
    }
  }
};

// Marks the loop as ended however it ends.
struct EndOf {
  LoopState* state;
  ~EndOf() {
    state->ended = true;
    state->step = nullptr;
    state->scheduler->Wake(state->joiner);
  }
};

class SimLoop final : public base::Loop {
 public:
  explicit SimLoop(std::shared_ptr<LoopState> state) : state_(std::move(state)) {}
  ~SimLoop() override { Stop(); }

  void Wake() override {
    state_->woken = true;
    state_->scheduler->Wake(state_->waiting);
  }
  void Stop() override {
    state_->stopped = true;
    Wake();
    while (!state_->ended && state_->scheduler->current() != nullptr) {
      state_->joiner = state_->scheduler->Ticket();
      state_->scheduler->Wait(state_->joiner, absl::InfiniteDuration());
    }
  }

 private:
  std::shared_ptr<LoopState> state_;
};

}  // namespace

std::unique_ptr<base::Loop> SimExecutor::StartLoop(std::string name,
                                                   std::function<absl::Duration()> step) {
  auto state = std::make_shared<LoopState>();
  state->scheduler = scheduler_;
  state->step = std::move(step);
  scheduler_->Spawn(
      life_, std::move(name),
      [state] {
        const EndOf end{state.get()};
        state->Run();
      },
      scheduler_->Between(absl::ZeroDuration(), absl::Milliseconds(1)));
  return std::make_unique<SimLoop>(std::move(state));
}

void SimExecutor::Post(std::function<void()> work) {
  scheduler_->Spawn(life_, "post", std::move(work),
                    scheduler_->Between(absl::ZeroDuration(), absl::Microseconds(50)));
}

std::unique_ptr<base::Semaphore> SimExecutor::NewSemaphore(int permits) {
  return std::make_unique<SimSemaphore>(scheduler_, permits);
}

}  // namespace yikou::sim
