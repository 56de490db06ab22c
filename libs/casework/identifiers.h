// Numbers people read and type, and the numbers the state gave them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::casework {

// Case number: digits of the unit's division, yyyymmdd, kind letter (A application, G grid event),
// six digits of sequence, one check character (ISO 7064 mod 37,36 over all before it).
std::string FormatCaseNumber(absl::string_view unit, absl::CivilDay day, v1::CaseKind kind,
                             int64_t sequence);
// True when the text is built like a case number and the check character fits.
bool IsCaseNumber(absl::string_view text);

// Checks an identity number of 18 characters (GB 11643-1999): digits, a birth date that exists, is
// not before 1900 and not after `today`, and the check character (ISO 7064 mod 11,2). Returns "" or
// a sentence that says what is wrong, without the number itself.
std::string CheckIdNumber(absl::string_view id_number, absl::CivilDay today);

// "YYYY-MM-DD" between 1900-01-01 and 2100-12-31; false otherwise.
bool ParseDay(absl::string_view text, absl::CivilDay* day);

// True when the text is valid UTF-8 without control characters but tab and newline.
bool IsCleanText(absl::string_view text);
// Characters (code points) of valid UTF-8.
int64_t CountCharacters(absl::string_view text);

}  // namespace yikou::casework
