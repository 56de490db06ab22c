#include "libs/base/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <utility>

namespace yikou::base {
namespace {

std::atomic<bool> g_armed{false};
std::atomic<int> g_left{0};
std::string& ArmedName() {
  static std::string* name = new std::string;
  return *name;
}

}  // namespace

void ArmFailpoint(std::string name, int hit) {
  ArmedName() = std::move(name);
  g_left = hit;
  g_armed = true;
}

void Failpoint(absl::string_view name) {
  if (!g_armed.load(std::memory_order_acquire) || name != ArmedName()) return;
  if (g_left.fetch_sub(1) == 1) kill(getpid(), SIGKILL);
}

}  // namespace yikou::base
