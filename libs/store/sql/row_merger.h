// Rows of keyed tables that one transaction writes, each key once: a second write of a row is
// merged into the first, as if both had been run in order. Databases refuse, or silently half
// apply, one statement that writes a row twice.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "libs/store/change.h"
#include "libs/store/sql/connection.h"

namespace yikou::store {

class RowMerger {
 public:
  void Add(const RowWrite& row);

  // What was added, in an order that gives the same result as the order it was added in.
  std::vector<RowBatch> Take();

 private:
  struct Merged {
    RowWrite::Mode mode;
    std::vector<Value> values;
  };
  // Writes of one table of which no two have the same keys.
  using Round = std::map<Row, Merged>;

  std::map<std::string, std::pair<const Table*, std::vector<Round>>> tables_;
};

}  // namespace yikou::store
