// Places where a fault can be planted, to see that the simulation finds it (tests/sim). Exists in
// the simulation's own build of the code only; everywhere else a constant false.
#pragma once

#include "absl/strings/string_view.h"

namespace yikou::base {

#ifdef YIKOU_PLANTED_BUGS
bool Planted(absl::string_view bug);
#else
constexpr bool Planted(absl::string_view) { return false; }
#endif

}  // namespace yikou::base
