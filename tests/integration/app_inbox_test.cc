// What app::Inbox does with entries that come twice, too early, at a bad time, or cannot be
// applied.
#include <algorithm>
#include <atomic>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/app/inbox.h"
#include "libs/app/reaction.h"
#include "libs/telemetry/metrics.h"
#include "tests/store/interposed_store.h"
#include "tests/store/reader.h"

namespace yikou::test {
namespace {

using casework::v1::Envelope;
using casework::v1::Event;
using store::Work;

const std::string kAlpha = "yikou:events:alpha:{0}";

Envelope A(int64_t version) { return EntryOf("alpha", version, "a", version); }
std::string IdOf(int64_t version) { return absl::StrCat("alpha:a@", version); }

// The folder of case "a" after these versions.
std::string Folded(const std::vector<int64_t>& versions) {
  std::vector<std::string> ids;
  for (const int64_t version : versions) ids.push_back(IdOf(version));
  return FoldOf(ids);
}

bool AllOk(const std::vector<absl::Status>& statuses) {
  return std::all_of(statuses.begin(), statuses.end(),
                     [](const absl::Status& status) { return status.ok(); });
}

// Refuses the events with these ids until they are taken from the set.
void Refuse(Reader& reader, std::set<std::string>* refused,
            absl::Status status = absl::FailedPreconditionError("nobody knows this item")) {
  reader.before = [refused, status](Work&, const Event& event) {
    return refused->count(event.event_id()) > 0 ? status : absl::OkStatus();
  };
}

}  // namespace

TEST_CASE("a duplicate delivery changes nothing", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  CHECK(AllOk(reader.Deliver({A(1), A(1), A(2)})));
  const std::string before = record.Dump();
  CHECK(AllOk(reader.Deliver({A(2), A(1)})));
  CHECK(reader.Deliver(A(2)) == absl::OkStatus());
  reader.Restart(true);
  CHECK(AllOk(reader.Deliver({A(1), A(2)})));
  CHECK(record.Dump() == before);
  // The same version under another number of the stream: seen, though not by this number.
  CHECK(reader.Deliver(EntryOf("alpha", 3, "a", 2)) == absl::OkStatus());
  CHECK(reader.Folded("alpha/a") == Folded({1, 2}));
}

TEST_CASE("an event of a kind nobody follows lets its units see the case and does nothing else",
          "[app][inbox]") {
  Record record;
  Reader reader(&record);
  reader.followed = {{"alpha", {"another kind"}}};
  reader.Restart();
  Envelope entry = A(3);  // out of order, were there an order
  entry.mutable_event()->add_visible_to("230108001");
  CHECK(reader.Deliver(entry) == absl::OkStatus());
  CHECK(reader.Deliver(entry) == absl::OkStatus());
  CHECK(reader.Folded("alpha/a") == "");
  CHECK(reader.Stuck() == "");
  CHECK(Must(record.store().SeenVersion("alpha", "case/a")) == 0);
  const auto seen_by = Must(record.store().Select(store::kCaseScope, {}));
  REQUIRE(seen_by.size() == 1);
  CHECK(seen_by[0] == std::vector<store::Value>{std::string("a"), std::string("230108001")});
  // Another source is followed as before.
  CHECK(reader.Deliver(EntryOf("beta", 1, "a", 1)) == absl::OkStatus());
  CHECK(reader.Folded("beta/a") == FoldOf({"beta:a@1"}));
}

TEST_CASE("an entry that comes early waits and is applied with its predecessor", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  CHECK(reader.Deliver(A(3)) == absl::OkStatus());
  CHECK(reader.Deliver(A(2)) == absl::OkStatus());
  CHECK(reader.Stuck() == "parked alpha/2; parked alpha/3; ");
  CHECK(reader.Folded("alpha/a") == "");
  // Waiting is not a failure, and survives a restart.
  reader.Restart(true);
  int transactions = 0;
  reader.committer().OnCommitted([&](const auto&) { ++transactions; });
  CHECK(reader.Deliver(A(1)) == absl::OkStatus());
  CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3}));
  CHECK(reader.Stuck() == "");
  reader.committer().Stop();
  CHECK(transactions == 1);
  CHECK(Must(record.store().Inbox(kAlpha)).watermark == 3);
  CHECK(record.LogFault() == "");
}

TEST_CASE("entries of one batch come in any order", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  CHECK(AllOk(reader.Deliver({A(4), A(2), A(3), A(1), A(5)})));
  CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3, 4, 5}));
  CHECK(reader.Stuck() == "");
}

