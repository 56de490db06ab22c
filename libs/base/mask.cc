// The mask of libs/base/log.h, apart from the log itself: a simulation keeps the one and replaces
// the other.
#include <cctype>

#include "libs/base/log.h"

namespace yikou::base {

std::string MaskPersonalData(absl::string_view text) {
  std::string masked(text);
  for (size_t i = 0; i < masked.size();) {
    if (!isalnum(static_cast<unsigned char>(masked[i]))) {
      ++i;
      continue;
    }
    size_t end = i;
    size_t digits = 0;
    while (end < masked.size() && isalnum(static_cast<unsigned char>(masked[end]))) {
      digits += isdigit(static_cast<unsigned char>(masked[end])) ? 1 : 0;
      ++end;
    }
    const size_t length = end - i;
    const bool identity =
        length == 18 && (digits == 18 || (digits == 17 && toupper(masked[end - 1]) == 'X'));
    const bool mobile = length == 11 && digits == 11 && masked[i] == '1';
    if (identity || mobile) masked.replace(i + 3, length - 5, length - 5, '*');
    i = end;
  }
  return masked;
}

}  // namespace yikou::base
