#include "services/approval/approval_schema.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/casework/clocks.h"
#include "yikou/approval/v1/approval.pb.h"

namespace yikou::sql {
// Made by yikou_embed_sql.
std::vector<std::pair<std::string, std::string>> approval_schema();
}  // namespace yikou::sql

namespace yikou::approval {
namespace {

const v1::Process& AsProcess(const google::protobuf::Message& message) {
  return static_cast<const v1::Process&>(message);
}

}  // namespace

const store::Table kHandover{.name = "handover",
                             .keys = {"case_id"},
                             .values = {"facts", "version"},
                             .scope_column = "case_id"};

const store::Table kWork{.name = "work",
                         .keys = {"step"},
                         .values = {"case_id", "unit_id", "state", "since"},
                         .scope_column = "case_id"};

const store::Table kSignedOffer{
    .name = "signed_offer", .keys = {"offer_id"}, .values = {"case_id"}, .scope_column = ""};

Kinds MakeKinds(const casework::Calendar* calendar) {
  Kinds kinds;
  kinds.process.name = "process";
  kinds.process.table = "process";
  kinds.process.columns = {"state", "item_code", "unit"};
  kinds.process.extract = [](const google::protobuf::Message& message) {
    const v1::Process& process = AsProcess(message);
    return std::vector<store::Value>{int64_t{process.state()}, process.facts().item_code(),
                                     process.route().lead_unit()};
  };
  // Once returned, intake watches the clocks that still run.
  kinds.process.next_due = [calendar](const google::protobuf::Message& message) {
    const v1::Process& process = AsProcess(message);
    if (process.returned()) return absl::InfiniteFuture();
    return casework::EarliestDue(process.clocks(), *calendar);
  };
  kinds.process.scope_column = "id";

  kinds.licence.name = "licence";
  kinds.licence.table = "licence";
  kinds.licence.columns = {"case_id"};
  kinds.licence.extract = [](const google::protobuf::Message& message) {
    return std::vector<store::Value>{static_cast<const v1::Licence&>(message).case_id()};
  };
  kinds.licence.scope_column = "case_id";

  kinds.declined_offer.name = "declined_offer";
  kinds.declined_offer.table = "declined_offer";
  kinds.declined_offer.columns = {"case_id"};
  kinds.declined_offer.extract = [](const google::protobuf::Message& message) {
    return std::vector<store::Value>{static_cast<const casework::v1::Offer&>(message).case_id()};
  };
  kinds.declined_offer.scope_column = "case_id";
  return kinds;
}

std::string WorkKey(const std::string& case_id, const std::string& step_id) {
  return absl::StrCat(case_id, "/", step_id);
}

std::vector<store::Migration> Migrations() {
  std::vector<store::Migration> migrations;
  for (auto& [name, sql] : sql::approval_schema()) {
    migrations.push_back({static_cast<int>(migrations.size()) + 1, name, std::move(sql)});
  }
  return migrations;
}

}  // namespace yikou::approval
