// An empty database of either kind, for figures that need no suite.
#pragma once

#include <memory>
#include <string>

#include "libs/store/sql/connection.h"
#include "libs/store/store.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_dir.h"

namespace yikou::bench {

// Names of the stores, as they are written everywhere.
inline constexpr char kSqlite[] = "sqlite";
inline constexpr char kPostgresql[] = "postgresql";

// A file, or a schema of its own on the server; gone with it.
class Database {
 public:
  // `server` is needed for PostgreSQL and outlives it.
  Database(const std::string& store, test::PostgresServer* server);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Where it is, as app::ServiceOptions take it.
  std::string url() const;
  const std::string& schema() const { return schema_; }

  // Opens the record a service would have there, with the core schema.
  std::unique_ptr<store::Store> OpenRecord() const;
  // A connection of our own, past the store. A file must not be open as a record meanwhile.
  std::unique_ptr<store::SqlConnection> Connect() const;

 private:
  const std::string store_;
  test::PostgresServer* const server_;
  test::TempDir dir_;
  std::string schema_;
};

}  // namespace yikou::bench
