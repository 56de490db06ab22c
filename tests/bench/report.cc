#include "tests/bench/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "services/cli/render.h"
#include "tests/bench/database.h"
#include "tests/bench/machine.h"

namespace yikou::bench {
namespace {

struct Goal {
  double target;
  double aim;
};

// A figure and what is asked of it, by store.
struct Target {
  const char* figure;
  const char* label;
  const char* unit;
  const char* yardstick;
  double per;
  bool at_most;
  Goal postgresql;
  Goal sqlite;
};

// The five calls of a lifecycle are held against a fifth of the empty calls.
constexpr Target kTargets[] = {
    {"pipeline_rule",
     "pipeline, decided by rule",
     "cases/s",
     "hand",
     1,
     false,
     {0.5, 1.0},
     {0.8, 1.5}},
    {"pipeline_officers",
     "pipeline, decided by officers",
     "cases/s",
     "hand",
     1,
     false,
     {0.3, 0},
     {0.5, 0}},
    {"lifecycle",
     "lifecycle: grid event, 5 calls",
     "events/s",
     "empty_unary",
     5,
     false,
     {0.35, 0.5},
     {0.4, 0.6}},
    {"committer_64",
     "group commit, 64 callers",
     "changes/s",
     "raw_rows",
     1,
     false,
     {0.5, 0},
     {0.6, 0}},
    {"committer_1_p50_ms",
     "group commit, 1 caller, p50",
     "ms",
     "plain_commit_p50_ms",
     1,
     true,
     {1.3, 0},
     {1.3, 0}},
    {"relay", "relay and consumer", "events/s", "raw_stream", 1, false, {0.5, 0}, {0.5, 0}},
    {"receive_p99_ms", "100 cases/s: receipt p99", "ms", "", 1, true, {5, 0}, {3, 0}},
    {"ready_p99_ms", "100 cases/s: READY p99", "ms", "", 1, true, {15, 0}, {10, 0}},
    {"flat", "lifecycle at all cases stored / at 10,000", "", "", 1, false, {0.8, 0}, {0.8, 0}},
    {"memory_many_intake",
     "memory of intake, all cases stored",
     "MB",
     "",
     1,
     true,
     {150, 0},
     {200, 0}},
    {"memory_many_routing", "memory of routing", "MB", "", 1, true, {150, 0}, {200, 0}},
    {"memory_many_approval", "memory of approval", "MB", "", 1, true, {150, 0}, {200, 0}},
    {"memory_many_gridtask", "memory of gridtask", "MB", "", 1, true, {150, 0}, {200, 0}},
    {"memory_many_reporting", "memory of reporting", "MB", "", 1, true, {150, 0}, {200, 0}},
};

std::string Number(double value) {
  if (value == 0) return "";
  return value >= 100 ? absl::StrFormat("%.0f", value) : absl::StrFormat("%.3g", value);
}

Line LineOf(const Target& target, const std::string& store, const Readings& readings) {
  const Goal& goal = store == kPostgresql ? target.postgresql : target.sqlite;
  Line line{.store = store,
            .figure = target.figure,
            .label = target.label,
            .unit = target.unit,
            .yardstick = target.yardstick,
            .per = target.per,
            .at_most = target.at_most,
            .target = goal.target,
            .aim = goal.aim,
            .ratios = {}};
  const std::vector<double> values = readings.Of(store, target.figure);
  const std::vector<double> yards = readings.Of(store, target.yardstick);
  line.value = Median(values);
  line.yard = Median(yards) / target.per;
  // Round by round: the two stood next to each other, rounds are minutes apart.
  for (size_t i = 0; i < values.size() && i < yards.size(); ++i) {
    line.ratios.push_back(values[i] / (yards[i] / target.per));
  }
  line.ratio = Median(line.ratios);
  const double held = line.yardstick.empty() ? line.value : line.ratio;
  line.met = line.at_most ? held <= line.target : held >= line.target;
  return line;
}

// One line of text from the medians of readings that are there; "" when none is.
std::string Medians(const Readings& readings, const std::string& store, const std::string& title,
                    const std::vector<std::pair<std::string, std::string>>& names,
                    const char* format) {
  std::vector<std::string> parts;
  for (const auto& [label, name] : names) {
    const std::vector<double> values = readings.Of(store, name);
    if (values.empty()) continue;
    parts.push_back(
        absl::StrCat(label, " ", absl::StrFormat("%.*f", *format - '0', Median(values))));
  }
  if (parts.empty()) return "";
  return absl::StrCat("  ", title, ": ", absl::StrJoin(parts, ", "), "\n");
}

// All readings whose names begin with `prefix`, labelled by the rest.
std::vector<std::pair<std::string, std::string>> Below(const Readings::Rounds& rounds,
                                                       const std::string& prefix) {
  std::vector<std::pair<std::string, std::string>> names;
  for (const auto& [name, values] : rounds) {
    if (absl::StartsWith(name, prefix)) names.emplace_back(name.substr(prefix.size()), name);
  }
  return names;
}

std::string Notes(const Readings& readings, const std::string& store,
                  const Readings::Rounds& rounds) {
  std::string text = absl::StrCat("\n", store, "\n");
  const auto add = [&](const std::string& title,
                       const std::vector<std::pair<std::string, std::string>>& names,
                       const char* digits) {
    absl::StrAppend(&text, Medians(readings, store, title, names, digits));
  };
  add("changes per fsync, by callers",
      {{"1:", "committer_1_changes_a_commit"},
       {"16:", "committer_16_changes_a_commit"},
       {"64:", "committer_64_changes_a_commit"}},
      "1");
  add("events stored per case",
      {{"by rule", "pipeline_rule_events_a_case"},
       {"by officers", "pipeline_officers_events_a_case"},
       {"grid event", "lifecycle_events_a_case"}},
      "1");
  const std::pair<const char*, const char*> waits[] = {
      {"100 cases/s, receipt", "receive"},
      {"100 cases/s, READY", "ready"},
      {"group commit, 1 caller", "committer_1"},
      {"group commit, 64 callers", "committer_64"},
      {"lifecycle, a call under load", "lifecycle_call"},
      {"by rule, receipt under load", "pipeline_rule_call"},
      {"by officers, claim or decision under load", "pipeline_officers_call"}};
  for (const auto& [title, name] : waits) {
    add(absl::StrCat(title, " (ms)"),
        {{"p50", absl::StrCat(name, "_p50_ms")}, {"p99", absl::StrCat(name, "_p99_ms")}}, "2");
  }
  for (const char* flow : {"lifecycle", "pipeline_rule", "pipeline_officers"}) {
    add(absl::StrCat("cores used, ", flow), Below(rounds, absl::StrCat(flow, "_cores_")), "2");
  }
  add("memory under load (MB)",
      {{"intake", "memory_intake"},
       {"routing", "memory_routing"},
       {"approval", "memory_approval"},
       {"gridtask", "memory_gridtask"},
       {"reporting", "memory_reporting"}},
      "0");
  add("cores an idle suite uses", {{"all processes", "idle_cores"}}, "3");
  add("cases stored at the end of the long run", {{"", "cases_stored"}}, "0");
  return text;
}

}  // namespace

std::vector<Line> Judge(const Readings& readings) {
  std::vector<Line> lines;
  for (const char* store : {kPostgresql, kSqlite}) {
    for (const Target& target : kTargets) {
      if (readings.Of(store, target.figure).empty()) continue;
      lines.push_back(LineOf(target, store, readings));
    }
  }
  return lines;
}

std::string Render(const std::vector<Line>& lines, const Readings& readings) {
  cli::Table table(
      {"store", "what", "figure", "unit", "yardstick", "figure", "ratio", "target", "aim", "met"},
      {false, false, true, false, false, true, true, true, true, false});
  for (const Line& line : lines) {
    const std::string yardstick =
        line.per == 1 ? line.yardstick : absl::StrFormat("%s / %g", line.yardstick, line.per);
    table.Add({line.store, line.label, Number(line.value), line.unit, yardstick, Number(line.yard),
               Number(line.ratio), absl::StrCat(line.at_most ? "<= " : ">= ", Number(line.target)),
               Number(line.aim), line.met ? "yes" : "NO"});
  }
  std::string text = table.Render();
  for (const auto& [store, rounds] : readings.all()) {
    absl::StrAppend(&text, Notes(readings, store, rounds));
  }
  return text;
}

std::string ToJson(const std::vector<Line>& lines, const Readings& readings,
                   const std::string& commit, const std::string& flags, int rounds) {
  const Machine machine = ThisMachine();
  nlohmann::ordered_json json;
  std::vector<double> flushes;
  for (const char* store : {kPostgresql, kSqlite}) {
    for (const double rate : readings.Of(store, "fdatasync")) flushes.push_back(rate);
  }
  json["machine"] = {{"cpu", machine.cpu},
                     {"cores", machine.cores},
                     {"memory_gb", machine.memory_gb},
                     {"kernel", machine.kernel},
                     {"disk_flushes_a_second", Median(flushes)}};
  json["commit"] = commit;
  json["command"] = absl::StrCat("./dev bench", flags.empty() ? "" : " ", flags);
  json["finished"] = absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone());
  json["rounds"] = rounds;
  json["figures"] = nlohmann::ordered_json::array();
  for (const Line& line : lines) {
    nlohmann::ordered_json figure = {
        {"store", line.store},  {"name", line.figure},
        {"what", line.label},   {"unit", line.unit},
        {"median", line.value}, {"rounds", readings.Of(line.store, line.figure)}};
    if (!line.yardstick.empty()) {
      figure["yardstick"] = {{"name", line.yardstick},
                             {"divided_by", line.per},
                             {"median", line.yard},
                             {"rounds", readings.Of(line.store, line.yardstick)}};
      figure["ratio"] = line.ratio;
      figure["ratios"] = line.ratios;
    }
    figure["target"] = line.target;
    figure["target_is"] = line.at_most ? "at most" : "at least";
    if (line.aim > 0) figure["aim"] = line.aim;
    figure["met"] = line.met;
    json["figures"].push_back(std::move(figure));
  }
  for (const auto& [store, all] : readings.all()) {
    for (const auto& [name, values] : all) {
      json["readings"][store][name] = {{"median", Median(values)}, {"rounds", values}};
    }
  }
  return json.dump(2);
}

}  // namespace yikou::bench
