#include "services/reporting/reporting_fold.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/casework/clocks.h"

namespace yikou::reporting {
namespace {

using casework::v1::CaseFacts;
using casework::v1::CaseState;
using casework::v1::Event;
using casework::v1::Light;
using google::protobuf::Timestamp;

// CaseFigures.counted holds "name=value" in order of name: the metrics already added to the unit's
// sums, and marks, whose names begin with '@', for what CaseFigures has no field for. A hop is
// marked by its version, so that a repeated event is the same hop.
constexpr char kHopMark[] = "@hop.";
constexpr char kStarsMark[] = "@stars";

Sums CountedOf(const v1::CaseFigures& figures) {
  Sums counted;
  for (const std::string& entry : figures.counted()) {
    const size_t equals = entry.rfind('=');
    int64_t value = 0;
    if (equals == std::string::npos || !absl::SimpleAtoi(entry.substr(equals + 1), &value)) {
      continue;
    }
    counted[entry.substr(0, equals)] = value;
  }
  return counted;
}

void SetCounted(const Sums& counted, v1::CaseFigures* figures) {
  figures->clear_counted();
  for (const auto& [name, value] : counted) {
    figures->add_counted(absl::StrCat(name, "=", value));
  }
}

bool IsMark(const std::string& name) { return name[0] == '@'; }

bool IsAcceptance(const Event& event) {
  return event.type() == "intake.accepted" || event.type() == "intake.accepted_tolerant" ||
         event.type() == "intake.deemed_accepted";
}

void KeepEarliest(const Timestamp& time, Timestamp* earliest) {
  const bool unset = earliest->seconds() == 0 && earliest->nanos() == 0;
  if (unset || casework::FromProto(time) < casework::FromProto(*earliest)) *earliest = time;
}

void KeepFirst(const std::string& value, std::string* known) {
  if (known->empty()) *known = value;
}

// True unless a newer event of the same aggregate spoke of `what` before; remembers its version.
bool IsNewest(const Event& event, absl::string_view what, Sums* marks) {
  int64_t& version = (*marks)[absl::StrCat("@", what, ".", event.aggregate_kind())];
  if (event.version() < version) return false;
  version = event.version();
  return true;
}

// How far on its way a case is in a state. Intake owns the first two stages and the last, approval
// or gridtask the third; the state both sides of the first hand-over know is the same one. So the
// highest stage names the owner, and the owner's newest event the state.
int StageOf(CaseState state) {
  switch (state) {
    case casework::v1::CASE_STATE_UNSPECIFIED:
      return 0;
    case casework::v1::CASE_STATE_RECEIVED:
    case casework::v1::CASE_STATE_CORRECTION:
    case casework::v1::CASE_STATE_NOT_ACCEPTED:
    case casework::v1::CASE_STATE_REFERRED:
      return 1;
    case casework::v1::CASE_STATE_ACCEPTED:
      return 2;
    case casework::v1::CASE_STATE_READY:
    case casework::v1::CASE_STATE_DELIVERED:
    case casework::v1::CASE_STATE_CLOSED:
      return 4;
    default:
      return 3;
  }
}

// True when the event comes from the aggregate that owns its state; intake's envelope repeats what
// the others decided, except for a withdrawal before acceptance, which is its own.
bool SpeaksOfState(const Event& event) {
  const CaseState state = event.case_facts().state();
  if (state == casework::v1::CASE_STATE_UNSPECIFIED) return false;
  if (event.aggregate_kind() == "case") {
    return StageOf(state) != 3 || event.type() == "intake.withdrawn";
  }
  return event.aggregate_kind() == "process" || event.aggregate_kind() == "grid_event";
}

void FoldState(const Event& event, v1::CaseFigures* figures, Sums* marks) {
  const CaseFacts& facts = event.case_facts();
  if (SpeaksOfState(event) && IsNewest(event, "state", marks) &&
      StageOf(facts.state()) >= StageOf(figures->state())) {
    figures->set_state(facts.state());
  }
  // Approval decides no outcome; intake and gridtask each own that of their kind of case.
  const bool owns_outcome =
      event.aggregate_kind() == "grid_event" ||
      (event.aggregate_kind() == "case" && facts.kind() == casework::v1::CASE_KIND_APPLICATION);
  if (owns_outcome && facts.outcome() != casework::v1::OUTCOME_UNSPECIFIED &&
      IsNewest(event, "outcome", marks)) {
    figures->set_outcome(facts.outcome());
  }
}

void FoldFacts(const Event& event, v1::CaseFigures* figures) {
  if (!event.has_case_facts()) return;
  const CaseFacts& facts = event.case_facts();
  KeepFirst(facts.case_no(), figures->mutable_case_no());
  KeepFirst(facts.receiver_unit(), figures->mutable_receiver_unit());
  KeepFirst(facts.home_unit(), figures->mutable_home_unit());
  if (figures->kind() == casework::v1::CASE_KIND_UNSPECIFIED) figures->set_kind(facts.kind());
  if (facts.has_received_at()) KeepEarliest(facts.received_at(), figures->mutable_received_at());
  if (facts.has_accepted_at()) KeepEarliest(facts.accepted_at(), figures->mutable_accepted_at());
}

void FoldTimes(const Event& event, const casework::Calendar& calendar, v1::CaseFigures* figures) {
  const std::string& type = event.type();
  const CaseFacts& facts = event.case_facts();
  if ((type == "intake.received" || type == "grid.reported") && !facts.has_received_at()) {
    KeepEarliest(event.occurred_at(), figures->mutable_received_at());
  } else if (IsAcceptance(event) && !facts.has_accepted_at()) {
    KeepEarliest(event.occurred_at(), figures->mutable_accepted_at());
  } else if (type == "approval.decided") {
    KeepEarliest(event.occurred_at(), figures->mutable_decided_at());
    if (DecidedInTime(facts, casework::FromProto(event.occurred_at()), calendar)) {
      figures->set_in_time(true);
    }
  } else if (type == "intake.ready") {
    KeepEarliest(event.occurred_at(), figures->mutable_ready_at());
  } else if (type == "intake.delivered") {
    KeepEarliest(event.occurred_at(), figures->mutable_delivered_at());
  } else if (type == "case.closed" || type == "grid.closed") {
    KeepEarliest(event.occurred_at(), figures->mutable_closed_at());
  }
}

void AddLight(Light light, v1::CaseFigures* figures) {
  auto* seen = figures->mutable_lights_seen();
  if (light == casework::v1::LIGHT_UNSPECIFIED) return;
  if (std::find(seen->begin(), seen->end(), light) != seen->end()) return;
  seen->Add(light);
  std::sort(seen->begin(), seen->end());
}

void FoldLights(const Event& event, v1::CaseFigures* figures) {
  if (IsAcceptance(event)) AddLight(casework::v1::LIGHT_GREEN, figures);
  if (event.has_rung()) AddLight(event.rung().light(), figures);
}

void FoldVisible(const Event& event, v1::CaseFigures* figures) {
  auto* units = figures->mutable_visible_to();
  for (const std::string& unit : event.visible_to()) {
    if (unit.empty() || std::find(units->begin(), units->end(), unit) != units->end()) continue;
    *units->Add() = unit;
    std::sort(units->begin(), units->end());
  }
}

void FoldMarks(const Event& event, v1::CaseFigures* figures, Sums* marks) {
  if (event.type() == "routing.custody_moved") {
    (*marks)[absl::StrCat(kHopMark, event.version())] = 1;
    figures->set_hops(
        static_cast<int32_t>(std::count_if(marks->begin(), marks->end(), [](const auto& mark) {
          return absl::StartsWith(mark.first, kHopMark);
        })));
  }
  if (event.type() == "case.rated" && IsNewest(event, "rated", marks)) {
    (*marks)[kStarsMark] = event.case_facts().rating();
  }
}

bool Saw(const v1::CaseFigures& figures, Light light) {
  return std::find(figures.lights_seen().begin(), figures.lights_seen().end(), light) !=
         figures.lights_seen().end();
}

void CountDwell(bool known, const Timestamp& begin, const Timestamp& end, const char* seconds,
                const char* cases, Sums* counts) {
  if (!known) return;
  const absl::Duration dwell = casework::FromProto(end) - casework::FromProto(begin);
  (*counts)[seconds] = std::max<int64_t>(absl::ToInt64Seconds(dwell), 0);
  (*counts)[cases] = 1;
}

void CountApplication(const v1::CaseFigures& f, Sums* counts) {
  if (f.has_received_at()) (*counts)[kReceived] = 1;
  if (f.has_accepted_at()) (*counts)[kAccepted] = 1;
  if (f.state() == casework::v1::CASE_STATE_NOT_ACCEPTED) (*counts)[kRefused] = 1;
  if (f.has_decided_at()) (*counts)[kDecided] = 1;
  if (f.in_time()) (*counts)[kInTime] = 1;
  if (f.has_closed_at()) {
    (*counts)[kClosed] = 1;
    (*counts)[kHops] = f.hops();
  }
  CountDwell(f.has_received_at() && f.has_accepted_at(), f.received_at(), f.accepted_at(),
             kDwellIntake, kDwellIntakeCases, counts);
  CountDwell(f.has_accepted_at() && f.has_decided_at(), f.accepted_at(), f.decided_at(),
             kDwellApproval, kDwellApprovalCases, counts);
  CountDwell(f.has_decided_at() && f.has_ready_at(), f.decided_at(), f.ready_at(), kDwellReturn,
             kDwellReturnCases, counts);
}

// What the case counts for, from what is known of it.
Sums CountsOf(const v1::CaseFigures& figures, const Sums& marks) {
  Sums counts;
  if (figures.receiver_unit().empty()) return counts;
  if (figures.kind() == casework::v1::CASE_KIND_APPLICATION) CountApplication(figures, &counts);
  if (figures.kind() == casework::v1::CASE_KIND_GRID_EVENT && figures.has_closed_at()) {
    counts[kGridClosed] = 1;
  }
  if (Saw(figures, casework::v1::LIGHT_YELLOW)) counts[kYellow] = 1;
  if (Saw(figures, casework::v1::LIGHT_RED)) counts[kRed] = 1;
  if (auto stars = marks.find(kStarsMark); stars != marks.end()) {
    counts[kRated] = 1;
    counts[kStars] = stars->second;
  }
  return counts;
}

int64_t ValueOf(const Sums& sums, const std::string& metric) {
  auto found = sums.find(metric);
  return found == sums.end() ? 0 : found->second;
}

// By metric, in order of name; a metric that is no longer counted is taken back.
std::vector<Increment> Differences(const Sums& before, const Sums& after) {
  Sums deltas;
  for (const auto& [name, value] : after) deltas[name] += value;
  for (const auto& [name, value] : before) deltas[name] -= value;
  std::vector<Increment> increments;
  for (const auto& [name, delta] : deltas) {
    if (delta != 0) increments.push_back({name, delta});
  }
  return increments;
}

double Ratio(int64_t sum, int64_t cases) {
  return cases == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(cases);
}

}  // namespace

std::vector<Increment> FoldEvent(v1::CaseFigures* figures, const Event& event,
                                 const casework::Calendar& calendar) {
  Sums before = CountedOf(*figures);
  figures->set_case_id(event.case_id());
  FoldFacts(event, figures);
  FoldState(event, figures, &before);
  FoldTimes(event, calendar, figures);
  FoldLights(event, figures);
  FoldVisible(event, figures);
  FoldMarks(event, figures, &before);

  Sums after = CountsOf(*figures, before);
  for (const auto& [name, value] : before) {
    if (IsMark(name)) after[name] = value;
  }
  SetCounted(after, figures);
  return Differences(before, after);
}

bool DecidedInTime(const CaseFacts& facts, absl::Time decided_at,
                   const casework::Calendar& calendar) {
  const casework::v1::Clock* promised = nullptr;
  for (const casework::v1::Clock& clock : facts.clocks()) {
    if (clock.purpose() == casework::v1::CLOCK_PURPOSE_PROMISED) promised = &clock;
  }
  if (promised == nullptr || promised->running().empty()) return true;
  // The deadline the clock would have had, had it not been stopped by the decision.
  casework::v1::Clock reopened = *promised;
  reopened.set_stopped(false);
  casework::v1::Interval* last = reopened.mutable_running(reopened.running_size() - 1);
  const absl::Time end = last->has_end() ? casework::FromProto(last->end()) : decided_at;
  last->clear_end();
  return end <= casework::Deadline(reopened, calendar);
}

v1::SummaryRow RowOf(const Sums& sums) {
  v1::SummaryRow row;
  row.set_received(ValueOf(sums, kReceived));
  row.set_accepted(ValueOf(sums, kAccepted));
  row.set_refused(ValueOf(sums, kRefused));
  row.set_closed(ValueOf(sums, kClosed));
  row.set_in_time(ValueOf(sums, kInTime));
  row.set_decided(ValueOf(sums, kDecided));
  row.set_in_time_rate(Ratio(row.in_time(), row.decided()));
  row.set_dwell_intake_s(Ratio(ValueOf(sums, kDwellIntake), ValueOf(sums, kDwellIntakeCases)));
  row.set_dwell_approval_s(
      Ratio(ValueOf(sums, kDwellApproval), ValueOf(sums, kDwellApprovalCases)));
  row.set_dwell_return_s(Ratio(ValueOf(sums, kDwellReturn), ValueOf(sums, kDwellReturnCases)));
  row.set_hops(Ratio(ValueOf(sums, kHops), row.closed()));
  row.set_grid_closed(ValueOf(sums, kGridClosed));
  row.set_yellow(ValueOf(sums, kYellow));
  row.set_red(ValueOf(sums, kRed));
  return row;
}

}  // namespace yikou::reporting
