// What happens to a process, whoever asks for it: command, offer or timer.
//
// Each function changes a loaded process within a Work and emits what happened. None commits, and
// none checks who asked. After an error the Work is spoilt and has to be dropped.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/app/service_env.h"
#include "libs/casework/lifecycle.h"
#include "libs/store/work.h"
#include "services/approval/approval_rules.h"
#include "services/approval/approval_schema.h"
#include "services/approval/seal_register.h"
#include "yikou/approval/v1/approval.pb.h"

namespace yikou::approval {

class ApprovalFlow {
 public:
  // Both outlive the flow.
  ApprovalFlow(const app::ServiceEnv* env, const SealRegister* seals);
  ApprovalFlow(const ApprovalFlow&) = delete;
  ApprovalFlow& operator=(const ApprovalFlow&) = delete;

  const app::ServiceEnv& env() const { return *env_; }
  const Kinds& kinds() const { return kinds_; }

  // The row of a command in the lifecycle for the state of the process.
  static absl::StatusOr<const casework::Transition*> Find(absl::string_view command,
                                                          const v1::Process& process);

  // The item a process runs under, as this Work sees it. NOT_FOUND when not mirrored yet.
  absl::StatusOr<casework::v1::Item> ItemOf(store::Work& work, const std::string& code,
                                            int version) const;

  // Emits an event of the process as it stands. The reference holds until the next event.
  casework::v1::Event& Emit(store::Work& work, v1::Process* process, const std::string& type) const;
  // Moves the process as the row says and emits its event. The only place a state changes.
  casework::v1::Event& Advance(store::Work& work, v1::Process* process,
                               const casework::Transition& row) const;

  // Creates the process of a case and signs the offer. Under a route decided by rule it is decided
  // and returned at once.
  absl::Status Open(store::Work& work, const casework::v1::Offer& offer,
                    const casework::v1::CaseFacts& facts, const casework::v1::Item& item) const;
  // Opens an offered step at its unit and signs the offer.
  void PlaceStep(store::Work& work, v1::Process* process, const StepRef& at,
                 const casework::v1::Offer& offer, const casework::v1::Item& item) const;
  // Turns an offer down, once.
  absl::Status Decline(store::Work& work, const casework::v1::Offer& offer,
                       const std::string& reason) const;

  // Gives the step's officer the step, or takes it away again; keeps the work list.
  void PutWork(store::Work& work, const v1::Process& process, const v1::Step& step) const;
  void DropWork(store::Work& work, const v1::Process& process, const v1::Step& step) const;
  // Stops the clock of a step and takes it off the work list.
  void LeaveStep(store::Work& work, v1::Process* process, const v1::Step& step) const;
  // Hands the branch on to another of its steps: at once within the unit of `from`, else by an
  // offer.
  void HandTo(store::Work& work, v1::Process* process, const StepRef& to, const v1::Step& from,
              const casework::v1::Item& item) const;
  // After a branch was decided: when all that count are, decides the case, seals, issues and
  // returns it. FAILED_PRECONDITION, SEAL_FORBIDDEN.
  absl::Status ConcludeIfJoined(store::Work& work, v1::Process* process,
                                const casework::v1::Item& item) const;

  // Ends the process before a decision, as of `at`, and returns the case to its counter.
  absl::Status End(store::Work& work, v1::Process* process, const casework::Transition& row,
                   absl::Time at, const std::string& reason) const;

  // Applies the due timers of a process in order of their deadlines. True when there were any.
  absl::StatusOr<bool> ApplyDue(store::Work& work, v1::Process* process) const;

 private:
  // Decides every step by rule, in the same Work as the opening.
  absl::Status DecideByRule(store::Work& work, v1::Process* process,
                            const casework::v1::Item& item) const;
  void OpenStep(store::Work& work, v1::Process* process, v1::Step* step,
                const std::string& offer_id, const casework::v1::Item& item) const;
  void OfferStep(store::Work& work, v1::Process* process, const StepRef& at) const;
  // So that the offer has no second effect when it comes again.
  void RememberSigned(store::Work& work, const v1::Process& process,
                      const std::string& offer_id) const;
  absl::Status Conclude(store::Work& work, v1::Process* process, const casework::v1::Item& item,
                        casework::v1::Decision decision) const;
  absl::Status Issue(store::Work& work, v1::Process* process, const casework::v1::Item& item) const;
  absl::Status Return(store::Work& work, v1::Process* process, absl::Time at) const;
  // Stops every clock and starts the one that runs from every end.
  void EndClocks(v1::Process* process, absl::Time at) const;
  void CancelSteps(store::Work& work, v1::Process* process) const;
  void CancelFields(store::Work& work, v1::Process* process, absl::Time at) const;

  const app::ServiceEnv* env_;
  const SealRegister* seals_;
  const Kinds kinds_;
};

}  // namespace yikou::approval
