// Pages of a list, and case numbers.
#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "catch2/catch.hpp"
#include "google/protobuf/wrappers.pb.h"
#include "libs/app/case_numbers.h"
#include "libs/app/pages.h"
#include "libs/base/executor.h"
#include "libs/casework/calendar.h"
#include "libs/casework/errors.h"
#include "tests/store/record.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::test {
namespace {

using app::CaseNumbers;
using app::NextPageToken;
using app::Page;
using app::ReadPage;
using casework::v1::CaseKind;
using List = intake::v1::ListItemsRequest;

constexpr CaseKind kApplication = casework::v1::CASE_KIND_APPLICATION;
constexpr char kUnit[] = "230108001001";
const absl::Time kNoon =
    absl::FromCivil(absl::CivilHour(2026, 3, 2, 12), casework::Calendar::Zone());

List ListOf(int size, const std::string& filter = "") {
  List list;
  list.set_page_size(size);
  list.set_name_contains(filter);
  return list;
}

// Case numbers of a service that was just started.
class Numbers {
 public:
  explicit Numbers(Record* record)
      : committer_(&record->store(), &executor_, {}), numbers_(&record->store(), &committer_) {}

  absl::StatusOr<std::string> Next(const std::string& unit = kUnit, CaseKind kind = kApplication,
                                   absl::Time now = kNoon) {
    return numbers_.Next(unit, kind, now);
  }

 private:
  base::ThreadExecutor executor_{1};
  store::GroupCommitter committer_;
  CaseNumbers numbers_;
};

// The six digits of the sequence, before the check character.
int SequenceOf(const std::string& number) { return std::stoi(number.substr(number.size() - 7, 6)); }

}  // namespace

