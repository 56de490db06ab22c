// Randomness nobody can guess. A source of its own so that a simulation can replay it.
#pragma once

#include <string>

namespace yikou::base {

// `count` bytes from the system, at most 256. Ends the process when there is no entropy: without it
// no id is safe.
std::string RandomBytes(int count);

}  // namespace yikou::base
