// The counter's commands: one method an RPC, one story each.
#pragma once

#include <functional>
#include <string>

#include "libs/app/case_numbers.h"
#include "libs/app/service_env.h"
#include "libs/casework/errors.h"
#include "libs/rpc/call.h"
#include "libs/store/work.h"
#include "services/intake/intake_schema.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::intake {

// Forwards a withdrawal to the owner of an accepted case, with the caller's own token.
using ForwardWithdraw =
    std::function<absl::Status(const rpc::CallContext&, const std::string& case_id,
                               int64_t owner_version, const v1::WithdrawCaseRequest&)>;

class IntakeService {
 public:
  template <class T>
  using Outcome = absl::StatusOr<store::Outcome<T>>;

  IntakeService(const app::ServiceEnv* env, const IntakeKinds* kinds, app::CaseNumbers* numbers,
                ForwardWithdraw forward_withdraw)
      : env_(env),
        kinds_(kinds),
        numbers_(numbers),
        forward_withdraw_(std::move(forward_withdraw)) {}

  Outcome<v1::ReceiveCaseResponse> ReceiveCase(const rpc::CallContext& context,
                                               const v1::ReceiveCaseRequest& request);
  Outcome<v1::AcceptCaseResponse> AcceptCase(const rpc::CallContext& context,
                                             const v1::AcceptCaseRequest& request);
  Outcome<v1::RequestCorrectionResponse> RequestCorrection(
      const rpc::CallContext& context, const v1::RequestCorrectionRequest& request);
  Outcome<v1::SubmitCorrectionResponse> SubmitCorrection(
      const rpc::CallContext& context, const v1::SubmitCorrectionRequest& request);
  Outcome<v1::RefuseCaseResponse> RefuseCase(const rpc::CallContext& context,
                                             const v1::RefuseCaseRequest& request);
  Outcome<v1::WithdrawCaseResponse> WithdrawCase(const rpc::CallContext& context,
                                                 const v1::WithdrawCaseRequest& request);
  Outcome<v1::DeliverCaseResponse> DeliverCase(const rpc::CallContext& context,
                                               const v1::DeliverCaseRequest& request);
  Outcome<v1::CloseCaseResponse> CloseCase(const rpc::CallContext& context,
                                           const v1::CloseCaseRequest& request);
  Outcome<v1::RateCaseResponse> RateCase(const rpc::CallContext& context,
                                         const v1::RateCaseRequest& request);

  absl::StatusOr<v1::GetCaseResponse> GetCase(const rpc::CallContext& context,
                                              const v1::GetCaseRequest& request);
  absl::StatusOr<v1::BatchGetCasesResponse> BatchGetCases(const rpc::CallContext& context,
                                                          const v1::BatchGetCasesRequest& request);
  absl::StatusOr<v1::ListCasesResponse> ListCases(const rpc::CallContext& context,
                                                  const v1::ListCasesRequest& request);
  absl::StatusOr<v1::ExplainDeadlineResponse> ExplainDeadline(
      const rpc::CallContext& context, const v1::ExplainDeadlineRequest& request);

  // Applies the due timers of one aggregate, in order of their deadlines.
  absl::Status OnDue(store::Work& work, const store::AggregateKind& kind, const std::string& id);

 private:
  struct Loaded {
    casework::v1::CaseRecord* record = nullptr;
    casework::v1::CaseRecord* view = nullptr;
    v1::Application* application = nullptr;
    bool timers_due = false;
  };
  // Loads a case in the caller's scope for a command and checks the version; `timers_due` asks the
  // caller to commit them first.
  absl::StatusOr<Loaded> LoadFor(store::Work& work, const rpc::CallContext& context,
                                 const std::string& case_id, int64_t expected_version);
  // Takes a row of the table: checks the state, moves the record, emits the event and updates the
  // view. Returns the event, for facts beyond the case's.
  absl::StatusOr<casework::v1::Event*> Apply(store::Work& work, const Loaded& loaded,
                                             const char* command);
  casework::v1::Event* Emit(store::Work& work, const Loaded& loaded, const char* type);
  // Completes what every change of a record ends with: version, facts of the event, view.
  void Finish(store::Work& work, const Loaded& loaded, casework::v1::Event* event);
  void Accept(store::Work& work, const Loaded& loaded, const casework::v1::Item& item,
              const char* command, absl::Time clocks_from);
  absl::Status FireClock(store::Work& work, const Loaded& loaded, const casework::v1::Clock& clock,
                         casework::v1::Rung rung, absl::Time due);
  absl::Status CheckMaterials(const v1::Application& application, std::string prefix,
                              v1::Application* resolved, casework::Violations* violations);
  absl::Status CheckAcceptable(const rpc::CallContext& context,
                               const v1::ReceiveCaseRequest& request,
                               const casework::v1::Item& item, const std::string& receiver,
                               v1::Application* resolved);
  v1::CaseView ViewOf(const rpc::CallContext& context,
                      const casework::v1::CaseRecord& record) const;
  absl::StatusOr<casework::v1::CaseRecord> FindView(const rpc::CallContext& context,
                                                    const std::string& id_or_number) const;

  const app::ServiceEnv* env_;
  const IntakeKinds* kinds_;
  app::CaseNumbers* numbers_;
  ForwardWithdraw forward_withdraw_;
};

}  // namespace yikou::intake
