// Aggregates that are due.
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/store/record.h"

namespace yikou::test {
namespace {

using store::Change;

const absl::Time kNow = absl::FromUnixMicros(1'800'000'000'123'456);

store::Write DueAt(const std::string& id, absl::Time due, int64_t expected = 0) {
  store::Write write = FolderWrite(id, expected, expected + 1);
  write.due = due;
  return write;
}

void Write(Record& record, std::vector<store::Write> writes) {
  Change change;
  change.writes = std::move(writes);
  Must(record.CommitOne(std::move(change)));
}

std::string Due(Record& record, absl::Time now, int limit = 100) {
  std::string text;
  for (const store::DueAggregate& due :
       Must(record.store().Due({&kFolder, &kLedger}, now, limit))) {
    absl::StrAppend(&text, due.kind->name, " ", due.id, "; ");
  }
  return text;
}

}  // namespace

TEST_CASE("due aggregates come earliest first, and not before their time", "[timers]") {
  Record record(GENERATE(from_range(Backends())));
  store::Write ledger = DueAt("l", kNow + absl::Seconds(2));
  ledger.kind = &kLedger;
  ledger.columns = {};
  CHECK(Must(record.store().NextDue({&kFolder, &kLedger})) == absl::InfiniteFuture());
  Write(record,
        {DueAt("late", kNow + absl::Seconds(3)), DueAt("early", kNow),
         DueAt("never", absl::InfiniteFuture()), ledger, DueAt("middle", kNow + absl::Seconds(1))});

  CHECK(Due(record, kNow - absl::Microseconds(1)) == "");
  CHECK(Due(record, kNow) == "folder early; ");
  CHECK(Due(record, kNow + absl::Hours(1)) ==
        "folder early; folder middle; ledger l; folder late; ");
  CHECK(Due(record, kNow + absl::Hours(1), 2) == "folder early; folder middle; ");
  CHECK(Must(record.store().NextDue({&kFolder, &kLedger})) == kNow);
  CHECK(Must(record.store().NextDue({&kLedger})) == kNow + absl::Seconds(2));
  CHECK(Must(record.store().Due({}, kNow, 9)).empty());
  CHECK(Must(record.store().Due({&kFolder}, kNow, 9))[0].due == kNow);
}

TEST_CASE("a timer moves and goes with its aggregate", "[timers]") {
  Record record(GENERATE(from_range(Backends())));
  Write(record, {DueAt("a", kNow), DueAt("b", kNow)});
  Write(record, {DueAt("a", kNow + absl::Hours(1), 1), DueAt("b", absl::InfiniteFuture(), 1)});
  record.Reopen();
  CHECK(Due(record, kNow + absl::Minutes(59)) == "");
  CHECK(Must(record.store().NextDue({&kFolder})) == kNow + absl::Hours(1));
  CHECK(Due(record, kNow + absl::Hours(1)) == "folder a; ");
}

}  // namespace yikou::test
