#include "services/cli/day/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "services/cli/render.h"

namespace yikou::day {
namespace {

std::string Duration(double seconds) {
  if (seconds < 120) return absl::StrFormat("%.1f 秒", seconds);
  if (seconds < 2 * 3600) return absl::StrFormat("%.0f 分", seconds / 60);
  if (seconds < 2 * 86400) return absl::StrFormat("%.1f 时", seconds / 3600);
  return absl::StrFormat("%.1f 天", seconds / 86400);
}

std::string DwellOf(const Told& told, const std::string& stage) {
  auto found = told.dwell.find(stage);
  return found == told.dwell.end() ? "" : Duration(found->second);
}

std::string Scenarios(const DayResult& result) {
  cli::Table table(
      {"", "场景", "办件编号", "状态", "结果", "移交", "灯", "受理", "审批", "返回", "全程"},
      {false, false, false, false, false, true, false, true, true, true, true});
  for (const Told& told : result.told) {
    table.Add({told.key, told.name, told.case_no, told.state, told.outcome, absl::StrCat(told.hops),
               absl::StrJoin(told.lights, ","), DwellOf(told, "intake"), DwellOf(told, "approval"),
               DwellOf(told, "return"), DwellOf(told, "total")});
  }
  return table.Render();
}

void AddRow(const reporting::v1::SummaryRow& row, const std::string& name, cli::Table* table) {
  table->Add({name, absl::StrCat(row.received()), absl::StrCat(row.accepted()),
              absl::StrCat(row.decided()), absl::StrCat(row.closed()),
              absl::StrFormat("%.1f%%", row.in_time_rate() * 100), Duration(row.dwell_intake_s()),
              Duration(row.dwell_approval_s()), Duration(row.dwell_return_s()),
              absl::StrFormat("%.2f", row.hops()), absl::StrCat(row.grid_closed()),
              absl::StrCat(row.yellow()), absl::StrCat(row.red())});
}

std::string Figures(const DayResult& result) {
  cli::Table table({"区县", "收件", "受理", "决定", "办结", "按期率", "受理用时", "审批用时",
                    "返回用时", "移交/件", "网格结案", "黄灯", "红灯"},
                   {false, true, true, true, true, true, true, true, true, true, true, true, true});
  for (const reporting::v1::SummaryRow& row : result.summary.rows())
    AddRow(row, row.name(), &table);
  AddRow(result.summary.total(), "合计", &table);
  return table.Render();
}

}  // namespace

std::string RenderDay(const DayResult& result) {
  std::string text = absl::StrCat("\n一口受理的一天\n\n", Scenarios(result), "\n");
  for (const Told& told : result.told) {
    for (const std::string& note : told.notes) {
      absl::StrAppend(&text, "  ", told.key, "  ", note, "\n");
    }
  }
  absl::StrAppend(&text, "\n  f  另有 ", result.crowd, " 件申请，已办结 ", result.crowd_closed,
                  " 件\n\n各区县统计（按期率 = 承诺期限内决定 ÷ 已决定，M03）\n\n", Figures(result),
                  "\n审计：");
  absl::StrAppend(&text, result.audit_ok ? "完好" : "有问题", "，核对事件 ", result.events_verified,
                  " 条\n");
  for (const std::string& finding : result.findings) absl::StrAppend(&text, "  ", finding, "\n");
  return text;
}

std::string JsonOf(const DayResult& result) {
  nlohmann::ordered_json json;
  json["scenarios"] = nlohmann::ordered_json::array();
  for (const Told& told : result.told) {
    nlohmann::ordered_json one;
    one["scenario"] = told.key;
    one["name"] = told.name;
    one["case_no"] = told.case_no;
    one["case_id"] = told.case_id;
    one["state"] = told.state;
    one["outcome"] = told.outcome;
    one["hops"] = told.hops;
    one["lights"] = told.lights;
    one["hops_signed"] = told.hop_lines;
    one["streams"] = told.streams;
    one["dwell_seconds"] = told.dwell;
    one["notes"] = told.notes;
    json["scenarios"].push_back(std::move(one));
  }
  json["crowd"] = {{"applications", result.crowd}, {"closed", result.crowd_closed}};
  const reporting::v1::SummaryRow& total = result.summary.total();
  json["report"] = {{"received", total.received()}, {"accepted", total.accepted()},
                    {"closed", total.closed()},     {"decided", total.decided()},
                    {"in_time", total.in_time()},   {"in_time_rate", total.in_time_rate()},
                    {"hops", total.hops()},         {"districts", result.summary.rows_size()}};
  json["audit"] = result.audit_ok ? "ok" : "broken";
  json["events_verified"] = result.events_verified;
  json["seconds"] = result.seconds;
  return json.dump(2) + "\n";
}

}  // namespace yikou::day
