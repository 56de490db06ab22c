// What a reader of streams keeps: the watermark, what is applied above it, what waits, what failed.
#include <set>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/store/record.h"

namespace yikou::test {
namespace {

using store::Change;
using store::InboxMark;
using store::RowWrite;

Change Applies(std::vector<InboxMark> marks) {
  Change change;
  change.inbox = std::move(marks);
  change.rows.push_back(TallyRow(RowWrite::Mode::kAdd, "a", "applied", 1, 0));
  return change;
}

std::string Inbox(Record& record, const std::string& stream = kIn) {
  const store::InboxState inbox = Must(record.store().Inbox(stream));
  std::string text = absl::StrCat(inbox.watermark);
  for (const int64_t seq : inbox.above) absl::StrAppend(&text, " ", seq);
  return text;
}

std::string Stuck(Record& record) {
  std::string text;
  for (const store::StuckRow& row : Must(record.store().ListStuck("", 100))) {
    absl::StrAppend(&text, row.kind, " ", row.letter.seq, "; ");
  }
  return text;
}

}  // namespace

TEST_CASE("an inbox entry is applied once", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  REQUIRE(record.CommitOne(Applies({{kIn, 1}})) == absl::OkStatus());
  CHECK(absl::IsAlreadyExists(record.CommitOne(Applies({{kIn, 1}}))));
  REQUIRE(record.CommitOne(Applies({{kIn, 5}})) == absl::OkStatus());
  CHECK(absl::IsAlreadyExists(record.CommitOne(Applies({{kIn, 5}}))));
  // In one batch too, below and above the watermark.
  const auto statuses =
      record.Commit({Applies({{kIn, 2}}), Applies({{kIn, 2}}), Applies({{kIn, 9}}),
                     Applies({{kIn, 9}}), Applies({{kIn, 5}})});
  CHECK(statuses[0].ok());
  CHECK(absl::IsAlreadyExists(statuses[1]));
  CHECK(statuses[2].ok());
  CHECK(absl::IsAlreadyExists(statuses[3]));
  CHECK(absl::IsAlreadyExists(statuses[4]));
  CHECK(std::get<int64_t>(Must(record.store().Select(kTally, {}))[0][2]) == 4);
}

TEST_CASE("the watermark moves over what is applied without a gap and keeps the rest", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  CHECK(Inbox(record) == "0");
  Must(record.CommitOne(Applies({{kIn, 3}})));
  CHECK(Inbox(record) == "0 3");
  Must(record.CommitOne(Applies({{kIn, 6}, {kIn, 5}})));
  CHECK(Inbox(record) == "0 3 5 6");
  Must(record.CommitOne(Applies({{kIn, 1}})));
  CHECK(Inbox(record) == "1 3 5 6");
  record.Reopen();
  Must(record.CommitOne(Applies({{kIn, 2}})));
  CHECK(Inbox(record) == "3 5 6");
  Must(record.CommitOne(Applies({{kIn, 4}})));
  CHECK(Inbox(record) == "6");
  // Compacted: what lies below the watermark costs no row.
  CHECK(record.backend().Ask("SELECT COUNT(*) FROM inbox_above") == "0");
}

TEST_CASE("streams have watermarks of their own", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  Must(record.CommitOne(Applies({{kIn, 1}, {"other", 2}, {kIn, 2}})));
  CHECK(Inbox(record) == "2");
  CHECK(Inbox(record, "other") == "0 2");
  CHECK(Inbox(record, "third") == "0");
  CHECK(absl::IsAlreadyExists(record.CommitOne(Applies({{"third", 1}, {"other", 2}}))));
  CHECK(Inbox(record, "third") == "0");
}

TEST_CASE("entries of one batch that fill a gap together are compacted", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  std::vector<Change> batch;
  for (int64_t seq = 200; seq > 0; --seq) batch.push_back(Applies({{kIn, seq}}));
  for (const absl::Status& status : record.Commit(std::move(batch))) REQUIRE(status.ok());
  CHECK(Inbox(record) == "200");
  CHECK(record.backend().Ask("SELECT COUNT(*) FROM inbox_above") == "0");
}

TEST_CASE("a parked entry is found by what it waits for, until it is applied", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  Change change;
  change.parked = {{kIn, 4, "intake", "case/a", 3, "four"},
                   {kIn, 2, "intake", "case/a", 1, "two"},
                   {kIn, 3, "intake", "case/a", 2, "three"},
                   {kIn, 5, "intake", "case/b", 1, "five"},
                   {kIn, 6, "routing", "case/a", 1, "six"}};
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  const auto parked_on = [&record](const std::string& aggregate, int64_t version) {
    std::string text;
    for (const auto& entry : Must(record.store().ParkedOn("intake", aggregate, version))) {
      absl::StrAppend(&text, entry.envelope, " ");
    }
    return text;
  };
  // Those that wait for the least come first.
  CHECK(parked_on("case/a", 0) == "");
  CHECK(parked_on("case/a", 1) == "two ");
  CHECK(parked_on("case/a", 3) == "two three four ");
  CHECK(parked_on("case/b", 9) == "five ");

  // Parked again for something else: one row still.
  Change again;
  again.parked = {{kIn, 2, "intake", "case/b", 7, "two"}};
  REQUIRE(record.CommitOne(again) == absl::OkStatus());
  CHECK(parked_on("case/a", 3) == "three four ");
  CHECK(parked_on("case/b", 7) == "five two ");

  Change applied;
  applied.unparked = {{kIn, 3}, {kIn, 99}};
  REQUIRE(record.CommitOne(applied) == absl::OkStatus());
  record.Reopen();
  CHECK(parked_on("case/a", 9) == "four ");
}

TEST_CASE("dead letters and parked entries are listed, each once, page by page", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  Change change;
  std::set<std::string> expected;
  for (int64_t seq = 1; seq <= 25; ++seq) {
    if (seq % 3 == 0) {
      change.parked.push_back({kIn, seq, "intake", "case/a", seq, "e"});
    } else {
      change.dead.push_back({kIn, seq, "type", "case", "cause", 5, "e"});
    }
    expected.insert(absl::StrCat(seq % 3 == 0 ? "parked " : "dead ", kIn, "/", seq));
  }
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  std::multiset<std::string> listed;
  std::string after;
  while (true) {
    const auto page = Must(record.store().ListStuck(after, 4));
    if (page.empty()) break;
    for (const store::StuckRow& row : page) {
      after = absl::StrCat(row.letter.stream, "/", row.letter.seq);
      listed.insert(absl::StrCat(row.kind, " ", after));
    }
  }
  CHECK(listed == std::multiset<std::string>(expected.begin(), expected.end()));
}

TEST_CASE("a dead letter is settled once", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  Change change;
  change.dead = {{kIn, 4, "type", "case", "first cause", 5, "e"}};
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  // It failed again: one letter, with what is known now.
  change.dead[0].cause = "second cause";
  change.dead[0].attempts = 6;
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  REQUIRE(Stuck(record) == "dead 4; ");
  CHECK(Must(record.store().ListStuck("", 1))[0].letter.cause == "second cause");
  CHECK(Must(record.store().ListStuck("", 1))[0].letter.attempts == 6);

  Change settle;
  settle.revived = {{kIn, 4}};
  settle.rows.push_back(TallyRow(RowWrite::Mode::kAdd, "a", "settled", 1, 0));
  CHECK(record.CommitOne(settle) == absl::OkStatus());
  CHECK(Stuck(record) == "");
  // Two operators at once: the second one's change has no effect.
  CHECK(absl::IsNotFound(record.CommitOne(settle)));
  CHECK(std::get<int64_t>(Must(record.store().Select(kTally, {}))[0][2]) == 1);
}

TEST_CASE("what was seen of another service's aggregate is 0 until something was", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  Change change;
  change.seen = {{"intake", "case/a", 0, 3}};
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  CHECK(Must(record.store().SeenVersion("intake", "case/a")) == 3);
  CHECK(Must(record.store().SeenVersion("routing", "case/a")) == 0);
  CHECK(Must(record.store().SeenVersion("intake", "case/b")) == 0);
}

TEST_CASE(
    "starting over forgets all that was read, with the tables that follow from it, and "
    "keeps the log",
    "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  Change change = Applies({{kIn, 1}, {kIn, 2}, {kIn, 7}});
  change.writes.push_back(FolderWrite("a", 0, 1));
  change.events.push_back(EventOf("a", 1));
  change.seen.push_back({"intake", "case/a", 0, 2});
  change.parked.push_back({kIn, 7, "intake", "case/a", 5, "envelope"});
  change.dead.push_back({kIn, 2, "case.changed", "a", "a cause", 5, "envelope"});
  REQUIRE(record.CommitOne(change) == absl::OkStatus());

  REQUIRE(record.store().StartOver({"folder", "tally"}, "rebuild", "now") == absl::OkStatus());
  CHECK(Inbox(record) == "0");
  CHECK(Stuck(record) == "");
  CHECK(Must(record.store().SeenVersion("intake", "case/a")) == 0);
  CHECK(Must(record.store().WaitedFor()).empty());
  CHECK(absl::IsNotFound(record.store().Get(kFolder, "a").status()));
  CHECK(absl::IsNotFound(record.store().GetToDecide(kFolder, "a", true).status()));
  CHECK(Must(record.store().Select(kTally, {})).empty());
  CHECK(Must(record.store().Setting("rebuild")) == "now");
  CHECK(Must(record.store().Head()).position == 1);

  // What was decided before it and comes after it is not written.
  Change late = Applies({{kIn, 8}});
  late.writes.push_back(FolderWrite("a", 1, 2));
  CHECK(absl::IsAborted(record.CommitOne(late)));
  Change skipped;
  skipped.inbox = {{kIn, 9}};
  skipped.seen.push_back({"intake", "case/a", 2, 2});
  CHECK(absl::IsAborted(record.CommitOne(skipped)));
  CHECK(Inbox(record) == "0");
  CHECK(record.CommitOne(Applies({{kIn, 1}})) == absl::OkStatus());
  record.Reopen();
  CHECK(Inbox(record) == "1");
  CHECK(record.LogFault() == "");
}

TEST_CASE("starting over with a table that is not there changes nothing", "[inbox]") {
  Record record(GENERATE(from_range(Backends())));
  REQUIRE(record.CommitOne(Applies({{kIn, 1}})) == absl::OkStatus());
  CHECK_FALSE(record.store().StartOver({"tally", "no_such_table"}, "rebuild", "now").ok());
  CHECK(Inbox(record) == "1");
  CHECK(Must(record.store().Select(kTally, {})).size() == 1);
  CHECK(Must(record.store().Setting("rebuild")) == "");
  CHECK(record.CommitOne(Applies({{kIn, 2}})) == absl::OkStatus());
}

}  // namespace yikou::test