TEST_CASE("a page has 50 rows unless asked otherwise, and 1000 at most", "[app][pages]") {
  CHECK(ReadPage(ListOf(0))->limit == 50);
  CHECK(ReadPage(ListOf(1))->limit == 1);
  CHECK(ReadPage(ListOf(1000))->limit == 1000);
  CHECK(ReadPage(ListOf(1001))->limit == 1000);
  CHECK(ReadPage(ListOf(2'000'000'000))->limit == 1000);
  CHECK(ReadPage(ListOf(0))->after == "");
}

TEST_CASE("a negative size is refused by name", "[app][pages]") {
  for (const int size : {-1, -1000, std::numeric_limits<int>::min()}) {
    const absl::Status status = ReadPage(ListOf(size)).status();
    CHECK(absl::IsInvalidArgument(status));
    google::rpc::Status details;
    REQUIRE(casework::DetailsOf(status, &details));
    CHECK(absl::StrContains(details.SerializeAsString(), "page_size"));
  }
}

TEST_CASE("a token leads on from the last row of its page, for its own filter only",
          "[app][pages]") {
  List list = ListOf(2, "证明");
  const Page first = *ReadPage(list);
  // A page that is not full is the last.
  CHECK(NextPageToken(list, first, 1, "YK-S001") == "");
  CHECK(NextPageToken(list, first, 0, "") == "");
  const std::string token = NextPageToken(list, first, 2, "YK-S001");
  REQUIRE_FALSE(token.empty());
  list.set_page_token(token);
  CHECK(ReadPage(list)->after == "YK-S001");
  // Another size is no other filter.
  list.set_page_size(7);
  CHECK(ReadPage(list)->after == "YK-S001");
  CHECK(ReadPage(list)->limit == 7);

  list.set_name_contains("另一");
  CHECK(absl::IsInvalidArgument(ReadPage(list).status()));
  list.set_name_contains("");
  CHECK(absl::IsInvalidArgument(ReadPage(list).status()));
  // Another list, though its request looks the same.
  intake::v1::ListCasesRequest other;
  other.set_page_token(token);
  CHECK(absl::IsInvalidArgument(ReadPage(other).status()));
}

TEST_CASE("an altered token is refused, whatever was done to it", "[app][pages]") {
  List list = ListOf(2, "证明");
  // Of every length of its encoding, and with bytes that mean something to SQL.
  for (const std::string id : {"a", "ab", "abc", "' OR '1'='1", "办件/1@2"}) {
    const std::string token = NextPageToken(list, *ReadPage(ListOf(2, "证明")), 2, id);
    list.set_page_token(token);
    REQUIRE(ReadPage(list)->after == id);
    std::set<std::string> altered = {
        token + "A",   "A" + token, token.substr(1),     token.substr(0, token.size() - 1),
        token + token, "%%%",       std::string(9, ' '), id};
    for (size_t i = 0; i < token.size(); ++i) {
      for (const char c : {'A', 'z', '-', '=', '0', ' ', '\xff'}) {
        std::string one = token;
        one[i] = c;
        altered.insert(one);
      }
    }
    altered.erase(token);
    for (const std::string& one : altered) {
      // Bytes that are no UTF-8 never get here by gRPC; a handler may be called without it.
      list.set_page_token(one);
      const auto page = ReadPage(list);
      INFO("token " << one << " made of " << token);
      // Bits that the encoding does not use may differ, to the same end.
      if (page.ok()) CHECK(page->after == id);
      if (!page.ok()) CHECK(absl::IsInvalidArgument(page.status()));
      if (one.size() != token.size()) CHECK((!page.ok() || one == token + "="));
    }
  }
}

TEST_CASE("following the tokens visits every row once", "[app][pages]") {
  Record record;
  store::Change change;
  for (int i = 0; i < 105; ++i) {
    change.writes.push_back(FolderWrite(absl::StrFormat("f%03d", i), 0, 1));
  }
  Must(record.CommitOne(std::move(change)));
  for (const int size : {1, 7, 35, 104, 105, 106}) {
    List list = ListOf(size);
    std::vector<std::string> seen;
    for (int page = 0; page < 200; ++page) {
      const Page asked = Must(ReadPage(list));
      const auto rows =
          Must(record.store().Find(kFolder, {.after = asked.after, .limit = asked.limit}));
      for (const auto& row : rows) seen.push_back(row.id);
      list.set_page_token(NextPageToken(list, asked, rows));
      if (list.page_token().empty()) break;
    }
    CHECK(seen.size() == 105);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 105);
  }
}

TEST_CASE("case numbers are unique under 8 threads, and dense", "[app][numbers]") {
  Record record;
  Numbers numbers(&record);
  std::mutex mutex;
  std::map<std::string, std::set<int>> by_unit;
  std::set<std::string> all;
  int failed = 0;
  std::vector<std::thread> counters;
  for (int i = 0; i < 8; ++i) {
    counters.emplace_back([&, i] {
      for (int n = 0; n < 100; ++n) {
        const std::string unit = absl::StrCat("23010800100", (i + n) % 3 + 1);
        const auto number = numbers.Next(unit);
        std::lock_guard<std::mutex> lock(mutex);
        if (!number.ok() || !all.insert(*number).second) {
          failed += 1;
        } else {
          by_unit[unit].insert(SequenceOf(*number));
        }
      }
    });
  }
  for (std::thread& counter : counters) counter.join();
  CHECK(failed == 0);
  CHECK(all.size() == 800);
  REQUIRE(by_unit.size() == 3);
  for (const auto& [unit, sequences] : by_unit) {
    CHECK(*sequences.begin() == 1);
    CHECK(*sequences.rbegin() == static_cast<int>(sequences.size()));
  }
}

TEST_CASE("divisions, days and kinds count for themselves", "[app][numbers]") {
  Record record;
  Numbers numbers(&record);
  std::set<std::string> all;
  for (const char* unit : {"230108001001", "230108001002", "230108001", "230108"}) {
    for (const CaseKind kind : {kApplication, casework::v1::CASE_KIND_GRID_EVENT}) {
      for (const absl::Duration later : {absl::ZeroDuration(), absl::Hours(11), absl::Hours(12)}) {
        const std::string number = Must(numbers.Next(unit, kind, kNoon + later));
        // Noon and eleven at night are one day, midnight is the next.
        CHECK(SequenceOf(number) == (later == absl::Hours(11) ? 2 : 1));
        CHECK(all.insert(number).second);
      }
    }
  }
}

TEST_CASE("bodies of one division never share a number", "[app][numbers]") {
  Record record;
  Numbers numbers(&record);
  std::set<std::string> all;
  for (int n = 0; n < 20; ++n) {
    for (const char* unit : {"230108001", "230108001-centre", "230108001-station"}) {
      CHECK(all.insert(Must(numbers.Next(unit))).second);
    }
  }
}

TEST_CASE("after a restart numbers go on, with a gap and never twice", "[app][numbers]") {
  Record record;
  std::set<int> used;
  int last = 0;
  for (int start = 0; start < 5; ++start) {
    Numbers numbers(&record);
    for (int n = 0; n < 3; ++n) {
      const int sequence = SequenceOf(Must(numbers.Next()));
      CHECK(sequence > last);
      CHECK(used.insert(sequence).second);
      // Within a block there is no gap.
      if (n > 0) CHECK(sequence == last + 1);
      last = sequence;
    }
    if (start % 2 == 0) record.Reopen();
  }
  // Gaps are as large as a first block at most.
  CHECK(last <= 5 * 8);
}

TEST_CASE("two processes that lease at once never lease the same", "[app][numbers]") {
  Record record;
  Numbers one(&record);
  Numbers other(&record);
  std::vector<std::string> numbers(400);
  std::thread first([&] {
    for (int i = 0; i < 200; ++i) numbers[i] = one.Next().value_or("failed");
  });
  std::thread second([&] {
    for (int i = 200; i < 400; ++i) numbers[i] = other.Next().value_or("failed");
  });
  first.join();
  second.join();
  CHECK(std::count(numbers.begin(), numbers.end(), "failed") == 0);
  CHECK(std::set<std::string>(numbers.begin(), numbers.end()).size() == 400);
}

TEST_CASE("a day's numbers end at 999,999 with a sentence", "[app][numbers]") {
  Record record;
  Must(Numbers(&record).Next().status());
  // As if 999,998 had been given out.
  google::protobuf::Int64Value last;
  last.set_value(999'998);
  record.backend().Execute(absl::StrCat("UPDATE number_block SET body = ",
                                        record.backend().Literal(store::StableBytes(last))));
  record.Reopen();
  Numbers numbers(&record);
  CHECK(SequenceOf(Must(numbers.Next())) == 999'999);
  const absl::Status status = numbers.Next().status();
  CHECK(absl::IsResourceExhausted(status));
  CHECK(absl::StrContains(status.message(), "999,999"));
  // Tomorrow there are new ones.
  CHECK(SequenceOf(Must(numbers.Next(kUnit, kApplication, kNoon + absl::Hours(24)))) == 1);
}

}  // namespace yikou::test
