// Case numbers from blocks leased per division, day and kind, so that no row is hot. Gaps are
// allowed: what a process had leased and not used when it died is never used.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/store/group_committer.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::app {

// Bookkeeping aggregate, table number_block of the core schema; not audited.
extern const store::AggregateKind kNumberBlockKind;

class CaseNumbers {
 public:
  CaseNumbers(store::Store* store, store::GroupCommitter* committer)
      : store_(store), committer_(committer), turn_(committer->executor()->NewSemaphore(1)) {}

  // The next number of the unit on the day of `now` (local time). May wait for one commit.
  absl::StatusOr<std::string> Next(const std::string& unit_id, casework::v1::CaseKind kind,
                                   absl::Time now);

 private:
  struct Block {
    int64_t next = 0;
    int64_t end = 0;
    int64_t size = 0;
  };
  absl::Status Lease(const std::string& key, Block* block);

  store::Store* store_;
  store::GroupCommitter* committer_;
  std::unique_ptr<base::Semaphore> turn_;
  std::map<std::string, Block> blocks_;
};

}  // namespace yikou::app
