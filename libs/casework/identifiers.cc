#include "libs/casework/identifiers.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/casework/units.h"

namespace yikou::casework {
namespace {

constexpr char kAlphanumeric[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr size_t kDayDigits = 8;
constexpr size_t kLeastSequenceDigits = 6;
constexpr int kIdNumberLength = 18;

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

int ValueOf(char c) { return absl::ascii_isdigit(c) ? c - '0' : c - 'A' + 10; }

// ISO 7064 mod 37,36, a hybrid system: catches every single wrong character.
char CaseCheckCharacter(absl::string_view body) {
  int product = 36;
  for (const char c : body) {
    const int sum = (product + ValueOf(c)) % 36;
    product = (sum == 0 ? 36 : sum) * 2 % 37;
  }
  return kAlphanumeric[(37 - product) % 36];
}

// GB 11643-1999 (ISO 7064 mod 11,2): weights 2^(17-i) mod 11, check characters by remainder.
char IdCheckCharacter(absl::string_view digits) {
  constexpr int kWeights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) sum += (digits[i] - '0') * kWeights[i];
  return "10X98765432"[sum % 11];
}

char KindLetter(v1::CaseKind kind) { return kind == v1::CASE_KIND_GRID_EVENT ? 'G' : 'A'; }

// Eight digits that name a day of the calendar.
bool ParseCompactDay(absl::string_view text, absl::CivilDay* day) {
  int year = 0, month = 0, mday = 0;
  if (text.size() != kDayDigits || !AllDigits(text) ||
      !absl::SimpleAtoi(text.substr(0, 4), &year) || !absl::SimpleAtoi(text.substr(4, 2), &month) ||
      !absl::SimpleAtoi(text.substr(6, 2), &mday)) {
    return false;
  }
  *day = absl::CivilDay(year, month, mday);
  return day->year() == year && day->month() == month && day->day() == mday;
}

// Takes one code point off the front of `text`. False when the bytes are not UTF-8 (RFC 3629).
bool TakeCodePoint(absl::string_view* text, uint32_t* code_point) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>((*text)[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 0 || lead > 0xF4 || text->size() < length) return false;
  *code_point = length == 1 ? lead : lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return false;
    *code_point = (*code_point << 6) | (byte(i) & 0x3F);
  }
  constexpr uint32_t kLeastOfLength[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = *code_point >= 0xD800 && *code_point <= 0xDFFF;
  text->remove_prefix(length);
  return *code_point >= kLeastOfLength[length] && *code_point <= 0x10FFFF && !surrogate;
}

}  // namespace

std::string FormatCaseNumber(absl::string_view unit, absl::CivilDay day, v1::CaseKind kind,
                             int64_t sequence) {
  std::string number = absl::StrFormat("%s%04d%02d%02d%c%06d", DivisionOf(unit), day.year(),
                                       day.month(), day.day(), KindLetter(kind), sequence);
  number.push_back(CaseCheckCharacter(number));
  return number;
}

bool IsCaseNumber(absl::string_view text) {
  const auto letter = std::find_if(text.begin(), text.end(), absl::ascii_isupper);
  const size_t before = letter - text.begin();
  if (text.size() < before + 1 + kLeastSequenceDigits + 1 || before < kDayDigits) return false;
  const absl::string_view division = text.substr(0, before - kDayDigits);
  const absl::string_view sequence = text.substr(before + 1, text.size() - before - 2);
  absl::CivilDay day;
  return AllDigits(division) && IsUnitId(division) &&
         ParseCompactDay(text.substr(division.size(), kDayDigits), &day) && AllDigits(sequence) &&
         text.back() == CaseCheckCharacter(text.substr(0, text.size() - 1));
}

std::string CheckIdNumber(absl::string_view id_number, absl::CivilDay today) {
  const int64_t length = CountCharacters(id_number);
  if (length != kIdNumberLength) return absl::StrCat("身份证号码应为 18 位，现为 ", length, " 位");
  const absl::string_view digits = id_number.substr(0, kIdNumberLength - 1);
  if (id_number.size() != kIdNumberLength || !AllDigits(digits)) {
    return "身份证号码前 17 位应全部为数字";
  }
  if (id_number.back() == 'x') return "身份证号码末位应为大写字母 X";
  absl::CivilDay birth;
  if (!ParseCompactDay(digits.substr(6, kDayDigits), &birth)) {
    return "身份证号码第 7 至 14 位不是有效的出生日期";
  }
  if (birth < absl::CivilDay(1900, 1, 1)) return "身份证号码中的出生日期早于 1900 年";
  if (birth > today) return "身份证号码中的出生日期晚于今天";
  if (id_number.back() != IdCheckCharacter(digits)) {
    return "身份证号码的校验码不符，请核对是否输错";
  }
  return "";
}

bool ParseDay(absl::string_view text, absl::CivilDay* day) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  absl::CivilDay parsed;
  if (!ParseCompactDay(absl::StrCat(text.substr(0, 4), text.substr(5, 2), text.substr(8, 2)),
                       &parsed) ||
      parsed.year() < 1900 || parsed.year() > 2100) {
    return false;
  }
  *day = parsed;
  return true;
}

bool IsCleanText(absl::string_view text) {
  while (!text.empty()) {
    uint32_t code_point = 0;
    if (!TakeCodePoint(&text, &code_point)) return false;
    const bool control = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
    if (control && code_point != '\t' && code_point != '\n') return false;
  }
  return true;
}

int64_t CountCharacters(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

}  // namespace yikou::casework
