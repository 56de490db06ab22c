// Reference data every service folds: units of the directory and items of the catalogue.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "libs/app/reaction.h"
#include "libs/store/store.h"

namespace yikou::app {

// Aggregates "unit" (id: unit id) and "item" (id: "<code>@<version>") as mirrored by services that
// do not own them; tables unit and item of the core schema.
extern const store::AggregateKind kUnitKind;
extern const store::AggregateKind kItemKind;
// The same as their owners store them: audited, every version with its event.
extern const store::AggregateKind kOwnUnitKind;
extern const store::AggregateKind kOwnItemKind;
// Newest version of each item: table item_head(code, version).
extern const store::Table kItemHead;

std::string ItemId(const std::string& code, int version);

// Folds routing.unit_changed and item.published; true when the event was one of them.
absl::StatusOr<bool> FoldReference(store::Work& work, const casework::v1::Event& event);

// Reads of reference data; items never change and are kept in memory.
class Reference {
 public:
  explicit Reference(store::Store* store) : store_(store) {}
  // NOT_FOUND, with a Chinese sentence, when unknown. Threads: any.
  absl::StatusOr<casework::v1::Unit> GetUnit(const std::string& unit_id);
  // Version 0 is the newest.
  absl::StatusOr<casework::v1::Item> GetItem(const std::string& code, int version);
  // Name of a unit, or its id when unknown.
  std::string NameOf(const std::string& unit_id);
  // True when at least one unit is there: the service may start to serve.
  bool filled();

 private:
  store::Store* store_;
  std::mutex mutex_;
  std::map<std::string, casework::v1::Item> items_;
};

}  // namespace yikou::app
