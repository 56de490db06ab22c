// One transaction: whole or not at all, in order, once.
#include <atomic>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/store/record.h"

namespace yikou::test {
namespace {

using absl::StatusCode;
using store::Change;
using store::RowWrite;

// A change that uses all a change can hold.
Change Everything(int64_t expected_version, const std::string& request_id, int64_t seq) {
  Change change;
  change.writes.push_back(FolderWrite("f1", expected_version, expected_version + 1));
  change.writes.push_back(FolderWrite("f2", expected_version, expected_version + 1));
  change.rows.push_back(NoteRow(RowWrite::Mode::kUpsert, "n1", "f1", expected_version));
  change.rows.push_back(TallyRow(RowWrite::Mode::kAdd, "230108", "opened", 1, 0.5));
  change.events.push_back(EventOf("f1", expected_version + 1));
  change.events.push_back(EventOf("f2", expected_version + 1));
  change.request = RequestOf(request_id);
  change.inbox = {{kIn, seq}, {kIn, seq + 1}, {kIn, seq + 2}};
  change.parked = {{kIn, seq + 1, "intake", "case/c1", 4, "parked"}};
  change.dead = {{kIn, seq + 2, "intake.accepted", "c2", "no such item", 5, "dead"}};
  return change;
}

std::vector<StatusCode> Codes(const std::vector<absl::Status>& statuses) {
  std::vector<StatusCode> codes;
  for (const absl::Status& status : statuses) codes.push_back(status.code());
  return codes;
}

Change Only(store::Write write) {
  Change change;
  change.writes.push_back(std::move(write));
  return change;
}

}  // namespace

TEST_CASE("a change is written whole and is there after a restart", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  REQUIRE(record.CommitOne(Everything(0, "r1", 1)) == absl::OkStatus());

  const auto check = [&record] {
    const store::Stored folder = Must(record.store().Get(kFolder, "f2"));
    CHECK(folder.version == 1);
    CHECK(folder.body == FolderWrite("f2", 0, 1).body);
    CHECK(Must(record.store().Select(kNote, {})).size() == 1);
    CHECK(Must(record.store().Select(kTally, {})).size() == 1);
    CHECK(record.Log().size() == 2);
    CHECK(record.LogFault() == "");
    const auto request = Must(record.store().FindRequest(
        RequestOf("r1").principal, RequestOf("r1").method, RequestOf("r1").request_id));
    REQUIRE(request.has_value());
    CHECK(request->response == "answer to r1");
    CHECK(request->payload_digest == "digest of r1");
    CHECK(Must(record.store().Inbox(kIn)).watermark == 3);
    const auto parked = Must(record.store().ParkedOn("intake", "case/c1", 4));
    REQUIRE(parked.size() == 1);
    CHECK(parked[0].envelope == "parked");
    const auto stuck = Must(record.store().ListStuck("", 10));
    REQUIRE(stuck.size() == 2);
    CHECK(stuck[1].letter.cause == "no such item");
  };
  check();
  const std::string before = record.Dump();
  record.Reopen();
  check();
  CHECK(record.Dump() == before);
}

TEST_CASE("a change that does not hold leaves nothing of itself", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  REQUIRE(record.CommitOne(Everything(0, "r1", 1)) == absl::OkStatus());
  const std::string before = record.Dump();

  CHECK(record.CommitOne(Everything(0, "r2", 4)).code() == StatusCode::kAborted);
  CHECK(record.Dump() == before);
  CHECK(record.CommitOne(Everything(2, "r2", 4)).code() == StatusCode::kAborted);
  CHECK(record.Dump() == before);
  CHECK(record.CommitOne(Everything(1, "r1", 4)).code() == StatusCode::kAlreadyExists);
  CHECK(record.Dump() == before);
  // Only the last of its entries was applied before.
  Change late = Everything(1, "r2", 4);
  late.inbox = {{kIn, 4}, {kIn, 5}, {kIn, 3}};
  CHECK(record.CommitOne(late).code() == StatusCode::kAlreadyExists);
  CHECK(record.Dump() == before);
  // Only the last of its aggregates is stale.
  Change stale = Everything(1, "r2", 4);
  stale.writes[1].expected_version = 7;
  CHECK(record.CommitOne(stale).code() == StatusCode::kAborted);
  CHECK(record.Dump() == before);

  CHECK(record.CommitOne(Everything(1, "r2", 4)) == absl::OkStatus());
  CHECK(record.Dump() != before);
}

TEST_CASE("a stale version is ABORTED and its neighbours in the batch are written", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  REQUIRE(record.CommitOne(Only(FolderWrite("old", 0, 1))) == absl::OkStatus());
  REQUIRE(record.CommitOne(Only(FolderWrite("old", 1, 2))) == absl::OkStatus());

  const std::vector<absl::Status> statuses = record.Commit(
      {Only(FolderWrite("a", 0, 1)), Only(FolderWrite("old", 1, 2)), Only(FolderWrite("b", 0, 1)),
       Only(FolderWrite("none", 3, 4)), Only(FolderWrite("c", 0, 1))});
  CHECK(Codes(statuses) == std::vector<StatusCode>{StatusCode::kOk, StatusCode::kAborted,
                                                   StatusCode::kOk, StatusCode::kAborted,
                                                   StatusCode::kOk});
  // The sentence says what is there.
  CHECK(absl::StrContains(statuses[1].message(), "old"));
  CHECK(absl::StrContains(statuses[1].message(), "2"));
  for (const char* id : {"a", "b", "c"}) CHECK(Must(record.store().Get(kFolder, id)).version == 1);
  CHECK(Must(record.store().Get(kFolder, "old")).version == 2);
  CHECK(absl::IsNotFound(record.store().Get(kFolder, "none").status()));
  CHECK(record.CommitOne(Only(FolderWrite("old", 0, 1))).code() == StatusCode::kAborted);
}

TEST_CASE("nobody decides by an older version than he was shown", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  Must(record.CommitOne(Only(FolderWrite("f", 0, 1))));
  std::atomic<bool> done = false;
  std::atomic<int> older = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto shown = record.store().Get(kFolder, "f");
        const auto decided_by = record.store().GetToDecide(kFolder, "f", false);
        if (!shown.ok() || !decided_by.ok() || decided_by->version < shown->version) ++older;
      }
    });
  }
  for (int64_t version = 1; version < 400; ++version) {
    Must(record.CommitOne(Only(FolderWrite("f", version, version + 1))));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(older == 0);
}

