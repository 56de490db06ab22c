// The record in a database that speaks SQL: everything that is the same for all of them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "libs/store/sql/connection.h"
#include "libs/store/sql/recent.h"
#include "libs/store/store.h"

namespace yikou::store {

inline constexpr char kPutSetting[] =
    "INSERT INTO setting (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value";

class SqlStore final : public Store {
 public:
  enum class Use { kWrite, kRead };
  // Opens a connection; called again when one has gone away.
  using Open = std::function<absl::StatusOr<std::unique_ptr<SqlConnection>>(Use)>;

  // Who else writes the record.
  enum class Sharing { kExclusive, kReplicas };

  // `name` is what sentences call the database. `guard` is released when the store closes.
  SqlStore(std::string name, Sharing sharing, Open open, std::shared_ptr<void> guard);
  ~SqlStore() override;

  absl::Status Migrate(const std::vector<Migration>& migrations) override;
  absl::StatusOr<std::vector<AppliedMigration>> AppliedMigrations() override;
  std::vector<absl::Status> Commit(const std::vector<Change*>& batch) override;
  absl::StatusOr<Stored> Get(const AggregateKind& kind, const std::string& id,
                             const std::optional<Scope>& scope) override;
  absl::StatusOr<Stored> GetToDecide(const AggregateKind& kind, const std::string& id,
                                     bool looks_back) override;
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
  absl::Status MarkPublished(const std::string& stream, int64_t expected, int64_t seq) override;
  absl::Status RewindPublished(const std::string& stream, int64_t seq) override;
  absl::StatusOr<InboxState> Inbox(const std::string& stream) override;
  absl::StatusOr<int64_t> SeenVersion(const std::string& source,
                                      const std::string& aggregate) override;
  absl::StatusOr<std::vector<ParkedEntry>> ParkedOn(const std::string& source,
                                                    const std::string& aggregate,
                                                    int64_t up_to_version) override;
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> WaitedFor() override;
  absl::StatusOr<std::vector<StuckRow>> ListStuck(const std::string& after, int limit) override;
  absl::StatusOr<std::vector<StuckCount>> CountStuck() override;
  absl::StatusOr<std::vector<DueAggregate>> Due(const std::vector<const AggregateKind*>& kinds,
                                                absl::Time now, int limit) override;
  absl::StatusOr<absl::Time> NextDue(const std::vector<const AggregateKind*>& kinds) override;
  absl::StatusOr<std::string> Setting(const std::string& key) override;
  absl::Status PutSetting(const std::string& key, const std::string& value) override;
  absl::Status StartOver(const std::vector<std::string>& tables, const std::string& key,
                         const std::string& value) override;
  absl::StatusOr<bool> TakeLease(const std::string& name, const std::string& holder, absl::Time now,
                                 absl::Time until) override;
  absl::Status Tidy() override;
  absl::StatusOr<std::vector<Stored>> Scan(const AggregateKind& kind, const std::string& after,
                                           int limit) override;

 private:
  class Reader;
  absl::StatusOr<std::vector<Row>> ReadRows(const std::string& sql,
                                            const std::vector<Value>& values);
  // The connection that writes, opened again when it has gone away. Needs writer_mutex_.
  absl::StatusOr<SqlConnection*> Writer();
  absl::Status RunAlone(const std::string& sql, const std::vector<Value>& values);
  absl::Status MigrateLocked(SqlConnection* connection, const std::vector<Migration>& migrations);
  absl::Status WriteBatch(const std::vector<Change*>& batch, std::vector<absl::Status>* statuses);

  const std::string name_;
  const Sharing sharing_;
  const Open open_;
  const std::shared_ptr<void> guard_;
  std::mutex writer_mutex_;
  std::unique_ptr<SqlConnection> writer_;
  RecentAggregates recent_;
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<SqlConnection>> readers_;
  std::mutex tidier_mutex_;
  std::unique_ptr<SqlConnection> tidier_;
};

}  // namespace yikou::store
