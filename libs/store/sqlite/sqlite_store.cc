#include "libs/store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/failpoint.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/casework/units.h"
#include "libs/store/sqlite/batch.h"
#include "libs/store/sqlite/connection.h"
#include "libs/store/work.h"

namespace yikou::store {
namespace {

// SQL conditions of a query and the values they bind, in order.
struct Where {
  std::string sql;
  std::vector<Value> values;

  void And(const std::string& condition) {
    absl::StrAppend(&sql, sql.empty() ? " WHERE " : " AND ", condition);
  }
};

const char* OperatorOf(Filter::Op op) {
  switch (op) {
    case Filter::Op::kEq:
      return " = ?";
    case Filter::Op::kNe:
      return " <> ?";
    case Filter::Op::kLt:
      return " < ?";
    case Filter::Op::kLe:
      return " <= ?";
    case Filter::Op::kGt:
      return " > ?";
    case Filter::Op::kGe:
      return " >= ?";
    case Filter::Op::kContains:
      return " LIKE '%' || ? || '%' ESCAPE '\\'";
  }
  return " = ?";
}

std::string EscapeLike(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

void AddFilters(const std::vector<Filter>& filters, Where* where) {
  for (const Filter& filter : filters) {
    where->And(absl::StrCat(filter.column, OperatorOf(filter.op)));
    where->values.push_back(filter.op == Filter::Op::kContains
                                ? Value(EscapeLike(TextOf(filter.value)))
                                : filter.value);
  }
}

// The data scope of every read: rows of cases that no unit at or below the caller's has to do with
// do not exist.
void AddScope(const std::string& table, const std::string& scope_column,
              const std::optional<Scope>& scope, Where* where) {
  if (!scope || scope_column.empty()) return;
  const auto [first, last] = casework::CoveredRange(scope->unit_id);
  where->And(absl::StrCat("EXISTS (SELECT 1 FROM case_scope s WHERE s.case_id = ", table, ".",
                          scope_column, " AND s.unit_id >= ? AND s.unit_id < ?)"));
  where->values.push_back(first);
  where->values.push_back(last);
}

std::string OrderAndLimit(const Query& query, const std::string& key, Where* where) {
  if (!query.after.empty()) {
    where->And(absl::StrCat(key, query.descending ? " < ?" : " > ?"));
    where->values.push_back(query.after);
  }
  return absl::StrCat(where->sql, " ORDER BY ", key, query.descending ? " DESC" : "", " LIMIT ",
                      query.limit);
}

Stored StoredOf(const Row& row) { return {TextOf(row[0]), IntOf(row[1]), TextOf(row[2])}; }

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, int lock_fd, std::unique_ptr<Connection> writer)
      : path_(std::move(path)), lock_fd_(lock_fd), writer_(std::move(writer)) {}
  ~SqliteStore() override {
    readers_.clear();
    writer_.reset();
    close(lock_fd_);
  }