TEST_CASE("an event that goes to two streams has a place of its own in each", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  Change change;
  change.events = {EventOf("f1", 1), EventOf("f2", 1, {kOut, "queue"}), EventOf("f3", 1, {"queue"}),
                   EventOf("f4", 1, {}), EventOf("f5", 1)};
  REQUIRE(record.CommitOne(change) == absl::OkStatus());

  const auto places = [&record](const std::string& stream, int64_t from, int limit) {
    std::string text;
    for (const auto& entry : Must(record.store().ReadStream(stream, from, limit))) {
      absl::StrAppend(&text, entry.seq, " ", entry.event.aggregate_id(), " at ",
                      entry.event.position(), "; ");
    }
    return text;
  };
  CHECK(places(kOut, 1, 100) == "1 f1 at 1; 2 f2 at 2; 3 f5 at 5; ");
  CHECK(places("queue", 1, 100) == "1 f2 at 2; 2 f3 at 3; ");
  CHECK(places(kOut, 2, 100) == "2 f2 at 2; 3 f5 at 5; ");
  CHECK(places(kOut, 2, 1) == "2 f2 at 2; ");
  CHECK(places(kOut, 4, 100) == "");
  CHECK(places("nobody's", 1, 100) == "");
  CHECK(record.LogFault() == "");
  const auto page = Must(record.store().ReadLog(4, 1));
  REQUIRE(page.size() == 1);
  CHECK(page[0].position == 4);
}

