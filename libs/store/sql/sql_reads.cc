// Every read of a record, and the few writes that belong to no change.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status.h"
#include "libs/casework/units.h"
#include "libs/store/sql/sql_store.h"
#include "libs/store/sql/statements.h"

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

}  // namespace

absl::StatusOr<Stored> SqlStore::GetToDecide(const AggregateKind& kind, const std::string& id,
                                             bool looks_back) {
  if (sharing_ == Sharing::kExclusive || looks_back) {
    if (std::optional<Stored> known = recent_.Find(kind, id)) return *std::move(known);
  }
  return Get(kind, id, std::nullopt);
}

absl::StatusOr<Stored> SqlStore::Get(const AggregateKind& kind, const std::string& id,
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

absl::StatusOr<std::vector<Stored>> SqlStore::Find(const AggregateKind& kind, const Query& query) {
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

absl::StatusOr<std::vector<Row>> SqlStore::Select(const Table& table, const Query& query) {
  Where where;
  AddFilters(query.filters, &where);
  AddScope(table.name, table.scope_column, query.scope, &where);
  const std::string tail = OrderAndLimit(query, table.keys.front(), &where);
  std::vector<std::string> columns = table.keys;
  columns.insert(columns.end(), table.values.begin(), table.values.end());
  return ReadRows(absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM ", table.name, tail),
                  where.values);
}

absl::StatusOr<int64_t> SqlStore::Count(const AggregateKind& kind,
                                        const std::vector<Filter>& filters) {
  Where where;
  AddFilters(filters, &where);
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows(absl::StrCat("SELECT COUNT(*) FROM ", kind.table, where.sql), where.values));
  return IntOf(rows[0][0]);
}

absl::StatusOr<std::optional<RequestMark>> SqlStore::FindRequest(const std::string& principal,
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

absl::StatusOr<int64_t> SqlStore::PurgeRequests(absl::Time before) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  YK_ASSIGN_OR_RETURN(SqlConnection * writer, Writer());
  const Value bound = absl::ToUnixMicros(before);
  YK_ASSIGN_OR_RETURN(std::vector<Row> old,
                      writer->Rows("SELECT COUNT(*) FROM request WHERE created_at < ?", {bound}));
  YK_RETURN_IF_ERROR(writer->Run("DELETE FROM request WHERE created_at < ?", {bound}));
  return IntOf(old[0][0]);
}

absl::StatusOr<LogHead> SqlStore::Head() {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows, ReadRows("SELECT position, hash FROM log_head", {}));
  if (rows.empty()) return absl::DataLossError("The log has no head row.");
  return LogHead{IntOf(rows[0][0]), TextOf(rows[0][1])};
}

absl::StatusOr<std::vector<LogEntry>> SqlStore::ReadLog(int64_t from_position, int limit) {
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows("SELECT position, hash, body FROM event WHERE position >= ? ORDER BY position"
               " LIMIT ?",
               {from_position, int64_t{limit}}));
  std::vector<LogEntry> entries;
  for (const Row& row : rows) entries.push_back({IntOf(row[0]), TextOf(row[1]), TextOf(row[2])});
  return entries;
}

absl::StatusOr<std::vector<StreamEntry>> SqlStore::ReadStream(const std::string& stream,
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

absl::StatusOr<std::vector<StreamHeadRow>> SqlStore::StreamHeads() {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      ReadRows("SELECT stream, seq, published_seq FROM stream_head", {}));
  std::vector<StreamHeadRow> heads;
  for (const Row& row : rows) heads.push_back({TextOf(row[0]), IntOf(row[1]), IntOf(row[2])});
  return heads;
}

absl::Status SqlStore::MarkPublished(const std::string& stream, int64_t expected, int64_t seq) {
  return RunAlone("UPDATE stream_head SET published_seq = ? WHERE stream = ? AND published_seq = ?",
                  {seq, stream, expected});
}

absl::Status SqlStore::RewindPublished(const std::string& stream, int64_t seq) {
  return RunAlone(
      "UPDATE stream_head SET published_seq = CASE WHEN published_seq < ? THEN published_seq - 1"
      " ELSE ? END WHERE stream = ? AND published_seq > 0",
      {seq, seq - 1, stream});
}

