// Identifiers nobody can guess and everybody can sort.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace yikou::base {

// Returns 32 hex digits: 48 bits of milliseconds since 1970, 80 random bits. Ids made later sort
// later, to the millisecond. Threads: any.
std::string NewId(absl::Time now);

// Returns `bytes` random bytes from the system's generator as hex digits.
std::string RandomHex(int bytes);

// Returns the bytes as lower-case hex digits.
std::string ToHex(absl::string_view bytes);

// True for a UUID of 36 characters or 32 hex digits.
bool IsUuid(absl::string_view text);

}  // namespace yikou::base
