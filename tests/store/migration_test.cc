// How a record is opened: its schema, and who has it.
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/store/sqlite/sqlite_store.h"
#include "tests/store/record.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {
namespace {

using store::Migration;

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
  // The lock went with the failure.
  CHECK(store::OpenSqliteStore(other).status().code() == absl::StatusCode::kDataLoss);
}

}  // namespace yikou::test
