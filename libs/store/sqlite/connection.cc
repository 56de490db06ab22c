#include "libs/store/sqlite/connection.h"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "libs/base/status.h"

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

}  // namespace

int64_t IntOf(const Value& value) {
  const int64_t* number = std::get_if<int64_t>(&value);
  return number ? *number : 0;
}

std::string TextOf(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes;
  return "";
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path,
                                                             bool read_only) {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(db));
  if (code != SQLITE_OK) {
    return absl::UnavailableError(absl::StrCat("The database file ", path,
                                               " cannot be opened: ", sqlite3_errstr(code),
                                               ". Check that its folder exists and is writable."));
  }
  sqlite3_busy_timeout(db, 5000);
  if (!read_only) {
    // FULL costs 7 % over NORMAL in batches and survives a power cut. A larger WAL makes
    // checkpoints rarer than the default of 1,000 pages.
    YK_RETURN_IF_ERROR(connection->Script(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;"));
  }
  YK_RETURN_IF_ERROR(
      connection->Script(read_only ? "PRAGMA cache_size=-8192;" : "PRAGMA cache_size=-65536;"));
  return connection;
}

Connection::~Connection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

absl::Status Connection::Failed(int code, const std::string& sql) const {
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

absl::StatusOr<sqlite3_stmt*> Connection::Prepare(const std::string& sql,
                                                  const std::vector<Value>& values) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr) {
    const int code = sqlite3_prepare_v3(db_, sql.c_str(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) {
      statements_.erase(sql);
      return Failed(code, sql);
    }
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const int code = std::visit(Binder{statement, static_cast<int>(i) + 1}, values[i]);
    if (code != SQLITE_OK) return Failed(code, sql);
  }
  return statement;
}

absl::Status Connection::Run(const std::string& sql, const std::vector<Value>& values) {
  YK_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql, values));
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  absl::Status status = code == SQLITE_DONE ? absl::OkStatus() : Failed(code, sql);
  sqlite3_reset(statement);
  return status;
}

absl::StatusOr<std::vector<Row>> Connection::Rows(const std::string& sql,
                                                  const std::vector<Value>& values) {
  YK_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql, values));
  std::vector<Row> rows;
  int code = sqlite3_step(statement);
  for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
    Row& row = rows.emplace_back();
    const int columns = sqlite3_column_count(statement);
    for (int i = 0; i < columns; ++i) row.push_back(ColumnOf(statement, i));
  }
  absl::Status status = code == SQLITE_DONE ? absl::OkStatus() : Failed(code, sql);
  sqlite3_reset(statement);
  if (!status.ok()) return status;
  return rows;
}

absl::Status Connection::Script(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Failed(code, sql);
}

}  // namespace yikou::store
