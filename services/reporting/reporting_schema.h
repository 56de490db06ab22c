// What reporting stores: the figures of each case, its timeline, and sums by receiving unit.
#pragma once

#include <vector>

#include "libs/store/store.h"

namespace yikou::reporting {

// Aggregate "case_figures", id: case id, body: CaseFigures. Not audited: it owns no fact.
extern const store::AggregateKind kCaseFigures;
// Events of a case: key (case_id, source, position).
extern const store::Table kTimeline;
// Sums: key (unit_id, metric). Incremented only, so that concurrent folds add up.
extern const store::Table kFigure;

std::vector<store::Migration> Migrations();

}  // namespace yikou::reporting
