// Reporting (统计): folds the events of all services and answers with figures and timelines.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "libs/app/service_env.h"
#include "libs/rpc/call.h"
#include "libs/store/work.h"
#include "services/reporting/reporting_fold.h"
#include "yikou/reporting/v1/reporting.pb.h"

namespace yikou::reporting {

class ReportingService {
 public:
  // Begins a rebuild by a request id; returns how many events are read again.
  using StartRebuild = std::function<absl::StatusOr<int64_t>(const std::string& request_id)>;

  // `env` must outlive the service.
  ReportingService(const app::ServiceEnv* env, StartRebuild start_rebuild)
      : env_(env), start_rebuild_(std::move(start_rebuild)) {}

  // Figures of the asked unit, or of the caller's, summed by district. INVALID_ARGUMENT for a
  // malformed unit; NOT_FOUND for one that is unknown or that the caller's unit does not cover.
  absl::StatusOr<v1::GetSummaryResponse> GetSummary(const rpc::CallContext& context,
                                                    const v1::GetSummaryRequest& request);
  absl::StatusOr<v1::ListMetricsResponse> ListMetrics(const rpc::CallContext& context,
                                                      const v1::ListMetricsRequest& request);
  // NOT_FOUND when the case is unknown or out of the caller's scope, UNAVAILABLE instead while it
  // may only not be folded again yet; RESOURCE_EXHAUSTED past 10,000 events.
  absl::StatusOr<v1::GetTimelineResponse> GetTimeline(const rpc::CallContext& context,
                                                      const v1::GetTimelineRequest& request);

  absl::StatusOr<v1::RebuildFiguresResponse> RebuildFigures(
      const rpc::CallContext& context, const v1::RebuildFiguresRequest& request);

  // Folds one event of another service: reference data, or a line of a case's timeline and its
  // figures. Applied again it changes nothing.
  absl::Status React(store::Work& work, const casework::v1::Event& event);

 private:
  // Sums by district of every receiving unit at or below `unit`; of all units when it is empty.
  absl::StatusOr<std::map<std::string, Sums>> SumsByDistrict(const std::string& unit);
  // What is said of a case that is not among the read models.
  absl::Status NotThere(const std::string& case_id) const;
  // Which unit a summary is about; empty for callers without a scope who named none.
  absl::StatusOr<std::string> UnitOf(const std::string& asked,
                                     const std::optional<store::Scope>& scope);

  const app::ServiceEnv* env_;
  const StartRebuild start_rebuild_;
};

}  // namespace yikou::reporting
