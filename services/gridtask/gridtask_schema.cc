#include "services/gridtask/gridtask_schema.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/casework/clocks.h"
#include "yikou/gridtask/v1/gridtask.pb.h"

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> gridtask_schema();
}  // namespace yikou::sql

namespace yikou::gridtask {
namespace {

using google::protobuf::Message;

store::AggregateKind GridEventKind(const casework::Calendar* calendar) {
  store::AggregateKind kind;
  kind.name = "grid_event";
  kind.table = "grid_event";
  kind.columns = {"state", "worker_id", "case_no"};
  kind.extract = [](const Message& message) -> std::vector<store::Value> {
    const auto& event = static_cast<const v1::GridEvent&>(message);
    return {static_cast<int64_t>(event.state()), event.worker_id(), event.case_no()};
  };
  kind.next_due = [calendar](const Message& message) {
    return casework::EarliestDue(static_cast<const v1::GridEvent&>(message).clocks(), *calendar);
  };
  kind.scope_column = "id";
  return kind;
}

store::AggregateKind FieldTaskKind(const casework::Calendar* calendar) {
  store::AggregateKind kind;
  kind.name = "field_task";
  kind.table = "field_task";
  kind.columns = {"case_id", "unit_id", "state"};
  kind.extract = [](const Message& message) -> std::vector<store::Value> {
    const auto& task = static_cast<const v1::FieldTask&>(message);
    return {task.case_id(), task.field().unit_id(), static_cast<int64_t>(task.field().state())};
  };
  kind.next_due = [calendar](const Message& message) {
    return casework::EarliestDue(static_cast<const v1::FieldTask&>(message).clocks(), *calendar);
  };
  kind.scope_column = "case_id";
  return kind;
}

store::AggregateKind WorkerKind() {
  store::AggregateKind kind;
  kind.name = "worker";
  kind.table = "worker";
  kind.columns = {"unit_id", "grid_id"};
  kind.extract = [](const Message& message) -> std::vector<store::Value> {
    const auto& worker = static_cast<const v1::Worker&>(message);
    return {worker.unit_id(), worker.grid_id()};
  };
  return kind;
}

}  // namespace

const store::Table kFieldFact{.name = "field_fact",
                              .keys = {"task_id"},
                              .values = {"case_no", "field", "version"},
                              .scope_column = ""};

Kinds MakeKinds(const casework::Calendar* calendar) {
  return {GridEventKind(calendar), FieldTaskKind(calendar), WorkerKind()};
}

std::string FieldTaskId(const std::string& case_id, const std::string& field_id) {
  return absl::StrCat(case_id, "/", field_id);
}

std::vector<store::Migration> Migrations() {
  std::vector<store::Migration> migrations;
  for (const auto& [name, text] : sql::gridtask_schema()) {
    migrations.push_back({static_cast<int>(migrations.size()) + 1, name, text});
  }
  return migrations;
}

}  // namespace yikou::gridtask
