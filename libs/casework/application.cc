#include "libs/casework/application.h"

#include <vector>

namespace yikou::casework {
namespace {

using S = v1::CaseState;

constexpr char kIntake[] = "intake";
constexpr char kApproval[] = "approval";
constexpr S kSame = v1::CASE_STATE_UNSPECIFIED;
constexpr S kReceived = v1::CASE_STATE_RECEIVED;
constexpr S kCorrection = v1::CASE_STATE_CORRECTION;
constexpr S kAccepted = v1::CASE_STATE_ACCEPTED;
constexpr S kNotAccepted = v1::CASE_STATE_NOT_ACCEPTED;
constexpr S kWithdrawn = v1::CASE_STATE_WITHDRAWN;
constexpr S kReview = v1::CASE_STATE_REVIEW;
constexpr S kSuspended = v1::CASE_STATE_SUSPENDED;
constexpr S kDecided = v1::CASE_STATE_DECIDED;
constexpr S kIssued = v1::CASE_STATE_ISSUED;
constexpr S kReturned = v1::CASE_STATE_RETURNED;
constexpr S kTerminated = v1::CASE_STATE_TERMINATED;
constexpr S kReady = v1::CASE_STATE_READY;
constexpr S kDelivered = v1::CASE_STATE_DELIVERED;
constexpr S kClosed = v1::CASE_STATE_CLOSED;

std::vector<Transition> MakeTable() {
  const std::vector<S> at_work = {kAccepted, kReview, kSuspended};
  const std::vector<S> on_the_spot = {kReview, kSuspended};
  // Every end goes back to the counter that delivers it.
  const std::vector<S> ends = {kIssued, kDecided, kReturned, kWithdrawn, kTerminated};
  return {
      // At the counter, before acceptance.
      {kIntake, "ReceiveCase", {}, kReceived, "intake.received"},
      {kIntake, "AcceptCase", {kReceived}, kAccepted, "intake.accepted"},
      {kIntake, "AcceptCase:tolerant", {kReceived}, kAccepted, "intake.accepted_tolerant"},
      // Whoever is told nothing in five working days is accepted (行政许可法 Art. 32).
      {kIntake, "(NOTICE)", {kReceived}, kAccepted, "intake.deemed_accepted"},
      {kIntake, "RequestCorrection", {kReceived}, kCorrection, "intake.correction_requested"},
      {kIntake, "SubmitCorrection", {kCorrection}, kReceived, "intake.corrected"},
      {kIntake, "(CORRECTION)", {kCorrection}, kWithdrawn, "intake.withdrawn"},
      {kIntake, "WithdrawCase", {kReceived, kCorrection}, kWithdrawn, "intake.withdrawn"},
      {kIntake, "RefuseCase", {kReceived}, kNotAccepted, "intake.refused"},
      // With the officers; ownership passed with the acceptance.
      {kApproval, "(open)", {kAccepted}, kAccepted, "approval.opened"},
      {kApproval, "(begin review)", {kAccepted}, kReview, "approval.review_started"},
      {kApproval, "ClaimStep", {kAccepted, kReview}, kReview, "approval.step_claimed"},
      {kApproval, "DecideStep", {kReview}, kSame, "approval.step_completed"},
      {kApproval, "SendBack", {kReview}, kSame, "approval.sent_back"},
      {kApproval, "RequestField", on_the_spot, kSame, "approval.field_requested"},
      {kApproval, "CancelField", on_the_spot, kSame, "approval.field_cancelled"},
      {kApproval, "SuspendProcess", {kReview}, kSuspended, "approval.suspended"},
      {kApproval, "ResumeProcess", {kSuspended}, kReview, "approval.resumed"},
      {kApproval, "ExtendProcess", {kReview}, kSame, "approval.extended"},
      {kApproval, "(decide)", {kReview}, kDecided, "approval.decided"},
      {kApproval, "(issue)", {kDecided}, kIssued, "approval.issued"},
      {kApproval, "SupplyMissing", at_work, kSame, "approval.supplemented"},
      {kApproval, "(SUPPLEMENT)", at_work, kReturned, "approval.returned_incomplete"},
      {kApproval, "WithdrawProcess", at_work, kWithdrawn, "approval.withdrawn"},
      {kApproval, "TerminateProcess", at_work, kTerminated, "approval.terminated"},
      {kApproval, "(return)", ends, kSame, "approval.returned"},
      // Back at the counter; ownership passed with the return.
      {kIntake, "(arrive)", ends, kReady, "intake.ready"},
      {kIntake, "DeliverCase", {kReady}, kDelivered, "intake.delivered"},
      {kIntake, "CloseCase", {kDelivered}, kClosed, "case.closed"},
      {kIntake, "(CLOSE)", {kDelivered}, kClosed, "case.closed"},
      {kIntake, "RateCase", {kDelivered, kClosed}, kSame, "case.rated"},
      {kIntake, "(rectify)", {kClosed, kDelivered}, kSame, "case.rectify_opened"},
  };
}

}  // namespace

absl::Span<const Transition> ApplicationTable() {
  static const std::vector<Transition>* const table = new std::vector<Transition>(MakeTable());
  return *table;
}

}  // namespace yikou::casework
