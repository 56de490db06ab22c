// Rows that are not aggregates, and values as they come back.
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/store/record.h"

namespace yikou::test {
namespace {

using store::Blob;
using store::Change;
using store::RowWrite;
using store::Value;
using Mode = store::RowWrite::Mode;

// Writes rows in one change and returns what the table holds then, one text a row.
std::string Tallies(Record& record, std::vector<RowWrite> rows) {
  Change change;
  change.rows = std::move(rows);
  Must(record.CommitOne(std::move(change)));
  std::string text;
  for (const std::vector<Value>& row : Must(record.store().Select(kTally, {}))) {
    absl::StrAppend(&text, std::get<std::string>(row[0]), " ", std::get<std::string>(row[1]), " ",
                    std::get<int64_t>(row[2]), " ", std::get<double>(row[3]), "; ");
  }
  return text;
}

}  // namespace

TEST_CASE("kAdd makes a row, then adds to it", "[rows]") {
  Record record(GENERATE(from_range(Backends())));
  CHECK(Tallies(record, {TallyRow(Mode::kAdd, "a", "m", 3, 0.5)}) == "a m 3 0.5; ");
  CHECK(Tallies(record, {TallyRow(Mode::kAdd, "a", "m", 4, 0.25)}) == "a m 7 0.75; ");
  CHECK(Tallies(record, {TallyRow(Mode::kAdd, "a", "m", -9, 0)}) == "a m -2 0.75; ");
}

TEST_CASE("kUpsert makes a row, then replaces its values", "[rows]") {
  Record record(GENERATE(from_range(Backends())));
  CHECK(Tallies(record, {TallyRow(Mode::kUpsert, "a", "m", 3, 0.5)}) == "a m 3 0.5; ");
  CHECK(Tallies(record, {TallyRow(Mode::kUpsert, "a", "m", 4, 0.25)}) == "a m 4 0.25; ");
}

TEST_CASE("kInsertOrIgnore makes a row, then leaves it as it is", "[rows]") {
  Record record(GENERATE(from_range(Backends())));
  CHECK(Tallies(record, {TallyRow(Mode::kInsertOrIgnore, "a", "m", 3, 0.5)}) == "a m 3 0.5; ");
  CHECK(Tallies(record, {TallyRow(Mode::kInsertOrIgnore, "a", "m", 4, 0.25)}) == "a m 3 0.5; ");
}

TEST_CASE("kDelete takes the row of all its keys and no other", "[rows]") {
  Record record(GENERATE(from_range(Backends())));
  Tallies(record,
          {TallyRow(Mode::kUpsert, "a", "m", 1, 0), TallyRow(Mode::kUpsert, "b", "m", 2, 0)});
  CHECK(Tallies(record, {TallyRow(Mode::kDelete, "a", "n", 0, 0)}) == "a m 1 0; b m 2 0; ");
  CHECK(Tallies(record, {TallyRow(Mode::kDelete, "a", "m", 0, 0)}) == "b m 2 0; ");
  CHECK(Tallies(record, {TallyRow(Mode::kDelete, "a", "m", 0, 0)}) == "b m 2 0; ");
}

TEST_CASE("rows of one change, and of one batch, are written in their order", "[rows]") {
  Record record(GENERATE(from_range(Backends())));
  // Two of one key: a bulk statement that takes only one of them would lose the other.
  CHECK(Tallies(record,
                {TallyRow(Mode::kAdd, "a", "m", 1, 1), TallyRow(Mode::kAdd, "a", "m", 2, 2),
                 TallyRow(Mode::kUpsert, "b", "m", 5, 0), TallyRow(Mode::kAdd, "b", "m", 1, 0),
                 TallyRow(Mode::kUpsert, "c", "m", 1, 0), TallyRow(Mode::kDelete, "c", "m", 0, 0),
                 TallyRow(Mode::kInsertOrIgnore, "d", "m", 1, 0),
                 TallyRow(Mode::kInsertOrIgnore, "d", "m", 2, 0)}) ==
        "a m 3 3; b m 6 0; d m 1 0; ");

  std::vector<Change> batch(50);
  for (Change& change : batch) change.rows.push_back(TallyRow(Mode::kAdd, "a", "m", 1, 0));
  for (const absl::Status& status : record.Commit(std::move(batch))) REQUIRE(status.ok());
  CHECK(Tallies(record, {}) == "a m 53 3; b m 6 0; d m 1 0; ");
}

TEST_CASE("writes that share a transaction end as if each had been alone", "[rows]") {
  Record together(GENERATE(from_range(Backends())));
  Record alone;
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&random](int bound) { return static_cast<int>(random() % bound); };
  for (int round = 0; round < 60; ++round) {
    std::vector<RowWrite> rows;
    for (int i = 0; i < 12; ++i) {
      rows.push_back(TallyRow(static_cast<Mode>(below(4)), absl::StrCat(below(3)), "m", below(9),
                              below(9) / 4.0));
    }
    std::string expected;
    for (const RowWrite& row : rows) expected = Tallies(alone, {row});
    REQUIRE(Tallies(together, rows) == expected);
  }
}

