// Text on a terminal: how wide it is, and what of it may be shown.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace yikou::cli {

// Columns a UTF-8 text takes on a terminal: 2 for East Asian wide characters, 0 for combining ones.
int DisplayWidth(absl::string_view text);

// Text without what could move the cursor or reorder a line: control characters and bidirectional
// marks are taken out, bytes that are not UTF-8 become U+FFFD, tabs become spaces; line ends stay.
// What citizens wrote ends on officials' terminals.
std::string Printable(absl::string_view text);

// Breaks each line so that none is wider than `width` columns: after a space or at an East Asian
// character where there is one, anywhere otherwise. A width below 2 counts as 2.
std::string Wrapped(absl::string_view text, int width);

// False when some bytes are not UTF-8; protobuf carries nothing else in strings.
bool IsUtf8(absl::string_view text);

}  // namespace yikou::cli
