// What the day leaves on the table: for a person, and as JSON for a program.
#pragma once

#include <string>
#include <vector>

#include "services/cli/day/scenarios.h"

namespace yikou::day {

struct DayResult {
  std::vector<Told> told;
  int crowd = 0;
  int crowd_closed = 0;
  reporting::v1::GetSummaryResponse summary;
  bool audit_ok = false;
  std::vector<std::string> findings;  // of the audit
  int64_t events_verified = 0;
  double seconds = 0;
};

// Tables with the scenarios, the figures by district and the audit.
std::string RenderDay(const DayResult& result);
// The summary `./dev run --json FILE` writes.
std::string JsonOf(const DayResult& result);

}  // namespace yikou::day
