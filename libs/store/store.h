// The record of one service: aggregates, tables, one log, inbox, requests, timers.
//
// Commit is called by the group committer only. Reads run on connections of their own, see the
// last commit and never wait behind a write. Statuses: NOT_FOUND no such row, or a dead letter that
// is settled; ABORTED a version is stale; ALREADY_EXISTS a request id or an inbox entry is there;
// UNAVAILABLE the database does not answer, nothing is known to be written; RESOURCE_EXHAUSTED disk
// full, nothing is written; INTERNAL the schema refuses a change of the transaction.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/change.h"

namespace yikou::store {

// An aggregate as stored.
struct Stored {
  std::string id;
  int64_t version = 0;
  std::string body;
};

// One condition on a column.
struct Filter {
  enum class Op { kEq, kNe, kLt, kLe, kGt, kGe, kContains };
  std::string column;
  Op op = Op::kEq;
  Value value;
};

// Who asks: rows out of this scope do not exist for the caller. A row is in scope when one of the
// case's units is `unit_id` or below it.
struct Scope {
  std::string unit_id;
};

// Conditions, scope, order and page of a read. Order is by id (aggregates) or first key (tables).
struct Query {
  std::vector<Filter> filters;
  std::optional<Scope> scope;  // absent: the service asks for itself
  bool descending = false;
  std::string after;  // exclusive start; empty for the beginning
  int limit = 50;
};

// One migration. It only adds, so that the version before still works on the record, and never
// changes once released.
struct Migration {
  int version = 0;
  std::string name;
  std::string sql;
};

// What a record keeps of a migration it has.
struct AppliedMigration {
  int version = 0;
  std::string name;
  std::string checksum;
};

struct LogEntry {
  int64_t position = 0;
  std::string hash;
  std::string body;  // the event without its two hashes, as hashed
};

struct StreamEntry {
  int64_t seq = 0;
  casework::v1::Event event;
};

struct StreamHeadRow {
  std::string stream;
  int64_t seq = 0;
  int64_t published_seq = 0;
};

struct LogHead {
  int64_t position = 0;
  std::string hash;
};

struct InboxState {
  int64_t watermark = 0;    // every sequence up to here is applied
  std::set<int64_t> above;  // applied beyond it
};

struct StuckRow {
  std::string kind;  // "dead" or "parked"
  DeadLetter letter;
};

// How many entries of a stream wait, or could not be applied.
struct StuckCount {
  std::string kind;  // "dead" or "parked"
  std::string stream;
  int64_t count = 0;
};

struct DueAggregate {
  const AggregateKind* kind = nullptr;
  std::string id;
  absl::Time due;
};

class Store {
 public:
  virtual ~Store() = default;

  // Applies migrations that are missing. FAILED_PRECONDITION, and nothing is applied, when one was
  // applied in another form. Migrations the record has and the caller does not know are left alone.
  virtual absl::Status Migrate(const std::vector<Migration>& migrations) = 0;
  // Every migration the record has, by version; none when nothing was ever applied.
  virtual absl::StatusOr<std::vector<AppliedMigration>> AppliedMigrations() = 0;

  // Writes every change that holds, in one transaction; returns one status each, in order. When
  // the transaction itself fails every status says so.
  virtual std::vector<absl::Status> Commit(const std::vector<Change*>& batch) = 0;

  // What is stored.
  virtual absl::StatusOr<Stored> Get(const AggregateKind& kind, const std::string& id,
                                     const std::optional<Scope>& scope = std::nullopt) = 0;
  // As Get without a scope, but from memory when this process wrote the aggregate last: for
  // decisions. When replicas share the record that may be an earlier commit, so it is done only
  // where `looks_back` says that a decision which fails, or is ABORTED by its version, is made
  // again without.
  virtual absl::StatusOr<Stored> GetToDecide(const AggregateKind& kind, const std::string& id,
                                             bool looks_back) = 0;
  virtual absl::StatusOr<std::vector<Stored>> Find(const AggregateKind& kind,
                                                   const Query& query) = 0;
  // Rows as keys followed by values.
  virtual absl::StatusOr<std::vector<std::vector<Value>>> Select(const Table& table,
                                                                 const Query& query) = 0;
  virtual absl::StatusOr<int64_t> Count(const AggregateKind& kind,
                                        const std::vector<Filter>& filters) = 0;

