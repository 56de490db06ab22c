// Chinese labels of enum values, for tables and for values on the command line.
#pragma once

#include "absl/strings/string_view.h"

namespace yikou::cli {

// Label of a value by its full name (CASE_STATE_READY is 待领取); empty when it has none.
absl::string_view LabelOf(absl::string_view full_name);

}  // namespace yikou::cli
