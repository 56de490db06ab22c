#include "libs/base/scheduling.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace yikou::base {
namespace {

// What sched_setattr(2) takes; glibc 2.36 has no declaration of it.
struct SchedulerAttributes {
  uint32_t size = sizeof(SchedulerAttributes);
  uint32_t policy = 0;  // SCHED_OTHER
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;  // for SCHED_OTHER: the length of a turn
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};

constexpr uint64_t kTurnNs = 100'000;  // the shortest the kernel gives

}  // namespace

void AskForShortTurns() {
  SchedulerAttributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  if (attributes.policy != 0) return;  // an administrator chose another policy
  attributes.runtime_ns = kTurnNs;
  (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace yikou::base
