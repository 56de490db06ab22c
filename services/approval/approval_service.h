// The calls of ApprovalService, without their transport. Each handler tells one story in one order:
// validate, load, due timers, version, authority, lifecycle, guards, change, answer.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/app/pages.h"
#include "libs/app/service_env.h"
#include "libs/rpc/call.h"
#include "libs/store/work.h"
#include "services/approval/approval_flow.h"
#include "services/approval/seal_register.h"
#include "yikou/approval/v1/approval.pb.h"

namespace yikou::approval {

// Threads: any number of calls at once.
class ApprovalService {
 public:
  template <class Response>
  using Outcome = absl::StatusOr<store::Outcome<Response>>;

  // Both outlive the service.
  ApprovalService(const app::ServiceEnv* env, const SealRegister* seals);

  const Kinds& kinds() const { return flow_.kinds(); }
  const ApprovalFlow& flow() const { return flow_; }

  Outcome<v1::ClaimStepResponse> ClaimStep(const rpc::CallContext& context,
                                           const v1::ClaimStepRequest& request) const;
  Outcome<v1::DecideStepResponse> DecideStep(const rpc::CallContext& context,
                                             const v1::DecideStepRequest& request) const;
  Outcome<v1::SendBackResponse> SendBack(const rpc::CallContext& context,
                                         const v1::SendBackRequest& request) const;
  Outcome<v1::RequestFieldResponse> RequestField(const rpc::CallContext& context,
                                                 const v1::RequestFieldRequest& request) const;
  Outcome<v1::CancelFieldResponse> CancelField(const rpc::CallContext& context,
                                               const v1::CancelFieldRequest& request) const;
  Outcome<v1::SuspendProcessResponse> SuspendProcess(
      const rpc::CallContext& context, const v1::SuspendProcessRequest& request) const;
  Outcome<v1::ResumeProcessResponse> ResumeProcess(const rpc::CallContext& context,
                                                   const v1::ResumeProcessRequest& request) const;
  Outcome<v1::ExtendProcessResponse> ExtendProcess(const rpc::CallContext& context,
                                                   const v1::ExtendProcessRequest& request) const;
  Outcome<v1::SupplyMissingResponse> SupplyMissing(const rpc::CallContext& context,
                                                   const v1::SupplyMissingRequest& request) const;
  Outcome<v1::WithdrawProcessResponse> WithdrawProcess(
      const rpc::CallContext& context, const v1::WithdrawProcessRequest& request) const;
  Outcome<v1::TerminateProcessResponse> TerminateProcess(
      const rpc::CallContext& context, const v1::TerminateProcessRequest& request) const;

  absl::StatusOr<v1::ListWorkResponse> ListWork(const rpc::CallContext& context,
                                                const v1::ListWorkRequest& request) const;
  absl::StatusOr<v1::GetProcessResponse> GetProcess(const rpc::CallContext& context,
                                                    const v1::GetProcessRequest& request) const;
  absl::StatusOr<v1::GetLicenceResponse> GetLicence(const rpc::CallContext& context,
                                                    const v1::GetLicenceRequest& request) const;
  absl::StatusOr<v1::VerifyLicenceResponse> VerifyLicence(
      const rpc::CallContext& context, const v1::VerifyLicenceRequest& request) const;

  // Applies the due timers of one aggregate to the Work; see app::ServiceParts::on_due.
  absl::Status OnDue(store::Work& work, const store::AggregateKind& kind,
                     const std::string& id) const;

 private:
  // A command that has been told apart from stale and late ones.
  struct Session {
    store::Work work;
    v1::Process* process = nullptr;
    // Due timers come first: `work` holds them alone, and nothing else is to be done.
    bool due = false;
  };
  // Loads the process a request names, applies its due timers or checks the version.
  template <class Request>
  absl::StatusOr<Session> Start(const rpc::CallContext& context, const Request& request) const;
  absl::StatusOr<Session> StartOn(const rpc::CallContext& context, const std::string& request_id,
                                  const std::string& case_id, int64_t expected_version) const;
  // As Start, for commands that come through the counter: UNAVAILABLE, UNPLACED, while the case is
  // on its way here.
  template <class Request>
  absl::StatusOr<Session> StartFromCounter(const rpc::CallContext& context,
                                           const Request& request) const;
  // Why a counter's command finds no process.
  absl::Status WhyMissing(const rpc::CallContext& context, const std::string& case_id) const;

  template <class Response>
  Outcome<Response> DecideAgain(Session session) const;
  template <class Response>
  Outcome<Response> Answer(const rpc::CallContext& context, Session session,
                           Response response = {}) const;

  using Row = std::vector<store::Value>;
  // One page of the caller's rows of kWork, oldest first.
  absl::StatusOr<std::vector<Row>> SelectWork(const rpc::CallContext& context,
                                              const v1::ListWorkRequest& request,
                                              const app::Page& page) const;
  v1::ProcessView ViewFor(const rpc::CallContext& context, const v1::Process& process) const;
  absl::StatusOr<casework::v1::Item> ItemOf(Session& session) const;

  const app::ServiceEnv* env_;
  ApprovalFlow flow_;
};

}  // namespace yikou::approval
