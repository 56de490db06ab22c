// How a record is opened: its schema, and who has it.
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/store/migrations.h"
#include "libs/store/sqlite/sqlite_store.h"
#include "tests/store/record.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {
namespace {

using store::Migration;
using store::MigrationState;

const Migration kOne{1, "one.sql", "CREATE TABLE one (id TEXT PRIMARY KEY);"};
const Migration kTwo{2, "two.sql",
                     "CREATE TABLE two (id TEXT PRIMARY KEY);\n-- a comment; with a semicolon\n"
                     "INSERT INTO two (id) VALUES ('a;b');"};

}  // namespace

TEST_CASE("a migration is applied once", "[migrations]") {
  auto backend = GENERATE(from_range(Backends())).make();
  auto store = Must(backend->Open());
  REQUIRE(store->Migrate({kOne}) == absl::OkStatus());
  REQUIRE(store->Migrate({kOne, kTwo}) == absl::OkStatus());
  REQUIRE(store->Migrate({kOne, kTwo}) == absl::OkStatus());
  store.reset();
  store = Must(backend->Open());
  REQUIRE(store->Migrate({kOne, kTwo}) == absl::OkStatus());
  CHECK(backend->Ask("SELECT COUNT(*) FROM two") == "1");
  CHECK(backend->Ask("SELECT COUNT(*) FROM schema_migration") == "2");
}

TEST_CASE("a migration that was changed after it was applied is refused by name", "[migrations]") {
  auto backend = GENERATE(from_range(Backends())).make();
  auto store = Must(backend->Open());
  REQUIRE(store->Migrate({kOne}) == absl::OkStatus());
  Migration altered = kOne;
  altered.sql += " ";
  const absl::Status status = store->Migrate({altered, kTwo});
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(absl::StrContains(status.message(), "one.sql"));
  // Nothing behind it was applied.
  CHECK(backend->Ask("SELECT COUNT(*) FROM schema_migration") == "1");
  CHECK(store->Migrate({kOne, kTwo}) == absl::OkStatus());
}

TEST_CASE("a record tells which migrations it has, and a comparison what that means",
          "[migrations]") {
  auto backend = GENERATE(from_range(Backends())).make();
  auto store = Must(backend->Open());
  CHECK(Must(store->AppliedMigrations()).empty());
  REQUIRE(store->Migrate({kOne, kTwo}) == absl::OkStatus());
  const std::vector<store::AppliedMigration> applied = Must(store->AppliedMigrations());
  REQUIRE(applied.size() == 2);
  CHECK(applied[1].version == 2);
  CHECK(applied[1].name == "two.sql");
  CHECK(applied[1].checksum == store::ChecksumOf(kTwo));

  Migration altered = kOne;
  altered.sql += " ";
  const auto all = store::CompareMigrations({altered, {3, "three.sql", "SELECT 1;"}}, applied);
  REQUIRE(all.size() == 3);
  CHECK(all[0].state == MigrationState::kChanged);
  CHECK(all[1].state == MigrationState::kNewer);
  CHECK(all[2].state == MigrationState::kMissing);
  CHECK(store::CheckComplete(store::CompareMigrations({kOne, kTwo}, applied), "it").ok());
  CHECK(store::CheckComplete(store::CompareMigrations({kOne}, applied), "it").ok());
  const auto missing = store::CheckComplete(store::CompareMigrations({kOne, kTwo}, {}), "it");
  CHECK(missing.message() == "Migration 1 (one.sql) is missing in it.");
  CHECK(absl::StrContains(store::CheckUnchanged(all, "it").message(), "another form"));
}

TEST_CASE("a service goes on working on a record that a later version has migrated",
          "[migrations]") {
  Record record(GENERATE(from_range(Backends())));
  const auto change = [](const std::string& id, int64_t expected) {
    store::Change change;
    change.writes.push_back(FolderWrite(id, expected, expected + 1));
    change.events.push_back(EventOf(id, expected + 1));
    return change;
  };
  REQUIRE(record.CommitOne(change("a", 0)) == absl::OkStatus());
  // What the next version may bring: a column with a default, an index, a table.
  std::vector<Migration> next = TestMigrations();
  next.push_back({next.back().version + 1, "next.sql",
                  "ALTER TABLE folder ADD COLUMN shade BIGINT NOT NULL DEFAULT 7;\n"
                  "CREATE INDEX folder_by_shade ON folder (shade, id);\n"
                  "CREATE TABLE later (id TEXT PRIMARY KEY);"});
  REQUIRE(record.store().Migrate(next) == absl::OkStatus());
  // Connections that were open before, and those of a restart.
  for (int round = 0; round < 2; ++round) {
    CHECK(record.store().Migrate(TestMigrations()) == absl::OkStatus());
    CHECK(record.CommitOne(change("a", 1 + round)) == absl::OkStatus());
    CHECK(record.CommitOne(change(absl::StrCat("b", round), 0)) == absl::OkStatus());
    CHECK(Must(record.store().Get(kFolder, "a")).version == 2 + round);
    CHECK(Must(record.store().Find(kFolder, {})).size() == 2 + static_cast<size_t>(round));
    record.Reopen();
  }
  CHECK(record.LogFault() == "");
  CHECK(record.backend().Ask("SELECT COUNT(*) FROM folder WHERE shade = 7") == "3");
}

