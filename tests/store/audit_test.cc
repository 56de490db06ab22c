// VerifyRecord: whatever is done to the record by hand is found and named.
#include "libs/app/audit.h"

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catch2/catch.hpp"
#include "libs/auth/seal.h"
#include "libs/base/executor.h"
#include "libs/casework/chain.h"
#include "libs/store/group_committer.h"
#include "tests/store/interposed_store.h"
#include "tests/store/record.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {
namespace {

using app::SignedHead;
using app::VerifyRecord;
using casework::v1::CaseRecord;
using casework::v1::Event;
using casework::v1::VerifyLogResponse;
using store::Work;

const std::vector<const store::AggregateKind*> kKinds = {&kFolder, &kShelf, &kLedger};

// A record of folders whose every change went through a Work, and a file of signed heads beside it.
class Archive {
 public:
  explicit Archive(const BackendFactory& factory) : record(factory) {}

  // Opens folders f0 to f<n-1>, then changes every second one, and with it its shelf s<i>, which
  // has no event of its own.
  void Fill(int folders) {
    for (int i = 0; i < folders; ++i) Change(Id(i), "opened");
    for (int i = 0; i + 1 < folders; i += 2) {
      Work work = record.NewWork();
      work.Create<CaseRecord>(kShelf, absl::StrCat("s", i))->set_title("full");
      Must(work.Load<CaseRecord>(kFolder, Id(i)))->set_title("changed");
      work.Emit(kFolder, Id(i), "folder.changed", Id(i)).set_reason("because");
      Must(record.CommitOne(Must(work.Take())));
    }
    Work work = record.NewWork();
    work.Create<CaseRecord>(kLedger, "ledger")->set_title("not audited");
    Must(record.CommitOne(Must(work.Take())));
  }

  // Opens folders g0 to g<n-1> in few transactions.
  void FillMany(int folders) {
    std::vector<store::Change> batch;
    for (int i = 0; i < folders; ++i) {
      Work work = record.NewWork();
      const std::string id = absl::StrCat("g", i);
      work.Create<CaseRecord>(kFolder, id)->set_title("many");
      work.Emit(kFolder, id, "folder.opened", id);
      batch.push_back(Must(work.Take()));
      if (batch.size() < 500 && i + 1 < folders) continue;
      for (const absl::Status& status : record.Commit(std::move(batch))) Must(status);
      batch.clear();
    }
  }

  void Change(const std::string& id, const std::string& title) {
    Work work = record.NewWork();
    const auto loaded = work.Load<CaseRecord>(kFolder, id);
    (loaded.ok() ? *loaded : work.Create<CaseRecord>(kFolder, id))->set_title(title);
    work.Emit(kFolder, id, "folder.changed", id).set_reason("because");
    Must(record.CommitOne(Must(work.Take())));
  }

  void Sign() {
    const store::LogHead log = Must(record.store().Head());
    SignedHead head;
    head.position = log.position;
    head.hash = log.hash;
    head.signature = Must(key.Sign(app::HeadText("files", log.position, log.hash)));
    head.public_key = Must(key.PublicPem());
    Must(app::WriteHead(dir.path(), "files", head));
  }

  VerifyLogResponse Verify() {
    return Must(VerifyRecord(&record.store(), kKinds, "files", dir.path(), Must(key.PublicPem())));
  }
  // All findings in one text; "" when there are none.
  std::string Findings() {
    const VerifyLogResponse response = Verify();
    std::string text = absl::StrJoin(response.findings(), "\n");
    return response.ok() == text.empty() ? text : "ok() contradicts the findings: " + text;
  }

  void Execute(const std::string& sql) { record.backend().Execute(sql); }
  void PutBody(int64_t position, const std::string& body) {
    Execute(absl::StrCat("UPDATE event SET body = ", record.backend().Literal(body),
                         " WHERE position = ", position));
  }

  static std::string Id(int i) { return absl::StrCat("f", i); }

