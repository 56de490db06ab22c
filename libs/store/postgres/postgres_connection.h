// One PostgreSQL connection with its prepared statements. Rows travel as binary arrays, a whole
// batch in two round trips.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libs/store/sql/connection.h"

struct pg_conn;
struct pg_result;

namespace yikou::store {

struct PostgresOptions {
  std::string url;     // as libpq takes it: postgresql://user@host:port/database?passfile=…
  std::string schema;  // where the tables are; made by the first migration
  bool read_only = false;
};

class PostgresConnection final : public SqlConnection {
 public:
  // UNAVAILABLE when the server cannot be reached, or refuses.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(const PostgresOptions& options);
  ~PostgresConnection() override;

  absl::Status Run(const std::string& sql, const std::vector<Value>& values) override;
  absl::StatusOr<std::vector<Row>> Rows(const std::string& sql,
                                        const std::vector<Value>& values) override;
  absl::StatusOr<bool> HasTable(const std::string& table) override;
  absl::Status Script(const std::string& sql, const std::string& record,
                      const std::vector<Value>& values) override;
  absl::Status LockSchema() override;
  void UnlockSchema() override;
  absl::StatusOr<std::vector<std::vector<Row>>> BeginAndFind(
      const std::vector<Lookup>& lookups) override;
  absl::Status WriteAndCommit(const std::vector<RowBatch>& writes) override;
  absl::Status Empty(const std::string& table) override;
  void Rollback() override;
  bool usable() const override;

 private:
  using Oid = unsigned int;
  // A statement on its way: text, parameter types, parameters as sent.
  struct Statement {
    std::string sql;
    std::vector<Oid> types;
    std::vector<std::string> values;
    std::vector<bool> nulls;
  };
  explicit PostgresConnection(pg_conn* connection, std::string schema)
      : connection_(connection), schema_(std::move(schema)) {}

  // Sends all statements in one go and returns their rows. After an error those behind it have not
  // run.
  absl::StatusOr<std::vector<std::vector<Row>>> Pipeline(const std::vector<Statement>& statements);
  absl::StatusOr<std::vector<Row>> Execute(const Statement& statement);
  absl::Status Prepare(const Statement& statement, std::string* name);
  absl::Status Send(const Statement& statement, const std::string& name);
  absl::Status Flush();
  absl::StatusOr<pg_result*> Next();
  absl::StatusOr<std::vector<Row>> RowsOf(const pg_result* result) const;
  absl::Status Failed(const pg_result* result) const;
  absl::Status Gone(const std::string& what);

  static Statement Bound(const std::string& sql, const std::vector<Value>& values);
  absl::StatusOr<Statement> Arrays(std::string sql, const std::string& table,
                                   const std::vector<std::string>& columns,
                                   const std::vector<Row>& rows);
  absl::StatusOr<Statement> LookupOf(const Lookup& lookup, bool lock);
  absl::StatusOr<Statement> WriteOf(const RowBatch& batch);
  absl::StatusOr<Oid> TypeOf(const std::string& table, const std::string& column);

  pg_conn* connection_;
  const std::string schema_;
  bool gone_ = false;
  std::unordered_map<std::string, std::string> prepared_;  // text and types; name
  std::unordered_map<std::string, Oid> column_types_;      // "table.column"
};

}  // namespace yikou::store
