// A service at its start and the schema of its record.
#include "absl/strings/match.h"
#include "catch2/catch.hpp"
#include "libs/app/schema.h"
#include "libs/app/service.h"
#include "tests/store/node.h"

namespace yikou::test {
namespace {

using store::Migration;

// The small schema of the tests, in a first and in a later version of the service.
std::vector<Migration> FirstVersion() {
  Migration first = TestMigrations().back();
  first.version = 1;
  return {first};
}
std::vector<Migration> NextVersion() {
  std::vector<Migration> next = FirstVersion();
  next.push_back({2, "0002_later.sql", "CREATE TABLE later (id TEXT PRIMARY KEY);"});
  return next;
}

absl::Status Start(Node* node, std::vector<Migration> migrations) {
  node->Close();
  node->Open();
  app::ServiceParts parts;
  parts.migrations = std::move(migrations);
  return node->service().Prepare(std::move(parts));
}

// Nobody needs Redis before a service runs.
RedisServer& Redis() {
  static RedisServer redis;
  return redis;
}

}  // namespace

TEST_CASE("a service takes a record as a later version of it left it", "[app][schema]") {
  Node node("alpha", Redis());
  REQUIRE(Start(&node, NextVersion()) == absl::OkStatus());
  CHECK(Start(&node, FirstVersion()) == absl::OkStatus());
  node.options().migrate = false;
  CHECK(Start(&node, FirstVersion()) == absl::OkStatus());
}

TEST_CASE("a service that may not migrate refuses an older schema and says what to run",
          "[app][schema]") {
  Node node("alpha", Redis());
  node.options().migrate = false;
  // A record that was never migrated at all.
  CHECK_THROWS_WITH(node.Open(), Catch::Contains("(0001_core.sql) is missing") &&
                                     Catch::Contains("\"yikou-alpha migrate up\""));
  node.options().migrate = true;
  REQUIRE(Start(&node, FirstVersion()) == absl::OkStatus());
  node.options().migrate = false;
  const absl::Status refused = Start(&node, NextVersion());
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(absl::StrContains(refused.message(), "1002 (0002_later.sql) is missing"));
  // As it was: refusing is not migrating.
  CHECK(Start(&node, FirstVersion()) == absl::OkStatus());
  node.options().migrate = true;
  CHECK(Start(&node, NextVersion()) == absl::OkStatus());
}

TEST_CASE("the whole schema is the core and behind it the service's own, each version once",
          "[app][schema]") {
  const std::vector<Migration> all = app::WholeSchema(NextVersion());
  REQUIRE(all.size() == app::CoreMigrations().size() + 2);
  CHECK(all.front().version == 1);
  CHECK(all.back().version == 1002);
  for (size_t i = 1; i < all.size(); ++i) CHECK(all[i].version > all[i - 1].version);
}

}  // namespace yikou::test