  TempDir dir;
  auth::SealKey key = Must(auth::SealKey::Generate(auth::SealAlgorithm::kEcdsaP256Sha256));
  Record record;
};

bool Names(const std::string& findings, const std::string& what) {
  return absl::StrContains(findings, what);
}

}  // namespace

TEST_CASE("an untouched record verifies, signed or not, over many pages", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  CHECK(archive.Findings() == "");
  archive.Fill(10);
  CHECK(archive.Findings() == "");
  archive.Sign();
  // More than two pages of 1,000 events and of 1,000 aggregates.
  archive.FillMany(2500);
  const VerifyLogResponse response = archive.Verify();
  CHECK(response.ok());
  CHECK(response.findings_size() == 0);
  CHECK(response.events() == 2515);
  CHECK(response.aggregates() == 2515);
  CHECK(response.signed_position() == 15);
}

TEST_CASE("one altered byte of an event is found, wherever it is", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(6);
  const std::string body = archive.record.Log()[6].body;
  for (size_t i = 0; i < body.size(); i += 3) {
    INFO("byte " << i << " of " << body.size());
    std::string altered = body;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    archive.PutBody(7, altered);
    const std::string findings = archive.Findings();
    CHECK(Names(findings, "event 7 "));
    // It is the only broken link.
    CHECK_FALSE(Names(findings, "event 6 "));
    CHECK_FALSE(Names(findings, "event 8 "));
  }
  archive.PutBody(7, body);
  CHECK(archive.Findings() == "");
  archive.Execute(absl::StrCat(
      "UPDATE event SET hash = ", archive.record.backend().Literal(std::string(32, 'h')),
      " WHERE position = 7"));
  CHECK(Names(archive.Findings(), "event 7 "));
}

TEST_CASE("events that were removed are named from first to last", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(10);
  REQUIRE(archive.record.Log().size() == 15);
  archive.Execute("DELETE FROM event WHERE position = 7");
  CHECK(Names(archive.Findings(), "events 7 to 7 are missing"));
  archive.Execute("DELETE FROM event WHERE position IN (8, 9, 1)");
  const std::string findings = archive.Findings();
  CHECK(Names(findings, "events 7 to 9 are missing"));
  CHECK(Names(findings, "events 1 to 1 are missing"));
}

TEST_CASE("a removed event is found though the rest was numbered anew", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(10);
  archive.Execute("DELETE FROM event WHERE position = 7");
  for (int position = 8; position <= 15; ++position) {
    archive.Execute(
        absl::StrCat("UPDATE event SET position = ", position - 1, " WHERE position = ", position));
  }
  archive.Execute("UPDATE log_head SET position = 14");
  CHECK(Names(archive.Findings(), "event 7 "));
}

TEST_CASE("two events that changed places are both found", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(10);
  archive.Execute("UPDATE event SET position = -1 WHERE position = 5");
  archive.Execute("UPDATE event SET position = 5 WHERE position = 9");
  archive.Execute("UPDATE event SET position = 9 WHERE position = -1");
  const std::string findings = archive.Findings();
  CHECK(Names(findings, "event 5 "));
  CHECK(Names(findings, "event 9 "));
}

