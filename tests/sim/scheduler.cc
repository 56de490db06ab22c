#include "tests/sim/scheduler.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace yikou::sim {
namespace {

// Frames are larger under AddressSanitizer. Pages that are not used cost nothing.
constexpr size_t kStackBytes = 1 << 20;

// Stacks are used again: to map one costs more than to run most fibres.
std::vector<void*>& FreeStacks() {
  static auto* stacks = new std::vector<void*>;
  return *stacks;
}

void* TakeStack() {
  if (!FreeStacks().empty()) {
    void* stack = FreeStacks().back();
    FreeStacks().pop_back();
    return stack;
  }
  void* stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) std::abort();
  // An overflow faults instead of writing into the next stack.
  mprotect(stack, 4096, PROT_NONE);
  return stack;
}

}  // namespace

class Fibre {
 public:
  Fibre(Scheduler* scheduler, std::shared_ptr<Life> life, uint64_t id, std::string name,
        std::function<void()> body)
      : scheduler(scheduler),
        life(std::move(life)),
        id(id),
        name(std::move(name)),
        body(std::move(body)) {}
  ~Fibre() {
    if (stack != nullptr) FreeStacks().push_back(stack);
  }

  void Begin() {
    stack = TakeStack();
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = kStackBytes;
    context.uc_link = nullptr;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&context, reinterpret_cast<void (*)()>(&Fibre::Main), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  }

  // Goes on in the fibre until it gives way.
  void Enter() {
#if defined(__SANITIZE_ADDRESS__)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, stack, kStackBytes);
    swapcontext(&caller, &context);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
    swapcontext(&caller, &context);
#endif
  }

  // Goes back to the scheduler.
  void Leave() {
#if defined(__SANITIZE_ADDRESS__)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(finished ? nullptr : &fake, caller_stack, caller_size);
    swapcontext(&context, &caller);
    __sanitizer_finish_switch_fiber(fake, &caller_stack, &caller_size);
#else
    swapcontext(&context, &caller);
#endif
  }

  static void Main(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<Fibre*>((static_cast<uintptr_t>(high) << 32) | low);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &self->caller_stack, &self->caller_size);
#endif
    try {
      self->body();
    } catch (const Killed&) {
      // Its life has ended.
    }
    self->body = nullptr;
    self->finished = true;
    self->Leave();
  }

  Scheduler* scheduler;
  std::shared_ptr<Life> life;
  const uint64_t id;
  const std::string name;
  std::function<void()> body;
  void* stack = nullptr;
  ucontext_t context;
  ucontext_t caller;
  const void* caller_stack = nullptr;
  size_t caller_size = 0;
  uint64_t wait = 0;  // the wait it is in; 0 when it is to run
  bool woken = false;
  bool finished = false;
};

Scheduler::Scheduler(uint64_t seed, absl::Time start) : random_(seed), now_(start) {}
Scheduler::~Scheduler() = default;

absl::Duration Scheduler::Between(absl::Duration least, absl::Duration most) {
  const int64_t span = absl::ToInt64Nanoseconds(most - least);
  return least + absl::Nanoseconds(static_cast<int64_t>(Below(std::max<int64_t>(span, 1))));
}

Life* Scheduler::life() const { return current_ == nullptr ? nullptr : current_->life.get(); }

void Scheduler::After(absl::Duration delay, std::function<void()> work) {
  events_.push_back({now_ + delay, random_(), next_number_++, std::move(work)});
  std::push_heap(events_.begin(), events_.end(), Later());
}

void Scheduler::Spawn(std::shared_ptr<Life> life, std::string name, std::function<void()> body,
                      absl::Duration delay) {
  if (life->dead_) return;
  auto fibre = std::make_shared<Fibre>(this, life, ++next_fibre_, std::move(name), std::move(body));
  life->fibres_[fibre->id] = fibre;
  After(delay, [this, fibre] { Resume(fibre); });
}

void Scheduler::Resume(const std::shared_ptr<Fibre>& fibre) {
  if (fibre->finished) return;
  if (fibre->stack == nullptr) {
    if (!fibre->life->dead_) fibre->Begin();
  }
  if (fibre->stack != nullptr) {
    current_ = fibre.get();
    fibre->Enter();
    current_ = nullptr;
  } else {
    fibre->body = nullptr;
    fibre->finished = true;
  }
  if (!fibre->finished) return;
  Life& life = *fibre->life;
  life.fibres_.erase(fibre->id);
  if (life.dead_ && life.fibres_.empty() && life.when_gone_) {
    After(absl::ZeroDuration(), std::exchange(life.when_gone_, nullptr));
  }
}

void Scheduler::GiveWay() {
  Fibre* self = current_;
  self->Leave();
  // Unwinding must not begin while another exception is on its way through this fibre.
  if (self->life->dead_ && std::uncaught_exceptions() == 0) throw Killed();
}

WaitTicket Scheduler::Ticket() {
  if (current_ == nullptr) return {};
  current_->wait = ++next_wait_;
  current_->woken = false;
  return {current_->life->fibres_.at(current_->id), current_->wait};
}

bool Scheduler::Wait(const WaitTicket& ticket, absl::Duration bound) {
  if (current_ == nullptr) return false;
  if (current_->life->dead_) {
    if (std::uncaught_exceptions() == 0) throw Killed();
    return false;
  }
  if (current_->woken) return true;
  if (bound < absl::InfiniteDuration()) {
    After(bound, [this, ticket] {
      const std::shared_ptr<Fibre> fibre = ticket.fibre.lock();
      if (!fibre || fibre->wait != ticket.wait) return;
      fibre->wait = 0;
      Resume(fibre);
    });
  }
  Fibre* self = current_;
  GiveWay();
  return self->woken;
}

void Scheduler::Wake(const WaitTicket& ticket) {
  const std::shared_ptr<Fibre> fibre = ticket.fibre.lock();
  if (!fibre || fibre->wait != ticket.wait || fibre->woken) return;
  fibre->woken = true;
  if (fibre.get() == current_) return;
  After(absl::ZeroDuration(), [this, ticket] {
    const std::shared_ptr<Fibre> fibre = ticket.fibre.lock();
    if (!fibre || fibre->wait != ticket.wait) return;
    fibre->wait = 0;
    Resume(fibre);
  });
}

void Scheduler::Sleep(absl::Duration time) {
  if (current_ != nullptr) Wait(Ticket(), time);
}

void Scheduler::Kill(const std::shared_ptr<Life>& life, std::function<void()> when_gone) {
  if (life->dead_) return;
  life->dead_ = true;
  life->when_gone_ = std::move(when_gone);
  if (life->fibres_.empty()) {
    After(absl::ZeroDuration(), std::exchange(life->when_gone_, nullptr));
    return;
  }
  for (const auto& [id, fibre] : life->fibres_) {
    if (fibre.get() == current_) continue;
    fibre->wait = 0;
    After(absl::ZeroDuration(), [this, fibre = fibre] { Resume(fibre); });
  }
  if (current_ != nullptr && current_->life == life && std::uncaught_exceptions() == 0) {
    throw Killed();
  }
}

bool Scheduler::RunUntil(const std::function<bool()>& done, absl::Time bound) {
  while (!done()) {
    if (events_.empty() || events_.front().at > bound) {
      now_ = std::max(now_, bound);
      return false;
    }
    std::pop_heap(events_.begin(), events_.end(), Later());
    Event event = std::move(events_.back());
    events_.pop_back();
    now_ = std::max(now_, event.at);
    event.work();
  }
  return true;
}

}  // namespace yikou::sim
