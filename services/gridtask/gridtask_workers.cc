// The roster: who is bound to which grid, how loaded, and how it is imported.
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

// More workers than any street has.
constexpr int kMostWorkers = 5000;

// States in which an event weighs on its assignee: assigned and not fed back. They are neighbours,
// so that a count needs one range.
constexpr cw::CaseState kFirstOpen = cw::CASE_STATE_DISPATCHED;
constexpr cw::CaseState kLastOpen = cw::CASE_STATE_HANDLING;
static_assert(cw::CASE_STATE_SIGNED == kFirstOpen + 1 && kLastOpen == kFirstOpen + 2);

// What was stored, or what a request says, without what the service itself counts.
std::string WorkerBytes(v1::Worker worker) {
  worker.clear_version();
  worker.clear_load();
  return store::StableBytes(worker);
}

}  // namespace

absl::StatusOr<int32_t> GridTaskService::LoadOf(const std::string& worker_id) const {
  YK_ASSIGN_OR_RETURN(
      const int64_t load,
      env_.store->Count(kinds_.grid_event, {{"worker_id", Filter::Op::kEq, worker_id},
                                            {"state", Filter::Op::kGe, int64_t{kFirstOpen}},
                                            {"state", Filter::Op::kLe, int64_t{kLastOpen}}}));
  return static_cast<int32_t>(load);
}

absl::StatusOr<std::vector<v1::Worker>> GridTaskService::WorkersAround(
    store::Work& work, const std::string& grid_id) const {
  store::Query query;
  KeepBelow("unit_id", casework::DivisionAt(grid_id, cw::TIER_STREET), &query.filters);
  query.limit = kMostWorkers;
  YK_ASSIGN_OR_RETURN(const std::vector<store::Stored> rows,
                      env_.store->Find(kinds_.worker, query));
  std::vector<v1::Worker> workers;
  std::set<std::string> known;
  for (const store::Stored& row : rows) {
    YK_ASSIGN_OR_RETURN(v1::Worker worker, Decode<v1::Worker>(row));
    known.insert(worker.worker_id());
    workers.push_back(std::move(worker));
  }
  // A backup may belong to another street, and may not be imported yet.
  for (const std::string& backup : BackupsOf(workers, grid_id)) {
    if (!known.insert(backup).second) continue;
    const auto worker = work.Load<v1::Worker>(kinds_.worker, backup);
    if (worker.ok()) {
      workers.push_back(**worker);
    } else if (!absl::IsNotFound(worker.status())) {
      return worker.status();
    }
  }
  return workers;
}

absl::Status GridTaskService::CheckPlaces(const v1::ImportWorkersRequest& request) const {
  casework::Violations violations;
  std::set<std::string> ids;
  for (int i = 0; i < request.workers_size(); ++i) {
    const v1::Worker& worker = request.workers(i);
    const std::string prefix = absl::StrCat("workers[", i, "].");
    CheckWorker(worker, prefix, &violations);
    if (!ids.insert(worker.worker_id()).second) {
      violations.Add(absl::StrCat(prefix, "worker_id"), "在本次导入中重复");
    }
    for (const auto& [field, unit] : {std::make_pair("unit_id", worker.unit_id()),
                                      std::make_pair("grid_id", worker.grid_id())}) {
      const absl::Status found = env_.reference->GetUnit(unit).status();
      if (absl::IsNotFound(found)) {
        violations.Add(absl::StrCat(prefix, field), absl::StrCat("组织目录中没有 ", unit));
      } else if (!found.ok()) {
        return found;
      }
    }
  }
  return violations.ToStatus();
}

absl::StatusOr<v1::ImportWorkersResponse> GridTaskService::StoreWorkers(
    store::Work& work, const std::vector<v1::Worker>& workers) const {
  v1::ImportWorkersResponse response;
  for (const v1::Worker& worker : workers) {
    const std::string& id = worker.worker_id();
    const auto stored = work.Load<v1::Worker>(kinds_.worker, id);
    if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
    if (stored.ok() && WorkerBytes(**stored) == WorkerBytes(worker)) {
      response.set_unchanged(response.unchanged() + 1);
      continue;
    }
    v1::Worker* value = stored.ok() ? *stored : work.Create<v1::Worker>(kinds_.worker, id);
    *value = worker;
    value->clear_load();
    value->set_version(work.Emit(kinds_.worker, id, "grid.worker_changed", "").version());
    response.set_changed(response.changed() + 1);
  }
  return response;
}

GridTaskService::Decision<v1::ImportWorkersResponse> GridTaskService::ImportWorkers(
    const rpc::CallContext& context, const v1::ImportWorkersRequest& request) {
  if (request.workers_size() > kMaxWorkersInImport) {
    return casework::Error(absl::StatusCode::kInvalidArgument, cw::ERROR_REASON_LIMIT_EXCEEDED,
                           absl::StrCat("一次最多导入 ", kMaxWorkersInImport, " 名网格员，本次有 ",
                                        request.workers_size(), " 名。"))
        .With("limit", absl::StrCat(kMaxWorkersInImport));
  }
  YK_RETURN_IF_ERROR(CheckPlaces(request));
  store::Work work = env_.WorkFor(context, request.request_id());
  store::Outcome<v1::ImportWorkersResponse> outcome;
  YK_ASSIGN_OR_RETURN(outcome.response,
                      StoreWorkers(work, {request.workers().begin(), request.workers().end()}));
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

GridTaskService::Decision<v1::ImportWorkersResponse> GridTaskService::ImportWorkersFromCsv(
    absl::string_view csv) {
  YK_ASSIGN_OR_RETURN(const std::vector<v1::Worker> workers, ParseWorkers(csv));
  store::Work work = env_.WorkForTimer("import");
  store::Outcome<v1::ImportWorkersResponse> outcome;
  YK_ASSIGN_OR_RETURN(outcome.response, StoreWorkers(work, workers));
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

absl::StatusOr<v1::ListWorkersResponse> GridTaskService::ListWorkers(
    const rpc::CallContext& context, const v1::ListWorkersRequest& request) {
  YK_ASSIGN_OR_RETURN(const app::Page page, app::ReadPage(request));
  store::Query query;
  // The two conditions meet in what lies below both.
  const auto keep = [&query](const std::string& unit) {
    const bool grid = casework::TierOf(unit) == cw::TIER_GRID;
    KeepBelow(grid ? "grid_id" : "unit_id", unit, &query.filters);
  };
  if (const std::optional<store::Scope> scope = env_.ScopeOf(context)) keep(scope->unit_id);
  if (!request.unit_id().empty()) keep(request.unit_id());
  query.after = page.after;
  query.limit = page.limit;
  YK_ASSIGN_OR_RETURN(const std::vector<store::Stored> rows,
                      env_.store->Find(kinds_.worker, query));
  v1::ListWorkersResponse response;
  for (const store::Stored& row : rows) {
    YK_ASSIGN_OR_RETURN(v1::Worker worker, Decode<v1::Worker>(row));
    YK_ASSIGN_OR_RETURN(const int32_t load, LoadOf(worker.worker_id()));
    worker.set_load(load);
    *response.add_workers() = std::move(worker);
  }
  response.set_next_page_token(app::NextPageToken(request, page, rows));
  return response;
}

}  // namespace yikou::gridtask
