#include "libs/app/case_numbers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/protobuf/wrappers.pb.h"
#include "libs/casework/calendar.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"
#include "libs/store/work.h"

namespace yikou::app {
namespace {

using google::protobuf::Int64Value;

// A block grows as a unit's day does: a quiet counter wastes few numbers, a busy one waits rarely.
constexpr int64_t kBlockMin = 8;
constexpr int64_t kBlockMax = 4096;
constexpr int64_t kSequenceMax = 999999;

}  // namespace

const store::AggregateKind kNumberBlockKind{
    .name = "number_block",
    .table = "number_block",
    .columns = {},
    .extract = [](const google::protobuf::Message&) { return std::vector<store::Value>(); },
    .next_due = nullptr,
    .scope_column = "",
    .audited = false};

absl::Status CaseNumbers::Lease(const std::string& key, Block* block) {
  block->size = std::clamp(block->size * 2, kBlockMin, kBlockMax);
  // Each failed attempt is a block another replica took: somebody always moves on.
  for (int attempt = 0; attempt < 20; ++attempt) {
    store::Work work(store_, {});
    absl::StatusOr<Int64Value*> next = work.Load<Int64Value>(kNumberBlockKind, key);
    if (!next.ok() && !absl::IsNotFound(next.status())) return next.status();
    Int64Value* value = next.ok() ? *next : work.Create<Int64Value>(kNumberBlockKind, key);
    if (next.ok()) work.Touch(kNumberBlockKind, key);
    const int64_t first = value->value() + 1;
    if (first > kSequenceMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("The 999,999 case numbers of ", key, " are used up."));
    }
    value->set_value(value->value() + block->size);
    YK_ASSIGN_OR_RETURN(store::Change change, work.Take());
    const absl::Status committed = committer_->CommitOne(std::move(change));
    if (absl::IsAborted(committed)) continue;
    YK_RETURN_IF_ERROR(committed);
    block->next = first;
    block->end = std::min(first + block->size, kSequenceMax + 1);
    return absl::OkStatus();
  }
  return absl::UnavailableError(absl::StrCat("The numbers of ", key, " are in demand; try again."));
}

absl::StatusOr<std::string> CaseNumbers::Next(const std::string& unit_id,
                                              casework::v1::CaseKind kind, absl::Time now) {
  const absl::CivilDay day = casework::Calendar::DayOf(now);
  // A number shows the division only, so a body counts with the others of its division.
  const std::string key =
      absl::StrCat(casework::DivisionOf(unit_id), "/", absl::FormatCivilTime(day), "/", kind);
  const base::Hold turn(turn_.get());
  // Yesterday's blocks are of no use; clearing them all costs today's units one lease each.
  if (blocks_.size() > 5000) blocks_.clear();
  Block& block = blocks_[key];
  if (block.next >= block.end) YK_RETURN_IF_ERROR(Lease(key, &block));
  return casework::FormatCaseNumber(unit_id, day, kind, block.next++);
}

}  // namespace yikou::app