  virtual absl::StatusOr<std::optional<RequestMark>> FindRequest(const std::string& principal,
                                                                 const std::string& method,
                                                                 const std::string& request_id) = 0;

  // Forgets requests recorded before `before` (system time); returns how many.
  virtual absl::StatusOr<int64_t> PurgeRequests(absl::Time before) = 0;

  // The log.
  virtual absl::StatusOr<LogHead> Head() = 0;
  virtual absl::StatusOr<std::vector<LogEntry>> ReadLog(int64_t from_position, int limit) = 0;
  virtual absl::StatusOr<std::vector<StreamEntry>> ReadStream(const std::string& stream,
                                                              int64_t from_seq, int limit) = 0;
  virtual absl::StatusOr<std::vector<StreamHeadRow>> StreamHeads() = 0;
  // Remembers that a stream is published up to `seq`, unless somebody has moved the mark away from
  // `expected` meanwhile.
  virtual absl::Status MarkPublished(const std::string& stream, int64_t expected, int64_t seq) = 0;
  // Moves the mark back, to before `seq` and by one at least, so that whoever publishes finds it
  // smaller than he left it.
  virtual absl::Status RewindPublished(const std::string& stream, int64_t seq) = 0;

  // The inbox. `aggregate` is "<kind>/<id>".
  virtual absl::StatusOr<InboxState> Inbox(const std::string& stream) = 0;
  virtual absl::StatusOr<int64_t> SeenVersion(const std::string& source,
                                              const std::string& aggregate) = 0;
  virtual absl::StatusOr<std::vector<ParkedEntry>> ParkedOn(const std::string& source,
                                                            const std::string& aggregate,
                                                            int64_t up_to_version) = 0;
  // Aggregates (source, "<kind>/<id>") for which an entry is parked.
  virtual absl::StatusOr<std::vector<std::pair<std::string, std::string>>> WaitedFor() = 0;
  virtual absl::StatusOr<std::vector<StuckRow>> ListStuck(const std::string& after, int limit) = 0;

  virtual absl::StatusOr<std::vector<StuckCount>> CountStuck() = 0;

  // Timers: aggregates of `kinds` due at or before `now`, earliest first; and the earliest of all.
  virtual absl::StatusOr<std::vector<DueAggregate>> Due(
      const std::vector<const AggregateKind*>& kinds, absl::Time now, int limit) = 0;
  virtual absl::StatusOr<absl::Time> NextDue(const std::vector<const AggregateKind*>& kinds) = 0;

  // Small settings of the process itself, such as the clock's offset.
  virtual absl::StatusOr<std::string> Setting(const std::string& key) = 0;  // "" when unset
  virtual absl::Status PutSetting(const std::string& key, const std::string& value) = 0;

  // Empties `tables` and forgets all that was read: what is applied, seen, parked and dead. In one
  // transaction between two commits, together with a setting. For a service whose tables all follow
  // from the streams it reads; what was decided before it and commits after it is ABORTED.
  virtual absl::Status StartOver(const std::vector<std::string>& tables, const std::string& key,
                                 const std::string& value) = 0;

  // Takes a lease for `holder` until `until`, or makes it longer. False while another holds it.
  // Clocks of replicas may differ: a lease saves work, and nothing may rest on there being one
  // holder.
  virtual absl::StatusOr<bool> TakeLease(const std::string& name, const std::string& holder,
                                         absl::Time now, absl::Time until) = 0;

  // Does, beside the writers, what they would otherwise have to stop for. Called several times a
  // second.
  virtual absl::Status Tidy() = 0;

  // Every stored aggregate of a kind in order of id, for audits; `after` is exclusive.
  virtual absl::StatusOr<std::vector<Stored>> Scan(const AggregateKind& kind,
                                                   const std::string& after, int limit) = 0;
};

}  // namespace yikou::store
