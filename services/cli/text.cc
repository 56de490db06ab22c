#include "services/cli/text.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace yikou::cli {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Range {
  char32_t first, last;
};

// Unicode 15 East_Asian_Width W and F, neighbouring blocks joined; the ambiguous ones are narrow,
// as terminals show them by default.
constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x23F0, 0x23F0},   {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267F, 0x267F},   {0x2693, 0x2693},   {0x26A1, 0x26A1},
    {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26CE, 0x26CE},
    {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},
    {0x2728, 0x2728},   {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27B0, 0x27B0},   {0x27BF, 0x27BF},
    {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},   {0x2E80, 0x303E},
    {0x3041, 0x3247},   {0x3250, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},
    {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18D08}, {0x1AFF0, 0x1B2FB},
    {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A},
    {0x1F200, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393},
    {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4},
    {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D},
    {0x1F54B, 0x1F54E}, {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596},
    {0x1F5A4, 0x1F5A4}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC},
    {0x1F6D0, 0x1F6D2}, {0x1F6D5, 0x1F6DF}, {0x1F6EB, 0x1F6EF}, {0x1F6F4, 0x1F6FF},
    {0x1F7E0, 0x1F7F0}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945}, {0x1F947, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

// Combining marks and other characters that take no column.
constexpr Range kZero[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
    {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0x302A, 0x302D},   {0x3099, 0x309A}, {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};

// Control characters and bidirectional marks; never printed.
constexpr Range kForbidden[] = {
    {0x00, 0x08},     {0x0B, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C},
    {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069},
};

// Characters that do not begin a line.
constexpr Range kClosing[] = {
    {0x3001, 0x3002}, {0x3009, 0x3009}, {0x300B, 0x300B}, {0x300D, 0x300D},
    {0x300F, 0x300F}, {0x3011, 0x3011}, {0xFF01, 0xFF01}, {0xFF09, 0xFF09},
    {0xFF0C, 0xFF0C}, {0xFF1A, 0xFF1B}, {0xFF1F, 0xFF1F},
};

template <size_t N>
bool In(const Range (&ranges)[N], char32_t c) {
  const Range* found =
      std::lower_bound(std::begin(ranges), std::end(ranges), c,
                       [](const Range& range, char32_t value) { return range.last < value; });
  return found != std::end(ranges) && found->first <= c;
}

// Takes one character off the front; what is not UTF-8 counts one byte at a time.
char32_t TakeCharacter(absl::string_view* text) {
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<unsigned char>(text->front());
  const size_t length = lead < 0x80           ? 1
                        : (lead >> 5) == 0x06 ? 2
                        : (lead >> 4) == 0x0E ? 3
                        : (lead >> 3) == 0x1E ? 4
                                              : 0;
  if (length == 1) {
    text->remove_prefix(1);
    return lead;
  }
  char32_t value = lead & (0x7F >> length);
  bool valid = length != 0 && length <= text->size();
  for (size_t i = 1; valid && i < length; ++i) {
    const auto next = static_cast<unsigned char>((*text)[i]);
    valid = (next & 0xC0) == 0x80;
    value = (value << 6) | (next & 0x3F);
  }
  valid =
      valid && value >= kLeast[length] && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
  text->remove_prefix(valid ? length : 1);
  return valid ? value : kReplacement;
}

int WidthOf(char32_t c) {
  if (In(kZero, c) || In(kForbidden, c)) return 0;
  return In(kWide, c) ? 2 : 1;
}

// Appends one line, broken as Wrapped says.
void AppendWrapped(absl::string_view line, int width, std::string* out) {
  absl::string_view rest = line;
  size_t good_break = 0;  // bytes of `line` up to the last good place to break
  int used = 0;
  while (!rest.empty()) {
    const size_t at = line.size() - rest.size();
    const char32_t c = TakeCharacter(&rest);
    const int columns = WidthOf(c);
    // Punctuation stays with the character before it.
    const bool breaks_before = columns == 2 && !In(kClosing, c);
    if (breaks_before && at > 0) good_break = at;
    if (used + columns > width && at > 0) {
      const size_t cut = good_break > 0 ? good_break : at;
      absl::StrAppend(out, line.substr(0, cut), "\n");
      line.remove_prefix(cut);
      rest = line;
      good_break = 0;
      used = 0;
      continue;
    }
    used += columns;
    if (c == ' ') good_break = line.size() - rest.size();
  }
  absl::StrAppend(out, line);
}

}  // namespace

int DisplayWidth(absl::string_view text) {
  int width = 0;
  while (!text.empty()) width += WidthOf(TakeCharacter(&text));
  return width;
}

std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const absl::string_view before = text;
    const char32_t c = TakeCharacter(&text);
    const absl::string_view bytes = before.substr(0, before.size() - text.size());
    if (c == '\t') {
      out += ' ';
    } else if (c == kReplacement) {
      out += "\xEF\xBF\xBD";
    } else if (!In(kForbidden, c)) {
      absl::StrAppend(&out, bytes);
    }
  }
  return out;
}

std::string Wrapped(absl::string_view text, int width) {
  std::string out;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!out.empty()) out += "\n";
    AppendWrapped(line, std::max(width, 2), &out);
  }
  return out;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const absl::string_view before = text;
    // A replacement character of three bytes was written as one.
    if (TakeCharacter(&text) == kReplacement && before.size() - text.size() == 1) return false;
  }
  return true;
}

}  // namespace yikou::cli
