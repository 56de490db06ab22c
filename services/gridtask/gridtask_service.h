// The commands and reads of GridTaskService, as decisions: no gRPC, no SQL, nothing committed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/app/case_numbers.h"
#include "libs/app/service_env.h"
#include "libs/casework/lifecycle.h"
#include "libs/rpc/call.h"
#include "libs/store/change.h"
#include "services/gridtask/category_list.h"
#include "services/gridtask/gridtask_consumer.h"
#include "services/gridtask/gridtask_rules.h"
#include "services/gridtask/gridtask_schema.h"
#include "yikou/gridtask/v1/gridtask.pb.h"

namespace yikou::gridtask {

// Outlives every Change it decided: writes point to its kinds. Threads: any.
class GridTaskService {
 public:
  template <class Response>
  using Decision = absl::StatusOr<store::Outcome<Response>>;

  // `numbers` outlives the service.
  GridTaskService(const app::ServiceEnv& env, app::CaseNumbers* numbers, CategoryList categories);
  GridTaskService(const GridTaskService&) = delete;
  GridTaskService& operator=(const GridTaskService&) = delete;

  const Kinds& kinds() const { return kinds_; }
  const GridTaskConsumer& consumer() const { return consumer_; }

  Decision<v1::ReportEventResponse> ReportEvent(const rpc::CallContext& context,
                                                const v1::ReportEventRequest& request);
  Decision<v1::RegisterEventResponse> RegisterEvent(const rpc::CallContext& context,
                                                    const v1::RegisterEventRequest& request);
  Decision<v1::DispatchEventResponse> DispatchEvent(const rpc::CallContext& context,
                                                    const v1::DispatchEventRequest& request);
  Decision<v1::SignTaskResponse> SignTask(const rpc::CallContext& context,
                                          const v1::SignTaskRequest& request);
  Decision<v1::ReturnTaskResponse> ReturnTask(const rpc::CallContext& context,
                                              const v1::ReturnTaskRequest& request);
  Decision<v1::HandleTaskResponse> HandleTask(const rpc::CallContext& context,
                                              const v1::HandleTaskRequest& request);
  Decision<v1::CheckEventResponse> CheckEvent(const rpc::CallContext& context,
                                              const v1::CheckEventRequest& request);
  absl::StatusOr<v1::GetEventResponse> GetEvent(const rpc::CallContext& context,
                                                const v1::GetEventRequest& request);
  absl::StatusOr<v1::ListEventsResponse> ListEvents(const rpc::CallContext& context,
                                                    const v1::ListEventsRequest& request);

  // Of one case: every request of it the caller may see. Else those at or below the caller's unit;
  // for a body or a grid of a community, those of its community too.
  absl::StatusOr<v1::ListFieldsResponse> ListFields(const rpc::CallContext& context,
                                                    const v1::ListFieldsRequest& request);
  Decision<v1::SignFieldResponse> SignField(const rpc::CallContext& context,
                                            const v1::SignFieldRequest& request);
  Decision<v1::DeclineFieldResponse> DeclineField(const rpc::CallContext& context,
                                                  const v1::DeclineFieldRequest& request);
  Decision<v1::ReportFieldResponse> ReportField(const rpc::CallContext& context,
                                                const v1::ReportFieldRequest& request);

  Decision<v1::ImportWorkersResponse> ImportWorkers(const rpc::CallContext& context,
                                                    const v1::ImportWorkersRequest& request);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers(const rpc::CallContext& context,
                                                      const v1::ListWorkersRequest& request);

  // The workers of deploy/data/directory/workers.csv, at start. The directory may not be mirrored
  // yet then, so that only the shape of unit and grid ids is checked. main() commits the change
  // unless it is empty.
  Decision<v1::ImportWorkersResponse> ImportWorkersFromCsv(absl::string_view csv);

 private:
  // Whom an event goes to, and why.
  struct Assignee {
    v1::Worker worker;
    std::string reason;
  };

  absl::StatusOr<v1::GridEvent*> LoadEvent(store::Work& work, const std::string& case_id,
                                           const rpc::CallContext& context) const;
  absl::StatusOr<v1::FieldTask*> LoadField(store::Work& work, const std::string& task_id,
                                           const rpc::CallContext& context) const;
  // The rungs that are due, as a Change of their own; empty when none is.
  absl::StatusOr<store::Change> TakeDue(const v1::GridEvent& event) const;
  absl::StatusOr<store::Change> TakeDue(const v1::FieldTask& task) const;
  // Moves the event along a row of the table and says so; clocks and outcome are set before.
  casework::v1::Event& Move(store::Work& work, v1::GridEvent* event,
                            const casework::Transition& row, absl::string_view reason) const;
  v1::GridEventView ViewFor(const v1::GridEvent& event, const auth::Principal& principal) const;

  absl::Status CheckReport(const v1::ReportEventRequest& request) const;
  absl::Status CheckGrid(const std::string& grid_id) const;
  absl::StatusOr<Assignee> ChooseAssignee(store::Work& work, const v1::GridEvent& event,
                                          const v1::DispatchEventRequest& request) const;
  absl::StatusOr<std::optional<Candidate>> ChooseByRule(store::Work& work,
                                                        const v1::GridEvent& event) const;
  absl::StatusOr<std::vector<v1::Worker>> WorkersAround(store::Work& work,
                                                        const std::string& grid_id) const;
  absl::StatusOr<int32_t> LoadOf(const std::string& worker_id) const;

  absl::StatusOr<bool> MaySeeCase(const std::string& case_id, const store::Scope& scope) const;
  absl::Status CheckPlaces(const v1::ImportWorkersRequest& request) const;
  absl::StatusOr<v1::ImportWorkersResponse> StoreWorkers(
      store::Work& work, const std::vector<v1::Worker>& workers) const;

  app::ServiceEnv env_;
  app::CaseNumbers* numbers_;
  CategoryList categories_;
  Kinds kinds_;
  GridTaskConsumer consumer_;
};

}  // namespace yikou::gridtask
