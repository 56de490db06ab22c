#include "services/reporting/reporting_schema.h"

#include <string>
#include <utility>

#include "yikou/reporting/v1/reporting.pb.h"

namespace yikou::sql {
// Made by yikou_embed_sql.
std::vector<std::pair<std::string, std::string>> reporting_schema();
}  // namespace yikou::sql

namespace yikou::reporting {

const store::AggregateKind kCaseFigures{
    .name = "case_figures",
    .table = "case_figures",
    .columns = {"receiver_unit", "state"},
    .extract =
        [](const google::protobuf::Message& message) {
          const auto& figures = static_cast<const v1::CaseFigures&>(message);
          return std::vector<store::Value>{figures.receiver_unit(),
                                           static_cast<int64_t>(figures.state())};
        },
    .next_due = nullptr,
    .scope_column = "id",
    .audited = false,
};

const store::Table kTimeline{
    .name = "timeline",
    .keys = {"case_id", "source", "position"},
    .values = {"occurred_at", "stream", "event"},
    .scope_column = "case_id",
};

const store::Table kFigure{
    .name = "figure",
    .keys = {"unit_id", "metric"},
    .values = {"value"},
    .scope_column = "",
};

std::vector<std::string> DerivedTables() {
  return {kCaseFigures.table, kTimeline.name, kFigure.name, store::kCaseScope.name};
}

std::vector<store::Migration> Migrations() {
  std::vector<store::Migration> migrations;
  for (auto& [name, text] : sql::reporting_schema()) {
    migrations.push_back({static_cast<int>(migrations.size()) + 1, name, text});
  }
  return migrations;
}

}  // namespace yikou::reporting
