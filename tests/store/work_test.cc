// One decision in the making.
#include "libs/store/work.h"

#include "absl/strings/match.h"
#include "catch2/catch.hpp"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"
#include "tests/store/record.h"

namespace yikou::test {
namespace {

using casework::v1::CaseRecord;
using casework::v1::Event;
using store::Change;
using store::Scope;
using store::Work;

// Commits a folder with one event.
void MakeFolder(Record& record, const std::string& id, const std::string& title = "title") {
  Work work = record.NewWork();
  work.Create<CaseRecord>(kFolder, id)->set_title(title);
  work.Emit(kFolder, id, "folder.opened", id);
  Must(record.CommitOne(Must(work.Take())));
}

Event LastEvent(Record& record) {
  Event event;
  event.ParseFromString(record.Log().back().body);
  return event;
}

}  // namespace

TEST_CASE("a decision sees its own writes, and nobody else does before the commit", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  MakeFolder(record, "a");
  Work work = record.NewWork();
  CaseRecord* loaded = Must(work.Load<CaseRecord>(kFolder, "a"));
  loaded->set_title("changed");
  CHECK(Must(work.Load<CaseRecord>(kFolder, "a")) == loaded);
  CaseRecord* created = work.Create<CaseRecord>(kFolder, "b");
  CHECK(Must(work.Load<CaseRecord>(kFolder, "b")) == created);
  CHECK(absl::IsNotFound(work.Load<CaseRecord>(kFolder, "c").status()));
  CHECK(work.VersionOf(kFolder, "a") == 1);
  CHECK(work.VersionOf(kFolder, "b") == 0);
  CHECK(work.VersionOf(kFolder, "c") == 0);
  work.Emit(kFolder, "a", "folder.changed", "a");
  work.Emit(kFolder, "a", "folder.changed", "a");
  work.Emit(kFolder, "b", "folder.opened", "b");
  CHECK(work.VersionOf(kFolder, "a") == 3);
  CHECK(work.VersionOf(kFolder, "b") == 1);

  CHECK(Must(record.store().Get(kFolder, "a")).version == 1);
  CHECK(absl::IsNotFound(record.store().Get(kFolder, "b").status()));
  REQUIRE(record.CommitOne(Must(work.Take())) == absl::OkStatus());
  CHECK(Must(record.store().Get(kFolder, "a")).version == 3);
  CHECK(Must(record.store().Find(kFolder,
                                 {.filters = {{"title", store::Filter::Op::kEq, "changed"}}}))
            .size() == 1);
}

TEST_CASE("an event says who, when, why and what it left behind", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  Work work = record.NewWork();
  work.Create<CaseRecord>(kFolder, "a")->set_title("first");
  work.Emit(kFolder, "a", "folder.opened", "c1").set_reason("asked");
  Must(work.Load<CaseRecord>(kFolder, "a"))->set_title("second");
  work.Emit(kFolder, "a", "folder.changed", "c1");
  work.AlsoTo("queue");
  REQUIRE(record.CommitOne(Must(work.Take())) == absl::OkStatus());

  const auto entries = Must(record.store().ReadStream(kOut, 1, 10));
  REQUIRE(entries.size() == 2);
  const Event& opened = entries[0].event;
  const Event& changed = entries[1].event;
  CHECK(opened.source() == "files");
  CHECK(opened.type() == "folder.opened");
  CHECK(opened.case_id() == "c1");
  CHECK(opened.aggregate_kind() == "folder");
  CHECK(opened.aggregate_id() == "a");
  CHECK(opened.version() == 1);
  CHECK(opened.position() == 1);
  CHECK(opened.actor().person_id() == "officer");
  CHECK(opened.actor().unit_id() == "230108");
  CHECK(opened.cause() == "a request");
  CHECK(opened.reason() == "asked");
  CHECK(opened.traceparent() == "00-trace-01");
  CHECK(casework::FromProto(opened.occurred_at()) == work.now());
  CHECK(changed.version() == 2);
  CHECK(changed.event_id() != opened.event_id());
  // The last event of an aggregate carries the digest of what is stored.
  CHECK(opened.aggregate_digest().empty());
  CHECK(changed.aggregate_digest() ==
        casework::Digest(Must(record.store().Get(kFolder, "a")).body));
  CHECK(Must(record.store().ReadStream("queue", 1, 10)).size() == 1);
}

TEST_CASE("an aggregate of a kind that never emits is covered by another's event", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  Work making = record.NewWork();
  making.Create<CaseRecord>(kShelf, "a");
  making.Create<CaseRecord>(kFolder, "b");
  making.Emit(kFolder, "b", "folder.opened", "b");
  REQUIRE(record.CommitOne(Must(making.Take())) == absl::OkStatus());

  Work work = record.NewWork();
  Must(work.Load<CaseRecord>(kShelf, "a"))->set_title("touched");
  work.Touch(kShelf, "a");
  Must(work.Load<CaseRecord>(kFolder, "b"));
  work.Emit(kFolder, "b", "folder.changed", "b");
  REQUIRE(record.CommitOne(Must(work.Take())) == absl::OkStatus());

  const store::Stored touched = Must(record.store().Get(kShelf, "a"));
  // One version on, so that somebody who decided on the old one is found out.
  CHECK(touched.version == 2);
  const Event event = LastEvent(record);
  REQUIRE(event.also_size() == 1);
  CHECK(event.also(0).kind() == "shelf");
  CHECK(event.also(0).id() == "a");
  CHECK(event.also(0).version() == 2);
  CHECK(event.also(0).digest() == casework::Digest(touched.body));
}

TEST_CASE("an audited aggregate cannot change without any event", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  MakeFolder(record, "a");
  Work touched = record.NewWork();
  Must(touched.Load<CaseRecord>(kFolder, "a"))->set_title("silently");
  touched.Touch(kFolder, "a");
  const absl::Status status = touched.Take().status();
  CHECK(absl::IsInternal(status));
  CHECK(absl::StrContains(status.message(), "folder a"));
  Work created = record.NewWork();
  created.Create<CaseRecord>(kFolder, "b");
  CHECK(absl::IsInternal(created.Take().status()));
  Work quiet = record.NewWork();
  quiet.Create<CaseRecord>(kShelf, "b");
  CHECK(absl::IsInternal(quiet.Take().status()));
  // Another's event does not speak for a kind whose versions others count.
  Work beside = record.NewWork();
  beside.Create<CaseRecord>(kFolder, "c");
  beside.Emit(kFolder, "c", "folder.opened", "c");
  beside.Create<CaseRecord>(kFolder, "d");
  CHECK(absl::IsInternal(beside.Take().status()));

  // Bookkeeping may.
  Work book = record.NewWork();
  book.Create<CaseRecord>(kLedger, "l")->set_title("block");
  CHECK(record.CommitOne(Must(book.Take())) == absl::OkStatus());
  CHECK(Must(record.store().Get(kLedger, "l")).version == 1);
}

TEST_CASE("what a decision only looked at is not written", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  MakeFolder(record, "a");
  Work work = record.NewWork();
  Must(work.Load<CaseRecord>(kFolder, "a"))->set_title("a change of mind");
  CHECK(Must(work.Take()).empty());
}

TEST_CASE("of two decisions on one version the second is ABORTED", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  MakeFolder(record, "a");
  Work first = record.NewWork();
  Work second = record.NewWork();
  for (Work* work : {&first, &second}) {
    Must(work->Load<CaseRecord>(kFolder, "a"));
    work->Emit(kFolder, "a", "folder.changed", "a");
  }
  CHECK(record.CommitOne(Must(first.Take())) == absl::OkStatus());
  CHECK(absl::IsAborted(record.CommitOne(Must(second.Take()))));
  Work again = record.NewWork();
  again.Create<CaseRecord>(kFolder, "a");
  again.Emit(kFolder, "a", "folder.opened", "a");
  CHECK(absl::IsAborted(record.CommitOne(Must(again.Take()))));
}

TEST_CASE("a decision that rests on an aggregate it does not change is ABORTED when that moved",
          "[work]") {
  Record record(GENERATE(from_range(Backends())));
  const auto open = [&record](const std::string& id) {
    Work work = record.NewWork();
    work.Create<CaseRecord>(kFolder, id);
    work.Emit(kFolder, id, "folder.opened", id);
    Must(record.CommitOne(Must(work.Take())));
  };
  open("a");
  const auto decide = [&record](const std::string& id) {
    Work work = record.NewWork();
    Must(work.Load<CaseRecord>(kFolder, "a").status());
    work.Create<CaseRecord>(kFolder, id);
    work.Emit(kFolder, id, "folder.opened", id);
    return Must(work.Take());
  };
  CHECK(record.CommitOne(decide("b")) == absl::OkStatus());
  Change late = decide("c");
  Work other = record.NewWork();
  Must(other.Load<CaseRecord>(kFolder, "a").status());
  other.Emit(kFolder, "a", "folder.changed", "a");
  Change moves = Must(other.Take());
  // In one batch too: what comes first there counts.
  Change too_late = decide("d");
  const auto statuses = record.Commit({std::move(moves), std::move(too_late)});
  CHECK(statuses[0] == absl::OkStatus());
  CHECK(absl::IsAborted(statuses[1]));
  CHECK(absl::IsAborted(record.CommitOne(std::move(late))));
  CHECK(record.CommitOne(decide("c")) == absl::OkStatus());
}

TEST_CASE("out of scope is NOT_FOUND until the case is shown", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  MakeFolder(record, "a");
  const Scope scope{"230108001"};
  CHECK(absl::IsNotFound(record.NewWork().Load<CaseRecord>(kFolder, "a", scope).status()));
  Work work = record.NewWork();
  Must(work.Load<CaseRecord>(kFolder, "a"));
  Event& event = work.Emit(kFolder, "a", "folder.changed", "a");
  work.Show(event, "230108001002");
  work.Show(event, "");
  work.ShowFor("b", "230108001");
  work.ShowFor("", "230108001");
  REQUIRE(record.CommitOne(Must(work.Take())) == absl::OkStatus());
  CHECK(record.NewWork().Load<CaseRecord>(kFolder, "a", scope).ok());
  CHECK(
      absl::IsNotFound(record.NewWork().Load<CaseRecord>(kFolder, "a", Scope{"230109"}).status()));
  const Event shown = LastEvent(record);
  REQUIRE(shown.visible_to_size() == 1);
  CHECK(shown.visible_to(0) == "230108001002");
  CHECK(Must(record.store().Select(store::kCaseScope, {})).size() == 2);
}

TEST_CASE("an aggregate's timer is what its message says", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  const absl::Time due = absl::FromUnixMicros(1'800'000'000'000'001);
  Work work = record.NewWork();
  *work.Create<CaseRecord>(kFolder, "a")->mutable_create_time() = casework::ToProto(due);
  work.Emit(kFolder, "a", "folder.opened", "a");
  REQUIRE(record.CommitOne(Must(work.Take())) == absl::OkStatus());
  CHECK(Must(record.store().NextDue({&kFolder})) == due);
}

TEST_CASE("an aggregate whose bytes cannot be read is DATA_LOSS", "[work]") {
  Record record(GENERATE(from_range(Backends())));
  Change change;
  change.writes.push_back(FolderWrite("a", 0, 1));
  change.writes[0].body = "\xff\xff no message";
  Must(record.CommitOne(change));
  const absl::Status status = record.NewWork().Load<CaseRecord>(kFolder, "a").status();
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(absl::StrContains(status.message(), "folder a"));
}

}  // namespace yikou::test
