// What reads of stored rows share. For gridtask_queries.cc and gridtask_workers.cc.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/casework/units.h"
#include "libs/store/store.h"

namespace yikou::gridtask {

template <class Message>
absl::StatusOr<Message> Decode(const store::Stored& stored) {
  Message message;
  if (message.ParseFromString(stored.body)) return message;
  return absl::DataLossError(absl::StrCat("The stored bytes of ", stored.id, " cannot be read."));
}

// Conditions that keep a read at or below a unit.
inline void KeepBelow(const std::string& column, const std::string& unit,
                      std::vector<store::Filter>* filters) {
  const auto [first, last] = casework::CoveredRange(unit);
  filters->push_back({column, store::Filter::Op::kGe, first});
  filters->push_back({column, store::Filter::Op::kLt, last});
}

}  // namespace yikou::gridtask
