// What reporting stores: the figures of each case, its timeline, and sums by receiving unit.
#pragma once

#include <string>
#include <vector>

#include "libs/store/store.h"
#include "libs/store/work.h"

namespace yikou::reporting {

// Aggregate "case_figures", id: case id, body: CaseFigures. Not audited: it owns no fact.
extern const store::AggregateKind kCaseFigures;
// Events of a case: key (case_id, source, position).
extern const store::Table kTimeline;
// Sums: key (unit_id, metric). Incremented only, so that concurrent folds add up.
extern const store::Table kFigure;

std::vector<store::Migration> Migrations();

// All that follows from the logs of the others, but units and items: these are folded over what is
// there, so that names do not go away in a rebuild.
std::vector<std::string> DerivedTables();

}  // namespace yikou::reporting
