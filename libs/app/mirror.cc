#include "libs/app/mirror.h"

#include "absl/strings/str_cat.h"
#include "libs/casework/errors.h"

namespace yikou::app {

using casework::v1::Event;
using casework::v1::Item;
using casework::v1::Unit;
using store::Value;

namespace {

std::vector<Value> UnitColumns(const google::protobuf::Message& message) {
  const auto& unit = static_cast<const Unit&>(message);
  return {int64_t{unit.tier()}, unit.name()};
}

std::vector<Value> ItemColumns(const google::protobuf::Message& message) {
  const auto& item = static_cast<const Item&>(message);
  return {item.code(), item.name()};
}

store::AggregateKind Audited(store::AggregateKind kind) {
  kind.audited = true;
  return kind;
}

}  // namespace

const store::AggregateKind kUnitKind{.name = "unit",
                                     .table = "unit",
                                     .columns = {"tier", "name"},
                                     .extract = UnitColumns,
                                     .next_due = nullptr,
                                     .scope_column = "",
                                     .audited = false};
const store::AggregateKind kItemKind{.name = "item",
                                     .table = "item",
                                     .columns = {"code", "name"},
                                     .extract = ItemColumns,
                                     .next_due = nullptr,
                                     .scope_column = "",
                                     .audited = false};
const store::AggregateKind kOwnUnitKind = Audited(kUnitKind);
const store::AggregateKind kOwnItemKind = Audited(kItemKind);
const store::Table kItemHead{
    .name = "item_head", .keys = {"code"}, .values = {"version", "name"}, .scope_column = ""};

std::string ItemId(const std::string& code, int version) {
  return absl::StrCat(code, "@", version);
}

absl::StatusOr<bool> FoldReference(store::Work& work, const Event& event) {
  if (event.type() == "routing.unit_changed") {
    absl::StatusOr<Unit*> unit = work.Load<Unit>(kUnitKind, event.unit().unit_id());
    if (!unit.ok() && !absl::IsNotFound(unit.status())) return unit.status();
    Unit* value = unit.ok() ? *unit : work.Create<Unit>(kUnitKind, event.unit().unit_id());
    *value = event.unit();
    if (unit.ok()) work.Touch(kUnitKind, event.unit().unit_id());
    return true;
  }
  if (event.type() == "item.published") {
    const std::string id = ItemId(event.item().code(), event.item().version());
    absl::StatusOr<Item*> item = work.Load<Item>(kItemKind, id);
    if (!item.ok() && !absl::IsNotFound(item.status())) return item.status();
    // A version of an item never changes, so a second sight of it adds nothing.
    if (item.ok()) return true;
    *work.Create<Item>(kItemKind, id) = event.item();
    work.Put({.table = &kItemHead,
              .mode = store::RowWrite::Mode::kUpsert,
              .keys = {event.item().code()},
              .values = {int64_t{event.item().version()}, event.item().name()}});
    return true;
  }
  return false;
}

absl::StatusOr<Unit> Reference::GetUnit(const std::string& unit_id) {
  absl::StatusOr<store::Stored> stored = store_->Get(kUnitKind, unit_id);
  if (absl::IsNotFound(stored.status())) return casework::NotFound("单位", unit_id);
  YK_RETURN_IF_ERROR(stored.status());
  Unit unit;
  if (!unit.ParseFromString(stored->body)) return absl::DataLossError("A unit cannot be read.");
  return unit;
}

absl::StatusOr<Item> Reference::GetItem(const std::string& code, int version) {
  if (version == 0) {
    YK_ASSIGN_OR_RETURN(
        auto rows, store_->Select(kItemHead, {.filters = {{"code", store::Filter::Op::kEq, code}},
                                              .limit = 1}));
    if (rows.empty()) return casework::NotFound("事项", code);
    version = static_cast<int>(std::get<int64_t>(rows[0][1]));
  }
  const std::string id = ItemId(code, version);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = items_.find(id); found != items_.end()) return found->second;
  }
  absl::StatusOr<store::Stored> stored = store_->Get(kItemKind, id);
  if (absl::IsNotFound(stored.status())) return casework::NotFound("事项", id);
  YK_RETURN_IF_ERROR(stored.status());
  Item item;
  if (!item.ParseFromString(stored->body)) return absl::DataLossError("An item cannot be read.");
  std::lock_guard<std::mutex> lock(mutex_);
  items_[id] = item;
  return item;
}

std::string Reference::NameOf(const std::string& unit_id) {
  absl::StatusOr<Unit> unit = GetUnit(unit_id);
  return unit.ok() ? unit->name() : unit_id;
}

bool Reference::filled() {
  absl::StatusOr<std::vector<store::Stored>> any = store_->Find(kUnitKind, {.limit = 1});
  return any.ok() && !any->empty();
}

}  // namespace yikou::app
