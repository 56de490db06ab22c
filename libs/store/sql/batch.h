// One batch of changes, planned in memory: what has to be known to judge them, which of them hold,
// and what is to be written for all of those together. Pure; the same for every database.
//
// Positions, hashes and stream sequences are given here, so a plan is good only for the transaction
// whose lock its facts were read under.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "libs/store/sql/connection.h"
#include "libs/store/sql/row_merger.h"

namespace yikou::store {

class BatchPlan {
 public:
  explicit BatchPlan(const std::vector<Change*>& batch);

  // What to read, under the lock.
  const std::vector<Lookup>& lookups() const { return lookups_; }

  // Judges each change by what was found, and by those before it in the batch: sets a status each,
  // as Store::Commit returns them, and gives the events of those that hold their places. Returns
  // what to write; one that does not hold leaves no trace in
  // it. DATA_LOSS when the record has no head.
  absl::StatusOr<std::vector<RowBatch>> Decide(const std::vector<std::vector<Row>>& found,
                                               std::vector<absl::Status>* statuses);

 private:
  using RequestKey = std::tuple<std::string, std::string, std::string>;
  using EntryKey = std::pair<std::string, int64_t>;          // stream, seq
  using AggregateKey = std::pair<std::string, std::string>;  // table, id
  using SeenKey = std::pair<std::string, std::string>;       // source, aggregate

  struct InboxFacts {
    int64_t watermark = 0;
    std::set<int64_t> above;
    std::set<int64_t> added;
  };
  // An aggregate as it is after the changes judged so far.
  struct AggregateFacts {
    bool stored = false;
    int64_t version = 0;
    const Write* write = nullptr;  // the last one that holds
  };

  absl::Status Learn(const std::vector<std::vector<Row>>& found);
  absl::Status Check(const Change& change);
  absl::Status CheckVersion(const AggregateKind& kind, const std::string& id,
                            int64_t expected) const;
  absl::Status CheckInbox(const Change& change);
  absl::Status CheckSeen(const Change& change);
  void Accept(Change* change);
  void AcceptMarks(const Change& change);
  void AcceptEntries(const Change& change);
  void AcceptEvents(Change* change);
  void WriteAggregates();
  void WriteInboxes();
  void WriteHeads(int64_t first_position);
  RowBatch& Insert(const std::string& table, std::vector<std::string> keys,
                   std::vector<std::string> values);

  const std::vector<Change*>& batch_;
  std::vector<Lookup> lookups_;

  int64_t position_ = 0;
  std::string hash_;
  std::set<RequestKey> requests_;
  std::map<std::string, InboxFacts> inboxes_;
  std::set<EntryKey> dead_;
  std::map<SeenKey, int64_t> seen_;
  std::map<SeenKey, std::map<EntryKey, int64_t>> parked_;  // version each entry waits for
  std::map<std::string, int64_t> stream_seq_;
  std::set<std::string> moved_streams_;
  std::map<AggregateKey, AggregateFacts> aggregates_;
  std::vector<AggregateKey> order_;  // aggregates in the order of their first write

  RowMerger rows_;
  std::map<std::string, RowBatch> inserts_;  // by table
  std::vector<RowBatch> writes_;
};

}  // namespace yikou::store
