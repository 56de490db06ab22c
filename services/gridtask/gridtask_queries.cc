// Reads of grid events and field requests, in the scope of the caller by their SQL predicate.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/app/pages.h"
#include "libs/casework/errors.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"
#include "services/gridtask/gridtask_reads.h"
#include "services/gridtask/gridtask_service.h"

namespace yikou::gridtask {

namespace cw = casework::v1;
using store::Filter;

namespace {

constexpr char kEventName[] = "网格事件";

}  // namespace

absl::StatusOr<v1::GetEventResponse> GridTaskService::GetEvent(const rpc::CallContext& context,
                                                               const v1::GetEventRequest& request) {
  casework::Violations violations;
  if (request.case_id().empty()) violations.Add("case_id", "不能为空");
  YK_RETURN_IF_ERROR(violations.ToStatus());
  const bool by_number = casework::IsCaseNumber(request.case_id());
  store::Query query;
  query.filters = {{by_number ? "case_no" : "id", Filter::Op::kEq, request.case_id()}};
  query.scope = env_.ScopeOf(context);
  query.limit = 1;
  YK_ASSIGN_OR_RETURN(const std::vector<store::Stored> rows,
                      env_.store->Find(kinds_.grid_event, query));
  if (rows.empty()) return casework::NotFound(kEventName, request.case_id());
  YK_ASSIGN_OR_RETURN(const v1::GridEvent event, Decode<v1::GridEvent>(rows[0]));
  v1::GetEventResponse response;
  *response.mutable_view() = ViewFor(event, context.principal);
  return response;
}

absl::StatusOr<v1::ListEventsResponse> GridTaskService::ListEvents(
    const rpc::CallContext& context, const v1::ListEventsRequest& request) {
  YK_ASSIGN_OR_RETURN(const app::Page page, app::ReadPage(request));
  store::Query query;
  if (request.state() != cw::CASE_STATE_UNSPECIFIED) {
    query.filters.push_back({"state", Filter::Op::kEq, static_cast<int64_t>(request.state())});
  }
  if (!request.worker_id().empty()) {
    query.filters.push_back({"worker_id", Filter::Op::kEq, request.worker_id()});
  }
  query.scope = env_.ScopeOf(context);
  query.descending = true;
  query.after = page.after;
  query.limit = page.limit;
  YK_ASSIGN_OR_RETURN(const std::vector<store::Stored> rows,
                      env_.store->Find(kinds_.grid_event, query));
  v1::ListEventsResponse response;
  for (const store::Stored& row : rows) {
    YK_ASSIGN_OR_RETURN(const v1::GridEvent event, Decode<v1::GridEvent>(row));
    *response.add_views() = ViewFor(event, context.principal);
  }
  response.set_next_page_token(app::NextPageToken(request, page, rows));
  return response;
}

absl::StatusOr<bool> GridTaskService::MaySeeCase(const std::string& case_id,
                                                 const store::Scope& scope) const {
  store::Query query;
  query.filters = {{"case_id", Filter::Op::kEq, case_id}};
  KeepBelow("unit_id", scope.unit_id, &query.filters);
  query.limit = 1;
  YK_ASSIGN_OR_RETURN(const auto rows, env_.store->Select(store::kCaseScope, query));
  return !rows.empty();
}

absl::StatusOr<v1::ListFieldsResponse> GridTaskService::ListFields(
    const rpc::CallContext& context, const v1::ListFieldsRequest& request) {
  YK_ASSIGN_OR_RETURN(const app::Page page, app::ReadPage(request));
  const std::optional<store::Scope> scope = env_.ScopeOf(context);
  store::Query query;
  bool all = !scope;
  if (!request.case_id().empty()) {
    query.filters.push_back({"case_id", Filter::Op::kEq, request.case_id()});
    if (!all) {
      YK_ASSIGN_OR_RETURN(all, MaySeeCase(request.case_id(), *scope));
    }
  } else if (scope) {
    const std::string community = casework::DivisionAt(scope->unit_id, cw::TIER_COMMUNITY);
    KeepBelow("unit_id", community.empty() ? scope->unit_id : community, &query.filters);
  }
  if (request.state() != cw::FIELD_STATE_UNSPECIFIED) {
    query.filters.push_back({"state", Filter::Op::kEq, static_cast<int64_t>(request.state())});
  }
  query.after = page.after;
  query.limit = page.limit;
  YK_ASSIGN_OR_RETURN(const std::vector<store::Stored> rows,
                      env_.store->Find(kinds_.field_task, query));
  v1::ListFieldsResponse response;
  for (const store::Stored& row : rows) {
    YK_ASSIGN_OR_RETURN(v1::FieldTask task, Decode<v1::FieldTask>(row));
    // Neighbouring grids of one community are in the same range and not each other's business.
    if (!all && !NearField(task.field().unit_id(), scope->unit_id)) continue;
    *response.add_tasks() = std::move(task);
  }
  response.set_next_page_token(app::NextPageToken(request, page, rows));
  return response;
}

}  // namespace yikou::gridtask
