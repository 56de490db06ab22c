// A full or broken disk under the SQLite file: an error, and a record that is as it was.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/base/executor.h"
#include "libs/store/group_committer.h"
#include "libs/store/sqlite/sqlite_store.h"
#include "tests/store/faulty_vfs.h"
#include "tests/store/record.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {
namespace {

using store::Change;
using store::RowWrite;
using Fault = FaultyVfs::Fault;

// Large enough for several pages of the file.
Change Case(int number) {
  Change change;
  const std::string id = absl::StrCat("f", number);
  change.writes.push_back(FolderWrite(id, 0, 1));
  change.writes[0].body = std::string(10'000, 'x');
  change.events.push_back(EventOf(id, 1));
  change.rows.push_back(TallyRow(RowWrite::Mode::kAdd, "230108", "opened", 1, 0));
  change.request = RequestOf(absl::StrCat("r", number));
  change.inbox = {{kIn, number}};
  return change;
}

absl::StatusCode CodeOf(Fault fault) {
  return fault == Fault::kFull ? absl::StatusCode::kResourceExhausted
                               : absl::StatusCode::kUnavailable;
}

}  // namespace

TEST_CASE("whichever write finds the disk full, nothing of the change is there", "[sqlite]") {
  const Fault fault = GENERATE(Fault::kFull, Fault::kWriteError, Fault::kSyncError);
  FaultyVfs disk;
  Record record;
  REQUIRE(record.CommitOne(Case(1)) == absl::OkStatus());

  int committed = 1;
  int refusals = 0;
  // The fault comes at the first operation of the commit, then at the second, and so on, until it
  // comes too late to matter.
  for (int good = 0; good < 100; ++good) {
    INFO("fault " << static_cast<int>(fault) << " after " << good << " operations");
    const std::string before = record.Dump();
    disk.Break(fault, good);
    const absl::Status status = record.CommitOne(Case(committed + 1));
    // While the disk is as it is, everything can be read.
    const std::string after = record.Dump();
    REQUIRE(record.LogFault() == "");
    disk.Mend();
    if (status.ok()) {
      CHECK(disk.refused() == 0);
      committed += 1;
      break;
    }
    refusals += 1;
    REQUIRE(status.code() == CodeOf(fault));
    CHECK(absl::StrContains(status.message(), fault == Fault::kFull ? "is full" : "SQLite"));
    REQUIRE(after == before);
    // Space was made: the same change goes through, and nothing else came with it.
    REQUIRE(record.CommitOne(Case(committed + 1)) == absl::OkStatus());
    committed += 1;
    REQUIRE(Must(record.store().Count(kFolder, {})) == committed);
    REQUIRE(record.LogFault() == "");
  }
  CHECK(refusals >= 1);
  const std::string before = record.Dump();
  record.Reopen();
  CHECK(record.Dump() == before);
  CHECK(record.backend().Ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("a full disk fails every caller of the transaction, and none after it", "[sqlite]") {
  FaultyVfs disk;
  Record record;
  disk.Break(Fault::kFull, 0);
  std::vector<Change> batch;
  for (int i = 1; i <= 5; ++i) batch.push_back(Case(i));
  batch[2].writes[0].expected_version = 4;
  const std::vector<absl::Status> statuses = record.Commit(batch);
  for (int i = 0; i < 5; ++i) {
    INFO(statuses[i]);
    // What would not have held anyway says so.
    CHECK(statuses[i].code() ==
          (i == 2 ? absl::StatusCode::kAborted : absl::StatusCode::kResourceExhausted));
  }
  CHECK(absl::IsResourceExhausted(record.store().PutSetting("offset", "1")));
  disk.Mend();
  CHECK(Must(record.store().Setting("offset")) == "");
  for (const absl::Status& status : record.Commit({Case(1), Case(2)})) CHECK(status.ok());
}

TEST_CASE("a migration on a full disk leaves nothing", "[sqlite]") {
  FaultyVfs disk;
  TempDir dir;
  auto store = Must(store::OpenSqliteStore(dir.File("record.db")));
  Must(store->Migrate({}));
  disk.Break(Fault::kFull, 0);
  CHECK(absl::IsResourceExhausted(store->Migrate(TestMigrations())));
  disk.Mend();
  CHECK(store->Migrate(TestMigrations()) == absl::OkStatus());
  CHECK(Must(store->Head()).position == 0);
}

TEST_CASE("a file that may not grow is an error, and the process lives", "[sqlite]") {
  Record record;
  REQUIRE(record.CommitOne(Case(1)) == absl::OkStatus());
  const std::string before = record.Dump();
  // The kernel's own refusal, not a simulated one; SIGXFSZ would end the process.
  rlimit old = {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit none = {.rlim_cur = 0, .rlim_max = old.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
  const absl::Status status = record.CommitOne(Case(2));
  const std::string after = record.Dump();
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);

  INFO(status);
  CHECK((absl::IsUnavailable(status) || absl::IsResourceExhausted(status)));
  CHECK(after == before);
  CHECK(record.CommitOne(Case(2)) == absl::OkStatus());
  record.Reopen();
  CHECK(record.LogFault() == "");
  CHECK(Must(record.store().Count(kFolder, {})) == 2);
}

TEST_CASE("what was committed is there after a death at any moment", "[sqlite]") {
  TempDir dir;
  const std::string path = dir.File("record.db");
  // The child tells each commit it was told of; it dies in the middle of its work, as by kill -9.
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    auto store = store::OpenSqliteStore(path);
    if (!store.ok() || !(*store)->Migrate(TestMigrations()).ok()) _exit(1);
    for (int number = 1;; ++number) {
      Change change = Case(number);
      if (!(*store)->Commit({&change})[0].ok()) _exit(2);
      if (write(pipe_ends[1], &number, sizeof(number)) != sizeof(number)) _exit(3);
    }
  }
  close(pipe_ends[1]);
  int told = 0;
  while (told < 40 && read(pipe_ends[0], &told, sizeof(told)) == sizeof(told)) {
  }
  kill(child, SIGKILL);
  int number = 0;
  while (read(pipe_ends[0], &number, sizeof(number)) == sizeof(number)) told = number;
  close(pipe_ends[0]);
  int ended = 0;
  waitpid(child, &ended, 0);
  REQUIRE(WIFSIGNALED(ended));

  auto store = Must(store::OpenSqliteStore(path));
  REQUIRE(store->Migrate(TestMigrations()) == absl::OkStatus());
  const int64_t kept = Must(store->Count(kFolder, {}));
  // One more may have been committed and not told of.
  CHECK(kept >= told);
  CHECK(kept <= told + 1);
  CHECK(Must(store->Head()).position == kept);
  CHECK(Must(store->Inbox(kIn)).watermark == kept);
  CHECK(std::get<int64_t>(Must(store->Select(kTally, {}))[0][2]) == kept);
}

}  // namespace yikou::test
