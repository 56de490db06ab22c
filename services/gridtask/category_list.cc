#include "services/gridtask/category_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/status.h"

namespace yikou::gridtask {
namespace {

using nlohmann::json;

constexpr int kLargestLimit = 100'000;

absl::Status Wrong(size_t index, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("Entry ", index + 1, " of the grid categories ", what, "."));
}

// "" when the entry has exactly the keys it needs, each of its type.
std::string ShapeProblem(const json& entry) {
  if (!entry.is_object()) return "is not an object";
  for (const char* key : {"code", "name", "class", "source"}) {
    if (!entry.contains(key) || !entry[key].is_string() || entry[key].get<std::string>().empty()) {
      return absl::StrCat("has no text \"", key, "\"");
    }
  }
  for (const char* key : {"photos_required", "urgent"}) {
    if (!entry.contains(key) || !entry[key].is_boolean()) {
      return absl::StrCat("has no true or false \"", key, "\"");
    }
  }
  if (!entry.contains("handle") || !entry["handle"].is_object()) return "has no \"handle\"";
  if (entry.size() != 7) return "has a key that is not known";
  return "";
}

std::string LimitProblem(const json& handle, casework::v1::Limit* limit) {
  if (!handle.contains("value") || !handle["value"].is_number_integer() ||
      handle["value"].get<int64_t>() < 1 || handle["value"].get<int64_t>() > kLargestLimit) {
    return absl::StrCat("has no \"handle.value\" from 1 to ", kLargestLimit);
  }
  casework::v1::TimeUnit unit = casework::v1::TIME_UNIT_UNSPECIFIED;
  if (!handle.contains("unit") || !handle["unit"].is_string() ||
      !casework::v1::TimeUnit_Parse(handle["unit"].get<std::string>(), &unit) ||
      unit == casework::v1::TIME_UNIT_UNSPECIFIED) {
    return "has no known \"handle.unit\"";
  }
  limit->set_value(handle["value"].get<int32_t>());
  limit->set_unit(unit);
  return "";
}

}  // namespace

absl::StatusOr<CategoryList> CategoryList::Parse(absl::string_view text) {
  const json entries = json::parse(text.begin(), text.end(), nullptr, false);
  if (!entries.is_array() || entries.empty()) {
    return absl::InvalidArgumentError("The grid categories are not a JSON array with entries.");
  }
  CategoryList list;
  for (size_t i = 0; i < entries.size(); ++i) {
    const json& entry = entries[i];
    if (const std::string problem = ShapeProblem(entry); !problem.empty()) return Wrong(i, problem);
    Category category;
    category.code = entry["code"];
    category.name = entry["name"];
    category.class_name = entry["class"];
    category.photos_required = entry["photos_required"];
    category.urgent = entry["urgent"];
    if (const std::string problem = LimitProblem(entry["handle"], &category.handle);
        !problem.empty()) {
      return Wrong(i, problem);
    }
    const std::string code = category.code;
    if (!list.by_code_.emplace(code, std::move(category)).second) {
      return Wrong(i, absl::StrCat("repeats the code ", code));
    }
  }
  return list;
}

const Category* CategoryList::Find(const std::string& code) const {
  const auto found = by_code_.find(code);
  return found == by_code_.end() ? nullptr : &found->second;
}

}  // namespace yikou::gridtask
