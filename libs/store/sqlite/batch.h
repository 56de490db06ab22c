// Writes one batch of changes inside an open transaction: checks every change, then writes those
// that hold. Positions, hashes and stream sequences are given here, under the transaction's lock.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "libs/store/sqlite/connection.h"

namespace yikou::store {

class BatchWriter {
 public:
  explicit BatchWriter(Connection* connection) : db_(connection) {}

  // Sets a status for each change; returns an error when the transaction as a whole has to be given
  // up. A change that does not hold leaves nothing behind.
  absl::Status Write(const std::vector<Change*>& batch, std::vector<absl::Status>* statuses);

 private:
  struct Inbox {
    int64_t watermark = 0;
    std::set<int64_t> above;
    std::set<int64_t> added;
  };
  absl::Status Check(const Change& change);
  absl::StatusOr<Inbox*> InboxOf(const std::string& stream);
  absl::Status WriteAggregates(const Change& change);
  absl::Status WriteRow(const RowWrite& row);
  absl::Status WriteEvents(const Change& change);
  absl::Status WriteMarks(const Change& change);
  absl::Status WriteInboxes();

  Connection* db_;
  int64_t position_ = 0;
  std::string hash_;
  std::map<std::string, int64_t> stream_seq_;
  std::map<std::string, Inbox> inboxes_;
};

}  // namespace yikou::store