TEST_CASE("how far a stream was published is kept while it grows", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  Change change;
  change.events = {EventOf("f1", 1), EventOf("f2", 1)};
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  REQUIRE(record.store().MarkPublished(kOut, 0, 2) == absl::OkStatus());
  change.events = {EventOf("f3", 1), EventOf("f4", 1, {"queue"})};
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  record.Reopen();
  for (const store::StreamHeadRow& row : Must(record.store().StreamHeads())) {
    CHECK(row.seq == (row.stream == kOut ? 3 : 1));
    CHECK(row.published_seq == (row.stream == kOut ? 2 : 0));
  }
}

TEST_CASE(
    "the mark of what is published goes back when it is told to, and a late mark does not undo "
    "it",
    "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  Change change;
  for (int n = 0; n < 6; ++n) change.events.push_back(EventOf(absl::StrCat("f", n), 1));
  REQUIRE(record.CommitOne(change) == absl::OkStatus());
  const auto published = [&] { return Must(record.store().StreamHeads())[0].published_seq; };
  // Nothing is published: nothing to take back.
  REQUIRE(record.store().RewindPublished(kOut, 1) == absl::OkStatus());
  CHECK(published() == 0);
  REQUIRE(record.store().MarkPublished(kOut, 0, 5) == absl::OkStatus());
  REQUIRE(record.store().RewindPublished(kOut, 3) == absl::OkStatus());
  CHECK(published() == 2);
  // Whoever published up to 6 meanwhile still believes in 5.
  REQUIRE(record.store().MarkPublished(kOut, 5, 6) == absl::OkStatus());
  CHECK(published() == 2);
  // Back by one at least, so that it shows.
  REQUIRE(record.store().RewindPublished(kOut, 6) == absl::OkStatus());
  CHECK(published() == 1);
  REQUIRE(record.store().RewindPublished("nobody's", 1) == absl::OkStatus());
}

TEST_CASE("a request id is recorded once for a person and a method", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  Change first = Only(FolderWrite("a", 0, 1));
  first.request = RequestOf("r1");
  first.request->response = std::string("\0answer\xff", 8);
  Change again = Only(FolderWrite("b", 0, 1));
  again.request = RequestOf("r1");
  Change other_person = Only(FolderWrite("c", 0, 1));
  other_person.request = RequestOf("r1");
  other_person.request->principal = "230108/other";
  Change other_method = Only(FolderWrite("d", 0, 1));
  other_method.request = RequestOf("r1");
  other_method.request->method = "/yikou.files.v1.Files/Remove";

  // The repeat is refused in the batch of the first one, and ever after.
  const auto statuses = record.Commit({first, again, other_person, other_method});
  CHECK(Codes(statuses) == std::vector<StatusCode>{StatusCode::kOk, StatusCode::kAlreadyExists,
                                                   StatusCode::kOk, StatusCode::kOk});
  CHECK(record.CommitOne(again).code() == StatusCode::kAlreadyExists);
  CHECK(absl::IsNotFound(record.store().Get(kFolder, "b").status()));
  const store::RequestMark& mark = *first.request;
  CHECK(Must(record.store().FindRequest(mark.principal, mark.method, "r1"))->response ==
        mark.response);
  CHECK_FALSE(Must(record.store().FindRequest(mark.principal, mark.method, "r2")).has_value());
  CHECK_FALSE(Must(record.store().FindRequest("nobody", mark.method, "r1")).has_value());
}

TEST_CASE("requests are forgotten when they are old, and not before", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  const absl::Time now = RequestOf("r").at;
  for (int day = 0; day < 5; ++day) {
    Change change;
    change.request = RequestOf(absl::StrCat("r", day));
    change.request->at = now + absl::Hours(24 * day);
    REQUIRE(record.CommitOne(change) == absl::OkStatus());
  }
  CHECK(Must(record.store().PurgeRequests(now)) == 0);
  CHECK(Must(record.store().PurgeRequests(now + absl::Hours(24 * 2))) == 2);
  CHECK(Must(record.store().PurgeRequests(now + absl::Hours(24 * 2))) == 0);
  const store::RequestMark mark = RequestOf("r");
  for (int day = 0; day < 5; ++day) {
    const auto found =
        Must(record.store().FindRequest(mark.principal, mark.method, absl::StrCat("r", day)));
    CHECK(found.has_value() == (day >= 2));
  }
  // Forgotten, it may be used again.
  Change again;
  again.request = RequestOf("r0");
  CHECK(record.CommitOne(again) == absl::OkStatus());
}

