// Who calls.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace yikou::auth {

// A caller whose token was verified. Everything in it comes from the token.
struct Principal {
  std::string person_id;
  std::string unit_id;             // unit the person acts for; empty for services and citizens
  std::vector<std::string> roles;  // see roles.h
  std::string agent_for;           // citizen the person acts for (代办); usually empty

  bool Has(absl::string_view role) const {
    return std::any_of(roles.begin(), roles.end(),
                       [role](const std::string& own) { return own == role; });
  }
};

}  // namespace yikou::auth