absl::StatusOr<InboxState> SqlStore::Inbox(const std::string& stream) {
  // One statement sees one snapshot: the watermark may move while entries above it disappear.
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      ReadRows("SELECT watermark, 1 FROM inbox WHERE stream = ? UNION ALL"
                               " SELECT seq, 0 FROM inbox_above WHERE stream = ?",
                               {stream, stream}));
  InboxState state;
  for (const Row& row : rows) {
    if (IntOf(row[1]) == 1) state.watermark = IntOf(row[0]);
    if (IntOf(row[1]) == 0) state.above.insert(IntOf(row[0]));
  }
  return state;
}

absl::StatusOr<int64_t> SqlStore::SeenVersion(const std::string& source,
                                              const std::string& aggregate) {
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      ReadRows("SELECT version FROM seen_version WHERE aggregate = ? AND source = ?",
               {IdFirst(aggregate), source}));
  return rows.empty() ? 0 : IntOf(rows[0][0]);
}

absl::StatusOr<std::vector<ParkedEntry>> SqlStore::ParkedOn(const std::string& source,
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

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> SqlStore::WaitedFor() {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      ReadRows("SELECT DISTINCT source, aggregate FROM parked", {}));
  std::vector<std::pair<std::string, std::string>> aggregates;
  for (const Row& row : rows) aggregates.emplace_back(TextOf(row[0]), TextOf(row[1]));
  return aggregates;
}

absl::StatusOr<std::vector<StuckRow>> SqlStore::ListStuck(const std::string& after, int limit) {
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

absl::StatusOr<std::vector<StuckCount>> SqlStore::CountStuck() {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      ReadRows("SELECT 'dead', stream, COUNT(*) FROM dead_letter GROUP BY stream"
                               " UNION ALL SELECT 'parked', stream, COUNT(*) FROM parked"
                               " GROUP BY stream",
                               {}));
  std::vector<StuckCount> counts;
  for (const Row& row : rows) counts.push_back({TextOf(row[0]), TextOf(row[1]), IntOf(row[2])});
  return counts;
}

absl::StatusOr<std::vector<DueAggregate>> SqlStore::Due(
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

absl::StatusOr<absl::Time> SqlStore::NextDue(const std::vector<const AggregateKind*>& kinds) {
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

absl::StatusOr<std::string> SqlStore::Setting(const std::string& key) {
  YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                      ReadRows("SELECT value FROM setting WHERE key = ?", {key}));
  return rows.empty() ? "" : TextOf(rows[0][0]);
}

absl::Status SqlStore::PutSetting(const std::string& key, const std::string& value) {
  return RunAlone(kPutSetting, {key, value});
}

absl::StatusOr<bool> SqlStore::TakeLease(const std::string& name, const std::string& holder,
                                         absl::Time now, absl::Time until) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  YK_ASSIGN_OR_RETURN(SqlConnection * writer, Writer());
  YK_ASSIGN_OR_RETURN(
      std::vector<Row> taken,
      writer->Rows("INSERT INTO lease (name, holder, until) VALUES (?, ?, ?)"
                   " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
                   " until = excluded.until WHERE lease.holder = excluded.holder OR"
                   " lease.until < ? RETURNING 1",
                   {name, holder, absl::ToUnixMicros(until), absl::ToUnixMicros(now)}));
  return !taken.empty();
}

absl::Status SqlStore::Tidy() {
  if (sharing_ == Sharing::kReplicas) return absl::OkStatus();  // its server does
  std::lock_guard<std::mutex> lock(tidier_mutex_);
  if (!tidier_ || !tidier_->usable()) {
    tidier_.reset();
    YK_ASSIGN_OR_RETURN(tidier_, open_(Use::kWrite));
  }
  return tidier_->Tidy();
}

absl::StatusOr<std::vector<Stored>> SqlStore::Scan(const AggregateKind& kind,
                                                   const std::string& after, int limit) {
  Query query;
  query.after = after;
  query.limit = limit;
  return Find(kind, query);
}

}  // namespace yikou::store