TEST_CASE("nothing to write is no error and no event", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  const std::string before = record.Dump();
  CHECK(record.CommitOne(Change()) == absl::OkStatus());
  CHECK(record.Commit({}).empty());
  CHECK(record.Dump() == before);
}

TEST_CASE("a random history of batches ends as the model says", "[commit]") {
  Record record(GENERATE(from_range(Backends())));
  const uint32_t seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto pick = [&random](int n) { return static_cast<int>(random() % n); };

  std::map<std::string, int64_t> versions;
  std::set<std::string> requests;
  std::set<int64_t> applied;
  std::map<std::string, int64_t> tallies;
  std::vector<std::string> log;
  for (int i = 0; i < 60; ++i) {
    std::vector<Change> batch;
    std::vector<StatusCode> expected;
    std::set<std::string> taken;  // one change of an aggregate in a batch: the committer sees to it
    for (int n = pick(12); n >= 0; --n) {
      const std::string id = absl::StrCat("f", pick(10));
      if (!taken.insert(id).second) continue;
      const int64_t version = versions[id];
      const int64_t said = pick(4) == 0 ? pick(9) : version;
      Change change = Only(FolderWrite(id, said, said + 1, id, i));
      change.events.push_back(EventOf(id, said + 1));
      if (pick(3) == 0) change.events.push_back(EventOf(id, said + 1, {kOut, "queue"}));
      change.rows.push_back(TallyRow(RowWrite::Mode::kAdd, "230108", id, i, 0));
      if (pick(2) == 0) change.request = RequestOf(absl::StrCat("r", pick(300)));
      if (pick(2) == 0) change.inbox.push_back({kIn, 1 + pick(80)});

      const bool repeated = (change.request && requests.count(change.request->request_id) > 0) ||
                            (!change.inbox.empty() && applied.count(change.inbox[0].seq) > 0);
      expected.push_back(repeated          ? StatusCode::kAlreadyExists
                         : said != version ? StatusCode::kAborted
                                           : StatusCode::kOk);
      if (expected.back() == StatusCode::kOk) {
        versions[id] = said + 1;
        tallies[id] += i;
        if (change.request) requests.insert(change.request->request_id);
        if (!change.inbox.empty()) applied.insert(change.inbox[0].seq);
        for (const store::EventOut& out : change.events) log.push_back(out.event.event_id());
      }
      batch.push_back(std::move(change));
    }
    REQUIRE(Codes(record.Commit(std::move(batch))) == expected);
    if (pick(20) == 0) record.Reopen();
  }

  REQUIRE(record.LogFault() == "");
  std::vector<std::string> stored;
  for (const store::LogEntry& entry : record.Log()) {
    casework::v1::Event event;
    REQUIRE(event.ParseFromString(entry.body));
    stored.push_back(event.event_id());
  }
  CHECK(stored == log);
  for (const auto& [id, version] : versions) {
    if (version > 0) CHECK(Must(record.store().Get(kFolder, id)).version == version);
  }
  for (const auto& row : Must(record.store().Select(kTally, {}))) {
    CHECK(std::get<int64_t>(row[2]) == tallies[std::get<std::string>(row[1])]);
  }
  const store::InboxState inbox = Must(record.store().Inbox(kIn));
  for (int64_t seq = 1; seq <= 80; ++seq) {
    CHECK((seq <= inbox.watermark || inbox.above.count(seq) > 0) == (applied.count(seq) > 0));
  }
}

}  // namespace yikou::test
