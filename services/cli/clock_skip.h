// Moves the case clock of all services forward, timer by timer, so that a day that is skipped
// leaves the same record as a day that passed.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/cli/connect.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::cli {

// "8d", "3h", "30m", "90s", "2w", or several together: "1d12h". INVALID_ARGUMENT otherwise.
absl::StatusOr<absl::Duration> ParseSkip(absl::string_view text);

// What one service says of its clock.
struct ServiceReading {
  std::string service;
  casework::v1::GetClockResponse clock;
};

// True when nothing is on its way: every service has applied what the logs it reads hold, and no
// timer is due.
bool Settled(const std::vector<ServiceReading>& readings);

// How the algorithm reaches the services; a test gives its own.
struct ClockPort {
  std::function<absl::StatusOr<std::vector<ServiceReading>>()> read;
  std::function<absl::Status(absl::Duration offset)> set;  // on every service
  std::function<void(absl::Duration)> sleep;
};

struct SkipOptions {
  bool wait = true;  // until everything is drained, before every step
  absl::Duration settle_bound = absl::Seconds(60);  // for each wait
  // Called after each step with the case time reached.
  std::function<void(absl::Time)> on_step = [](absl::Time) {};
};

// Moves every clock by `by` from the earliest one. Returns the case time reached.
// FAILED_PRECONDITION when a clock cannot be moved, DEADLINE_EXCEEDED when something does not
// drain.
absl::StatusOr<absl::Time> SkipClock(const ClockPort& port, absl::Duration by,
                                     const SkipOptions& options);

// The services behind a client, called with the identity (role OPERATOR).
ClockPort PortOf(Client* client, const Identity& as, absl::Duration timeout);

}  // namespace yikou::cli
