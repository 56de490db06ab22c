// Reads of approval: the work list, processes, licences. Every one is in the caller's scope by its
// SQL predicate, but the check of a licence, which is open to whoever holds the document.
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/app/pages.h"
#include "libs/base/ids.h"
#include "libs/base/status.h"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/casework/units.h"
#include "services/approval/approval_service.h"

namespace yikou::approval {

using casework::Violations;
using rpc::CallContext;

namespace {

constexpr char kProcess[] = "审批过程";

// Which rows of the work list belong to a caller: steps of the units below, and, for a body, those
// of the division it sits at.
using RowFilters = std::vector<store::Filter>;
std::vector<RowFilters> WorkOf(const std::string& unit) {
  if (unit.empty()) return {{}};
  const auto [first, last] = casework::CoveredRange(unit);
  std::vector<RowFilters> rows = {
      {{"unit_id", store::Filter::Op::kGe, first}, {"unit_id", store::Filter::Op::kLt, last}}};
  const std::string division = casework::DivisionOf(unit);
  if (division != unit) rows.push_back({{"unit_id", store::Filter::Op::kEq, division}});
  return rows;
}

}  // namespace

absl::StatusOr<std::vector<ApprovalService::Row>> ApprovalService::SelectWork(
    const CallContext& context, const v1::ListWorkRequest& request, const app::Page& page) const {
  std::vector<Row> rows;
  for (RowFilters filters : WorkOf(context.principal.unit_id)) {
    const auto equal = store::Filter::Op::kEq;
    if (!request.unit_id().empty()) filters.push_back({"unit_id", equal, request.unit_id()});
    if (!request.case_id().empty()) filters.push_back({"case_id", equal, request.case_id()});
    YK_ASSIGN_OR_RETURN(std::vector<Row> some,
                        env_->store->Select(kWork, {.filters = std::move(filters),
                                                    .scope = env_->ScopeOf(context),
                                                    .after = page.after,
                                                    .limit = page.limit}));
    std::move(some.begin(), some.end(), std::back_inserter(rows));
  }
  // Keys begin with the time-ordered case id: oldest first.
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::get<std::string>(a[0]) < std::get<std::string>(b[0]);
  });
  if (rows.size() > static_cast<size_t>(page.limit)) rows.resize(page.limit);
  return rows;
}

absl::StatusOr<v1::ListWorkResponse> ApprovalService::ListWork(
    const CallContext& context, const v1::ListWorkRequest& request) const {
  if (!request.unit_id().empty() && !casework::IsUnitId(request.unit_id())) {
    Violations violations;
    violations.Add("unit_id", "must be a unit id or empty.");
    return violations.ToStatus();
  }
  YK_ASSIGN_OR_RETURN(const app::Page page, app::ReadPage(request));
  YK_ASSIGN_OR_RETURN(const std::vector<Row> rows, SelectWork(context, request, page));
  const absl::Time now = env_->case_clock->Now();
  store::Work work = env_->WorkForTimer("");
  v1::ListWorkResponse response;
  for (const Row& row : rows) {
    const std::string& key = std::get<std::string>(row[0]);
    const std::string& case_id = std::get<std::string>(row[1]);
    YK_ASSIGN_OR_RETURN(v1::Process * process, work.Load<v1::Process>(kinds().process, case_id));
    const StepRef at = FindStep(process, absl::string_view(key).substr(case_id.size() + 1));
    // Decided between the two reads.
    if (at.step == nullptr || !IsLive(*at.step)) continue;
    v1::WorkItem* item = response.add_items();
    item->set_case_id(case_id);
    item->set_case_no(process->facts().case_no());
    item->set_title(process->facts().title());
    item->set_process_version(process->version());
    *item->mutable_step() = *at.step;
    item->set_light(casework::WorstLight(process->clocks(), *env_->calendar, now));
    item->set_state(process->state());
  }
  if (!rows.empty()) {
    response.set_next_page_token(app::NextPageToken(request, page, static_cast<int>(rows.size()),
                                                    std::get<std::string>(rows.back()[0])));
  }
  return response;
}

absl::StatusOr<v1::GetProcessResponse> ApprovalService::GetProcess(
    const CallContext& context, const v1::GetProcessRequest& request) const {
  if (request.case_id().empty()) {
    Violations violations;
    violations.Add("case_id", "must name a case.");
    return violations.ToStatus();
  }
  store::Work work = env_->WorkForTimer("");
  const absl::StatusOr<v1::Process*> process =
      work.Load<v1::Process>(kinds().process, request.case_id(), env_->ScopeOf(context));
  if (absl::IsNotFound(process.status())) return casework::NotFound(kProcess, request.case_id());
  YK_RETURN_IF_ERROR(process.status());
  v1::GetProcessResponse response;
  *response.mutable_view() = ViewFor(context, **process);
  return response;
}

absl::StatusOr<v1::GetLicenceResponse> ApprovalService::GetLicence(
    const CallContext& context, const v1::GetLicenceRequest& request) const {
  if (request.licence_id().empty()) {
    Violations violations;
    violations.Add("licence_id", "must name a licence.");
    return violations.ToStatus();
  }
  store::Work work = env_->WorkForTimer("");
  const absl::StatusOr<v1::Licence*> licence =
      work.Load<v1::Licence>(kinds().licence, request.licence_id(), env_->ScopeOf(context));
  if (absl::IsNotFound(licence.status())) return casework::NotFound("证照", request.licence_id());
  YK_RETURN_IF_ERROR(licence.status());
  v1::GetLicenceResponse response;
  *response.mutable_licence() = **licence;
  return response;
}

absl::StatusOr<v1::VerifyLicenceResponse> ApprovalService::VerifyLicence(
    const CallContext& context, const v1::VerifyLicenceRequest& request) const {
  Violations violations;
  if (request.licence_id().empty()) violations.Add("licence_id", "must name a licence.");
  if (request.document().empty()) violations.Add("document", "must hold the document to check.");
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Work work = env_->WorkForTimer("");
  const absl::StatusOr<v1::Licence*> licence =
      work.Load<v1::Licence>(kinds().licence, request.licence_id());
  v1::VerifyLicenceResponse response;
  if (absl::IsNotFound(licence.status())) {
    response.set_explanation("证照库中没有这个编号的证照。");
    return response;
  }
  YK_RETURN_IF_ERROR(licence.status());
  const SealUse use{(*licence)->algorithm(), (*licence)->signature(), (*licence)->public_key()};
  const absl::Status genuine = CheckSeal(use, request.document());
  if (absl::IsDataLoss(genuine)) {
    response.set_explanation("文件内容与证照库中的登记不一致，签章不能证明这份文件。");
    return response;
  }
  if (!genuine.ok()) return absl::InternalError(genuine.message());
  response.set_state((*licence)->state());
  response.set_explanation((*licence)->state() == casework::v1::LICENCE_STATE_VALID
                               ? "证照有效：内容与登记一致，签章真实。"
                               : "证照已经撤销。");
  return response;
}

}  // namespace yikou::approval