  absl::Status Migrate(const std::vector<Migration>& migrations) override;
  std::vector<absl::Status> Commit(const std::vector<Change*>& batch) override;
  absl::StatusOr<Stored> Get(const AggregateKind& kind, const std::string& id,
                             const std::optional<Scope>& scope) override;
  absl::StatusOr<std::vector<Stored>> Find(const AggregateKind& kind, const Query& query) override;
  absl::StatusOr<std::vector<Row>> Select(const Table& table, const Query& query) override;
  absl::StatusOr<int64_t> Count(const AggregateKind& kind,
                                const std::vector<Filter>& filters) override;
  absl::StatusOr<std::optional<RequestMark>> FindRequest(const std::string& principal,
                                                         const std::string& method,
                                                         const std::string& request_id) override;
  absl::StatusOr<int64_t> PurgeRequests(absl::Time before) override;
  absl::StatusOr<LogHead> Head() override;
  absl::StatusOr<std::vector<LogEntry>> ReadLog(int64_t from_position, int limit) override;
  absl::StatusOr<std::vector<StreamEntry>> ReadStream(const std::string& stream, int64_t from_seq,
                                                      int limit) override;
  absl::StatusOr<std::vector<StreamHeadRow>> StreamHeads() override;
  absl::Status MarkPublished(const std::string& stream, int64_t seq) override;
  absl::StatusOr<InboxState> Inbox(const std::string& stream) override;
  absl::StatusOr<int64_t> SeenVersion(const std::string& source,
                                      const std::string& aggregate) override;
  absl::StatusOr<std::vector<ParkedEntry>> ParkedOn(const std::string& source,
                                                    const std::string& aggregate,
                                                    int64_t up_to_version) override;
  absl::StatusOr<std::vector<StuckRow>> ListStuck(const std::string& after, int limit) override;
  absl::StatusOr<std::vector<DueAggregate>> Due(const std::vector<const AggregateKind*>& kinds,
                                                absl::Time now, int limit) override;
  absl::StatusOr<absl::Time> NextDue(const std::vector<const AggregateKind*>& kinds) override;
  absl::StatusOr<std::string> Setting(const std::string& key) override;
  absl::Status PutSetting(const std::string& key, const std::string& value) override;
  absl::StatusOr<std::vector<Stored>> Scan(const AggregateKind& kind, const std::string& after,
                                           int limit) override;

 private:
  // A read-only connection, taken from a pool and given back when the lease ends.
  class Reader {
   public:
    Reader(SqliteStore* store, std::unique_ptr<Connection> connection)
        : store_(store), connection_(std::move(connection)) {}
    Reader(Reader&&) = default;
    ~Reader() {
      if (connection_) store_->GiveBack(std::move(connection_));
    }
    Connection* operator->() { return connection_.get(); }

   private:
    SqliteStore* store_;
    std::unique_ptr<Connection> connection_;
  };
  absl::StatusOr<Reader> Read() {
    {
      std::lock_guard<std::mutex> lock(readers_mutex_);
      if (!readers_.empty()) {
        auto connection = std::move(readers_.back());
        readers_.pop_back();
        return Reader(this, std::move(connection));
      }
    }
    YK_ASSIGN_OR_RETURN(std::unique_ptr<Connection> opened, Connection::Open(path_, true));
    return Reader(this, std::move(opened));
  }
  void GiveBack(std::unique_ptr<Connection> connection) {
    std::lock_guard<std::mutex> lock(readers_mutex_);
    readers_.push_back(std::move(connection));
  }
  absl::StatusOr<std::vector<Row>> ReadRows(const std::string& sql,
                                            const std::vector<Value>& values) {
    YK_ASSIGN_OR_RETURN(Reader reader, Read());
    return reader->Rows(sql, values);
  }

  std::string path_;
  int lock_fd_;
  std::mutex writer_mutex_;
  std::unique_ptr<Connection> writer_;
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> readers_;
};

absl::Status SqliteStore::Migrate(const std::vector<Migration>& migrations) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  YK_RETURN_IF_ERROR(writer_->Script(
      "CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT PRIMARY KEY, name TEXT NOT NULL,"
      " checksum TEXT NOT NULL)"));
  for (const Migration& migration : migrations) {
    const std::string checksum = base::ToHex(casework::Digest(migration.sql));
    YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                        writer_->Rows("SELECT checksum FROM schema_migration WHERE version = ?",
                                      {int64_t{migration.version}}));
    if (!rows.empty()) {
      if (TextOf(rows[0][0]) == checksum) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          "Migration ", migration.version, " (", migration.name, ") was applied to ", path_,
          " in another form. Use the version of the "
          "service that made this file, or a file of its own."));
    }
    YK_RETURN_IF_ERROR(writer_->Run("BEGIN IMMEDIATE"));
    absl::Status status = writer_->Script(migration.sql);
    if (status.ok()) {
      status = writer_->Run("INSERT INTO schema_migration (version, name, checksum) VALUES (?,?,?)",
                            {int64_t{migration.version}, migration.name, checksum});
    }
    if (status.ok()) status = writer_->Run("COMMIT");
    if (!status.ok()) {
      (void)writer_->Run("ROLLBACK");
      return status;
    }
  }
  return absl::OkStatus();
}

