#include "services/intake/catalogue_service.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "libs/app/pages.h"
#include "libs/base/log.h"
#include "libs/casework/errors.h"
#include "libs/casework/placement.h"

namespace yikou::intake {

namespace cw = casework::v1;
using cw::Item;

namespace {

constexpr int kImportMax = 500;

}  // namespace

absl::Status CatalogueService::Import(store::Work& work, const Item& item,
                                      v1::ImportItemsResponse* response) {
  absl::StatusOr<Item> newest = env_->reference->GetItem(item.code(), 0);
  if (!newest.ok() && !absl::IsNotFound(newest.status())) return newest.status();
  Item next = item;
  next.set_version(newest.ok() ? newest->version() : 0);
  if (newest.ok() && google::protobuf::util::MessageDifferencer::Equals(*newest, next)) {
    response->set_unchanged(response->unchanged() + 1);
    return absl::OkStatus();
  }
  next.set_version(next.version() + 1);
  const std::string id = app::ItemId(next.code(), next.version());
  *work.Create<Item>(app::kOwnItemKind, id) = next;
  *work.Emit(app::kOwnItemKind, id, "item.published", "").mutable_item() = next;
  work.Put({.table = &app::kItemHead,
            .mode = store::RowWrite::Mode::kUpsert,
            .keys = {next.code()},
            .values = {int64_t{next.version()}, next.name()}});
  response->set_changed(response->changed() + 1);
  return absl::OkStatus();
}

absl::StatusOr<store::Outcome<v1::ImportItemsResponse>> CatalogueService::ImportItems(
    const rpc::CallContext& context, const v1::ImportItemsRequest& request) {
  casework::Violations violations;
  if (request.items_size() == 0 || request.items_size() > kImportMax) {
    violations.Add("items", absl::StrCat("must hold 1 to ", kImportMax, " items, holds ",
                                         request.items_size(), "."));
  }
  for (int i = 0; i < request.items_size(); ++i) {
    const absl::Status fault = casework::CheckItem(request.items(i));
    if (!fault.ok()) {
      violations.Add(absl::StrCat("items[", i, "]"), absl::StrCat(fault.message()));
    }
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());
  store::Outcome<v1::ImportItemsResponse> outcome;
  store::Work work = env_->WorkFor(context, request.request_id());
  for (const Item& item : request.items()) {
    YK_RETURN_IF_ERROR(Import(work, item, &outcome.response));
  }
  if (request.validate_only()) return outcome;
  YK_ASSIGN_OR_RETURN(outcome.change, work.Take());
  return outcome;
}

absl::StatusOr<v1::GetItemResponse> CatalogueService::GetItem(const rpc::CallContext& context,
                                                              const v1::GetItemRequest& request) {
  v1::GetItemResponse response;
  YK_ASSIGN_OR_RETURN(*response.mutable_item(),
                      env_->reference->GetItem(request.code(), request.version()));
  return response;
}

absl::StatusOr<v1::ListItemsResponse> CatalogueService::ListItems(
    const rpc::CallContext& context, const v1::ListItemsRequest& request) {
  YK_ASSIGN_OR_RETURN(app::Page page, app::ReadPage(request));
  store::Query query{.filters = {}, .scope = {}, .after = page.after, .limit = page.limit};
  if (!request.name_contains().empty()) {
    query.filters.push_back({"name", store::Filter::Op::kContains, request.name_contains()});
  }
  YK_ASSIGN_OR_RETURN(auto rows, env_->store->Select(app::kItemHead, query));
  v1::ListItemsResponse response;
  std::string last;
  for (const auto& row : rows) {
    last = std::get<std::string>(row[0]);
    YK_ASSIGN_OR_RETURN(
        *response.add_items(),
        env_->reference->GetItem(last, static_cast<int>(std::get<int64_t>(row[1]))));
  }
  response.set_next_page_token(
      app::NextPageToken(request, page, static_cast<int>(rows.size()), last));
  return response;
}

absl::Status CatalogueService::ImportFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat("The catalogue ", path, " cannot be read. Check --catalogue."));
  }
  v1::ImportItemsResponse response;
  std::string line;
  std::optional<store::Work> work;
  int number = 0;
  int pending = 0;
  auto flush = [&]() -> absl::Status {
    if (!work) return absl::OkStatus();
    YK_ASSIGN_OR_RETURN(store::Change change, work->Take());
    work.reset();
    pending = 0;
    return change.empty() ? absl::OkStatus() : env_->committer->CommitOne(std::move(change));
  };
  while (std::getline(file, line)) {
    ++number;
    Item item;
    const auto parsed = google::protobuf::util::JsonStringToMessage(line, &item);
    absl::Status fault =
        parsed.ok() ? casework::CheckItem(item) : absl::InvalidArgumentError(parsed.ToString());
    if (!fault.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Line ", number, " of ", path, ": ", fault.message()));
    }
    if (!work) work.emplace(env_->WorkForTimer("catalogue"));
    YK_RETURN_IF_ERROR(Import(*work, item, &response));
    if (++pending == kImportMax) YK_RETURN_IF_ERROR(flush());
  }
  YK_RETURN_IF_ERROR(flush());
  base::LogInfo("catalogue.imported", {{"changed", absl::StrCat(response.changed())},
                                       {"unchanged", absl::StrCat(response.unchanged())}});
  return absl::OkStatus();
}

}  // namespace yikou::intake
