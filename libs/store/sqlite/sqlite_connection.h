// One SQLite connection with its prepared statements.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "libs/store/sql/connection.h"

struct sqlite3;
struct sqlite3_stmt;

namespace yikou::store {

class SqliteConnection final : public SqlConnection {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path,
                                                                bool read_only);
  ~SqliteConnection() override;

  absl::Status Run(const std::string& sql, const std::vector<Value>& values = {}) override;
  absl::StatusOr<std::vector<Row>> Rows(const std::string& sql,
                                        const std::vector<Value>& values = {}) override;
  absl::StatusOr<bool> HasTable(const std::string& table) override;
  absl::Status Script(const std::string& sql, const std::string& record,
                      const std::vector<Value>& values) override;
  // One process has the file open; see OpenSqliteStore.
  absl::Status LockSchema() override { return absl::OkStatus(); }
  void UnlockSchema() override {}
  absl::StatusOr<std::vector<std::vector<Row>>> BeginAndFind(
      const std::vector<Lookup>& lookups) override;
  absl::Status WriteAndCommit(const std::vector<RowBatch>& writes) override;
  absl::Status Empty(const std::string& table) override;
  void Rollback() override;
  // Copies what is committed from the write-ahead log to the file.
  absl::Status Tidy() override;
  bool usable() const override { return true; }

 private:
  explicit SqliteConnection(sqlite3* db) : db_(db) {}
  absl::StatusOr<sqlite3_stmt*> Prepare(const std::string& sql);
  absl::Status Bind(sqlite3_stmt* statement, const std::vector<Value>& values);
  absl::Status Step(sqlite3_stmt* statement, std::vector<Row>* rows);
  absl::Status Execute(const std::string& sql);
  absl::Status Write(const RowBatch& batch);
  absl::Status Failed(int code, const std::string& sql) const;

  sqlite3* db_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace yikou::store