std::vector<absl::Status> SqliteStore::Commit(const std::vector<Change*>& batch) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  std::vector<absl::Status> statuses(batch.size());
  absl::Status whole = writer_->Run("BEGIN IMMEDIATE");
  if (whole.ok()) {
    BatchWriter batch_writer(writer_.get());
    whole = batch_writer.Write(batch, &statuses);
    base::Failpoint("commit.before");
    if (whole.ok()) whole = writer_->Run("COMMIT");
    if (!whole.ok()) (void)writer_->Run("ROLLBACK");
  }
  if (!whole.ok()) {
    // A conflict found before stays a conflict; for the rest nothing was written.
    for (absl::Status& status : statuses) {
      if (status.ok()) status = whole;
    }
  }
  return statuses;
}

absl::StatusOr<Stored> SqliteStore::Get(const AggregateKind& kind, const std::string& id,
                                        const std::optional<Scope>& scope) {
  Where where;
  where.And("id = ?");
  where.values.push_back(id);
  AddScope(kind.table, kind.scope_column, scope, &where);
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows, ReadRows(absl::StrCat("SELECT id, version, body FROM ",
                                                                   kind.table, where.sql),
                                                      where.values));
  if (rows.empty()) return absl::NotFoundError(absl::StrCat("No ", kind.name, " ", id, "."));
  return StoredOf(rows[0]);
}

absl::StatusOr<std::vector<Stored>> SqliteStore::Find(const AggregateKind& kind,
                                                      const Query& query) {
  Where where;
  AddFilters(query.filters, &where);
  AddScope(kind.table, kind.scope_column, query.scope, &where);
  const std::string tail = OrderAndLimit(query, "id", &where);
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows(absl::StrCat("SELECT id, version, body FROM ", kind.table, tail), where.values));
  std::vector<Stored> found;
  for (const Row& row : rows) found.push_back(StoredOf(row));
  return found;
}

absl::StatusOr<std::vector<Row>> SqliteStore::Select(const Table& table, const Query& query) {
  Where where;
  AddFilters(query.filters, &where);
  AddScope(table.name, table.scope_column, query.scope, &where);
  const std::string tail = OrderAndLimit(query, table.keys.front(), &where);
  std::vector<std::string> columns = table.keys;
  columns.insert(columns.end(), table.values.begin(), table.values.end());
  return ReadRows(absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM ", table.name, tail),
                  where.values);
}

absl::StatusOr<int64_t> SqliteStore::Count(const AggregateKind& kind,
                                           const std::vector<Filter>& filters) {
  Where where;
  AddFilters(filters, &where);
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows(absl::StrCat("SELECT COUNT(*) FROM ", kind.table, where.sql), where.values));
  return IntOf(rows[0][0]);
}

absl::StatusOr<std::optional<RequestMark>> SqliteStore::FindRequest(const std::string& principal,
                                                                    const std::string& method,
                                                                    const std::string& request_id) {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      ReadRows("SELECT payload_digest, response FROM request"
                               " WHERE principal = ? AND method = ? AND request_id = ?",
                               {principal, method, request_id}));
  if (rows.empty()) return std::nullopt;
  RequestMark mark;
  mark.principal = principal;
  mark.method = method;
  mark.request_id = request_id;
  mark.payload_digest = TextOf(rows[0][0]);
  mark.response = TextOf(rows[0][1]);
  return mark;
}

absl::StatusOr<int64_t> SqliteStore::PurgeRequests(absl::Time before) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  const Value bound = absl::ToUnixMicros(before);
  YK_ASSIGN_OR_RETURN(std::vector<Row> old,
                      writer_->Rows("SELECT COUNT(*) FROM request WHERE created_at < ?", {bound}));
  YK_RETURN_IF_ERROR(writer_->Run("DELETE FROM request WHERE created_at < ?", {bound}));
  return IntOf(old[0][0]);
}