TEST_CASE("an offer waits until what it rests on has been seen", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  CHECK(reader.Deliver(OfferOf(1, "o1", "alpha", "a", 2)) == absl::OkStatus());
  CHECK(reader.Deliver(OfferOf(2, "o2", "files", "x", 9)) == absl::OkStatus());
  CHECK(reader.Stuck() == "parked queue/1; ");
  // What rests on this service's own event need not wait: it was written here.
  CHECK(reader.Folded("offer/o2") == FoldOf({"routing:o2@1"}));
  CHECK(reader.Deliver(A(1)) == absl::OkStatus());
  CHECK(reader.Stuck() == "parked queue/1; ");
  CHECK(reader.Deliver(A(2)) == absl::OkStatus());
  CHECK(reader.Stuck() == "");
  CHECK(reader.Folded("offer/o1") == FoldOf({"routing:o1@1"}));
}

TEST_CASE("an offer to this service is taken from its queue, not from routing's events",
          "[app][inbox]") {
  Record record;
  Reader reader(&record);
  Envelope copy = OfferOf(1, "o1", "files", "x", 1);
  copy.set_stream(app::EventsStream("routing"));
  CHECK(reader.Deliver(copy) == absl::OkStatus());
  CHECK(reader.Folded("offer/o1") == "");
  // It kept its place in the order all the same.
  CHECK(Must(record.store().SeenVersion("routing", "offer/o1")) == 1);
  CHECK(reader.Deliver(OfferOf(1, "o1", "files", "x", 1)) == absl::OkStatus());
  CHECK(reader.Folded("offer/o1") == FoldOf({"routing:o1@1"}));
}

TEST_CASE("a woken entry that waits on does not keep those woken with it", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  // Behind version 2 wait two offers; one of them goes on to wait for beta.
  Envelope goes_on = OfferOf(1, "goes-on", "alpha", "a", 2);
  Envelope at_once = OfferOf(2, "at-once", "alpha", "a", 2);
  int applied = 0;
  bool beta = false;
  reader.before = [&](Work&, const Event& event) {
    beta = beta || event.source() == "beta";
    if (event.offer().offer_id() == "goes-on" && !beta) {
      return app::WaitFor("beta", "case", "b", 1);
    }
    applied += event.offer().offer_id() == "at-once" ? 1 : 0;
    return absl::OkStatus();
  };
  for (const Envelope& entry : {A(2), at_once, goes_on}) {
    REQUIRE(reader.Deliver(entry) == absl::OkStatus());
  }
  REQUIRE(reader.Deliver(A(1)) == absl::OkStatus());
  CHECK(reader.Stuck() == "parked queue/1; ");
  // Whatever comes next of the case finds nothing left of them to apply again.
  REQUIRE(AllOk(reader.Deliver({A(3), A(4)})));
  CHECK(applied == 1);
  CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3, 4}));
  REQUIRE(reader.Deliver(EntryOf("beta", 1, "b", 1)) == absl::OkStatus());
  CHECK(reader.Stuck() == "");
  CHECK(reader.Folded("offer/goes-on") == FoldOf({"routing:goes-on@1"}));
  CHECK(reader.Folded("offer/at-once") == FoldOf({"routing:at-once@1"}));
}

