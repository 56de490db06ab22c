#include "libs/casework/grid_event.h"

#include <map>
#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "google/protobuf/descriptor.h"
#include "yikou/gridtask/v1/gridtask.pb.h"

namespace yikou::casework {
namespace {

using List = std::vector<std::string>;

// Gives the commands one after the other, from nothing, and returns the state they lead to.
v1::CaseState Run(const List& commands, List* events = nullptr) {
  v1::CaseState state = v1::CASE_STATE_UNSPECIFIED;
  for (const std::string& command : commands) {
    CAPTURE(command, v1::CaseState_Name(state));
    const auto row = Find(GridEventTable(), command, state);
    REQUIRE(row.ok());
    state = (*row)->to;
    if (events != nullptr) events->push_back((*row)->event);
  }
  return state;
}

}  // namespace

TEST_CASE("a grid worker's report runs the loop and is closed") {
  List events;
  CHECK(Run({"ReportEvent", "DispatchEvent", "SignTask", "HandleTask", "CheckEvent"}, &events) ==
        v1::CASE_STATE_GRID_CLOSED);
  CHECK(events ==
        List{"grid.reported", "grid.dispatched", "grid.signed", "grid.fed_back", "grid.closed"});
}

TEST_CASE("what the public reports is verified before it is dispatched") {
  CHECK_FALSE(Find(GridEventTable(), "DispatchEvent", Run({"ReportEvent:public"})).ok());
  CHECK(Run({"ReportEvent:public", "RegisterEvent", "DispatchEvent"}) == v1::CASE_STATE_DISPATCHED);
  CHECK(Run({"ReportEvent:public", "RegisterEvent:refused"}) == v1::CASE_STATE_NOT_REGISTERED);
}

TEST_CASE("a returned task and a failed check are dispatched again") {
  CHECK(Run({"ReportEvent", "DispatchEvent", "ReturnTask", "DispatchEvent"}) ==
        v1::CASE_STATE_DISPATCHED);
  CHECK(Run({"ReportEvent", "DispatchEvent", "SignTask", "HandleTask", "CheckEvent:failed",
             "DispatchEvent", "SignTask", "HandleTask", "CheckEvent"}) ==
        v1::CASE_STATE_GRID_CLOSED);
}

TEST_CASE("nobody returns a task once it is signed, and nobody handles one that is not") {
  CHECK_FALSE(Find(GridEventTable(), "ReturnTask", v1::CASE_STATE_SIGNED).ok());
  CHECK_FALSE(Find(GridEventTable(), "HandleTask", v1::CASE_STATE_DISPATCHED).ok());
}

TEST_CASE("each state of a grid event offers what domain.md section 4 lists") {
  const std::map<v1::CaseState, List> offers = {
      {v1::CASE_STATE_UNSPECIFIED, {"ReportEvent"}},
      {v1::CASE_STATE_VERIFYING, {"RegisterEvent"}},
      {v1::CASE_STATE_REGISTERED, {"DispatchEvent"}},
      {v1::CASE_STATE_DISPATCHED, {"SignTask", "ReturnTask"}},
      {v1::CASE_STATE_RETURN_REQUESTED, {"DispatchEvent"}},
      {v1::CASE_STATE_SIGNED, {"HandleTask"}},
      {v1::CASE_STATE_HANDLING, {"HandleTask"}},
      {v1::CASE_STATE_FEEDBACK, {"CheckEvent"}},
      {v1::CASE_STATE_REWORK, {"DispatchEvent"}},
      {v1::CASE_STATE_GRID_CLOSED, {}},
      {v1::CASE_STATE_NOT_REGISTERED, {}},
  };
  for (const auto& [state, commands] : offers) {
    CAPTURE(v1::CaseState_Name(state));
    CHECK(AllowedCommands(GridEventTable(), "gridtask", state) == commands);
  }
}

TEST_CASE("every command on a grid event is an RPC of gridtask") {
  gridtask::v1::ReportEventRequest::descriptor();  // links the service's descriptor
  const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
      "yikou.gridtask.v1.GridTaskService");
  REQUIRE(service != nullptr);
  for (const Transition& row : GridEventTable()) {
    const std::string command = row.command;
    CAPTURE(command);
    CHECK(service->FindMethodByName(command.substr(0, command.find(':'))) != nullptr);
  }
}

}  // namespace yikou::casework
