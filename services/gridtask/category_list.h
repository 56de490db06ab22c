// The categories of grid events (部件、事件): data, not code.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::gridtask {

struct Category {
  std::string code;
  std::string name;
  std::string class_name;      // 类别, such as 公用事业
  casework::v1::Limit handle;  // standard for handling, from registration on
  bool photos_required = false;
  bool urgent = false;
};

// Immutable once parsed. Threads: any.
class CategoryList {
 public:
  // Reads the JSON of deploy/data/grid/categories.json. INVALID_ARGUMENT names the first entry that
  // is wrong and what is wrong with it: a missing, mistyped or unknown key, a limit outside 1 to
  // 100,000, a code that occurs twice, no entry at all.
  static absl::StatusOr<CategoryList> Parse(absl::string_view json);

  // Null when there is no such category.
  const Category* Find(const std::string& code) const;
  size_t size() const { return by_code_.size(); }

 private:
  std::map<std::string, Category> by_code_;
};

}  // namespace yikou::gridtask
