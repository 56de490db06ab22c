// One SQLite connection with its prepared statements. Not thread-safe; one a thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/change.h"

struct sqlite3;
struct sqlite3_stmt;

namespace yikou::store {

using Row = std::vector<Value>;

class Connection {
 public:
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path, bool read_only);
  ~Connection();

  // Runs one statement with the values bound in order; the statement is prepared once and kept.
  absl::Status Run(const std::string& sql, const std::vector<Value>& values = {});
  // The same, for a statement that returns rows.
  absl::StatusOr<std::vector<Row>> Rows(const std::string& sql,
                                        const std::vector<Value>& values = {});
  // Runs several statements without values, such as a migration.
  absl::Status Script(const std::string& sql);

 private:
  explicit Connection(sqlite3* db) : db_(db) {}
  absl::StatusOr<sqlite3_stmt*> Prepare(const std::string& sql, const std::vector<Value>& values);
  absl::Status Failed(int code, const std::string& sql) const;

  sqlite3* db_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

int64_t IntOf(const Value& value);
std::string TextOf(const Value& value);  // text or blob

}  // namespace yikou::store
