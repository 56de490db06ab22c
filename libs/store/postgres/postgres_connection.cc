#include "libs/store/postgres/postgres_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/base/failpoint.h"
#include "libs/base/status.h"
#include "libs/store/postgres/wire.h"
#include "libs/store/sql/statements.h"

namespace yikou::store {
namespace {

// A server that is frozen, or behind a dead network, is given up after this. A replica that is
// frozen itself loses its transaction to the server's own timeout below, sooner.
constexpr absl::Duration kAnswerMax = absl::Seconds(10);

// For a transaction, the locks it holds stop every other writer: a client that fell silent in one
// is thrown out. Plans by index only: a plan made while a table was small would scan it for ever.
constexpr char kSessionOfWriter[] =
    "SET idle_in_transaction_session_timeout = '1500ms'; SET lock_timeout = '5s';"
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;"
    "SET enable_hashjoin = off; SET enable_mergejoin = off;";
constexpr char kSessionOfReader[] = "SET default_transaction_read_only = on;";

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

// "a = ?" becomes "a = $1".
std::string Numbered(const std::string& sql) {
  std::string numbered;
  int number = 0;
  for (const char c : sql) {
    if (c == '?') {
      absl::StrAppend(&numbered, "$", ++number);
    } else {
      numbered.push_back(c);
    }
  }
  return numbered;
}

std::string Quoted(const std::string& name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

std::string WithPrefix(const std::string& prefix, const std::vector<std::string>& columns) {
  std::vector<std::string> prefixed;
  for (const std::string& column : columns) prefixed.push_back(prefix + column);
  return absl::StrJoin(prefixed, ", ");
}

std::string SameIn(const std::string& table, const std::vector<std::string>& keys) {
  std::vector<std::string> conditions;
  for (const std::string& key : keys) {
    conditions.push_back(absl::StrCat(table, ".", key, " = u.", key));
  }
  return absl::StrJoin(conditions, " AND ");
}

// The server's sentence without its line break.
std::string Trimmed(const char* message) {
  return std::string(absl::StripTrailingAsciiWhitespace(message ? message : ""));
}

absl::Status StatusOf(const std::string& state, const std::string& text) {
  if (state == "53100") {
    return absl::ResourceExhaustedError(
        "The disk under the record is full; nothing was written. Free space and try again.");
  }
  if (state == "XX001" || state == "XX002") return absl::DataLossError(text);
  // Connections, resources, operators, locks, deadlocks, and the failures of the system below.
  for (const char* passing : {"08", "53", "57", "55P03", "40", "25P03", "58"}) {
    if (absl::StartsWith(state, passing)) return absl::UnavailableError(text);
  }
  return absl::InternalError(text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const PostgresOptions& options) {
  const std::string name = absl::StrCat("yikou-", options.schema);
  // What the URL says comes last and wins.
  const char* keys[] = {"application_name",
                        "connect_timeout",
                        "tcp_user_timeout",
                        "keepalives_idle",
                        "keepalives_interval",
                        "keepalives_count",
                        "client_encoding",
                        "dbname",
                        nullptr};
  const char* values[] = {name.c_str(),        "3",    "3000", "5", "2", "2", "UTF8",
                          options.url.c_str(), nullptr};
  std::unique_ptr<PostgresConnection> opened(
      new PostgresConnection(PQconnectdbParams(keys, values, 1), options.schema));
  if (PQstatus(opened->connection_) != CONNECTION_OK) {
    return absl::UnavailableError(
        absl::StrCat("PostgreSQL does not answer: ", Trimmed(PQerrorMessage(opened->connection_)),
                     ". Check the URL of the store and that the server runs."));
  }
  const std::string session =
      absl::StrCat("SET client_min_messages = warning; SET search_path = ", Quoted(options.schema),
                   ";", options.read_only ? kSessionOfReader : kSessionOfWriter);
  const Result result(PQexec(opened->connection_, session.c_str()));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return opened->Failed(result.get());
  if (PQsetnonblocking(opened->connection_, 1) != 0 ||
      PQenterPipelineMode(opened->connection_) != 1) {
    return opened->Gone("pipeline mode is refused");
  }
  return opened;
}

PostgresConnection::~PostgresConnection() { PQfinish(connection_); }

bool PostgresConnection::usable() const { return !gone_ && PQstatus(connection_) == CONNECTION_OK; }

absl::Status PostgresConnection::Gone(const std::string& what) {
  gone_ = true;
  return absl::UnavailableError(absl::StrCat("PostgreSQL has gone away: ", what, "."));
}

absl::Status PostgresConnection::Failed(const pg_result* result) const {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string text =
      absl::StrCat("PostgreSQL: ", message ? message : Trimmed(PQerrorMessage(connection_)), " (",
                   state ? state : "no SQLSTATE", ")");
  return StatusOf(state ? state : "08", text);
}

// Waits, within kAnswerMax, until what was sent is gone; takes in what comes meanwhile.
absl::Status PostgresConnection::Flush() {
  const absl::Time deadline = absl::Now() + kAnswerMax;
  while (true) {
    const int left = PQflush(connection_);
    if (left == 0) return absl::OkStatus();
    if (left < 0) return Gone(Trimmed(PQerrorMessage(connection_)));
    pollfd fd{PQsocket(connection_), POLLIN | POLLOUT, 0};
    if (poll(&fd, 1, 1000) < 0 && errno != EINTR) return Gone("its socket cannot be polled");
    if ((fd.revents & POLLIN) != 0 && PQconsumeInput(connection_) == 0) {
      return Gone(Trimmed(PQerrorMessage(connection_)));
    }
    if (absl::Now() > deadline) return Gone("it takes nothing in");
  }
}

// The next result, null at the end of a statement's results. The caller owns it.
absl::StatusOr<pg_result*> PostgresConnection::Next() {
  const absl::Time deadline = absl::Now() + kAnswerMax;
  while (PQisBusy(connection_) != 0) {
    pollfd fd{PQsocket(connection_), POLLIN, 0};
    if (poll(&fd, 1, 1000) < 0 && errno != EINTR) return Gone("its socket cannot be polled");
    if ((fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0 && PQconsumeInput(connection_) == 0) {
      return Gone(Trimmed(PQerrorMessage(connection_)));
    }
    if (absl::Now() > deadline) {
      return Gone(absl::StrCat("no answer within ", absl::FormatDuration(kAnswerMax)));
    }
  }
  return PQgetResult(connection_);
}

absl::Status PostgresConnection::Prepare(const Statement& statement, std::string* name) {
  const std::string key = absl::StrCat(statement.sql, "\n", absl::StrJoin(statement.types, ","));
  if (const auto found = prepared_.find(key); found != prepared_.end()) {
    *name = found->second;
    return absl::OkStatus();
  }
  *name = absl::StrCat("s", prepared_.size() + 1);
  if (PQsendPrepare(connection_, name->c_str(), statement.sql.c_str(),
                    static_cast<int>(statement.types.size()), statement.types.data()) != 1 ||
      PQpipelineSync(connection_) != 1) {
    return Gone(Trimmed(PQerrorMessage(connection_)));
  }
  YK_RETURN_IF_ERROR(Flush());
  absl::Status status;
  while (true) {
    YK_ASSIGN_OR_RETURN(pg_result * next, Next());
    const Result result(next);
    if (!result) continue;
    const ExecStatusType kind = PQresultStatus(result.get());
    if (kind == PGRES_PIPELINE_SYNC) break;
    if (kind != PGRES_COMMAND_OK && status.ok()) status = Failed(result.get());
  }
  YK_RETURN_IF_ERROR(status);
  prepared_[key] = *name;
  return absl::OkStatus();
}

absl::Status PostgresConnection::Send(const Statement& statement, const std::string& name) {
  std::vector<const char*> values;
  std::vector<int> lengths, formats(statement.values.size(), 1);
  for (size_t i = 0; i < statement.values.size(); ++i) {
    values.push_back(statement.nulls[i] ? nullptr : statement.values[i].data());
    lengths.push_back(static_cast<int>(statement.values[i].size()));
  }
  if (PQsendQueryPrepared(connection_, name.c_str(), static_cast<int>(values.size()), values.data(),
                          lengths.data(), formats.data(), 1) != 1) {
    return Gone(Trimmed(PQerrorMessage(connection_)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Row>> PostgresConnection::RowsOf(const pg_result* result) const {
  const int rows = PQntuples(result), columns = PQnfields(result);
  std::vector<Row> found(rows);
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      if (PQgetisnull(result, i, j) != 0) {
        found[i].emplace_back(std::monostate{});
        continue;
      }
      YK_ASSIGN_OR_RETURN(Value value, wire::Decode(PQftype(result, j), PQgetvalue(result, i, j),
                                                    PQgetlength(result, i, j)));
      found[i].push_back(std::move(value));
    }
  }
  return found;
}

absl::StatusOr<std::vector<std::vector<Row>>> PostgresConnection::Pipeline(
    const std::vector<Statement>& statements) {
  if (!usable()) return Gone("the connection is closed");
  std::vector<std::string> names(statements.size());
  for (size_t i = 0; i < statements.size(); ++i) {
    YK_RETURN_IF_ERROR(Prepare(statements[i], &names[i]));
  }
  for (size_t i = 0; i < statements.size(); ++i) {
    YK_RETURN_IF_ERROR(Send(statements[i], names[i]));
  }
  if (PQpipelineSync(connection_) != 1) return Gone(Trimmed(PQerrorMessage(connection_)));
  YK_RETURN_IF_ERROR(Flush());
  std::vector<std::vector<Row>> rows(statements.size());
  absl::Status status;
  size_t index = 0;
  while (true) {
    YK_ASSIGN_OR_RETURN(pg_result * next, Next());
    const Result result(next);
    if (!result) {
      ++index;
      if (index > statements.size() + 1) return Gone("it answers more than it was asked");
      continue;
    }
    const ExecStatusType kind = PQresultStatus(result.get());
    if (kind == PGRES_PIPELINE_SYNC) break;
    if (kind == PGRES_TUPLES_OK && index < rows.size()) {
      absl::StatusOr<std::vector<Row>> decoded = RowsOf(result.get());
      if (decoded.ok()) rows[index] = *std::move(decoded);
      if (status.ok()) status = decoded.status();
    } else if (kind != PGRES_COMMAND_OK && kind != PGRES_PIPELINE_ABORTED && status.ok()) {
      status = Failed(result.get());
    }
  }
  YK_RETURN_IF_ERROR(status);
  return rows;
}

absl::StatusOr<std::vector<Row>> PostgresConnection::Execute(const Statement& statement) {
  YK_ASSIGN_OR_RETURN(std::vector<std::vector<Row>> rows, Pipeline({statement}));
  return std::move(rows[0]);
}

PostgresConnection::Statement PostgresConnection::Bound(const std::string& sql,
                                                        const std::vector<Value>& values) {
  Statement statement{Numbered(sql), {}, {}, {}};
  for (const Value& value : values) {
    statement.types.push_back(wire::TypeOf(value));
    statement.nulls.push_back(std::holds_alternative<std::monostate>(value));
    statement.values.push_back(wire::Encode(value));
  }
  return statement;
}

absl::StatusOr<std::vector<Row>> PostgresConnection::Rows(const std::string& sql,
                                                          const std::vector<Value>& values) {
  return Execute(Bound(sql, values));
}

absl::StatusOr<bool> PostgresConnection::HasTable(const std::string& table) {
  YK_ASSIGN_OR_RETURN(const std::vector<Row> found,
                      Rows("SELECT 1 FROM pg_class WHERE oid = to_regclass(?)", {table}));
  return !found.empty();
}

absl::Status PostgresConnection::Run(const std::string& sql, const std::vector<Value>& values) {
  return Execute(Bound(sql, values)).status();
}

absl::Status PostgresConnection::LockSchema() {
  YK_RETURN_IF_ERROR(Execute(Bound("SET lock_timeout = 0", {})).status());
  YK_RETURN_IF_ERROR(
      Run("SELECT 1 FROM pg_advisory_lock(hashtext(?))", {absl::StrCat("yikou ", schema_)}));
  YK_ASSIGN_OR_RETURN(std::vector<Row> known,
                      Rows("SELECT 1 FROM pg_namespace WHERE nspname = ?", {schema_}));
  // Asked first: a schema that an administrator made needs no right to make schemas.
  if (!known.empty()) return absl::OkStatus();
  return Run(absl::StrCat("CREATE SCHEMA ", Quoted(schema_)), {});
}

void PostgresConnection::UnlockSchema() {
  (void)Run("SELECT 1 FROM pg_advisory_unlock(hashtext(?))", {absl::StrCat("yikou ", schema_)});
  (void)Run("SET lock_timeout = '5s'", {});
}

absl::Status PostgresConnection::Script(const std::string& sql, const std::string& record,
                                        const std::vector<Value>& values) {
  // Ids are compared by their bytes, as ranges of unit codes need, whatever the database's locale.
  std::string text = absl::StrReplaceAll(sql, {{" TEXT", " TEXT COLLATE \"C\""}});
  if (PQexitPipelineMode(connection_) != 1) return Gone("pipeline mode does not end");
  PQsetnonblocking(connection_, 0);
  absl::Status status;
  for (const std::string& part : {std::string("BEGIN"), text}) {
    const Result result(PQexec(connection_, part.c_str()));
    const ExecStatusType kind = PQresultStatus(result.get());
    if (status.ok() && kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK) {
      status = Failed(result.get());
    }
  }
  PQsetnonblocking(connection_, 1);
  if (PQenterPipelineMode(connection_) != 1) return Gone("pipeline mode is refused");
  if (status.ok()) status = Run(record, values);
  if (status.ok()) status = Run("COMMIT", {});
  if (!status.ok()) Rollback();
  return status;
}

absl::StatusOr<wire::Oid> PostgresConnection::TypeOf(const std::string& table,
                                                     const std::string& column) {
  const std::string key = absl::StrCat(table, ".", column);
  if (const auto found = column_types_.find(key); found != column_types_.end()) {
    return found->second;
  }
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      Rows("SELECT attname::text, atttypid::bigint FROM pg_attribute"
                           " WHERE attrelid = to_regclass(?) AND attnum > 0",
                           {table}));
  for (const Row& row : rows) {
    column_types_[absl::StrCat(table, ".", TextOf(row[0]))] = static_cast<Oid>(IntOf(row[1]));
  }
  const auto found = column_types_.find(key);
  if (found == column_types_.end()) {
    return absl::InternalError(absl::StrCat("There is no column ", key, " in ", schema_, "."));
  }
  return found->second;
}

// The values of each column as one array parameter; "%" in `sql` becomes "unnest($1, $2, …) AS
// u(columns)".
absl::StatusOr<PostgresConnection::Statement> PostgresConnection::Arrays(
    std::string sql, const std::string& table, const std::vector<std::string>& columns,
    const std::vector<Row>& rows) {
  Statement statement;
  std::vector<std::string> marks;
  for (size_t i = 0; i < columns.size(); ++i) {
    YK_ASSIGN_OR_RETURN(const Oid element, TypeOf(table, columns[i]));
    const Oid array = wire::ArrayOf(element);
    if (array == 0) {
      return absl::InternalError(absl::StrCat("The column ", table, ".", columns[i],
                                              " has a type the record does not use."));
    }
    YK_ASSIGN_OR_RETURN(std::string bytes, wire::EncodeArray(rows, i, element));
    statement.types.push_back(array);
    statement.values.push_back(std::move(bytes));
    statement.nulls.push_back(false);
    marks.push_back(absl::StrCat("$", i + 1));
  }
  statement.sql =
      absl::StrReplaceAll(sql, {{"%", absl::StrCat("unnest(", absl::StrJoin(marks, ", "), ") AS u(",
                                                   absl::StrJoin(columns, ", "), ")")}});
  return statement;
}

absl::StatusOr<PostgresConnection::Statement> PostgresConnection::LookupOf(const Lookup& lookup,
                                                                           bool lock) {
  return Arrays(
      absl::StrCat("SELECT ", WithPrefix("t.", lookup.columns), " FROM % JOIN ", lookup.table,
                   " t ON ", SameIn("t", lookup.keys), lock ? " FOR UPDATE OF t" : ""),
      lookup.table, lookup.keys, lookup.rows);
}

absl::StatusOr<PostgresConnection::Statement> PostgresConnection::WriteOf(const RowBatch& batch) {
  std::vector<std::string> columns = batch.keys;
  columns.insert(columns.end(), batch.values.begin(), batch.values.end());
  std::string sql;
  switch (batch.mode) {
    case RowBatch::Mode::kDelete:
      sql = absl::StrCat("DELETE FROM ", batch.table, " t USING % WHERE ", SameIn("t", batch.keys));
      break;
    case RowBatch::Mode::kUpdate: {
      std::vector<std::string> sets;
      for (const std::string& value : batch.values) sets.push_back(value + " = u." + value);
      sql = absl::StrCat("UPDATE ", batch.table, " t SET ", absl::StrJoin(sets, ", "),
                         " FROM % WHERE ", SameIn("t", batch.keys));
      break;
    }
    default:
      sql = absl::StrCat("INSERT INTO ", batch.table, " (", absl::StrJoin(columns, ", "),
                         ") SELECT * FROM %", OnConflict(batch));
  }
  return Arrays(std::move(sql), batch.table, columns, batch.rows);
}

absl::StatusOr<std::vector<std::vector<Row>>> PostgresConnection::BeginAndFind(
    const std::vector<Lookup>& lookups) {
  std::vector<Statement> statements = {Bound("BEGIN", {})};
  std::vector<size_t> places;
  for (size_t i = 0; i < lookups.size(); ++i) {
    if (lookups[i].rows.empty()) continue;
    // Every writer takes the first row first, so none ever waits for another in a circle; what is
    // read behind it is as of the moment the lock was granted.
    YK_ASSIGN_OR_RETURN(Statement statement, LookupOf(lookups[i], i == 0));
    statements.push_back(std::move(statement));
    places.push_back(i);
  }
  absl::StatusOr<std::vector<std::vector<Row>>> rows = Pipeline(statements);
  if (!rows.ok()) {
    Rollback();
    return rows.status();
  }
  std::vector<std::vector<Row>> found(lookups.size());
  for (size_t i = 0; i < places.size(); ++i) found[places[i]] = std::move((*rows)[i + 1]);
  return found;
}

absl::Status PostgresConnection::WriteAndCommit(const std::vector<RowBatch>& writes) {
  std::vector<Statement> statements;
  absl::Status status;
  for (const RowBatch& batch : writes) {
    absl::StatusOr<Statement> statement = WriteOf(batch);
    status = statement.status();
    if (!status.ok()) break;
    statements.push_back(*std::move(statement));
  }
  statements.push_back(Bound("COMMIT", {}));
  base::Failpoint("commit.before");
  if (status.ok()) status = Pipeline(statements).status();
  if (!status.ok()) Rollback();
  return status;
}

absl::Status PostgresConnection::Empty(const std::string& table) {
  return Run(absl::StrCat("TRUNCATE ", table), {});
}

void PostgresConnection::Rollback() {
  if (usable()) (void)Run("ROLLBACK", {});
}

}  // namespace yikou::store
