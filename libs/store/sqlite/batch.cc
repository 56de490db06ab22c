#include "libs/store/sqlite/batch.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status.h"
#include "libs/casework/chain.h"
#include "libs/store/work.h"

namespace yikou::store {
namespace {

std::string Marks(size_t count) {
  return absl::StrJoin(std::vector<std::string>(count, "?"), ", ");
}

std::string WhereKeys(const Table& table) {
  return absl::StrCat(" WHERE ", absl::StrJoin(table.keys, " = ? AND "), " = ?");
}

// "SET a = excluded.a" or, for sums, "SET a = t.a + excluded.a".
std::string OnConflict(const Table& table, RowWrite::Mode mode) {
  if (mode == RowWrite::Mode::kInsertOrIgnore || table.values.empty()) {
    return absl::StrCat(" ON CONFLICT (", absl::StrJoin(table.keys, ", "), ") DO NOTHING");
  }
  std::vector<std::string> sets;
  for (const std::string& column : table.values) {
    sets.push_back(mode == RowWrite::Mode::kAdd ? absl::StrCat(column, " = ", table.name, ".",
                                                               column, " + excluded.", column)
                                                : absl::StrCat(column, " = excluded.", column));
  }
  return absl::StrCat(" ON CONFLICT (", absl::StrJoin(table.keys, ", "), ") DO UPDATE SET ",
                      absl::StrJoin(sets, ", "));
}

}  // namespace

absl::Status BatchWriter::Write(const std::vector<Change*>& batch,
                                std::vector<absl::Status>* statuses) {
  YK_ASSIGN_OR_RETURN(std::vector<Row> head, db_->Rows("SELECT position, hash FROM log_head"));
  if (head.empty()) return absl::DataLossError("The log has no head row.");
  position_ = IntOf(head[0][0]);
  hash_ = TextOf(head[0][1]);
  const int64_t first = position_;
  for (size_t i = 0; i < batch.size(); ++i) {
    const Change& change = *batch[i];
    (*statuses)[i] = Check(change);
    if (!(*statuses)[i].ok()) continue;
    // Checked changes cannot fail on their own any more; what fails here fails the transaction.
    YK_RETURN_IF_ERROR(WriteAggregates(change));
    for (const RowWrite& row : change.rows) YK_RETURN_IF_ERROR(WriteRow(row));
    YK_RETURN_IF_ERROR(WriteEvents(change));
    YK_RETURN_IF_ERROR(WriteMarks(change));
  }
  YK_RETURN_IF_ERROR(WriteInboxes());
  for (const auto& [stream, seq] : stream_seq_) {
    YK_RETURN_IF_ERROR(
        db_->Run("INSERT INTO stream_head (stream, seq, published_seq) VALUES (?, ?, 0)"
                 " ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq",
                 {stream, seq}));
  }
  if (position_ == first) return absl::OkStatus();
  return db_->Run("UPDATE log_head SET position = ?, hash = ?", {position_, Blob{hash_}});
}

absl::Status BatchWriter::Check(const Change& change) {
  if (change.request) {
    YK_ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        db_->Rows("SELECT 1 FROM request WHERE principal = ? AND method = ? AND request_id = ?",
                  {change.request->principal, change.request->method, change.request->request_id}));
    if (!rows.empty()) return absl::AlreadyExistsError("The request id is recorded.");
  }
  for (const InboxMark& mark : change.inbox) {
    YK_ASSIGN_OR_RETURN(Inbox * inbox, InboxOf(mark.stream));
    if (mark.seq <= inbox->watermark || inbox->above.count(mark.seq) > 0) {
      return absl::AlreadyExistsError(
          absl::StrCat("Entry ", mark.seq, " of ", mark.stream, " is applied."));
    }
  }
  for (const InboxMark& mark : change.revived) {
    YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                        db_->Rows("SELECT 1 FROM dead_letter WHERE stream = ? AND seq = ?",
                                  {mark.stream, mark.seq}));
    if (rows.empty()) {
      return absl::NotFoundError(
          absl::StrCat("The dead letter ", mark.stream, "/", mark.seq, " is settled."));
    }
  }
  for (const struct Write& write : change.writes) {
    YK_ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        db_->Rows(absl::StrCat("SELECT version FROM ", write.kind->table, " WHERE id = ?"),
                  {write.id}));
    const int64_t current = rows.empty() ? 0 : IntOf(rows[0][0]);
    if (current != write.expected_version) {
      return absl::AbortedError(absl::StrCat("The ", write.kind->name, " ", write.id,
                                             " is at version ", current, ", not ",
                                             write.expected_version, "."));
    }
  }
  return absl::OkStatus();
}