TEST_CASE("a migration that fails leaves nothing, and can be put right", "[migrations]") {
  auto backend = GENERATE(from_range(Backends())).make();
  auto store = Must(backend->Open());
  Migration broken = kTwo;
  broken.sql +=
      "\nCREATE TABLE three (id TEXT PRIMARY KEY);\nINSERT INTO no_such_table VALUES (1);";
  const absl::Status status =
      store->Migrate({kOne, broken, {3, "three.sql", "CREATE TABLE x (y);"}});
  CHECK_FALSE(status.ok());
  CHECK(absl::StrContains(status.message(), "no_such_table"));
  CHECK(backend->Ask("SELECT COUNT(*) FROM schema_migration") == "1");
  CHECK_THROWS(backend->Ask("SELECT * FROM two"));
  CHECK_THROWS(backend->Ask("SELECT * FROM three"));
  CHECK_THROWS(backend->Ask("SELECT * FROM x"));
  REQUIRE(store->Migrate({kOne, kTwo}) == absl::OkStatus());
  CHECK(backend->Ask("SELECT COUNT(*) FROM two") == "1");
}

TEST_CASE("the core schema and a service's schema go together", "[migrations]") {
  Record record(GENERATE(from_range(Backends())));
  CHECK(record.store().Migrate(TestMigrations()) == absl::OkStatus());
  CHECK(Must(record.store().Head()).position == 0);
  CHECK(Must(record.store().Head()).hash.empty());
}

TEST_CASE("a SQLite file serves one opener, and says so to the second", "[sqlite]") {
  TempDir dir;
  const std::string path = dir.File("record.db");
  auto first = Must(store::OpenSqliteStore(path));
  const absl::Status second = store::OpenSqliteStore(path).status();
  CHECK(absl::IsFailedPrecondition(second));
  CHECK(absl::StrContains(second.message(), path));
  CHECK(absl::StrContains(second.message(), "Another process"));
  // Refusing the second took nothing from the first.
  CHECK(first->Migrate(TestMigrations()) == absl::OkStatus());
  CHECK(absl::IsFailedPrecondition(store::OpenSqliteStore(path).status()));

  // Another process is refused too. It must not run what our process has set up: _exit.
  const pid_t child = fork();
  if (child == 0) {
    const absl::Status status = store::OpenSqliteStore(path).status();
    _exit(absl::IsFailedPrecondition(status) ? 7 : 1);
  }
  int ended = 0;
  REQUIRE(waitpid(child, &ended, 0) == child);
  CHECK(WIFEXITED(ended));
  CHECK(WEXITSTATUS(ended) == 7);

  // Whoever only looks at it is let in beside.
  CHECK(Must(Must(store::OpenSqliteStoreToRead(path))->AppliedMigrations()).size() ==
        TestMigrations().size());
  first.reset();
  CHECK(store::OpenSqliteStore(path).ok());
}

TEST_CASE("a SQLite file that cannot be had is an error with a sentence", "[sqlite]") {
  TempDir dir;
  const absl::Status no_folder = store::OpenSqliteStore(dir.File("no/such/record.db")).status();
  CHECK(absl::IsUnavailable(no_folder));
  CHECK(absl::StrContains(no_folder.message(), "folder exists"));

  const std::string other = dir.Write("other.db", std::string(8192, 'x'));
  const absl::Status no_database = store::OpenSqliteStore(other).status();
  CHECK(no_database.code() == absl::StatusCode::kDataLoss);
  // Whoever only looks makes no file.
  CHECK(absl::IsUnavailable(store::OpenSqliteStoreToRead(dir.File("none.db")).status()));
  CHECK(access(dir.File("none.db").c_str(), F_OK) != 0);
  // The lock went with the failure.
  CHECK(store::OpenSqliteStore(other).status().code() == absl::StatusCode::kDataLoss);
}

}  // namespace yikou::test