TEST_CASE("an aggregate that was altered, removed or slipped in is named", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(10);
  const std::string forged = store::StableBytes(FolderMessage("forged"));
  SECTION("altered, its last change with an event of its own") {
    archive.Execute(absl::StrCat(
        "UPDATE folder SET body = ", archive.record.backend().Literal(forged), " WHERE id = 'f4'"));
    const std::string findings = archive.Findings();
    CHECK(Names(findings, "the folder f4 was altered"));
    CHECK(Names(findings, "event 13"));
    CHECK(archive.Verify().findings_size() == 1);
  }
  SECTION("altered, its last change covered by another's event") {
    archive.Execute(absl::StrCat(
        "UPDATE shelf SET body = ", archive.record.backend().Literal(forged), " WHERE id = 's4'"));
    CHECK(Names(archive.Findings(), "the shelf s4 was altered"));
    CHECK(archive.Verify().findings_size() == 1);
  }
  SECTION("set back to an older state, that was true once") {
    archive.Execute(
        absl::StrCat("UPDATE folder SET body = ",
                     archive.record.backend().Literal(store::StableBytes(FolderMessage("opened"))),
                     " WHERE id = 'f4'"));
    CHECK(Names(archive.Findings(), "the folder f4 was altered"));
  }
  SECTION("given another version") {
    archive.Execute("UPDATE folder SET version = 9 WHERE id = 'f4'");
    CHECK(Names(archive.Findings(), "the folder f4 "));
    archive.Execute("UPDATE folder SET version = 1 WHERE id = 'f4'");
    CHECK(Names(archive.Findings(), "the folder f4 "));
  }
  SECTION("removed") {
    archive.Execute("DELETE FROM folder WHERE id = 'f4'");
    CHECK(Names(archive.Findings(), "the folder f4 is missing"));
    CHECK(archive.Verify().findings_size() == 1);
  }
  SECTION("slipped in") {
    archive.Execute(
        absl::StrCat("INSERT INTO folder (id, version, body, title, weight) VALUES "
                     "('f4x', 1, ",
                     archive.record.backend().Literal(forged), ", 't', 0)"));
    CHECK(Names(archive.Findings(), "the folder f4x is stored but no event speaks of it"));
    CHECK(archive.Verify().findings_size() == 1);
  }
  SECTION("bookkeeping is not audited") {
    archive.Execute("DELETE FROM ledger");
    CHECK(archive.Findings() == "");
  }
}

TEST_CASE("a tail that was cut is found against the head", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(10);
  SECTION("events only") {
    archive.Execute("DELETE FROM event WHERE position > 12");
    CHECK(Names(archive.Findings(), "ends at event 12 but its head says 15"));
  }
  SECTION("the head only") {
    archive.Execute("UPDATE log_head SET position = 12");
    CHECK(Names(archive.Findings(), "ends at event 15 but its head says 12"));
  }
  SECTION("the head's hash only") {
    archive.Execute(absl::StrCat("UPDATE log_head SET hash = ",
                                 archive.record.backend().Literal(std::string(32, 'h'))));
    CHECK(Names(archive.Findings(), "event 15 has another hash than the head"));
  }
  SECTION("an event was added behind the head") {
    archive.Execute(
        absl::StrCat("INSERT INTO event (position, case_id, hash, body) SELECT 16, "
                     "case_id, hash, body FROM event WHERE position = 15"));
    CHECK(Names(archive.Findings(), "16"));
  }
}

TEST_CASE("a tail that was cut cleanly is found against the signed head", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  for (int i = 0; i < 10; ++i) archive.Change(Archive::Id(i), "opened");
  archive.Sign();
  for (int i = 0; i < 4; ++i) archive.Change(Archive::Id(10 + i), "opened");
  // Someone sets all of it back: log, head, streams and the aggregates of the events cut off.
  const int64_t cut = GENERATE(0, 3, 9);
  const std::vector<store::LogEntry> log = archive.record.Log();
  const std::string hash = cut == 0 ? "" : log[cut - 1].hash;
  archive.Execute(absl::StrCat("DELETE FROM event WHERE position > ", cut));
  archive.Execute(absl::StrCat("UPDATE log_head SET position = ", cut,
                               ", hash = ", archive.record.backend().Literal(hash)));
  for (int64_t i = cut; i < 14; ++i) {
    archive.Execute(
        absl::StrCat("DELETE FROM folder WHERE id = '", Archive::Id(static_cast<int>(i)), "'"));
  }
  const std::string findings = archive.Findings();
  CHECK(Names(findings, absl::StrCat("events ", cut + 1, " to 10 were cut off")));
  // Nothing but the signature could tell.
  CHECK(Must(VerifyRecord(&archive.record.store(), kKinds, "files", "", "")).ok());
  // Grown again beyond the signed head, it is another log.
  for (int i = 0; i < 12; ++i) archive.Change(absl::StrCat("new", i), "opened");
  CHECK(Names(archive.Findings(), "event 10 has another hash than the signed head"));
}

