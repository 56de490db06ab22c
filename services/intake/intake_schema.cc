#include "services/intake/intake_schema.h"

#include "libs/casework/clocks.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> intake_schema();
}  // namespace yikou::sql

namespace yikou::intake {

using casework::v1::CaseRecord;
using google::protobuf::Message;
using store::Value;

const store::Table kBlob{
    .name = "blob", .keys = {"digest"}, .values = {"bytes"}, .scope_column = ""};
const store::Table kQueryCode{
    .name = "query_code", .keys = {"digest"}, .values = {"case_id"}, .scope_column = ""};

IntakeKinds::IntakeKinds(const casework::Calendar* calendar) {
  record = {.name = "case",
            .table = "case_record",
            .columns = {"case_no"},
            .extract =
                [](const Message& message) {
                  return std::vector<Value>{static_cast<const CaseRecord&>(message).case_no()};
                },
            // Clocks tick where the state is decided; after a hand-over they are the next owner's.
            .next_due =
                [calendar](const Message& message) {
                  const auto& value = static_cast<const CaseRecord&>(message);
                  return value.owner() == "intake"
                             ? casework::EarliestDue(value.clocks(), *calendar)
                             : absl::InfiniteFuture();
                },
            .scope_column = "id"};
  view = {.name = "case_view",
          .table = "case_view",
          .columns = {"case_no", "state", "kind", "item_code", "receiver_unit"},
          .extract =
              [](const Message& message) {
                const auto& value = static_cast<const CaseRecord&>(message);
                return std::vector<Value>{value.case_no(), int64_t{value.state()},
                                          int64_t{value.kind()}, value.item_code(),
                                          value.receiver_unit()};
              },
          // Of the mirrored clocks only the sender's own HANDOVER clock is watched here.
          .next_due =
              [calendar](const Message& message) {
                const auto* clock =
                    casework::FindClock(static_cast<const CaseRecord&>(message).clocks(),
                                        casework::v1::CLOCK_PURPOSE_HANDOVER);
                return clock ? casework::NextRung(*clock, *calendar).due : absl::InfiniteFuture();
              },
          .scope_column = "id",
          .audited = false};
  application = {.name = "application",
                 .table = "application",
                 .columns = {},
                 .extract = [](const Message&) { return std::vector<Value>{}; },
                 .next_due = nullptr,
                 .scope_column = "id",
                 .emits = false};
  material = {.name = "material",
              .table = "material",
              .columns = {"unit_id"},
              .extract = [](const Message&) { return std::vector<Value>{std::string()}; },
              .next_due = nullptr,
              .scope_column = ""};
}

std::vector<store::Migration> IntakeMigrations() {
  std::vector<store::Migration> migrations;
  for (auto& [name, text] : sql::intake_schema()) {
    migrations.push_back({static_cast<int>(migrations.size()) + 1, name, text});
  }
  return migrations;
}

}  // namespace yikou::intake
