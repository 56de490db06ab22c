// Group commit, and what the same rows cost without it.
#pragma once

#include "absl/time/time.h"
#include "tests/bench/database.h"
#include "tests/bench/measure.h"

namespace yikou::bench {

// Rows of a change as a handler makes it (one new aggregate, its event, its stream entry), written
// in statements of many rows by one connection, `changes` a transaction. Nothing is decided, read
// or hashed.
struct RawRows {
  double changes_a_second = 0;
  Latencies transactions;
};
RawRows RunRawRows(Database* database, int changes, absl::Duration span);

// Callers that each wait for their own change.
struct GroupCommit {
  double changes_a_second = 0;
  double changes_a_commit = 0;  // a commit is one fsync
  Latencies latencies;          // of one caller's change
};
GroupCommit RunGroupCommit(Database* database, int callers, absl::Duration span);

}  // namespace yikou::bench