TEST_CASE("a log rewritten with fresh hashes is found against the signed head", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(10);
  archive.Sign();
  std::string hash;
  for (const store::LogEntry& entry : archive.record.Log()) {
    Event event;
    REQUIRE(event.ParseFromString(entry.body));
    if (entry.position == 4) event.set_reason("another reason");
    const std::string body = store::StableBytes(event);
    hash = casework::ChainHash(hash, body);
    archive.Execute(absl::StrCat("UPDATE event SET body = ", archive.record.backend().Literal(body),
                                 ", hash = ", archive.record.backend().Literal(hash),
                                 " WHERE position = ", entry.position));
  }
  archive.Execute(
      absl::StrCat("UPDATE log_head SET hash = ", archive.record.backend().Literal(hash)));
  CHECK(Names(archive.Findings(), "event 15 has another hash than the signed head"));
  CHECK(Must(VerifyRecord(&archive.record.store(), kKinds, "files", "", "")).ok());
}

TEST_CASE("a head signed with another key, or altered, is a finding", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(4);
  archive.Sign();
  REQUIRE(archive.Findings() == "");
  const auth::SealKey other = Must(auth::SealKey::Generate(auth::SealAlgorithm::kEcdsaP256Sha256));
  const store::LogHead log = Must(archive.record.store().Head());
  SignedHead head{log.position, log.hash, "", Must(other.PublicPem())};
  head.signature = Must(other.Sign(app::HeadText("files", log.position, log.hash)));
  Must(app::WriteHead(archive.dir.path(), "files", head));
  CHECK(Names(archive.Findings(), "signed head of event 6 was not signed with this service's key"));
  CHECK(archive.Verify().signed_position() == 0);
  // Of another service, though with the right key.
  head.signature = Must(archive.key.Sign(app::HeadText("intake", log.position, log.hash)));
  Must(app::WriteHead(archive.dir.path(), "files", head));
  CHECK(Names(archive.Findings(), "not signed"));
  archive.dir.Write("files.heads.jsonl",
                    "{\"position\": 3, \"hash\": \"zz\", \"signature\": \"?\", "
                    "\"public_key\": \"\"}\n");
  CHECK(Names(archive.Findings(), "signed head of event 3 was not signed"));
  // The newest head counts.
  archive.Sign();
  CHECK(archive.Findings() == "");
}

