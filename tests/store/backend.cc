#include "tests/store/backend.h"

#include <libpq-fe.h>
#include <sqlite3.h>

#include <atomic>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/store/open.h"
#include "tests/sim/sim_disk.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {
namespace {

// A connection of the test's own to a file the store has open too.
class RawSqlite {
 public:
  explicit RawSqlite(const std::string& path) {
    const int code = sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr);
    if (code != SQLITE_OK) throw std::runtime_error(absl::StrCat("cannot open ", path));
    sqlite3_busy_timeout(db_, 5000);
  }
  ~RawSqlite() { sqlite3_close(db_); }
  RawSqlite(const RawSqlite&) = delete;
  RawSqlite& operator=(const RawSqlite&) = delete;

  std::string Run(const std::string& sql) {
    std::string first;
    char* error = nullptr;
    const auto keep_first = [](void* to, int, char** columns, char**) {
      auto* text = static_cast<std::string*>(to);
      if (text->empty() && columns[0] != nullptr) *text = columns[0];
      return 0;
    };
    if (sqlite3_exec(db_, sql.c_str(), keep_first, &first, &error) != SQLITE_OK) {
      const std::string text = absl::StrCat(error ? error : "no message", " in: ", sql);
      sqlite3_free(error);
      throw std::runtime_error(text);
    }
    return first;
  }

 private:
  sqlite3* db_ = nullptr;
};

class SqliteBackend final : public Backend {
 public:
  std::string folder() const { return dir_.path() + "/"; }
  absl::StatusOr<std::unique_ptr<store::Store>> Open() override {
    return store::OpenStore(absl::StrCat("sqlite:", path_), "");
  }
  void Execute(const std::string& sql) override { RawSqlite(path_).Run(sql); }
  std::string Ask(const std::string& sql) override { return RawSqlite(path_).Run(sql); }
  std::string Literal(absl::string_view bytes) const override {
    return absl::StrCat("X'", base::ToHex(bytes), "'");
  }
  // The store waits for the lock for up to five seconds.
  std::shared_ptr<void> HoldWriters() override {
    auto raw = std::make_shared<RawSqlite>(path_);
    raw->Run("BEGIN IMMEDIATE");
    return raw;
  }

 private:
  TempDir dir_;
  const std::string path_ = dir_.File("record.db");
};

// A connection of the test's own to a schema the store has open too.
class RawPostgres {
 public:
  explicit RawPostgres(const std::string& schema)
      : db_(PQconnectdb(SharedPostgres().url().c_str())) {
    Run(absl::StrCat("SET search_path = ", schema));
  }
  ~RawPostgres() { PQfinish(db_); }
  RawPostgres(const RawPostgres&) = delete;
  RawPostgres& operator=(const RawPostgres&) = delete;

  std::string Run(const std::string& sql) {
    std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(db_, sql.c_str()), PQclear);
    const ExecStatusType kind = PQresultStatus(result.get());
    if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK) {
      throw std::runtime_error(absl::StrCat(PQerrorMessage(db_), " in: ", sql));
    }
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
  }

 private:
  PGconn* db_;
};

// A schema of its own on the one server of the test binary.
class PostgresBackend final : public Backend {
 public:
  PostgresBackend() {
    static std::atomic<int> serial{0};
    schema_ = absl::StrCat("record_", ++serial);
  }
  ~PostgresBackend() override {
    SharedPostgres().Run(absl::StrCat("DROP SCHEMA IF EXISTS ", schema_, " CASCADE"));
  }

  absl::StatusOr<std::unique_ptr<store::Store>> Open() override {
    return store::OpenStore(SharedPostgres().url(), schema_);
  }
  void Execute(const std::string& sql) override { RawPostgres(schema_).Run(sql); }
  std::string Ask(const std::string& sql) override { return RawPostgres(schema_).Run(sql); }
  std::string Literal(absl::string_view bytes) const override {
    return absl::StrCat("'\\x", base::ToHex(bytes), "'::bytea");
  }
  std::shared_ptr<void> HoldWriters() override {
    auto raw = std::make_shared<RawPostgres>(schema_);
    raw->Run("BEGIN; SELECT 1 FROM log_head FOR UPDATE");
    return raw;
  }

 private:
  std::string schema_;
};

// The same on the disk of the simulator, which has to be a disk like any other.
class SimDiskBackend final : public Backend {
 public:
  absl::StatusOr<std::unique_ptr<store::Store>> Open() override { return sqlite_.Open(); }
  void Execute(const std::string& sql) override { sqlite_.Execute(sql); }
  std::string Ask(const std::string& sql) override { return sqlite_.Ask(sql); }
  std::string Literal(absl::string_view bytes) const override { return sqlite_.Literal(bytes); }
  std::shared_ptr<void> HoldWriters() override { return sqlite_.HoldWriters(); }

 private:
  sim::DiskVfs vfs_;
  SqliteBackend sqlite_;
  sim::SimDisk disk_{sqlite_.folder()};
};

}  // namespace

std::vector<BackendFactory> Backends() {
  return {
      {"sqlite", [] { return std::make_unique<SqliteBackend>(); }},
      {"postgresql", [] { return std::make_unique<PostgresBackend>(); }},
      {"sqlite-on-sim-disk", [] { return std::make_unique<SimDiskBackend>(); }},
  };
}

}  // namespace yikou::test
