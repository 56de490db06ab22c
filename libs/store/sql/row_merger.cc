#include "libs/store/sql/row_merger.h"

#include <optional>

namespace yikou::store {
namespace {

using Mode = RowWrite::Mode;

Value SumOf(const Value& a, const Value& b) {
  const auto real = [](const Value& value) {
    const double* number = std::get_if<double>(&value);
    return number ? *number : static_cast<double>(IntOf(value));
  };
  if (std::holds_alternative<double>(a) || std::holds_alternative<double>(b)) {
    return real(a) + real(b);
  }
  return IntOf(a) + IntOf(b);
}

// The mode in which both writes are one, or nothing when it depends on whether the row is there.
std::optional<Mode> Merge(Mode first, Mode second) {
  if (second == Mode::kUpsert || second == Mode::kDelete) return second;
  switch (first) {
    case Mode::kDelete:
    case Mode::kUpsert:
      return Mode::kUpsert;  // what is there by then is known
    case Mode::kAdd:
      return Mode::kAdd;
    case Mode::kInsertOrIgnore:
      if (second == Mode::kInsertOrIgnore) return first;
      return std::nullopt;
  }
  return std::nullopt;
}

std::vector<Value> MergedValues(Mode first, std::vector<Value> before, const RowWrite& second) {
  if (first == Mode::kDelete || second.mode == Mode::kUpsert || second.mode == Mode::kDelete) {
    return second.values;
  }
  if (second.mode == Mode::kInsertOrIgnore) return before;
  for (size_t i = 0; i < before.size(); ++i) before[i] = SumOf(before[i], second.values[i]);
  return before;
}

RowBatch::Mode BatchMode(Mode mode) {
  switch (mode) {
    case Mode::kUpsert:
      return RowBatch::Mode::kUpsert;
    case Mode::kInsertOrIgnore:
      return RowBatch::Mode::kInsertOrIgnore;
    case Mode::kAdd:
      return RowBatch::Mode::kAdd;
    case Mode::kDelete:
      return RowBatch::Mode::kDelete;
  }
  return RowBatch::Mode::kUpsert;
}

}  // namespace

void RowMerger::Add(const RowWrite& row) {
  auto& [table, rounds] = tables_[row.table->name];
  table = row.table;
  if (rounds.empty()) rounds.emplace_back();
  // A key's last write is in the last round that has it; an earlier round is closed for that key.
  for (size_t i = rounds.size(); i-- > 0;) {
    const auto found = rounds[i].find(row.keys);
    if (found == rounds[i].end()) continue;
    Merged& before = found->second;
    if (const std::optional<Mode> mode = Merge(before.mode, row.mode)) {
      before.values = MergedValues(before.mode, std::move(before.values), row);
      before.mode = *mode;
      return;
    }
    if (i + 1 == rounds.size()) rounds.emplace_back();
    rounds[i + 1].emplace(row.keys, Merged{row.mode, row.values});
    return;
  }
  rounds.front().emplace(row.keys, Merged{row.mode, row.values});
}

std::vector<RowBatch> RowMerger::Take() {
  std::vector<RowBatch> batches;
  for (auto& [name, entry] : tables_) {
    auto& [table, rounds] = entry;
    for (Round& round : rounds) {
      std::map<Mode, RowBatch> by_mode;
      for (auto& [keys, merged] : round) {
        RowBatch& batch = by_mode[merged.mode];
        batch.rows.push_back(keys);
        if (merged.mode == Mode::kDelete) continue;
        batch.rows.back().insert(batch.rows.back().end(), merged.values.begin(),
                                 merged.values.end());
      }
      for (auto& [mode, batch] : by_mode) {
        batch.table = name;
        batch.mode = BatchMode(mode);
        batch.keys = table->keys;
        if (mode != Mode::kDelete) batch.values = table->values;
        batches.push_back(std::move(batch));
      }
    }
  }
  tables_.clear();
  return batches;
}

}  // namespace yikou::store
