#include "libs/store/sqlite/sqlite_connection.h"

#include <sqlite3.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "libs/base/failpoint.h"
#include "libs/base/status.h"
#include "libs/store/sql/statements.h"

namespace yikou::store {
namespace {

struct Binder {
  sqlite3_stmt* statement;
  int index;
  int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
  int operator()(int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
  int operator()(const std::string& value) const {
    return sqlite3_bind_text(statement, index, value.data(), static_cast<int>(value.size()),
                             SQLITE_STATIC);
  }
  int operator()(const Blob& value) const {
    return sqlite3_bind_blob(statement, index, value.bytes.data() ? value.bytes.data() : "",
                             static_cast<int>(value.bytes.size()), SQLITE_STATIC);
  }
};

Value ColumnOf(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_NULL:
      return std::monostate{};
    default: {
      const bool text = sqlite3_column_type(statement, column) == SQLITE_TEXT;
      const void* data = text ? static_cast<const void*>(sqlite3_column_text(statement, column))
                              : sqlite3_column_blob(statement, column);
      std::string bytes(static_cast<const char*>(data ? data : ""),
                        sqlite3_column_bytes(statement, column));
      if (text) return bytes;
      return Blob{std::move(bytes)};
    }
  }
}

// The schema as SQLite stores it best. A key that is not its INTEGER PRIMARY KEY costs a table a
// second tree, and every insert a second place: so numbers are that key, and a narrow table is its
// key's tree. Rows with a body would split over pages there.
std::string InSqlite(const std::string& sql) {
  std::string text = absl::StrReplaceAll(sql, {{"BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY"}});
  const std::string end_of_table = "\n);";
  size_t begin = 0;
  while ((begin = text.find("CREATE TABLE", begin)) != std::string::npos) {
    const size_t end = text.find(end_of_table, begin);
    if (end == std::string::npos) break;
    const std::string table = text.substr(begin, end - begin);
    const bool narrow = !absl::StrContains(table, "BYTEA");
    if (narrow && !absl::StrContains(table, "INTEGER PRIMARY KEY")) {
      text.replace(end, end_of_table.size(), "\n) WITHOUT ROWID;");
    }
    begin = end;
  }
  return text;
}

// Keys come first in a row: "UPDATE t SET b = ?2 WHERE a = ?1".
std::string NumberedUpdate(const RowBatch& batch) {
  std::vector<std::string> keys, values;
  for (const std::string& key : batch.keys) {
    keys.push_back(absl::StrCat(key, " = ?", keys.size() + 1));
  }
  for (const std::string& value : batch.values) {
    values.push_back(absl::StrCat(value, " = ?", keys.size() + values.size() + 1));
  }
  return absl::StrCat("UPDATE ", batch.table, " SET ", absl::StrJoin(values, ", "), " WHERE ",
                      absl::StrJoin(keys, " AND "));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                         bool read_only) {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(db));
  if (code != SQLITE_OK) {
    return absl::UnavailableError(absl::StrCat("The database file ", path,
                                               " cannot be opened: ", sqlite3_errstr(code),
                                               ". Check that its folder exists and is writable."));
  }
  sqlite3_busy_timeout(db, 5000);
  if (!read_only) {
    // FULL costs 7 % over NORMAL in batches and survives a power cut. Tidy copies the log to the
    // file all the time; the writer itself, when the log has 8,000 pages, only what is left, so
    // that the log begins again from its start and stops growing.
    YK_RETURN_IF_ERROR(connection->Execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=8000;"));
    // A file that grows by large steps seldom changes its size, which costs a flush more each time.
    int chunk = 1 << 20;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
  }
  YK_RETURN_IF_ERROR(
      connection->Execute(read_only ? "PRAGMA cache_size=-8192;" : "PRAGMA cache_size=-65536;"));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

absl::Status SqliteConnection::Failed(int code, const std::string& sql) const {
  const std::string text = absl::StrCat("SQLite: ", sqlite3_errmsg(db_), " (", code,
                                        ") while running: ", sql.substr(0, 200));
  switch (code & 0xff) {
    case SQLITE_FULL:
      // Callers see this one as it stands: no SQL in it.
      return absl::ResourceExhaustedError(
          "The disk under the record is full; nothing was written. Free space and try again.");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return absl::UnavailableError(text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(text);
    default:
      return absl::InternalError(text);
  }
}

absl::StatusOr<sqlite3_stmt*> SqliteConnection::Prepare(const std::string& sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement != nullptr) return statement;
  const int code = sqlite3_prepare_v3(db_, sql.c_str(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code == SQLITE_OK) return statement;
  statements_.erase(sql);
  return Failed(code, sql);
}

absl::Status SqliteConnection::Bind(sqlite3_stmt* statement, const std::vector<Value>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const int code = std::visit(Binder{statement, static_cast<int>(i) + 1}, values[i]);
    if (code != SQLITE_OK) return Failed(code, sqlite3_sql(statement));
  }
  return absl::OkStatus();
}

// Runs a bound statement to its end and makes it ready for the next values.
absl::Status SqliteConnection::Step(sqlite3_stmt* statement, std::vector<Row>* rows) {
  int code = sqlite3_step(statement);
  for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
    if (rows == nullptr) continue;
    Row& row = rows->emplace_back();
    const int columns = sqlite3_column_count(statement);
    for (int i = 0; i < columns; ++i) row.push_back(ColumnOf(statement, i));
  }
  absl::Status status =
      code == SQLITE_DONE ? absl::OkStatus() : Failed(code, sqlite3_sql(statement));
  sqlite3_reset(statement);
  return status;
}

absl::Status SqliteConnection::Run(const std::string& sql, const std::vector<Value>& values) {
  YK_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql));
  YK_RETURN_IF_ERROR(Bind(statement, values));
  return Step(statement, nullptr);
}