TEST_CASE("a poisoned entry is a dead letter after five attempts and its neighbours move on",
          "[app][inbox]") {
  Record record;
  Reader reader(&record);
  std::set<std::string> refused = {IdOf(2)};
  Refuse(reader, &refused);
  const std::vector<Envelope> batch = {A(1), EntryOf("beta", 1, "b", 1), A(2),
                                       EntryOf("beta", 2, "b", 2), A(3)};
  for (int attempt = 1; attempt < 5; ++attempt) {
    const std::vector<absl::Status> statuses = reader.Deliver(batch);
    INFO("attempt " << attempt);
    for (size_t i = 0; i < batch.size(); ++i) CHECK(statuses[i].ok() == (i != 2));
    CHECK(statuses[2].message() == "nobody knows this item");
    // At the first delivery already.
    CHECK(reader.Folded("beta/b") == FoldOf({"beta:b@1", "beta:b@2"}));
    CHECK(reader.Folded("alpha/a") == Folded({1}));
    CHECK(reader.Stuck() == "parked alpha/3; ");
  }
  CHECK(AllOk(reader.Deliver(batch)));
  CHECK(reader.Stuck() == "dead alpha/2; parked alpha/3; ");
  const store::DeadLetter letter = reader.DeadLetterOf(kAlpha, 2);
  CHECK(letter.cause == "nobody knows this item");
  CHECK(letter.attempts == 5);
  CHECK(letter.event_type == "case.changed");
  CHECK(letter.case_id == "a");
  // It comes no more, and what follows it waits.
  CHECK(AllOk(reader.Deliver({A(2), A(4)})));
  CHECK(reader.Stuck() == "dead alpha/2; parked alpha/3; parked alpha/4; ");
  CHECK(Must(record.store().Inbox(kAlpha)).watermark == 4);

  SECTION("Retry before the fix leaves everything as it is") {
    const std::string before = record.Dump();
    CHECK(absl::IsFailedPrecondition(reader.Retry(letter)));
    CHECK(record.Dump() == before);
  }
  SECTION("Retry after the fix applies it and what waited for it") {
    refused.clear();
    reader.Restart(true);
    CHECK(reader.Retry(letter) == absl::OkStatus());
    CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3, 4}));
    CHECK(reader.Stuck() == "");
    // A second operator with the same letter in hand.
    CHECK(absl::IsNotFound(reader.Retry(letter)));
    CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3, 4}));
  }
  SECTION("Resolve settles it without effect and applies what waited for it") {
    CHECK(reader.Resolve(letter) == absl::OkStatus());
    CHECK(reader.Folded("alpha/a") == Folded({1, 3, 4}));
    CHECK(reader.Stuck() == "");
    CHECK(absl::IsNotFound(reader.Resolve(letter)));
    CHECK(reader.Deliver(A(5)) == absl::OkStatus());
    CHECK(reader.Folded("alpha/a") == Folded({1, 3, 4, 5}));
  }
}

TEST_CASE("a dead offer that two operators retry is applied once", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  std::set<std::string> refused = {"routing:o1@1"};
  Refuse(reader, &refused);
  const Envelope offer = OfferOf(1, "o1", "files", "x", 1);
  for (int attempt = 0; attempt < 5; ++attempt) (void)reader.Deliver(offer);
  const store::DeadLetter letter = reader.DeadLetterOf(kQueue, 1);
  refused.clear();
  CHECK(reader.Retry(letter) == absl::OkStatus());
  CHECK(absl::IsNotFound(reader.Retry(letter)));
  CHECK(reader.Folded("offer/o1") == FoldOf({"routing:o1@1"}));
}

TEST_CASE("a poisoned entry that came early does not take its predecessor down", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  std::set<std::string> refused = {IdOf(2)};
  Refuse(reader, &refused);
  REQUIRE(AllOk(reader.Deliver({A(2), A(3), OfferOf(1, "o1", "alpha", "a", 1)})));

  SECTION("when the predecessor comes") {
    // As often as it takes: it is the second that is refused, not the first.
    for (int attempt = 0; attempt < 5; ++attempt) (void)reader.Deliver(A(1));
  }
  SECTION("when the predecessor is retried, or settled by hand") {
    const bool retried = GENERATE(true, false);
    refused.insert(IdOf(1));
    for (int attempt = 0; attempt < 5; ++attempt) (void)reader.Deliver(A(1));
    REQUIRE(absl::StrContains(reader.Stuck(), "dead alpha/1; "));
    const store::DeadLetter letter = reader.DeadLetterOf(kAlpha, 1);
    refused.erase(IdOf(1));
    const absl::Status status = retried ? reader.Retry(letter) : reader.Resolve(letter);
    CHECK(status == absl::OkStatus());
    if (!retried) {
      CHECK(reader.Folded("alpha/a") == "");
      CHECK(reader.Stuck() == "dead alpha/2; parked alpha/3; ");
      return;
    }
  }
  CHECK(reader.Folded("alpha/a") == Folded({1}));
  CHECK(reader.Folded("offer/o1") == FoldOf({"routing:o1@1"}));
  REQUIRE(reader.Stuck() == "dead alpha/2; parked alpha/3; ");
  CHECK(reader.DeadLetterOf(kAlpha, 2).cause == "nobody knows this item");
  refused.clear();
  CHECK(reader.Retry(reader.DeadLetterOf(kAlpha, 2)) == absl::OkStatus());
  CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3}));
  CHECK(reader.Stuck() == "");
}

