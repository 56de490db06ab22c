// Read models made anew, on demand, from the logs of the services they follow from.
//
// The tables are emptied and the streams forgotten in one transaction; from there on the log
// fetcher does what it always does when a service is behind. So a death in the middle changes
// nothing: the next start goes on where the last commit left off.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libs/app/inbox.h"
#include "libs/app/service.h"

namespace yikou::app {

// The last rebuild of a record, as far as it is.
struct Rebuild {
  std::string request_id;                  // who asked for it; empty when there was none
  std::map<std::string, int64_t> targets;  // by stream: what had been applied before it
  int64_t applied = 0;                     // events applied again, of `total`
  int64_t total = 0;

  bool going_on() const { return applied < total; }
};

absl::StatusOr<Rebuild> LastRebuild(store::Store* store);

// Begins to make `tables` anew, all of which follow from `inputs`. The same request id again begins
// nothing. Returns the rebuild as it stands.
absl::StatusOr<Rebuild> StartRebuild(store::Store* store, Inbox* inbox,
                                     const std::vector<InputStream>& inputs,
                                     const std::vector<std::string>& tables,
                                     const std::string& request_id);

}  // namespace yikou::app
