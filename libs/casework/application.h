// The lifecycle of an application (办件), the whole of it: domain.md section 3.
#pragma once

#include "absl/types/span.h"
#include "libs/casework/lifecycle.h"

namespace yikou::casework {

absl::Span<const Transition> ApplicationTable();

}  // namespace yikou::casework