absl::Status BatchWriter::WriteAggregates(const Change& change) {
  for (const struct Write& write : change.writes) {
    const AggregateKind& kind = *write.kind;
    std::vector<Value> values = {write.new_version,
                                 write.due == absl::InfiniteFuture()
                                     ? Value(std::monostate{})
                                     : Value(absl::ToUnixMicros(write.due)),
                                 Blob{write.body}};
    values.insert(values.end(), write.columns.begin(), write.columns.end());
    values.push_back(write.id);
    std::vector<std::string> columns = {"version", "due_at", "body"};
    columns.insert(columns.end(), kind.columns.begin(), kind.columns.end());
    const std::string sql =
        write.expected_version == 0
            ? absl::StrCat("INSERT INTO ", kind.table, " (", absl::StrJoin(columns, ", "),
                           ", id) VALUES (", Marks(columns.size() + 1), ")")
            : absl::StrCat("UPDATE ", kind.table, " SET ", absl::StrJoin(columns, " = ?, "),
                           " = ? WHERE id = ?");
    YK_RETURN_IF_ERROR(db_->Run(sql, values));
  }
  return absl::OkStatus();
}

absl::Status BatchWriter::WriteRow(const RowWrite& row) {
  const Table& table = *row.table;
  if (row.mode == RowWrite::Mode::kDelete) {
    return db_->Run(absl::StrCat("DELETE FROM ", table.name, WhereKeys(table)), row.keys);
  }
  std::vector<std::string> columns = table.keys;
  columns.insert(columns.end(), table.values.begin(), table.values.end());
  std::vector<Value> values = row.keys;
  values.insert(values.end(), row.values.begin(), row.values.end());
  return db_->Run(
      absl::StrCat("INSERT INTO ", table.name, " (", absl::StrJoin(columns, ", "), ") VALUES (",
                   Marks(columns.size()), ")", OnConflict(table, row.mode)),
      values);
}

absl::Status BatchWriter::WriteEvents(const Change& change) {
  for (const EventOut& out : change.events) {
    casework::v1::Event event = out.event;
    event.set_position(++position_);
    const std::string body = StableBytes(event);
    hash_ = casework::ChainHash(hash_, body);
    YK_RETURN_IF_ERROR(
        db_->Run("INSERT INTO event (position, case_id, hash, body) VALUES (?, ?, ?, ?)",
                 {position_, event.case_id(), Blob{hash_}, Blob{body}}));
    for (const std::string& stream : out.streams) {
      auto [seq, is_new] = stream_seq_.try_emplace(stream, 0);
      if (is_new) {
        YK_ASSIGN_OR_RETURN(std::vector<Row> rows,
                            db_->Rows("SELECT seq FROM stream_head WHERE stream = ?", {stream}));
        if (!rows.empty()) seq->second = IntOf(rows[0][0]);
      }
      YK_RETURN_IF_ERROR(
          db_->Run("INSERT INTO stream_entry (stream, seq, position) VALUES (?, ?, ?)",
                   {stream, ++seq->second, position_}));
    }
  }
  return absl::OkStatus();
}

