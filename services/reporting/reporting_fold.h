// From events to figures. Pure: the same events give the same figures in whatever order they come,
// and an event folded twice changes nothing. For that every field of CaseFigures is a fact that is
// fixed once known, an earliest time, a set, or what the newest event of its owner says; what a
// case counts for is computed from the fields.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/casework/calendar.h"
#include "yikou/casework/v1/casework.pb.h"
#include "yikou/reporting/v1/reporting.pb.h"

namespace yikou::reporting {

// Names of the sums in table figure. Yes/no metrics count a case at most once.
inline constexpr char kReceived[] = "received";
inline constexpr char kAccepted[] = "accepted";
inline constexpr char kRefused[] = "refused";
inline constexpr char kDecided[] = "decided";
inline constexpr char kInTime[] = "in_time";
inline constexpr char kClosed[] = "closed";
inline constexpr char kHops[] = "hops";  // of closed cases
inline constexpr char kDwellIntake[] = "dwell_intake_s";
inline constexpr char kDwellIntakeCases[] = "n_dwell_intake";
inline constexpr char kDwellApproval[] = "dwell_approval_s";
inline constexpr char kDwellApprovalCases[] = "n_dwell_approval";
inline constexpr char kDwellReturn[] = "dwell_return_s";
inline constexpr char kDwellReturnCases[] = "n_dwell_return";
inline constexpr char kGridClosed[] = "grid_closed";
inline constexpr char kYellow[] = "yellow";
inline constexpr char kRed[] = "red";
inline constexpr char kRated[] = "rated";
inline constexpr char kStars[] = "stars";

// Values by metric.
using Sums = std::map<std::string, int64_t>;

// What one event adds to one sum of the unit that received the case.
struct Increment {
  std::string metric;
  int64_t delta = 0;
  bool operator==(const Increment&) const = default;
};

// Folds an event of a case and returns what it adds to the sums of `figures->receiver_unit()`.
// While that unit is unknown nothing is returned and what is known is held back; the event that
// names the unit returns all of it.
std::vector<Increment> FoldEvent(v1::CaseFigures* figures, const casework::v1::Event& event,
                                 const casework::Calendar& calendar);

// True when the promised clock had not run past its deadline when the case was decided; a decision
// at the deadline itself is in time, and so is one nobody had promised a limit for.
bool DecidedInTime(const casework::v1::CaseFacts& facts, absl::Time decided_at,
                   const casework::Calendar& calendar);

// A row of a summary, without unit and name: counts, rates and means of the sums.
v1::SummaryRow RowOf(const Sums& sums);

}  // namespace yikou::reporting