TEST_CASE("UNAVAILABLE keeps an entry in the queue, however long", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  std::set<std::string> refused = {IdOf(2)};
  Refuse(reader, &refused, absl::UnavailableError("the other service is away"));
  for (int attempt = 0; attempt < 20; ++attempt) {
    const auto statuses = reader.Deliver({A(1), A(2), EntryOf("beta", 1, "b", 1)});
    CHECK(statuses[0].ok());
    CHECK(absl::IsUnavailable(statuses[1]));
    CHECK(statuses[2].ok());
  }
  CHECK(reader.Stuck() == "");
  CHECK(Must(record.store().Inbox(kAlpha)).watermark == 1);
  refused.clear();
  CHECK(reader.Deliver(A(2)) == absl::OkStatus());
  CHECK(reader.Folded("alpha/a") == Folded({1, 2}));
}

TEST_CASE("UNAVAILABLE of a woken entry keeps its predecessor in the queue", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  std::set<std::string> refused = {IdOf(2)};
  Refuse(reader, &refused, absl::UnavailableError("the other service is away"));
  REQUIRE(reader.Deliver(A(2)) == absl::OkStatus());
  for (int attempt = 0; attempt < 20; ++attempt) {
    CHECK(absl::IsUnavailable(reader.Deliver(A(1))));
    CHECK(reader.Stuck() == "parked alpha/2; ");
  }
  refused.clear();
  CHECK(reader.Deliver(A(1)) == absl::OkStatus());
  CHECK(reader.Folded("alpha/a") == Folded({1, 2}));
}

TEST_CASE("a batch that meets a conflict is applied all the same", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  REQUIRE(reader.Deliver(A(1)) == absl::OkStatus());
  // A command changes the same folder between the reaction and its commit, three times.
  int conflicts = 3;
  reader.before = [&](Work& work, const Event& event) {
    if (event.event_id() != IdOf(3) || conflicts-- <= 0) return absl::OkStatus();
    Must(work.Load<casework::v1::CaseRecord>(kFolder, "alpha/a"));
    Work command = record.NewWork();
    Must(command.Load<casework::v1::CaseRecord>(kFolder, "alpha/a"))->set_case_no("by hand");
    command.Emit(kFolder, "alpha/a", "folder.changed", "a");
    return reader.committer().CommitOne(Must(command.Take()));
  };
  CHECK(AllOk(reader.Deliver({A(2), EntryOf("beta", 1, "b", 1), A(3), A(4)})));
  CHECK(conflicts < 0);
  CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3, 4}));
  CHECK(reader.Folded("beta/b") == FoldOf({"beta:b@1"}));
  CHECK(reader.Stuck() == "");
  CHECK(record.LogFault() == "");
}

TEST_CASE("an entry that cannot be read at all is listed, and leaves the queue", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  CHECK(reader.inbox().Bury(kAlpha, 1'800'000'000'000, "\xff garbage", "not an Envelope") ==
        absl::OkStatus());
  REQUIRE(reader.Stuck() == "dead alpha/1800000000000; ");
  const store::DeadLetter letter = reader.DeadLetterOf(kAlpha, 1'800'000'000'000);
  CHECK(letter.cause == "not an Envelope");
  CHECK(letter.envelope == "\xff garbage");
  CHECK(absl::IsFailedPrecondition(reader.Retry(letter)));
  CHECK(reader.Deliver(A(1)) == absl::OkStatus());
  CHECK(reader.Resolve(letter) == absl::OkStatus());
  CHECK(reader.Stuck() == "");
}

TEST_CASE("a reader that starts over applies everything again, whatever it remembers",
          "[app][inbox]") {
  Record record;
  Reader reader(&record);
  REQUIRE(AllOk(reader.Deliver({A(1), A(2), A(4)})));
  const auto begin = [&] { return record.store().StartOver({"folder"}, "rebuild", "now"); };
  REQUIRE(reader.inbox().StartOver(begin) == absl::OkStatus());
  CHECK(reader.Folded("alpha/a") == "");
  CHECK(reader.Stuck() == "");
  // What is new comes before what was forgotten.
  CHECK(reader.Deliver(A(5)) == absl::OkStatus());
  CHECK(reader.Stuck() == "parked alpha/5; ");
  CHECK(AllOk(reader.Deliver({A(1), A(2), A(3), A(4)})));
  CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3, 4, 5}));
  CHECK(Must(record.store().Inbox(kAlpha)).watermark == 5);
  CHECK(reader.Stuck() == "");
}