TEST_CASE("values come back as they were given", "[rows]") {
  Record record(GENERATE(from_range(Backends())));
  std::string large(1 << 20, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 % 251);
  const int64_t most = std::numeric_limits<int64_t>::max();
  const int64_t least = std::numeric_limits<int64_t>::min();
  const std::vector<std::vector<Value>> rows = {
      {"1", "c", most, 1e300, "", Blob{""}},
      {"2", "c", least, -0.1, "'; DROP TABLE note; --", Blob{std::string("\0a\0", 3)}},
      {"3", "c", {}, {}, {}, {}},
      {"4", "c", int64_t{0}, 0.0, "一口受理 \U0001F3DB", Blob{large}},
      // Text that looks like a number stays text.
      {"5", "c", int64_t{-1}, 2.0, "0042", Blob{"0042"}},
  };
  Change change;
  for (const std::vector<Value>& row : rows) {
    change.rows.push_back({.table = &kNote,
                           .mode = Mode::kUpsert,
                           .keys = {row[0]},
                           .values = {row.begin() + 1, row.end()}});
  }
  REQUIRE(record.CommitOne(std::move(change)) == absl::OkStatus());
  record.Reopen();
  const std::vector<std::vector<Value>> read = Must(record.store().Select(kNote, {}));
  REQUIRE(read.size() == rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t column = 0; column < rows[i].size(); ++column) {
      INFO("row " << i << ", column " << column);
      CHECK((read[i][column] == rows[i][column]));
    }
  }
}

TEST_CASE("bodies, envelopes and answers are bytes, however many", "[rows]") {
  Record record(GENERATE(from_range(Backends())));
  std::string large(1 << 20, 'x');
  large[77] = '\0';
  large[78] = '\xff';
  Change change;
  change.writes = {FolderWrite("empty", 0, 1), FolderWrite("large", 0, 1)};
  change.writes[0].body = "";
  change.writes[1].body = large;
  change.writes[1].new_version = std::numeric_limits<int64_t>::max();
  change.request = RequestOf("r1");
  change.request->response = large;
  change.parked = {{kIn, 7, "intake", "case/c1", 2, large}};
  change.dead = {{kIn, 8, "intake.accepted", "c1", "cause", 5, large, absl::FromUnixMicros(17)}};
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  record.Reopen();
  CHECK(Must(record.store().Get(kFolder, "empty")).body.empty());
  // Not CHECK(a == b): a failure would print a megabyte.
  CHECK((Must(record.store().Get(kFolder, "large")).body == large));
  CHECK(Must(record.store().Get(kFolder, "large")).version == std::numeric_limits<int64_t>::max());
  const auto request =
      Must(record.store().FindRequest(change.request->principal, change.request->method, "r1"));
  CHECK((request->response == large));
  CHECK((Must(record.store().ParkedOn("intake", "case/c1", 2)).at(0).envelope == large));
  const auto stuck = Must(record.store().ListStuck("", 10));
  REQUIRE(stuck.size() == 2);
  CHECK((stuck[1].letter.envelope == large));
  CHECK(stuck[1].letter.since == absl::FromUnixMicros(17));
  CHECK(stuck[1].letter.attempts == 5);
}

TEST_CASE("settings are kept, and empty until they are set", "[rows]") {
  Record record(GENERATE(from_range(Backends())));
  CHECK(Must(record.store().Setting("offset")) == "");
  REQUIRE(record.store().PutSetting("offset", "1'; --") == absl::OkStatus());
  REQUIRE(record.store().PutSetting("other", "7") == absl::OkStatus());
  REQUIRE(record.store().PutSetting("offset", "2'; --") == absl::OkStatus());
  record.Reopen();
  CHECK(Must(record.store().Setting("offset")) == "2'; --");
}

}  // namespace yikou::test
