#include "libs/store/sql/statements.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace yikou::store {

std::string Marks(size_t count) {
  return absl::StrJoin(std::vector<std::string>(count, "?"), ", ");
}

std::string OnConflict(const RowBatch& batch) {
  if (batch.mode == RowBatch::Mode::kInsert) return "";
  const std::string keys = absl::StrJoin(batch.keys, ", ");
  if (batch.mode == RowBatch::Mode::kInsertOrIgnore || batch.values.empty()) {
    return absl::StrCat(" ON CONFLICT (", keys, ") DO NOTHING");
  }
  std::vector<std::string> sets;
  for (const std::string& column : batch.values) {
    sets.push_back(
        batch.mode == RowBatch::Mode::kAdd
            ? absl::StrCat(column, " = ", batch.table, ".", column, " + excluded.", column)
            : absl::StrCat(column, " = excluded.", column));
  }
  return absl::StrCat(" ON CONFLICT (", keys, ") DO UPDATE SET ", absl::StrJoin(sets, ", "));
}

}  // namespace yikou::store
