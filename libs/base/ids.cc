#include "libs/base/ids.h"

#include <cctype>

#include "libs/base/random.h"

namespace yikou::base {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

}  // namespace

std::string ToHex(absl::string_view bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    hex.push_back(kHexDigits[byte >> 4]);
    hex.push_back(kHexDigits[byte & 15]);
  }
  return hex;
}

std::string NewId(absl::Time now) {
  const uint64_t millis = static_cast<uint64_t>(absl::ToUnixMillis(now));
  std::string time_bytes;
  for (int shift = 40; shift >= 0; shift -= 8) {
    time_bytes.push_back(static_cast<char>((millis >> shift) & 0xff));
  }
  return ToHex(time_bytes) + ToHex(RandomBytes(10));
}

std::string RandomHex(int bytes) { return ToHex(RandomBytes(bytes)); }

bool IsUuid(absl::string_view text) {
  const bool dashed = text.size() == 36;
  if (!dashed && text.size() != 32) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (dashed && (i == 8 || i == 13 || i == 18 || i == 23)) {
      if (text[i] != '-') return false;
    } else if (!isxdigit(static_cast<unsigned char>(text[i]))) {
      return false;
    }
  }
  return true;
}

}  // namespace yikou::base
