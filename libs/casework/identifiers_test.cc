#include "libs/casework/identifiers.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "catch2/catch.hpp"
#include "rapidcheck/catch.h"

namespace yikou::casework {
namespace {

const absl::CivilDay kToday(2015, 7, 1);

std::string SomeCaseNumber() {
  const std::string unit = *rc::gen::element<std::string>("230108", "230108001", "230108001002",
                                                          "230108001-centre", "230108001002-g01");
  const absl::CivilDay day = kToday + *rc::gen::inRange(0, 3000);
  const v1::CaseKind kind = *rc::gen::element(v1::CASE_KIND_APPLICATION, v1::CASE_KIND_GRID_EVENT);
  return FormatCaseNumber(unit, day, kind, *rc::gen::inRange<int64_t>(1, 2000000));
}

}  // namespace

TEST_CASE("a case number is division, day, kind, sequence and check character") {
  const std::string number = FormatCaseNumber("230108001002-station", absl::CivilDay(2015, 7, 1),
                                              v1::CASE_KIND_APPLICATION, 42);
  CHECK(number.size() == 28);
  CHECK(number.substr(0, 27) == "23010800100220150701A000042");
  CHECK(FormatCaseNumber("230108", kToday, v1::CASE_KIND_GRID_EVENT, 999999).substr(0, 21) ==
        "23010820150701G999999");
}

TEST_CASE("case numbers stay numbers when the sequence of a day outgrows six digits") {
  const std::string number =
      FormatCaseNumber("230108001", kToday, v1::CASE_KIND_APPLICATION, 1234567);
  CHECK(number.substr(0, 25) == "23010800120150701A1234567");
  CHECK(IsCaseNumber(number));
}

TEST_CASE("the check character is that of ISO 7064 mod 37,36") {
  // Worked by hand from the standard's recursion: P = ((P + a) mod 36 or 36) * 2 mod 37.
  const auto reference = [](const std::string& body) {
    int p = 36;
    for (const char c : body) {
      const int a = c <= '9' ? c - '0' : c - 'A' + 10;
      p = (p + a) % 36;
      if (p == 0) p = 36;
      p = p * 2 % 37;
    }
    for (int check = 0; check < 36; ++check) {
      if ((p + check) % 36 == 1) return "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[check];
    }
    return '?';
  };
  // The published example of the Global Release Identifier, which uses the same system.
  REQUIRE(reference("A12425GABC1234002") == 'M');
  rc::prop("as the reference", [&] {
    const std::string number = SomeCaseNumber();
    RC_ASSERT(number.back() == reference(number.substr(0, number.size() - 1)));
  });
}

TEST_CASE("every number given is taken, and one wrong character never is") {
  rc::prop("single errors are caught", [] {
    std::string number = SomeCaseNumber();
    RC_ASSERT(IsCaseNumber(number));
    char& at = number[*rc::gen::inRange<size_t>(0, number.size())];
    const char other = *rc::gen::element('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'G',
                                         'X', 'Z', 'a', '-', ' ');
    RC_PRE(other != at);
    at = other;
    RC_ASSERT_FALSE(IsCaseNumber(number));
  });
}

TEST_CASE("what is not built like a case number is none") {
  for (const char* text : {"", "A", "A000001", "230108", "0123456789abcdef0123456789abcdef",
                           "20150701A0000010", "23010820150701A000001"}) {
    CAPTURE(text);
    CHECK_FALSE(IsCaseNumber(text));
  }
  // A fitting check character does not save a day that does not exist.
  CHECK_FALSE(IsCaseNumber("23010820150230A0000010"));
  int taken = 0;
  for (const char check : std::string("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    taken += IsCaseNumber(std::string("23010820150230A000001") + check) ? 1 : 0;
    taken += IsCaseNumber(std::string("23010820150228A0000B1") + check) ? 1 : 0;
    taken += IsCaseNumber(std::string("230108-a20150228A000001") + check) ? 1 : 0;
    taken += IsCaseNumber(std::string("23010820150228A000001") + check) ? 100 : 0;
  }
  CHECK(taken == 100);
}

TEST_CASE("identity numbers with a fitting check character are taken") {
  CHECK(CheckIdNumber("11010519491231002X", kToday).empty());  // example of GB 11643-1999
  CHECK(CheckIdNumber("230108198001010012", kToday).empty());  // invented
}

TEST_CASE("an identity number is refused with the reason, never with the number") {
  const auto says = [](absl::string_view number, absl::string_view what) {
    const std::string said = CheckIdNumber(number, kToday);
    CAPTURE(said);
    CHECK(absl::StrContains(said, what));
    CHECK_FALSE((number.size() >= 6 && absl::StrContains(said, number.substr(0, 6))));
  };
  says("", "18 位");
  says("1101051949123100", "现为 16 位");
  says("11010519491231002XX", "现为 19 位");
  says("1101051949123100２X", "全部为数字");  // 18 characters, one of them full width
  says("1101051949a231002X", "全部为数字");
  says("11010519491231002x", "大写");
  says("110105194913310026", "出生日期");
  says("110105194902300020", "出生日期");
  says("110105200002300020", "出生日期");
  says("440524188001010014", "1900");  // the standard's other example: born in 1880
  says("110105194912310021", "校验码");
  says("110105194912310029", "校验码");
}

TEST_CASE("nobody is born after today") {
  const std::string number = "11010519491231002X";
  CHECK(CheckIdNumber(number, absl::CivilDay(1949, 12, 31)).empty());
  CHECK(absl::StrContains(CheckIdNumber(number, absl::CivilDay(1949, 12, 30)), "晚于今天"));
}

TEST_CASE("of eleven check characters exactly one fits, and two swapped digits do not") {
  rc::prop("one fits", [] {
    std::string body = "230108198";
    while (body.size() < 17) body += *rc::gen::inRange('0', static_cast<char>('9' + 1));
    body.replace(10, 4, "0228");
    int fitting = 0;
    std::string number;
    for (const char check : std::string("0123456789X")) {
      if (!CheckIdNumber(body + check, kToday).empty()) continue;
      ++fitting;
      number = body + check;
    }
    RC_ASSERT(fitting == 1);
    const size_t at = *rc::gen::inRange<size_t>(0, 5);
    RC_PRE(number[at] != number[at + 1]);
    std::swap(number[at], number[at + 1]);
    RC_ASSERT(absl::StrContains(CheckIdNumber(number, kToday), "校验码"));
  });
}

TEST_CASE("days are read as YYYY-MM-DD and nothing else") {
  absl::CivilDay day;
  REQUIRE(ParseDay("2012-02-29", &day));
  CHECK(day == absl::CivilDay(2012, 2, 29));
  CHECK(ParseDay("1900-01-01", &day));
  CHECK(ParseDay("2100-12-31", &day));
  for (const char* bad : {"", "2013-02-29", "1899-12-31", "2101-01-01", "2013-2-01", "2013-13-01",
                          "2013-00-10", "2013-01-00", "2013/01/01", "2013-01-01 ", " 2013-01-01",
                          "20130101", "2013-01-0a", "+013-01-01", "2013-1--01"}) {
    CAPTURE(bad);
    absl::CivilDay untouched(1970, 1, 2);
    CHECK_FALSE(ParseDay(bad, &untouched));
    CHECK(untouched == absl::CivilDay(1970, 1, 2));
  }
}

TEST_CASE("clean text is UTF-8 without control characters") {
  for (const char* good : {"", "abc", "一口受理", "行\t列\n下一行", "𠮷野", "～￿"}) {
    CAPTURE(good);
    CHECK(IsCleanText(good));
  }
  for (const std::string& bad :
       {std::string("a\0b", 3), std::string("\r\n"), std::string("\x1b[31m"), std::string("\x7f"),
        std::string("\xc2\x85"),                                  // C1 control
        std::string("\x80"),                                      // continuation without a lead
        std::string("\xe4\xb8"),                                  // cut in the middle
        std::string("\xc0\xaf"),                                  // overlong "/"
        std::string("\xe0\x80\xaf"),                              // overlong in three bytes
        std::string("\xed\xa0\x80"),                              // surrogate
        std::string("\xf4\x90\x80\x80"),                          // above U+10FFFF
        std::string("\xf8\x90\x80\x80"),                          // no lead byte of UTF-8
        std::string("\xff"), std::string("\xd6\xd0\xb9\xfa")}) {  // GB 18030
    CAPTURE(bad);
    CHECK_FALSE(IsCleanText(bad));
  }
}

TEST_CASE("characters are counted as people count them, not as bytes") {
  CHECK(CountCharacters("") == 0);
  CHECK(CountCharacters("abc") == 3);
  CHECK(CountCharacters("一口受理") == 4);
  CHECK(CountCharacters("𠮷a") == 2);
}

}  // namespace yikou::casework
