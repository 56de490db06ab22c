#include "libs/casework/application.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch2/catch.hpp"
#include "google/protobuf/descriptor.h"
#include "libs/casework/errors.h"
#include "yikou/approval/v1/approval.pb.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::casework {
namespace {

using List = std::vector<std::string>;

struct Walk {
  v1::CaseState state = v1::CASE_STATE_UNSPECIFIED;
  List events;
};

// Gives the commands one after the other, from nothing; fails the test when one is not taken.
Walk Run(const List& commands) {
  Walk walk;
  for (const std::string& command : commands) {
    CAPTURE(command, v1::CaseState_Name(walk.state));
    const auto row = Find(ApplicationTable(), command, walk.state);
    REQUIRE(row.ok());
    if ((*row)->to != v1::CASE_STATE_UNSPECIFIED) walk.state = (*row)->to;
    walk.events.push_back((*row)->event);
  }
  return walk;
}

List Ending(const List& head, const List& tail) {
  List all = head;
  all.insert(all.end(), tail.begin(), tail.end());
  return all;
}

const List kToReview = {"ReceiveCase", "AcceptCase", "(open)", "(begin review)", "ClaimStep"};
const List kHome = {"(return)", "(arrive)", "DeliverCase", "CloseCase"};

}  // namespace

TEST_CASE("an approved application walks from the counter to the counter") {
  const Walk walk = Run(Ending(Ending(kToReview, {"DecideStep", "(decide)", "(issue)"}), kHome));
  CHECK(walk.state == v1::CASE_STATE_CLOSED);
  CHECK(walk.events == List{"intake.received", "intake.accepted", "approval.opened",
                            "approval.review_started", "approval.step_claimed",
                            "approval.step_completed", "approval.decided", "approval.issued",
                            "approval.returned", "intake.ready", "intake.delivered",
                            "case.closed"});
}

TEST_CASE("every way to end a process goes back to the counter and is delivered") {
  const std::vector<std::pair<List, v1::CaseState>> ends = {
      {{"DecideStep", "(decide)"}, v1::CASE_STATE_DECIDED},  // rejected, or no licence to issue
      {{"SuspendProcess", "(SUPPLEMENT)"}, v1::CASE_STATE_RETURNED},
      {{"WithdrawProcess"}, v1::CASE_STATE_WITHDRAWN},
      {{"SuspendProcess", "TerminateProcess"}, v1::CASE_STATE_TERMINATED},
  };
  for (const auto& [commands, end] : ends) {
    const List head = Ending(kToReview, commands);
    CHECK(Run(head).state == end);
    CHECK(Run(Ending(head, kHome)).state == v1::CASE_STATE_CLOSED);
  }
}

TEST_CASE("an applicant who corrects goes on, one who does not has withdrawn") {
  const List asked = {"ReceiveCase", "RequestCorrection"};
  CHECK(Run(Ending(asked, {"SubmitCorrection", "AcceptCase"})).state == v1::CASE_STATE_ACCEPTED);
  CHECK(Run(Ending(asked, {"SubmitCorrection", "RequestCorrection", "(CORRECTION)"})).state ==
        v1::CASE_STATE_WITHDRAWN);
  CHECK(Run(Ending(asked, {"WithdrawCase"})).state == v1::CASE_STATE_WITHDRAWN);
}

TEST_CASE("acceptance in each of its three ways hands over with an event of its own") {
  const auto event = [](const char* command) {
    return Run({"ReceiveCase", command}).events.back();
  };
  CHECK(event("AcceptCase") == "intake.accepted");
  CHECK(event("AcceptCase:tolerant") == "intake.accepted_tolerant");
  CHECK(event("(NOTICE)") == "intake.deemed_accepted");
  for (const char* command : {"AcceptCase", "AcceptCase:tolerant", "(NOTICE)"}) {
    CHECK(Run({"ReceiveCase", command, "(open)"}).state == v1::CASE_STATE_ACCEPTED);
  }
}

