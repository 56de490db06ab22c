// What a backend of the record has to bring: a connection that speaks plain SQL, and writes batches
// in as few steps as its database allows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/change.h"

namespace yikou::store {

using Row = std::vector<Value>;

int64_t IntOf(const Value& value);       // 0 when it is no integer
std::string TextOf(const Value& value);  // text or blob; "" when it is neither

// Reads every row of a table whose keys are one of `rows`.
struct Lookup {
  std::string table;
  std::vector<std::string> keys;
  std::vector<std::string> columns;  // what to read
  std::vector<Row> rows;             // values of `keys`, no two the same
};

// Rows to be written the same way. No two of them have the same keys.
struct RowBatch {
  enum class Mode {
    kInsert,          // the rows are new: one that exists is an error
    kUpdate,          // the rows exist
    kUpsert,          // as in RowWrite
    kInsertOrIgnore,  // as in RowWrite
    kAdd,             // as in RowWrite
    kDelete,          // as in RowWrite
  };
  std::string table;
  Mode mode = Mode::kUpsert;
  std::vector<std::string> keys;
  std::vector<std::string> values;  // other columns; none for kDelete
  std::vector<Row> rows;            // keys, then values
};

// One connection with its prepared statements. Not thread-safe; one a thread. Errors as in store.h.
class SqlConnection {
 public:
  virtual ~SqlConnection() = default;

  // Runs one statement, its values bound in order to the "?" in it. The statement is prepared once
  // and kept.
  virtual absl::Status Run(const std::string& sql, const std::vector<Value>& values) = 0;
  // The same, for a statement that returns rows.
  virtual absl::StatusOr<std::vector<Row>> Rows(const std::string& sql,
                                                const std::vector<Value>& values) = 0;
  virtual absl::StatusOr<bool> HasTable(const std::string& table) = 0;
  // Runs several statements without values, such as a migration, in a transaction of their own
  // together with `record`, which is one statement with values.
  virtual absl::Status Script(const std::string& sql, const std::string& record,
                              const std::vector<Value>& values) = 0;
  // Keeps other processes from migrating until Unlock or the end of the connection.
  virtual absl::Status LockSchema() = 0;
  virtual void UnlockSchema() = 0;

  // Opens a transaction, waits until no other writer has one, and reads. Returns the rows of each
  // lookup, as of then.
  virtual absl::StatusOr<std::vector<std::vector<Row>>> BeginAndFind(
      const std::vector<Lookup>& lookups) = 0;
  // Writes in order and commits. After an error, and after UNAVAILABLE only perhaps, nothing is
  // written.
  virtual absl::Status WriteAndCommit(const std::vector<RowBatch>& writes) = 0;
  // Deletes every row of a table, in the open transaction.
  virtual absl::Status Empty(const std::string& table) = 0;
  // Gives the open transaction up.
  virtual void Rollback() = 0;

  // As Store::Tidy, on a connection that does nothing else.
  virtual absl::Status Tidy() { return absl::OkStatus(); }

  // False once the database has gone away: open another one.
  virtual bool usable() const = 0;
};

}  // namespace yikou::store
