// Operators look after the schemas of the records with the services' own binaries.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/e2e/programs.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {
namespace {

Ran Migrate(const std::string& service, const std::string& what, const std::string& store) {
  return Run({absl::StrCat(YIKOU_BINARY_DIR, "/services/", service, "/yikou-", service), "migrate",
              what, "--store", store});
}

}  // namespace

TEST_CASE("every service migrates, shows and verifies its schema on either database", "[migrate]") {
  TempDir dir;
  for (const std::string service : cli::kServices) {
    for (const bool postgres : {false, true}) {
      const std::string store =
          postgres ? SharedPostgres().url() : "sqlite:" + dir.File(service + ".db");
      INFO(service << " in " << store);
      // Nothing is there yet: a schema without tables, a file that must not come by looking.
      const Ran before = Migrate(service, "verify", store);
      INFO(before.output);
      CHECK(before.code == 1);
      CHECK(absl::StrContains(before.output, postgres ? "migrate up" : "cannot be opened"));

      const Ran up = Migrate(service, "up", store);
      INFO(up.output);
      REQUIRE(up.code == 0);
      CHECK_FALSE(absl::StrContains(up.output, "missing"));
      const Ran status = Migrate(service, "status", store);
      CHECK(status.code == 0);
      CHECK(status.output == up.output);
      CHECK(absl::StrContains(status.output, "0001_core.sql"));
      CHECK(absl::StrContains(status.output, "1001     0001_init.sql "));
      CHECK(absl::StrContains(status.output, " applied\n"));
      CHECK_FALSE(absl::StrContains(status.output, " missing\n"));
      CHECK(Migrate(service, "verify", store).code == 0);
      CHECK(Migrate(service, "up", store).code == 0);
    }
  }
}

TEST_CASE("migrate verify fails by name when a migration was changed, and tolerates a newer one",
          "[migrate]") {
  PostgresServer& postgres = SharedPostgres();
  REQUIRE(Migrate("reporting", "up", postgres.url()).code == 0);
  postgres.Run("INSERT INTO reporting.schema_migration VALUES (1999, '0999_far.sql', 'x')");
  CHECK(Migrate("reporting", "verify", postgres.url()).code == 0);
  CHECK(absl::StrContains(Migrate("reporting", "status", postgres.url()).output,
                          "1999     0999_far.sql   newer than this binary"));
  postgres.Run("UPDATE reporting.schema_migration SET checksum = 'y' WHERE version = 1001");
  const Ran changed = Migrate("reporting", "verify", postgres.url());
  CHECK(changed.code == 1);
  CHECK(absl::StrContains(changed.output, "Migration 1001 (0001_init.sql)"));
  CHECK(Migrate("reporting", "up", postgres.url()).code == 1);
  postgres.Run("DROP SCHEMA reporting CASCADE");
}

TEST_CASE("a second process on the file of a running one is refused by a sentence; looking is not",
          "[migrate]") {
  Suite& suite = SharedSuite();
  if (suite.postgres() != nullptr) return;
  const std::string store = "sqlite:" + suite.StorePath("routing");
  const Ran up = Migrate("routing", "up", store);
  CHECK(up.code == 1);
  CHECK(absl::StrContains(up.output, "Another process has"));
  const Ran status = Migrate("routing", "status", store);
  CHECK(status.code == 0);
  CHECK(absl::StrContains(status.output, "applied"));

  TempDir dir;
  const Ran second =
      Run({YIKOU_BINARY_DIR "/services/routing/yikou-routing", "--listen", "127.0.0.1:0", "--store",
           store, "--key_dir", suite.KeyDir(), "--token_key", suite.KeyDir() + "/dev.key",
           "--token_kid", "dev", "--calendar",
           YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv", "--log_file",
           dir.File("log")});
  CHECK(second.code == 1);
  CHECK(absl::StrContains(second.output, "One SQLite file serves one process"));
  CHECK(suite.Running("routing"));
}

TEST_CASE("migrate without a verb or without a store is a usage error", "[migrate]") {
  const std::string binary = YIKOU_BINARY_DIR "/services/intake/yikou-intake";
  CHECK(Run({binary, "migrate"}).code == 2);
  CHECK(Run({binary, "migrate", "status"}).code == 2);
  CHECK(Run({binary, "migrate", "sideways", "--store", "sqlite:x"}).code == 2);
  CHECK(Run({binary, "migrate", "--help"}).code == 0);
  const Ran odd = Run({binary, "migrate", "status", "--store", "mysql://x"});
  CHECK(odd.code == 1);
  CHECK(absl::StrContains(odd.output, "neither \"sqlite:PATH\" nor"));
}

}  // namespace yikou::test
