// The one checker every fault test and every simulated run ends in (domain.md section 6).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace yikou::test {

// Asks a service through its public API, as an operator; the request names the method.
using AskService =
    std::function<absl::Status(const std::string& service, const google::protobuf::Message& request,
                               google::protobuf::Message* response)>;

// What the suite has said OK to.
struct Acknowledged {
  std::vector<std::string> applications;
  // Those of them whose result was handed over.
  std::vector<std::string> delivered = {};
  // Every grid event there is; not counted when `count_grid_events` is false.
  std::vector<std::string> grid_events = {};
  bool count_grid_events = false;
};

// Checks, of a suite in which nothing is on its way any more, that
//  - every acknowledged case is there, once, and no other application is; one that was acknowledged
//    as delivered is;
//  - every open case has exactly one holder and a clock that runs or is paused;
//  - intake and reporting show the state that the owner of a case has it in, and its hand-offs;
//  - a case is offered for custody once at a time, by who holds it; every offer was taken, and none
//    is open when the case is back at the counter;
//  - every consumer has reached its source's head, nothing is dead or parked;
//  - the record of every service verifies;
//  - in every log the versions of an aggregate are dense, an offer is signed at most once and then
//    not declined, and a rung of a clock is rung at most once;
//  - the figures agree with the cases.
// Returns a sentence for everything that does not hold.
std::vector<std::string> CheckInvariants(const AskService& ask, const Acknowledged& acknowledged);

}  // namespace yikou::test
