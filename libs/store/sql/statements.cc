#include "libs/store/sql/statements.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace yikou::store {

std::string Marks(size_t count) {
  return absl::StrJoin(std::vector<std::string>(count, "?"), ", ");
}

std::string IdFirst(const std::string& aggregate) {
  const size_t slash = aggregate.find('/');
  return absl::StrCat(aggregate.substr(slash + 1), "/", aggregate.substr(0, slash));
}

std::string KindFirst(const std::string& stored) {
  const size_t slash = stored.rfind('/');
  return absl::StrCat(stored.substr(slash + 1), "/", stored.substr(0, slash));
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
