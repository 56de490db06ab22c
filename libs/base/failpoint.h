// Named places where a test lets the process die as if by kill -9.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace yikou::base {

// Arms one failpoint: the process kills itself with SIGKILL at the `hit`th passage (from 1).
// Called by main() from --failpoint, before any loop starts.
void ArmFailpoint(std::string name, int hit);

// Dies when `name` is armed and due; otherwise costs one load.
void Failpoint(absl::string_view name);

}  // namespace yikou::base