TEST_CASE("a file of heads that cannot be read is DATA_LOSS, whatever is in it", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(4);
  const std::string line =
      GENERATE("{\"position\": 3, \"ha", "[1]", "{\"position\": \"three\"}",
               "{\"position\": 3, \"hash\": 7}", "null",
               "{\"position\": 3, \"hash\": \"ab\", \"signature\": []}", "\"text\"", "\xff\xfe");
  INFO(line);
  archive.dir.Write("files.heads.jsonl", line);
  const auto response = VerifyRecord(&archive.record.store(), kKinds, "files", archive.dir.path(),
                                     Must(archive.key.PublicPem()));
  CHECK(response.status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("no folder for heads, or none written yet, is no finding", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(4);
  CHECK(Must(VerifyRecord(&archive.record.store(), kKinds, "files", "", "")).ok());
  CHECK(archive.Verify().signed_position() == 0);
  SignedHead head;
  const absl::Status status = app::WriteHead(archive.dir.File("none"), "files", head);
  CHECK(absl::IsUnavailable(status));
  CHECK(absl::StrContains(status.message(), "folder exists"));
}

TEST_CASE("a write between any two reads of the audit causes no false finding", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(6);
  archive.Sign();
  // Once in a while, before whatever the audit is about to read: a new folder and, with it, one
  // that changes for ever.
  const int every = GENERATE(1, 2, 3, 5);
  int calls = 0;
  int written = 0;
  InterposedStore busy(&archive.record.store(), [&](absl::string_view method) {
    // Before every look at the log it would never come to an end.
    if (++calls % every == 0 && (method != "ReadLog" || calls % 4 == 0)) {
      archive.Change(absl::StrCat(written % 2 == 0 ? "a" : "z", written), "opened");
      archive.Change("f0", absl::StrCat("changed ", written));
      archive.Change("z-hot", absl::StrCat("changed ", written));
      ++written;
    }
    return absl::OkStatus();
  });
  for (int i = 0; i < 5; ++i) {
    const VerifyLogResponse response = Must(
        VerifyRecord(&busy, kKinds, "files", archive.dir.path(), Must(archive.key.PublicPem())));
    CHECK(absl::StrJoin(response.findings(), "\n") == "");
  }
  CHECK(written >= 5);
  // Nor does it hide a true one.
  archive.Execute("UPDATE folder SET version = version + 1 WHERE id = 'f3'");
  archive.Execute("DELETE FROM folder WHERE id = 'f5'");
  const VerifyLogResponse response =
      Must(VerifyRecord(&busy, kKinds, "files", archive.dir.path(), Must(archive.key.PublicPem())));
  const std::string findings = absl::StrJoin(response.findings(), "\n");
  CHECK(Names(findings, "the folder f3 "));
  CHECK(Names(findings, "the folder f5 is missing"));
  CHECK(response.findings_size() == 2);
}

TEST_CASE("a concurrent writer causes no false finding", "[audit]") {
  Archive archive(GENERATE(from_range(Backends())));
  archive.Fill(20);
  // So many that the folders behind them are read long after the log was.
  archive.FillMany(2500);
  archive.Change("z-hot-0", "opened");
  archive.Change("z-hot-1", "opened");
  archive.Sign();
  base::ThreadExecutor executor(1);
  store::GroupCommitter committer(&archive.record.store(), &executor, {});
  std::atomic<bool> done = false;
  std::atomic<int> written = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < 2; ++w) {
    writers.emplace_back([&, w] {
      for (int n = 0; !done; ++n) {
        Work work = archive.record.NewWork();
        // A folder that is always the same, a new one, and a shelf.
        const std::string hot = absl::StrCat("z-hot-", w);
        const std::string fresh = absl::StrCat("z", w, "-", n);
        const std::string touched = absl::StrCat("s", 2 * w);
        auto loaded = work.Load<CaseRecord>(kFolder, hot);
        auto other = work.Load<CaseRecord>(kShelf, touched);
        if (!loaded.ok() || !other.ok()) {
          failed += 1;
          continue;
        }
        (*loaded)->set_title(fresh);
        (*other)->set_title(fresh);
        work.Touch(kShelf, touched);
        work.Create<CaseRecord>(kFolder, fresh)->set_title("new");
        work.Emit(kFolder, fresh, "folder.opened", fresh);
        work.Emit(kFolder, hot, "folder.changed", hot);
        auto change = work.Take();
        if (!change.ok() || !committer.CommitOne(*std::move(change)).ok()) failed += 1;
        written += 1;
      }
    });
  }
  std::vector<std::string> findings;
  int runs = 0;
  const bool enough = Eventually(absl::Seconds(120), [&] {
    const auto response = VerifyRecord(&archive.record.store(), kKinds, "files", archive.dir.path(),
                                       *archive.key.PublicPem());
    if (!response.ok()) findings.push_back(response.status().ToString());
    if (response.ok()) {
      for (const std::string& finding : response->findings()) findings.push_back(finding);
    }
    ++runs;
    return (runs >= 30 && written >= 300) || !findings.empty();
  });
  // Nor does it hide a true one.
  archive.Execute("UPDATE folder SET version = version + 1 WHERE id = 'f9'");
  const std::string of_the_altered = archive.Findings();
  done = true;
  for (std::thread& writer : writers) writer.join();
  CHECK(enough);
  CHECK(absl::StrJoin(findings, "\n") == "");
  CHECK(failed == 0);
  CHECK(Names(of_the_altered, "the folder f9 "));
  CHECK(archive.Verify().findings_size() == 1);
}

}  // namespace yikou::test
