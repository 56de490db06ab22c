#include "tests/sim/hooks.h"

#include "absl/strings/str_cat.h"
#include "libs/base/failpoint.h"
#include "libs/base/planted_bug.h"
#include "libs/base/random.h"

namespace yikou::sim {

Hooks& CurrentHooks() {
  static auto* hooks = new Hooks;
  return *hooks;
}

}  // namespace yikou::sim

namespace yikou::base {

using sim::CurrentHooks;

std::string RandomBytes(int count) {
  const auto& hook = CurrentHooks().random_bytes;
  return hook ? hook(count) : std::string(static_cast<size_t>(count), '\0');
}

void InitLog(absl::string_view, LogLevel, const std::string&) {}

void Log(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields) {
  if (!CurrentHooks().log) return;
  std::string text;
  for (const LogField& field : fields) {
    absl::StrAppend(&text, text.empty() ? "" : " ", field.first, "=", field.second);
  }
  CurrentHooks().log(level, event, text);
}

void ArmFailpoint(std::string, int) {}

void Failpoint(absl::string_view name) {
  if (CurrentHooks().failpoint) CurrentHooks().failpoint(name);
}

bool Planted(absl::string_view bug) { return CurrentHooks().planted_bug == bug; }

}  // namespace yikou::base
