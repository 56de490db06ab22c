#include "libs/store/sql/sql_store.h"

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/store/migrations.h"
#include "libs/store/sql/batch.h"

namespace yikou::store {
namespace {

constexpr size_t kIdleReadersMax = 16;
constexpr size_t kRecentBytes = 16 << 20;

absl::StatusOr<std::vector<AppliedMigration>> ReadApplied(SqlConnection* connection) {
  YK_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      connection->Rows("SELECT version, name, checksum FROM schema_migration ORDER BY version",
                       {}));
  std::vector<AppliedMigration> applied;
  for (const Row& row : rows) {
    applied.push_back({static_cast<int>(IntOf(row[0])), TextOf(row[1]), TextOf(row[2])});
  }
  return applied;
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

SqlStore::SqlStore(std::string name, Sharing sharing, Open open, std::shared_ptr<void> guard)
    : name_(std::move(name)),
      sharing_(sharing),
      open_(std::move(open)),
      guard_(std::move(guard)),
      recent_(kRecentBytes) {}

SqlStore::~SqlStore() = default;

absl::StatusOr<SqlConnection*> SqlStore::Writer() {
  if (!writer_ || !writer_->usable()) {
    writer_.reset();
    YK_ASSIGN_OR_RETURN(writer_, open_(Use::kWrite));
  }
  return writer_.get();
}

// A statement outside of any batch.
absl::Status SqlStore::RunAlone(const std::string& sql, const std::vector<Value>& values) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  YK_ASSIGN_OR_RETURN(SqlConnection * writer, Writer());
  return writer->Run(sql, values);
}

// A connection is lent for one read; one that broke is not given back.
absl::StatusOr<std::vector<Row>> SqlStore::ReadRows(const std::string& sql,
                                                    const std::vector<Value>& values) {
  std::unique_ptr<SqlConnection> reader;
  {
    std::lock_guard<std::mutex> lock(readers_mutex_);
    if (!readers_.empty()) {
      reader = std::move(readers_.back());
      readers_.pop_back();
    }
  }
  const bool was_idle = reader != nullptr;
  if (!reader) {
    YK_ASSIGN_OR_RETURN(reader, open_(Use::kRead));
  }
  absl::StatusOr<std::vector<Row>> rows = reader->Rows(sql, values);
  if (was_idle && !reader->usable()) {
    // The database was restarted while the connection lay idle: a read may simply be run again.
    YK_ASSIGN_OR_RETURN(reader, open_(Use::kRead));
    rows = reader->Rows(sql, values);
  }
  if (reader->usable()) {
    std::lock_guard<std::mutex> lock(readers_mutex_);
    if (readers_.size() < kIdleReadersMax) readers_.push_back(std::move(reader));
  }
  return rows;
}

absl::Status SqlStore::Migrate(const std::vector<Migration>& migrations) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  YK_ASSIGN_OR_RETURN(SqlConnection * writer, Writer());
  YK_RETURN_IF_ERROR(writer->LockSchema());
  const absl::Status status = MigrateLocked(writer, migrations);
  writer->UnlockSchema();
  return status;
}

absl::Status SqlStore::MigrateLocked(SqlConnection* connection,
                                     const std::vector<Migration>& migrations) {
  YK_RETURN_IF_ERROR(connection->Run(
      "CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT PRIMARY KEY, name TEXT NOT NULL,"
      " checksum TEXT NOT NULL)",
      {}));
  YK_ASSIGN_OR_RETURN(const std::vector<AppliedMigration> applied, ReadApplied(connection));
  YK_RETURN_IF_ERROR(CheckUnchanged(CompareMigrations(migrations, applied), name_));
  for (const Migration& migration : migrations) {
    const bool has = std::any_of(
        applied.begin(), applied.end(),
        [&](const AppliedMigration& known) { return known.version == migration.version; });
    if (has) continue;
    YK_RETURN_IF_ERROR(connection->Script(
        migration.sql, "INSERT INTO schema_migration (version, name, checksum) VALUES (?, ?, ?)",
        {int64_t{migration.version}, migration.name, ChecksumOf(migration)}));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AppliedMigration>> SqlStore::AppliedMigrations() {
  YK_ASSIGN_OR_RETURN(const std::unique_ptr<SqlConnection> reader, open_(Use::kRead));
  YK_ASSIGN_OR_RETURN(const bool any, reader->HasTable("schema_migration"));
  if (!any) return std::vector<AppliedMigration>();
  return ReadApplied(reader.get());
}

absl::Status SqlStore::StartOver(const std::vector<std::string>& tables, const std::string& key,
                                 const std::string& value) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  YK_ASSIGN_OR_RETURN(SqlConnection * writer, Writer());
  // The head's row first, as every commit: nobody else writes meanwhile.
  const Lookup head{"log_head", {"id"}, {"id"}, {{int64_t{1}}}};
  YK_RETURN_IF_ERROR(writer->BeginAndFind({head}).status());
  std::vector<std::string> all = {"inbox", "inbox_above", "seen_version", "parked", "dead_letter"};
  all.insert(all.end(), tables.begin(), tables.end());
  absl::Status status = writer->Run(kPutSetting, {key, value});
  for (const std::string& table : all) {
    if (status.ok()) status = writer->Empty(table);
  }
  if (!status.ok()) {
    writer->Rollback();
    return status;
  }
  recent_.Clear();
  return writer->WriteAndCommit({});
}

std::vector<absl::Status> SqlStore::Commit(const std::vector<Change*>& batch) {
  std::lock_guard<std::mutex> lock(writer_mutex_);
  std::vector<absl::Status> statuses(batch.size());
  const absl::Status whole = WriteBatch(batch, &statuses);
  for (size_t i = 0; i < batch.size(); ++i) {
    // A conflict found before stays a conflict; for the rest nothing was written.
    if (statuses[i].ok()) statuses[i] = whole;
    for (const Write& write : batch[i]->writes) {
      statuses[i].ok() ? recent_.Keep(write) : recent_.Forget(write.kind->table, write.id);
    }
    if (statuses[i].ok()) continue;
    for (const Read& read : batch[i]->reads) recent_.Forget(read.kind->table, read.id);
  }
  return statuses;
}

absl::Status SqlStore::WriteBatch(const std::vector<Change*>& batch,
                                  std::vector<absl::Status>* statuses) {
  YK_ASSIGN_OR_RETURN(SqlConnection * writer, Writer());
  BatchPlan plan(batch);
  YK_ASSIGN_OR_RETURN(std::vector<std::vector<Row>> found, writer->BeginAndFind(plan.lookups()));
  absl::StatusOr<std::vector<RowBatch>> writes = plan.Decide(found, statuses);
  if (!writes.ok() || writes->empty()) {
    writer->Rollback();
    return writes.status();
  }
  // From the commit on readers see the new versions: what is remembered must not be older for even
  // a moment, or somebody decides by less than he was shown.
  for (const Change* change : batch) {
    for (const Write& write : change->writes) recent_.Forget(write.kind->table, write.id);
  }
  return writer->WriteAndCommit(*writes);
}

}  // namespace yikou::store