TEST_CASE("the notice that was given in time never fires") {
  for (const List& commands :
       {List{"ReceiveCase", "RequestCorrection"}, List{"ReceiveCase", "AcceptCase"},
        List{"ReceiveCase", "RefuseCase"}}) {
    CHECK_FALSE(Find(ApplicationTable(), "(NOTICE)", Run(commands).state).ok());
  }
}

TEST_CASE("while suspended nothing is decided, and field work goes on") {
  const auto offered = AllowedCommands(ApplicationTable(), "approval", v1::CASE_STATE_SUSPENDED);
  CHECK(offered == List{"RequestField", "CancelField", "ResumeProcess", "SupplyMissing",
                        "WithdrawProcess", "TerminateProcess"});
  CHECK(Run(Ending(kToReview, {"SuspendProcess", "RequestField", "ResumeProcess"})).state ==
        v1::CASE_STATE_REVIEW);
}

TEST_CASE("each state offers what domain.md section 3 lists") {
  using S = v1::CaseState;
  const std::map<S, std::pair<const char*, List>> offers = {
      {v1::CASE_STATE_UNSPECIFIED, {"intake", {"ReceiveCase"}}},
      {v1::CASE_STATE_RECEIVED,
       {"intake", {"AcceptCase", "RequestCorrection", "WithdrawCase", "RefuseCase"}}},
      {v1::CASE_STATE_CORRECTION, {"intake", {"SubmitCorrection", "WithdrawCase"}}},
      {v1::CASE_STATE_ACCEPTED,
       {"approval", {"ClaimStep", "SupplyMissing", "WithdrawProcess", "TerminateProcess"}}},
      {v1::CASE_STATE_REVIEW,
       {"approval",
        {"ClaimStep", "DecideStep", "SendBack", "RequestField", "CancelField", "SuspendProcess",
         "ExtendProcess", "SupplyMissing", "WithdrawProcess", "TerminateProcess"}}},
      {v1::CASE_STATE_DECIDED, {"approval", {}}},
      {v1::CASE_STATE_ISSUED, {"approval", {}}},
      {v1::CASE_STATE_WITHDRAWN, {"intake", {}}},
      {v1::CASE_STATE_NOT_ACCEPTED, {"intake", {}}},
      {v1::CASE_STATE_READY, {"intake", {"DeliverCase"}}},
      {v1::CASE_STATE_DELIVERED, {"intake", {"CloseCase", "RateCase"}}},
      {v1::CASE_STATE_CLOSED, {"intake", {"RateCase"}}},
  };
  for (const auto& [state, offer] : offers) {
    CAPTURE(v1::CaseState_Name(state));
    CHECK(AllowedCommands(ApplicationTable(), offer.first, state) == offer.second);
  }
}

TEST_CASE("a counter that asks too late is told what the officers may do") {
  const absl::Status status =
      Find(ApplicationTable(), "DeliverCase", v1::CASE_STATE_ACCEPTED).status();
  CHECK(ReasonOf(status) == v1::ERROR_REASON_STATE_FORBIDS);
  CHECK(status.message() ==
        "办件处于“受理”状态，不能执行 DeliverCase；当前可以执行：ClaimStep、SupplyMissing、"
        "WithdrawProcess、TerminateProcess。");
}

TEST_CASE("every command offered is an RPC of the service that owns it") {
  intake::v1::ReceiveCaseRequest::descriptor();  // links the two services' descriptors
  approval::v1::ClaimStepRequest::descriptor();
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const std::map<std::string, const google::protobuf::ServiceDescriptor*> services = {
      {"intake", pool->FindServiceByName("yikou.intake.v1.IntakeService")},
      {"approval", pool->FindServiceByName("yikou.approval.v1.ApprovalService")}};
  for (const Transition& row : ApplicationTable()) {
    const std::string command = row.command;
    if (command[0] == '(') continue;
    CAPTURE(row.owner, command);
    REQUIRE(services.at(row.owner) != nullptr);
    CHECK(services.at(row.owner)->FindMethodByName(command.substr(0, command.find(':'))) !=
          nullptr);
  }
}

}  // namespace yikou::casework