TEST_CASE("a replica that remembers what another made the record forget leaves nothing out",
          "[app][inbox]") {
  const auto backends = Backends();
  const auto shared = std::find_if(backends.begin(), backends.end(), [](const auto& backend) {
    return backend.name == "postgresql";
  });
  REQUIRE(shared != backends.end());
  Record record(*shared);
  Reader reader(&record);
  REQUIRE(AllOk(reader.Deliver({A(1), A(2)})));
  // The other replica has a store and a memory of its own.
  auto other = Must(record.backend().Open());
  REQUIRE(other->StartOver({"folder"}, "rebuild", "now") == absl::OkStatus());
  CHECK(reader.Deliver(A(3)) == absl::OkStatus());
  CHECK(AllOk(reader.Deliver({A(1), A(2), A(3)})));
  CHECK(reader.Folded("alpha/a") == Folded({1, 2, 3}));
  CHECK(Must(record.store().Inbox(kAlpha)).watermark == 3);
}

TEST_CASE("who may see a case is learnt from its events", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  Envelope entry = A(1);
  entry.mutable_event()->add_visible_to("230108001");
  entry.mutable_event()->add_visible_to("230108-archives");
  CHECK(reader.Deliver(entry) == absl::OkStatus());
  const auto rows = Must(record.store().Select(store::kCaseScope, {}));
  REQUIRE(rows.size() == 2);
  CHECK(std::get<std::string>(rows[0][0]) == "a");
}

TEST_CASE("while the record does not answer every entry comes again", "[app][inbox]") {
  Record record;
  std::string away;
  InterposedStore store(&record.store(), [&away](absl::string_view method) {
    return method == away ? absl::UnavailableError("no answer") : absl::OkStatus();
  });
  base::ThreadExecutor executor(1);
  store::GroupCommitter committer(&store, &executor, {});
  int applied = 0;
  app::Inbox inbox(
      &store, &committer,
      [&applied](Work&, const Event&) {
        ++applied;
        return absl::OkStatus();
      },
      [&record](const Event*) { return record.NewWork(); }, telemetry::Metrics::None());
  const std::string before = record.Dump();
  for (const char* method : {"Inbox", "Commit"}) {
    INFO(method);
    away = method;
    for (int attempt = 0; attempt < 7; ++attempt) {
      for (const absl::Status& status : inbox.Apply({A(1), EntryOf("beta", 1, "b", 1)})) {
        CHECK(absl::IsUnavailable(status));
      }
    }
    CHECK(record.Dump() == before);
  }
  // What nobody remembers has to be read.
  away = "SeenVersion";
  CHECK(absl::IsUnavailable(inbox.Apply({A(2)})[0]));
  CHECK(record.Dump() == before);
  away = "";
  CHECK(AllOk(inbox.Apply({A(2)})));
  const std::string parked = record.Dump();
  away = "ParkedOn";
  CHECK(absl::IsUnavailable(inbox.Apply({A(1)})[0]));
  CHECK(record.Dump() == parked);
  away = "";
  applied = 0;
  CHECK(AllOk(inbox.Apply({A(1), EntryOf("beta", 1, "b", 1)})));
  CHECK(applied == 3);
}

TEST_CASE("a record that does not answer is not asked for every entry of a batch", "[app][inbox]") {
  Record record;
  std::atomic<int> asked = 0;
  InterposedStore store(&record.store(), [&asked](absl::string_view) {
    ++asked;
    return absl::UnavailableError("no answer");
  });
  base::ThreadExecutor executor(1);
  store::GroupCommitter committer(&store, &executor, {});
  app::Inbox inbox(
      &store, &committer, [](Work&, const Event&) { return absl::OkStatus(); },
      [&record](const Event*) { return record.NewWork(); }, telemetry::Metrics::None());
  std::vector<casework::v1::Envelope> entries;
  for (int i = 1; i <= 100; ++i) entries.push_back(A(i));
  for (const absl::Status& status : inbox.Apply(entries)) CHECK(absl::IsUnavailable(status));
  // Each question may cost the whole timeout of a connection.
  CHECK(asked <= 10);
}

TEST_CASE("a long life delivered backwards is applied in order", "[app][inbox]") {
  Record record;
  Reader reader(&record);
  std::vector<int64_t> versions;
  std::vector<Envelope> backwards;
  for (int64_t version = 1; version <= 400; ++version) {
    versions.push_back(version);
    backwards.insert(backwards.begin(), A(version));
  }
  const bool at_once = GENERATE(true, false);
  if (at_once) {
    CHECK(AllOk(reader.Deliver(backwards)));
  } else {
    const std::vector<Envelope> but_the_first(backwards.begin(), backwards.end() - 1);
    CHECK(AllOk(reader.Deliver(but_the_first)));
    CHECK(reader.Deliver(A(1)) == absl::OkStatus());
  }
  CHECK(reader.Folded("alpha/a") == Folded(versions));
  CHECK(reader.Stuck() == "");
}

}  // namespace yikou::test
