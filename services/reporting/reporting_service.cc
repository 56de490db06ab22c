#include "services/reporting/reporting_service.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "libs/app/reaction.h"
#include "libs/app/rebuild.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/casework/units.h"
#include "services/reporting/metric_list.h"
#include "services/reporting/reporting_schema.h"
#include "services/reporting/timeline_words.h"

namespace yikou::reporting {
namespace {

using casework::v1::Event;

constexpr int kMaxTimeline = 10'000;
constexpr absl::Duration kRebuildRetry = absl::Seconds(5);
// Rows of table figure are units times metrics; a summary reads all that it sums.
constexpr int kAllFigures = std::numeric_limits<int>::max();

// The stream the event came by. An offer is carried by the queue of its tier.
std::string StreamOf(const Event& event) {
  if (event.type() == "routing.offered") {
    return app::QueueStream(event.offer().tier(), event.offer().service());
  }
  return app::EventsStream(event.source());
}

store::RowWrite TimelineRow(const Event& event) {
  Event stored = event;
  stored.clear_prev_hash();
  stored.clear_hash();
  return {.table = &kTimeline,
          .mode = store::RowWrite::Mode::kInsertOrIgnore,
          .keys = {event.case_id(), event.source(), event.position()},
          .values = {absl::ToUnixMicros(casework::FromProto(event.occurred_at())), StreamOf(event),
                     store::Blob{store::StableBytes(stored)}}};
}

absl::StatusOr<v1::CaseFigures*> LoadOrCreate(store::Work& work, const std::string& case_id) {
  absl::StatusOr<v1::CaseFigures*> loaded = work.Load<v1::CaseFigures>(kCaseFigures, case_id);
  if (!absl::IsNotFound(loaded.status())) return loaded;
  return work.Create<v1::CaseFigures>(kCaseFigures, case_id);
}

absl::StatusOr<v1::TimelineEntry> EntryOf(const std::string& stream, const std::string& bytes,
                                          const NameOf& name_of) {
  Event event;
  if (!event.ParseFromString(bytes)) {
    return absl::DataLossError("An event of a timeline cannot be read.");
  }
  v1::TimelineEntry entry;
  *entry.mutable_occurred_at() = event.occurred_at();
  entry.set_source(event.source());
  entry.set_position(event.position());
  entry.set_type(event.type());
  *entry.mutable_actor() = event.actor();
  entry.set_reason(event.reason());
  entry.set_state(event.case_facts().state());
  entry.set_stream(stream);
  entry.set_detail(Describe(event, name_of));
  return entry;
}

bool Earlier(const v1::TimelineEntry& a, const v1::TimelineEntry& b) {
  const auto key = [](const v1::TimelineEntry& entry) {
    return std::make_tuple(casework::FromProto(entry.occurred_at()),
                           absl::string_view(entry.source()), entry.position());
  };
  return key(a) < key(b);
}

}  // namespace

absl::StatusOr<std::string> ReportingService::UnitOf(const std::string& asked,
                                                     const std::optional<store::Scope>& scope) {
  if (asked.empty()) return scope ? scope->unit_id : "";
  casework::Violations violations;
  if (!casework::IsUnitId(asked)) {
    violations.Add("unit_id", "单位编码应为 6、9 或 12 位区划代码，可带“-”和机构简称。");
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());
  if (scope && !casework::Covers(scope->unit_id, asked)) return casework::NotFound("单位", asked);
  YK_RETURN_IF_ERROR(env_->reference->GetUnit(asked).status());
  return asked;
}

absl::StatusOr<std::map<std::string, Sums>> ReportingService::SumsByDistrict(
    const std::string& unit) {
  store::Query query;
  query.limit = kAllFigures;
  if (!unit.empty()) {
    const auto [first, last] = casework::CoveredRange(unit);
    query.filters = {{"unit_id", store::Filter::Op::kGe, first},
                     {"unit_id", store::Filter::Op::kLt, last}};
  }
  YK_ASSIGN_OR_RETURN(const auto rows, env_->store->Select(kFigure, query));
  std::map<std::string, Sums> sums;
  for (const std::vector<store::Value>& row : rows) {
    const std::string district =
        casework::DivisionAt(std::get<std::string>(row[0]), casework::v1::TIER_DISTRICT);
    sums[district][std::get<std::string>(row[1])] += std::get<int64_t>(row[2]);
  }
  return sums;
}

absl::StatusOr<v1::GetSummaryResponse> ReportingService::GetSummary(
    const rpc::CallContext& context, const v1::GetSummaryRequest& request) {
  const std::optional<store::Scope> scope = env_->ScopeOf(context);
  YK_ASSIGN_OR_RETURN(const std::string unit, UnitOf(request.unit_id(), scope));
  v1::GetSummaryResponse response;
  Sums total;
  // A caller with a scope but no unit, such as a citizen, has no figures.
  if (!scope || !unit.empty()) {
    YK_ASSIGN_OR_RETURN(const auto by_district, SumsByDistrict(unit));
    for (const auto& [district, sums] : by_district) {
      v1::SummaryRow* row = response.add_rows();
      *row = RowOf(sums);
      row->set_unit_id(district);
      row->set_name(env_->reference->NameOf(district));
      for (const auto& [metric, value] : sums) total[metric] += value;
    }
  }
  *response.mutable_total() = RowOf(total);
  response.mutable_total()->set_name("合计");
  YK_ASSIGN_OR_RETURN(const app::Rebuild rebuild, app::LastRebuild(env_->store));
  if (rebuild.going_on()) {
    response.mutable_rebuild()->set_folded(rebuild.applied);
    response.mutable_rebuild()->set_total(rebuild.total);
  }
  return response;
}

absl::StatusOr<v1::RebuildFiguresResponse> ReportingService::RebuildFigures(
    const rpc::CallContext& context, const v1::RebuildFiguresRequest& request) {
  v1::RebuildFiguresResponse response;
  YK_ASSIGN_OR_RETURN(const int64_t events, start_rebuild_(request.request_id()));
  response.set_events(events);
  return response;
}

absl::Status ReportingService::NotThere(const std::string& case_id) const {
  YK_ASSIGN_OR_RETURN(const app::Rebuild rebuild, app::LastRebuild(env_->store));
  if (!rebuild.going_on()) return casework::NotFound("办件", case_id);
  return casework::Error(
             absl::StatusCode::kUnavailable, casework::v1::ERROR_REASON_UNAVAILABLE,
             absl::StrCat("统计正在重建，办件 ", case_id, " 可能还没有读到，请稍后再查。"))
      .RetryAfter(kRebuildRetry);
}

absl::StatusOr<v1::ListMetricsResponse> ReportingService::ListMetrics(
    const rpc::CallContext& context, const v1::ListMetricsRequest& request) {
  return PublishedMetrics();
}

absl::StatusOr<v1::GetTimelineResponse> ReportingService::GetTimeline(
    const rpc::CallContext& context, const v1::GetTimelineRequest& request) {
  casework::Violations violations;
  if (request.case_id().empty()) violations.Add("case_id", "请填写办件标识。");
  YK_RETURN_IF_ERROR(violations.ToStatus());

  const std::optional<store::Scope> scope = env_->ScopeOf(context);
  absl::StatusOr<store::Stored> stored = env_->store->Get(kCaseFigures, request.case_id(), scope);
  if (absl::IsNotFound(stored.status())) return NotThere(request.case_id());
  YK_RETURN_IF_ERROR(stored.status());
  v1::GetTimelineResponse response;
  if (!response.mutable_figures()->ParseFromString(stored->body)) {
    return absl::DataLossError("The figures of a case cannot be read.");
  }
  response.mutable_figures()->set_version(stored->version);

  store::Query query;
  query.filters = {{"case_id", store::Filter::Op::kEq, request.case_id()}};
  query.scope = scope;
  query.limit = kMaxTimeline + 1;
  YK_ASSIGN_OR_RETURN(const auto rows, env_->store->Select(kTimeline, query));
  if (rows.size() > kMaxTimeline) {
    return casework::Error(absl::StatusCode::kResourceExhausted,
                           casework::v1::ERROR_REASON_LIMIT_EXCEEDED,
                           absl::StrCat("办件的事件超过 ", kMaxTimeline, " 条，不能一次列出。"))
        .With("limit", absl::StrCat(kMaxTimeline));
  }
  const NameOf name_of = [this](const std::string& id) { return env_->reference->NameOf(id); };
  for (const std::vector<store::Value>& row : rows) {
    YK_ASSIGN_OR_RETURN(
        *response.add_entries(),
        EntryOf(std::get<std::string>(row[4]), std::get<store::Blob>(row[5]).bytes, name_of));
  }
  std::sort(response.mutable_entries()->begin(), response.mutable_entries()->end(), Earlier);
  return response;
}

absl::Status ReportingService::React(store::Work& work, const Event& event) {
  YK_ASSIGN_OR_RETURN(const bool is_reference, app::FoldReference(work, event));
  if (is_reference || event.case_id().empty()) return absl::OkStatus();

  YK_ASSIGN_OR_RETURN(v1::CaseFigures * figures, LoadOrCreate(work, event.case_id()));
  for (const Increment& increment : FoldEvent(figures, event, *env_->calendar)) {
    work.Put({.table = &kFigure,
              .mode = store::RowWrite::Mode::kAdd,
              .keys = {figures->receiver_unit(), increment.metric},
              .values = {increment.delta}});
  }
  work.Touch(kCaseFigures, event.case_id());
  work.Put(TimelineRow(event));
  return absl::OkStatus();
}

}  // namespace yikou::reporting
