// Whole flows through a running suite.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "tests/bench/measure.h"
#include "tests/support/suite.h"

namespace yikou::bench {

struct Flow {
  int64_t cases = 0;
  double cases_a_second = 0;
  double events_a_case = 0;                 // stored in the logs of all services
  Latencies calls;                          // of each kind of flow's calls, under this load
  std::map<std::string, double> cores;      // used while it was timed, by process
  std::map<std::string, double> memory_mb;  // of each service, at the end of the load
};

// Two parallel branches decided by rule. Cases are received for `span`; the time ends when all of
// them are READY and all five services have applied everything.
Flow RunByRule(test::Suite* suite, absl::Duration span);

// The same with two officers a case, each of whom hears that work has come and claims and decides
// it over gRPC.
Flow RunByOfficers(test::Suite* suite, absl::Duration span);

// A grid event reported, dispatched, signed, handled and read back: five calls, four of them
// durable. The rate is that of the calls' answers; the other services follow, and are waited for
// after the time has ended.
Flow RunLifecycle(test::Suite* suite, absl::Duration span);

// Cases decided by rule, sent in even steps whatever the suite does. A latency begins when the case
// was due to be sent.
struct Paced {
  Latencies receive;  // to the receipt
  Latencies ready;    // until the event that says so is heard on the stream
};
Paced RunPaced(test::Suite* suite, double cases_a_second, absl::Duration span);

}  // namespace yikou::bench
