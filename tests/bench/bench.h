// Figures of one run on one machine. Machines differ and drift; ratios of one run hold.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/suite.h"

namespace yikou::bench {

// Runs `work(thread)` on threads again and again for `span`; returns completions a second.
double Rate(int threads, absl::Duration span, const std::function<void(int)>& work);

// Yardsticks: what the machine does without us.
double FdatasyncRate(absl::Duration span);
// Rows of the same shape as an event with its stream entry, 256 a transaction, one connection.
double RawInsertRate(absl::Duration span);
// XADD, XREADGROUP, XACK of 500-byte entries, 256 a batch.
double RawStreamRate(absl::Duration span);
// A unary call with nothing behind it through the suite's own adapter, 32 callers.
double EmptyUnaryRate(absl::Duration span);

// Group commit with a number of callers, each waiting for its own change.
struct GroupCommit {
  double changes_a_second = 0;
  double changes_a_commit = 0;
};
GroupCommit GroupCommitRate(int callers, absl::Duration span);

// Flows of the whole suite.
// A grid event reported, dispatched, signed, handled and read back: 5 calls, 4 of them durable.
double LifecycleRate(test::Suite& suite, absl::Duration span);
struct Pipeline {
  double cases_a_second = 0;  // received until READY, drained inside the timed run
  double events_a_case = 0;   // stored in all services
};
// Two branches decided by rule; no officer.
Pipeline PipelineByRule(test::Suite& suite, int cases);
// The same claimed and decided by officers over gRPC.
Pipeline PipelineByOfficers(test::Suite& suite, int cases);

}  // namespace yikou::bench
