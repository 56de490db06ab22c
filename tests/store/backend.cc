#include "tests/store/backend.h"

#include <sqlite3.h>

#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/store/sqlite/sqlite_store.h"
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
  absl::StatusOr<std::unique_ptr<store::Store>> Open() override {
    return store::OpenSqliteStore(path_);
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

}  // namespace

std::vector<BackendFactory> Backends() {
  return {
      {"sqlite", [] { return std::make_unique<SqliteBackend>(); }},
  };
}

}  // namespace yikou::test