absl::StatusOr<LogHead> SqliteStore::Head() {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows, ReadRows("SELECT position, hash FROM log_head", {}));
  if (rows.empty()) return absl::DataLossError("The log has no head row.");
  return LogHead{IntOf(rows[0][0]), TextOf(rows[0][1])};
}

absl::StatusOr<std::vector<LogEntry>> SqliteStore::ReadLog(int64_t from_position, int limit) {
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows("SELECT position, hash, body FROM event WHERE position >= ? ORDER BY position"
               " LIMIT ?",
               {from_position, int64_t{limit}}));
  std::vector<LogEntry> entries;
  for (const Row& row : rows) entries.push_back({IntOf(row[0]), TextOf(row[1]), TextOf(row[2])});
  return entries;
}

absl::StatusOr<std::vector<StreamEntry>> SqliteStore::ReadStream(const std::string& stream,
                                                                 int64_t from_seq, int limit) {
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows("SELECT s.seq, e.body FROM stream_entry s JOIN event e ON e.position = s.position"
               " WHERE s.stream = ? AND s.seq >= ? ORDER BY s.seq LIMIT ?",
               {stream, from_seq, int64_t{limit}}));
  std::vector<StreamEntry> entries;
  for (const Row& row : rows) {
    StreamEntry& entry = entries.emplace_back();
    entry.seq = IntOf(row[0]);
    if (!entry.event.ParseFromString(TextOf(row[1]))) {
      return absl::DataLossError(
          absl::StrCat("Entry ", entry.seq, " of ", stream, " cannot be read."));
    }
  }
  return entries;
}

absl::StatusOr<std::vector<StreamHeadRow>> SqliteStore::StreamHeads() {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      ReadRows("SELECT stream, seq, published_seq FROM stream_head", {}));
  std::vector<StreamHeadRow> heads;
  for (const Row& row : rows) heads.push_back({TextOf(row[0]), IntOf(row[1]), IntOf(row[2])});
  return heads;
}

absl::Status SqliteStore::MarkPublished(const std::string& stream, int64_t seq) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  return writer_->Run("UPDATE stream_head SET published_seq = ? WHERE stream = ?", {seq, stream});
}

absl::StatusOr<InboxState> SqliteStore::Inbox(const std::string& stream) {
  InboxState state;
  YK_ASSIGN_OR_RETURN(Reader reader, Read());
  // One snapshot for both reads: the watermark may move while entries above it disappear.
  YK_RETURN_IF_ERROR(reader->Run("BEGIN"));
  auto mark = reader->Rows("SELECT watermark FROM inbox WHERE stream = ?", {stream});
  auto above = reader->Rows("SELECT seq FROM inbox_above WHERE stream = ?", {stream});
  YK_RETURN_IF_ERROR(reader->Run("COMMIT"));
  if (!mark.ok()) return mark.status();
  if (!above.ok()) return above.status();
  if (!mark->empty()) state.watermark = IntOf((*mark)[0][0]);
  for (const Row& row : *above) state.above.insert(IntOf(row[0]));
  return state;
}

absl::StatusOr<int64_t> SqliteStore::SeenVersion(const std::string& source,
                                                 const std::string& aggregate) {
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows("SELECT version FROM seen_version WHERE source = ? AND aggregate = ?",
               {source, aggregate}));
  return rows.empty() ? 0 : IntOf(rows[0][0]);
}

absl::StatusOr<std::vector<ParkedEntry>> SqliteStore::ParkedOn(const std::string& source,
                                                               const std::string& aggregate,
                                                               int64_t up_to_version) {
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows("SELECT stream, seq, source, aggregate, wait_version, envelope FROM parked"
               " WHERE source = ? AND aggregate = ? AND wait_version <= ? ORDER BY wait_version",
               {source, aggregate, up_to_version}));
  std::vector<ParkedEntry> parked;
  for (const Row& row : rows) {
    parked.push_back({TextOf(row[0]), IntOf(row[1]), TextOf(row[2]), TextOf(row[3]), IntOf(row[4]),
                      TextOf(row[5])});
  }
  return parked;
}

