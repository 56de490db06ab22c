// What gridtask stores: kinds of aggregates, one mirror table, migrations.
#pragma once

#include <string>
#include <vector>

#include "libs/casework/calendar.h"
#include "libs/store/store.h"

namespace yikou::gridtask {

// Kinds whose timers need the calendar; the owner keeps them where they are as long as the store
// runs, because writes point to them.
struct Kinds {
  store::AggregateKind grid_event;  // id: case id; body v1::GridEvent
  store::AggregateKind field_task;  // id: FieldTaskId(); body v1::FieldTask
  store::AggregateKind worker;      // id: worker id; body v1::Worker
};
Kinds MakeKinds(const casework::Calendar* calendar);

// Field requests as approval's events tell them: field_fact(task_id; case_no, field, version).
extern const store::Table kFieldFact;

// "<case id>/<field id>": a field id is unique only within its case.
std::string FieldTaskId(const std::string& case_id, const std::string& field_id);

std::vector<store::Migration> Migrations();

}  // namespace yikou::gridtask
