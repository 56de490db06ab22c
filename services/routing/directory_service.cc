#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "libs/app/pages.h"
#include "libs/base/log.h"
#include "libs/casework/errors.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"
#include "services/routing/routing_schema.h"
#include "services/routing/routing_service.h"

namespace yikou::routing {

namespace cw = casework::v1;
using cw::Unit;

namespace {

constexpr int kImportMax = 500;

// Faults of a unit by itself, and against its parent's id.
std::string FaultOf(const Unit& unit) {
  if (!casework::IsUnitId(unit.unit_id())) {
    return absl::StrCat("unit_id “", unit.unit_id(), "” is not a unit id");
  }
  if (unit.tier() == cw::TIER_UNSPECIFIED || unit.kind() == cw::UNIT_KIND_UNSPECIFIED) {
    return absl::StrCat(unit.unit_id(), " needs a tier and a kind");
  }
  if (casework::TierOf(unit.unit_id()) != unit.tier()) {
    return absl::StrCat(unit.unit_id(), " is not of tier ", cw::Tier_Name(unit.tier()));
  }
  if (!casework::IsCleanText(unit.name()) || unit.name().empty() ||
      casework::CountCharacters(unit.name()) > 200) {
    return absl::StrCat(unit.unit_id(), " needs a name of 1 to 200 characters");
  }
  const bool top = unit.tier() == cw::TIER_DISTRICT && unit.kind() == cw::UNIT_KIND_DIVISION;
  if (!top && (unit.parent_id().empty() || !casework::Covers(unit.parent_id(), unit.unit_id()))) {
    return absl::StrCat(unit.unit_id(), " is not below its parent “", unit.parent_id(), "”");
  }
  return "";
}

}  // namespace

absl::Status DirectoryService::Import(store::Work& work, const Unit& unit,
                                      v1::ImportUnitsResponse* response) {
  absl::StatusOr<Unit*> known = work.Load<Unit>(app::kOwnUnitKind, unit.unit_id());
  if (!known.ok() && !absl::IsNotFound(known.status())) return known.status();
  if (known.ok() && google::protobuf::util::MessageDifferencer::Equals(**known, unit)) {
    response->set_unchanged(response->unchanged() + 1);
    return absl::OkStatus();
  }
  Unit* value = known.ok() ? *known : work.Create<Unit>(app::kOwnUnitKind, unit.unit_id());
  *value = unit;
  *work.Emit(app::kOwnUnitKind, unit.unit_id(), "routing.unit_changed", "").mutable_unit() = unit;
  response->set_changed(response->changed() + 1);
  return absl::OkStatus();
}

absl::StatusOr<store::Outcome<v1::ImportUnitsResponse>> DirectoryService::ImportUnits(
    const rpc::CallContext& context, const v1::ImportUnitsRequest& request) {
  casework::Violations violations;
  if (request.units_size() == 0 || request.units_size() > kImportMax) {
    violations.Add("units", absl::StrCat("must hold 1 to ", kImportMax, " units, holds ",
                                         request.units_size(), "."));
  }
  for (int i = 0; i < request.units_size(); ++i) {
    const std::string fault = FaultOf(request.units(i));
    if (!fault.empty()) violations.Add(absl::StrCat("units[", i, "]"), fault + ".");
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Outcome<v1::ImportUnitsResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  for (const Unit& unit : request.units()) {
    YK_RETURN_IF_ERROR(Import(work, unit, &outcome.response));
  }
  if (request.validate_only()) return outcome;
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

absl::StatusOr<v1::GetUnitResponse> DirectoryService::GetUnit(const rpc::CallContext& context,
                                                              const v1::GetUnitRequest& request) {
  v1::GetUnitResponse response;
  YK_ASSIGN_OR_RETURN(*response.mutable_unit(), env_->reference->GetUnit(request.unit_id()));
  return response;
}

absl::StatusOr<v1::ListUnitsResponse> DirectoryService::ListUnits(
    const rpc::CallContext& context, const v1::ListUnitsRequest& request) {
  YK_ASSIGN_OR_RETURN(app::Page page, app::ReadPage(request));
  using Op = store::Filter::Op;
  store::Query query{.filters = {}, .scope = {}, .after = page.after, .limit = page.limit};
  if (request.tier() != 0) query.filters.push_back({"tier", Op::kEq, int64_t{request.tier()}});
  if (!request.below().empty()) {
    const auto [first, last] = casework::CoveredRange(request.below());
    query.filters.push_back({"id", Op::kGe, first});
    query.filters.push_back({"id", Op::kLt, last});
  }
  YK_ASSIGN_OR_RETURN(std::vector<store::Stored> found,
                      env_->store->Find(app::kOwnUnitKind, query));
  v1::ListUnitsResponse response;
  for (const store::Stored& stored : found) response.add_units()->ParseFromString(stored.body);
  response.set_next_page_token(app::NextPageToken(request, page, found));
  return response;
}

absl::Status DirectoryService::ImportFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat("The directory ", path, " cannot be read. Check --directory."));
  }
  v1::ImportUnitsResponse response;
  std::optional<store::Work> work;
  int pending = 0;
  auto flush = [&]() -> absl::Status {
    if (!work) return absl::OkStatus();
    YK_ASSIGN_OR_RETURN(store::Change change, work->Take());
    work.reset();
    pending = 0;
    return change.empty() ? absl::OkStatus() : env_->committer->CommitOne(std::move(change));
  };
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    Unit unit;
    const auto parsed = google::protobuf::util::JsonStringToMessage(line, &unit);
    const std::string fault = parsed.ok() ? FaultOf(unit) : parsed.ToString();
    if (!fault.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("Line ", number, " of ", path, ": ", fault));
    }
    if (!work) work.emplace(env_->WorkForTimer("directory"));
    YK_RETURN_IF_ERROR(Import(*work, unit, &response));
    if (++pending == kImportMax) YK_RETURN_IF_ERROR(flush());
  }
  YK_RETURN_IF_ERROR(flush());
  base::LogInfo("directory.imported", {{"changed", absl::StrCat(response.changed())},
                                       {"unchanged", absl::StrCat(response.unchanged())}});
  return absl::OkStatus();
}

}  // namespace yikou::routing
