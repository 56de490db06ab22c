#include "libs/base/random.h"

#include <sys/random.h>

#include <cstdlib>

namespace yikou::base {

std::string RandomBytes(int count) {
  std::string bytes(count, '\0');
  // Up to 256 bytes getrandom never returns fewer than asked for.
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  return bytes;
}

}  // namespace yikou::base