absl::StatusOr<std::vector<StuckRow>> SqliteStore::ListStuck(const std::string& after, int limit) {
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows("SELECT * FROM (SELECT stream || '/' || seq AS id, 'dead' AS kind, stream, seq,"
               " event_type, case_id, cause, attempts, since, envelope FROM dead_letter"
               " UNION ALL SELECT stream || '/' || seq, 'parked', stream, seq, '', '',"
               " 'waits for version ' || wait_version || ' of ' || aggregate || ' from ' || source,"
               " 0, 0, envelope FROM parked) AS stuck WHERE id > ? ORDER BY id LIMIT ?",
               {after, int64_t{limit}}));
  std::vector<StuckRow> stuck;
  for (const Row& row : rows) {
    StuckRow& out = stuck.emplace_back();
    out.kind = TextOf(row[1]);
    out.letter = {TextOf(row[2]), IntOf(row[3]),
                  TextOf(row[4]), TextOf(row[5]),
                  TextOf(row[6]), static_cast<int>(IntOf(row[7])),
                  TextOf(row[9]), absl::FromUnixMicros(IntOf(row[8]))};
  }
  return stuck;
}

absl::StatusOr<std::vector<DueAggregate>> SqliteStore::Due(
    const std::vector<const AggregateKind*>& kinds, absl::Time now, int limit) {
  std::vector<DueAggregate> due;
  for (const AggregateKind* kind : kinds) {
    YK_ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        ReadRows(absl::StrCat("SELECT id, due_at FROM ", kind->table,
                              " WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?"),
                 {absl::ToUnixMicros(now), int64_t{limit}}));
    for (const Row& row : rows) {
      due.push_back({kind, TextOf(row[0]), absl::FromUnixMicros(IntOf(row[1]))});
    }
  }
  std::stable_sort(due.begin(), due.end(),
                   [](const DueAggregate& a, const DueAggregate& b) { return a.due < b.due; });
  if (static_cast<int>(due.size()) > limit) due.resize(limit);
  return due;
}

absl::StatusOr<absl::Time> SqliteStore::NextDue(const std::vector<const AggregateKind*>& kinds) {
  absl::Time next = absl::InfiniteFuture();
  for (const AggregateKind* kind : kinds) {
    YK_ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        ReadRows(absl::StrCat("SELECT MIN(due_at) FROM ", kind->table, " WHERE due_at IS NOT NULL"),
                 {}));
    if (std::holds_alternative<int64_t>(rows[0][0])) {
      next = std::min(next, absl::FromUnixMicros(IntOf(rows[0][0])));
    }
  }
  return next;
}

absl::StatusOr<std::string> SqliteStore::Setting(const std::string& key) {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      ReadRows("SELECT value FROM setting WHERE key = ?", {key}));
  return rows.empty() ? "" : TextOf(rows[0][0]);
}

absl::Status SqliteStore::PutSetting(const std::string& key, const std::string& value) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  return writer_->Run(
      "INSERT INTO setting (key, value) VALUES (?, ?)"
      " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      {key, value});
}

absl::StatusOr<std::vector<Stored>> SqliteStore::Scan(const AggregateKind& kind,
                                                      const std::string& after, int limit) {
  Query query;
  query.after = after;
  query.limit = limit;
  return Find(kind, query);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path) {
  const std::string lock_path = path + ".lock";
  const int fd = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return absl::UnavailableError(absl::StrCat("The lock file ", lock_path,
                                               " cannot be opened. Check that its folder exists "
                                               "and is writable."));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::FailedPreconditionError(
        absl::StrCat("Another process has ", path,
                     " open. One SQLite file serves one process; "
                     "stop the other one, or use PostgreSQL for several."));
  }
  absl::StatusOr<std::unique_ptr<Connection>> writer = Connection::Open(path, false);
  if (!writer.ok()) {
    close(fd);
    return writer.status();
  }
  return std::make_unique<SqliteStore>(path, fd, *std::move(writer));
}

}  // namespace yikou::store