absl::Status BatchWriter::WriteMarks(const Change& change) {
  if (const auto& mark = change.request) {
    YK_RETURN_IF_ERROR(
        db_->Run("INSERT INTO request (principal, method, request_id, payload_digest, response,"
                 " created_at) VALUES (?, ?, ?, ?, ?, ?)",
                 {mark->principal, mark->method, mark->request_id, mark->payload_digest,
                  Blob{mark->response}, absl::ToUnixMicros(mark->at)}));
  }
  for (const InboxMark& mark : change.inbox) {
    YK_ASSIGN_OR_RETURN(Inbox * inbox, InboxOf(mark.stream));
    inbox->above.insert(mark.seq);
    inbox->added.insert(mark.seq);
  }
  for (const ParkedEntry& entry : change.parked) {
    YK_RETURN_IF_ERROR(
        db_->Run("INSERT INTO parked (stream, seq, source, aggregate, wait_version, envelope)"
                 " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (stream, seq) DO UPDATE SET"
                 " source = excluded.source, aggregate = excluded.aggregate,"
                 " wait_version = excluded.wait_version",
                 {entry.stream, entry.seq, entry.source, entry.aggregate, entry.wait_version,
                  Blob{entry.envelope}}));
  }
  for (const InboxMark& mark : change.unparked) {
    YK_RETURN_IF_ERROR(
        db_->Run("DELETE FROM parked WHERE stream = ? AND seq = ?", {mark.stream, mark.seq}));
  }
  for (const DeadLetter& dead : change.dead) {
    YK_RETURN_IF_ERROR(db_->Run(
        "INSERT INTO dead_letter (stream, seq, event_type, case_id, cause, attempts, since,"
        " envelope) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream, seq) DO UPDATE SET"
        " cause = excluded.cause, attempts = excluded.attempts",
        {dead.stream, dead.seq, dead.event_type, dead.case_id, dead.cause, int64_t{dead.attempts},
         absl::ToUnixMicros(dead.since), Blob{dead.envelope}}));
  }
  for (const InboxMark& mark : change.revived) {
    YK_RETURN_IF_ERROR(
        db_->Run("DELETE FROM dead_letter WHERE stream = ? AND seq = ?", {mark.stream, mark.seq}));
  }
  return absl::OkStatus();
}

absl::StatusOr<BatchWriter::Inbox*> BatchWriter::InboxOf(const std::string& stream) {
  auto [found, is_new] = inboxes_.try_emplace(stream);
  Inbox& inbox = found->second;
  if (is_new) {
    YK_ASSIGN_OR_RETURN(std::vector<Row> mark,
                        db_->Rows("SELECT watermark FROM inbox WHERE stream = ?", {stream}));
    if (!mark.empty()) inbox.watermark = IntOf(mark[0][0]);
    YK_ASSIGN_OR_RETURN(std::vector<Row> above,
                        db_->Rows("SELECT seq FROM inbox_above WHERE stream = ?", {stream}));
    for (const Row& row : above) inbox.above.insert(IntOf(row[0]));
  }
  return &inbox;
}

// Moves each watermark over what is applied without a gap; only entries beyond a gap are stored one
// by one.
absl::Status BatchWriter::WriteInboxes() {
  for (auto& [stream, inbox] : inboxes_) {
    const int64_t before = inbox.watermark;
    while (inbox.above.count(inbox.watermark + 1) > 0) inbox.above.erase(++inbox.watermark);
    if (inbox.watermark != before) {
      YK_RETURN_IF_ERROR(
          db_->Run("INSERT INTO inbox (stream, watermark) VALUES (?, ?)"
                   " ON CONFLICT (stream) DO UPDATE SET watermark = excluded.watermark",
                   {stream, inbox.watermark}));
      YK_RETURN_IF_ERROR(db_->Run("DELETE FROM inbox_above WHERE stream = ? AND seq <= ?",
                                  {stream, inbox.watermark}));
    }
    for (const int64_t seq : inbox.added) {
      if (seq <= inbox.watermark) continue;
      YK_RETURN_IF_ERROR(
          db_->Run("INSERT INTO inbox_above (stream, seq) VALUES (?, ?)", {stream, seq}));
    }
  }
  return absl::OkStatus();
}

}  // namespace yikou::store
