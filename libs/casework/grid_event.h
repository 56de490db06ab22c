// The lifecycle of a grid event (网格事件), the seven-stage loop: domain.md section 4.
#pragma once

#include "absl/types/span.h"
#include "libs/casework/lifecycle.h"

namespace yikou::casework {

absl::Span<const Transition> GridEventTable();

}  // namespace yikou::casework
