#include "libs/casework/grid_event.h"

#include <vector>

namespace yikou::casework {
namespace {

using S = v1::CaseState;

constexpr char kGridtask[] = "gridtask";
constexpr S kVerifying = v1::CASE_STATE_VERIFYING;
constexpr S kRegistered = v1::CASE_STATE_REGISTERED;
constexpr S kNotRegistered = v1::CASE_STATE_NOT_REGISTERED;
constexpr S kDispatched = v1::CASE_STATE_DISPATCHED;
constexpr S kReturnRequested = v1::CASE_STATE_RETURN_REQUESTED;
constexpr S kSigned = v1::CASE_STATE_SIGNED;
constexpr S kHandling = v1::CASE_STATE_HANDLING;
constexpr S kFeedback = v1::CASE_STATE_FEEDBACK;
constexpr S kRework = v1::CASE_STATE_REWORK;
constexpr S kGridClosed = v1::CASE_STATE_GRID_CLOSED;

std::vector<Transition> MakeTable() {
  const std::vector<S> undispatched = {kRegistered, kReturnRequested, kRework};
  return {
      {kGridtask, "ReportEvent", {}, kRegistered, "grid.reported"},
      // What the public reports is looked at before it is registered.
      {kGridtask, "ReportEvent:public", {}, kVerifying, "grid.reported"},
      {kGridtask, "RegisterEvent", {kVerifying}, kRegistered, "grid.registered"},
      {kGridtask, "RegisterEvent:refused", {kVerifying}, kNotRegistered, "grid.not_registered"},
      {kGridtask, "DispatchEvent", undispatched, kDispatched, "grid.dispatched"},
      {kGridtask, "SignTask", {kDispatched}, kSigned, "grid.signed"},
      {kGridtask, "ReturnTask", {kDispatched}, kReturnRequested, "grid.return_requested"},
      {kGridtask, "HandleTask", {kSigned, kHandling}, kFeedback, "grid.fed_back"},
      {kGridtask, "CheckEvent", {kFeedback}, kGridClosed, "grid.closed"},
      {kGridtask, "CheckEvent:failed", {kFeedback}, kRework, "grid.reworked"},
  };
}

}  // namespace

absl::Span<const Transition> GridEventTable() {
  static const std::vector<Transition>* const table = new std::vector<Transition>(MakeTable());
  return *table;
}

}  // namespace yikou::casework
