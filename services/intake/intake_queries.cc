// Reads of the counter. Every one is in the caller's scope by its SQL predicate.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/app/pages.h"
#include "libs/casework/application.h"
#include "libs/casework/clocks.h"
#include "libs/casework/grid_event.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"
#include "services/intake/intake_service.h"

namespace yikou::intake {

namespace cw = casework::v1;
using cw::CaseRecord;

namespace {

constexpr int kBatchMax = 500;

absl::StatusOr<CaseRecord> Parse(const store::Stored& stored) {
  CaseRecord record;
  if (!record.ParseFromString(stored.body)) {
    return absl::DataLossError(absl::StrCat("The view of case ", stored.id, " cannot be read."));
  }
  return record;
}

}  // namespace

v1::CaseView IntakeService::ViewOf(const rpc::CallContext& context,
                                   const CaseRecord& record) const {
  const absl::Time now = env_->case_clock->Now();
  v1::CaseView view;
  *view.mutable_case_record() = record;
  for (const cw::Clock& clock : record.clocks()) {
    *view.add_clocks() = casework::ViewOf(clock, *env_->calendar, now);
  }
  const cw::Light light = casework::WorstLight(record.clocks(), *env_->calendar, now);
  view.set_light(light);
  view.mutable_case_record()->set_worst_light(std::max(light, record.worst_light()));
  const auto table = record.kind() == cw::CASE_KIND_GRID_EVENT ? casework::GridEventTable()
                                                               : casework::ApplicationTable();
  for (cw::Action& action : casework::ActionsFor(table, "intake", record.state())) {
    if (action.allowed() && !context.principal.Has("CLERK") &&
        !context.principal.Has("SUPERVISOR")) {
      action.set_allowed(false);
      action.set_blocked_because("需要窗口人员（CLERK）角色。");
    }
    *view.add_actions() = std::move(action);
  }
  return view;
}

absl::StatusOr<CaseRecord> IntakeService::FindView(const rpc::CallContext& context,
                                                   const std::string& id_or_number) const {
  const auto scope = env_->ScopeOf(context);
  if (casework::IsCaseNumber(id_or_number)) {
    YK_ASSIGN_OR_RETURN(
        std::vector<store::Stored> found,
        env_->store->Find(kinds_->view,
                          {.filters = {{"case_no", store::Filter::Op::kEq, id_or_number}},
                           .scope = scope,
                           .limit = 1}));
    if (found.empty()) return casework::NotFound("办件", id_or_number);
    return Parse(found[0]);
  }
  absl::StatusOr<store::Stored> stored = env_->store->Get(kinds_->view, id_or_number, scope);
  if (absl::IsNotFound(stored.status())) return casework::NotFound("办件", id_or_number);
  YK_RETURN_IF_ERROR(stored.status());
  return Parse(*stored);
}

absl::StatusOr<v1::GetCaseResponse> IntakeService::GetCase(const rpc::CallContext& context,
                                                           const v1::GetCaseRequest& request) {
  YK_ASSIGN_OR_RETURN(const CaseRecord record, FindView(context, request.case_id()));
  v1::GetCaseResponse response;
  *response.mutable_view() = ViewOf(context, record);
  if (request.with_application() && record.kind() == cw::CASE_KIND_APPLICATION) {
    YK_ASSIGN_OR_RETURN(
        store::Stored stored,
        env_->store->Get(kinds_->application, record.case_id(), env_->ScopeOf(context)));
    response.mutable_view()->mutable_application()->ParseFromString(stored.body);
  }
  return response;
}

absl::StatusOr<v1::BatchGetCasesResponse> IntakeService::BatchGetCases(
    const rpc::CallContext& context, const v1::BatchGetCasesRequest& request) {
  if (request.case_ids_size() > kBatchMax) {
    return casework::Error(absl::StatusCode::kInvalidArgument, cw::ERROR_REASON_LIMIT_EXCEEDED,
                           absl::StrCat("case_ids holds ", request.case_ids_size(),
                                        " ids; ask for at most ", kBatchMax, " at a time."))
        .With("limit", absl::StrCat(kBatchMax));
  }
  v1::BatchGetCasesResponse response;
  for (const std::string& id : request.case_ids()) {
    v1::GetCaseRequest one;
    one.set_case_id(id);
    one.set_with_application(request.with_application());
    absl::StatusOr<v1::GetCaseResponse> got = GetCase(context, one);
    if (absl::IsNotFound(got.status())) continue;
    YK_RETURN_IF_ERROR(got.status());
    *response.add_views() = std::move(*got->mutable_view());
  }
  return response;
}

absl::StatusOr<v1::ListCasesResponse> IntakeService::ListCases(
    const rpc::CallContext& context, const v1::ListCasesRequest& request) {
  YK_ASSIGN_OR_RETURN(app::Page page, app::ReadPage(request));
  store::Query query{.filters = {},
                     .scope = env_->ScopeOf(context),
                     .descending = true,
                     .after = page.after,
                     .limit = page.limit};
  using Op = store::Filter::Op;
  if (request.state() != 0) query.filters.push_back({"state", Op::kEq, int64_t{request.state()}});
  if (request.kind() != 0) query.filters.push_back({"kind", Op::kEq, int64_t{request.kind()}});
  if (!request.item_code().empty()) {
    query.filters.push_back({"item_code", Op::kEq, request.item_code()});
  }
  if (!request.receiver_unit().empty()) {
    const auto [first, last] = casework::CoveredRange(request.receiver_unit());
    query.filters.push_back({"receiver_unit", Op::kGe, first});
    query.filters.push_back({"receiver_unit", Op::kLt, last});
  }
  YK_ASSIGN_OR_RETURN(std::vector<store::Stored> found, env_->store->Find(kinds_->view, query));
  v1::ListCasesResponse response;
  for (const store::Stored& stored : found) {
    YK_ASSIGN_OR_RETURN(const CaseRecord record, Parse(stored));
    *response.add_views() = ViewOf(context, record);
  }
  response.set_next_page_token(app::NextPageToken(request, page, found));
  return response;
}

absl::StatusOr<v1::ExplainDeadlineResponse> IntakeService::ExplainDeadline(
    const rpc::CallContext& context, const v1::ExplainDeadlineRequest& request) {
  YK_ASSIGN_OR_RETURN(const CaseRecord record, FindView(context, request.case_id()));
  const absl::Time now = env_->case_clock->Now();
  v1::ExplainDeadlineResponse response;
  for (const cw::Clock& clock : record.clocks()) {
    v1::ClockExplanation* explanation = response.add_clocks();
    *explanation->mutable_clock() = casework::ViewOf(clock, *env_->calendar, now);
    for (std::string& line : casework::Explain(clock, *env_->calendar, now)) {
      explanation->add_lines(std::move(line));
    }
  }
  return response;
}

}  // namespace yikou::intake