absl::StatusOr<std::vector<Row>> SqliteConnection::Rows(const std::string& sql,
                                                        const std::vector<Value>& values) {
  YK_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql));
  YK_RETURN_IF_ERROR(Bind(statement, values));
  std::vector<Row> rows;
  YK_RETURN_IF_ERROR(Step(statement, &rows));
  return rows;
}

absl::StatusOr<bool> SqliteConnection::HasTable(const std::string& table) {
  YK_ASSIGN_OR_RETURN(
      const std::vector<Row> found,
      Rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", {table}));
  return !found.empty();
}

absl::Status SqliteConnection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Failed(code, sql);
}

absl::Status SqliteConnection::Script(const std::string& sql, const std::string& record,
                                      const std::vector<Value>& values) {
  YK_RETURN_IF_ERROR(Run("BEGIN IMMEDIATE"));
  absl::Status status = Execute(InSqlite(sql));
  if (status.ok()) status = Run(record, values);
  if (status.ok()) status = Run("COMMIT");
  if (!status.ok()) Rollback();
  return status;
}

absl::StatusOr<std::vector<std::vector<Row>>> SqliteConnection::BeginAndFind(
    const std::vector<Lookup>& lookups) {
  YK_RETURN_IF_ERROR(Run("BEGIN IMMEDIATE"));
  std::vector<std::vector<Row>> found(lookups.size());
  for (size_t i = 0; i < lookups.size(); ++i) {
    const Lookup& lookup = lookups[i];
    if (lookup.rows.empty()) continue;
    const std::string sql =
        absl::StrCat("SELECT ", absl::StrJoin(lookup.columns, ", "), " FROM ", lookup.table,
                     " WHERE ", absl::StrJoin(lookup.keys, " = ? AND "), " = ?");
    absl::StatusOr<sqlite3_stmt*> statement = Prepare(sql);
    absl::Status status = statement.status();
    for (const Row& keys : lookup.rows) {
      if (status.ok()) status = Bind(*statement, keys);
      if (status.ok()) status = Step(*statement, &found[i]);
    }
    if (!status.ok()) {
      Rollback();
      return status;
    }
  }
  return found;
}

absl::Status SqliteConnection::Write(const RowBatch& batch) {
  std::vector<std::string> columns = batch.keys;
  columns.insert(columns.end(), batch.values.begin(), batch.values.end());
  const std::string where = absl::StrCat(" WHERE ", absl::StrJoin(batch.keys, " = ? AND "), " = ?");
  std::string sql;
  switch (batch.mode) {
    case RowBatch::Mode::kDelete:
      sql = absl::StrCat("DELETE FROM ", batch.table, where);
      break;
    case RowBatch::Mode::kUpdate:
      sql = NumberedUpdate(batch);
      break;
    default:
      sql = absl::StrCat("INSERT INTO ", batch.table, " (", absl::StrJoin(columns, ", "),
                         ") VALUES (", Marks(columns.size()), ")", OnConflict(batch));
  }
  YK_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql));
  for (const Row& row : batch.rows) {
    YK_RETURN_IF_ERROR(Bind(statement, row));
    YK_RETURN_IF_ERROR(Step(statement, nullptr));
  }
  return absl::OkStatus();
}

absl::Status SqliteConnection::WriteAndCommit(const std::vector<RowBatch>& writes) {
  absl::Status status;
  for (const RowBatch& batch : writes) {
    status = Write(batch);
    if (!status.ok()) break;
  }
  base::Failpoint("commit.before");
  if (status.ok()) status = Run("COMMIT");
  if (!status.ok()) Rollback();
  return status;
}

absl::Status SqliteConnection::Empty(const std::string& table) {
  return Run(absl::StrCat("DELETE FROM ", table));
}

absl::Status SqliteConnection::Tidy() { return Rows("PRAGMA wal_checkpoint(PASSIVE)").status(); }

void SqliteConnection::Rollback() { (void)Run("ROLLBACK"); }

}  // namespace yikou::store
