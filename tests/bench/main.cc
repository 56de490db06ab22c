// yikou-bench: every figure beside its yardstick, in interleaved rounds, medians quoted.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/cli/render.h"
#include "tests/bench/bench.h"

namespace yikou::bench {
namespace {

constexpr absl::Duration kSpan = absl::Seconds(2);
constexpr int kRuleCases = 1500;
constexpr int kOfficerCases = 300;

using Figures = std::map<std::string, std::vector<double>>;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Round(test::Suite& suite, Figures* figures) {
  Figures& f = *figures;
  f["fdatasync"].push_back(FdatasyncRate(kSpan));
  f["raw_insert"].push_back(RawInsertRate(kSpan));
  f["raw_stream"].push_back(RawStreamRate(kSpan));
  f["empty_unary"].push_back(EmptyUnaryRate(kSpan));
  for (const int callers : {1, 16, 64}) {
    const GroupCommit group = GroupCommitRate(callers, kSpan);
    f[absl::StrCat("group_", callers)].push_back(group.changes_a_second);
    f[absl::StrCat("per_commit_", callers)].push_back(group.changes_a_commit);
  }
  f["lifecycle"].push_back(LifecycleRate(suite, kSpan));
  const Pipeline rule = PipelineByRule(suite, kRuleCases);
  f["pipeline_rule"].push_back(rule.cases_a_second);
  f["events_rule"].push_back(rule.events_a_case);
  const Pipeline officers = PipelineByOfficers(suite, kOfficerCases);
  f["pipeline_officers"].push_back(officers.cases_a_second);
  f["events_officers"].push_back(officers.events_a_case);
}

struct Row {
  const char* name;
  const char* figure;
  const char* yardstick;
  double calls;  // yardstick units one unit of the figure takes
};

constexpr Row kRows[] = {
    {"group commit, 1 caller (changes/s)", "group_1", "fdatasync", 1},
    {"group commit, 16 callers", "group_16", "raw_insert", 1},
    {"group commit, 64 callers", "group_64", "raw_insert", 1},
    {"lifecycle: grid event, 5 calls (events/s)", "lifecycle", "empty_unary", 5},
    {"pipeline, decided by rule (cases/s)", "pipeline_rule", "raw_stream", 1},
    {"pipeline, decided by officers (cases/s)", "pipeline_officers", "empty_unary", 1},
};

void Print(const Figures& figures) {
  cli::Table table({"what", "a second", "yardstick", "a second", "ratio"},
                   {false, true, false, true, true});
  for (const Row& row : kRows) {
    const double figure = Median(figures.at(row.figure));
    const double yardstick = Median(figures.at(row.yardstick)) / row.calls;
    table.Add({row.name, absl::StrFormat("%.0f", figure),
               row.calls > 1 ? absl::StrFormat("%s / %.0f", row.yardstick, row.calls)
                             : std::string(row.yardstick),
               absl::StrFormat("%.0f", yardstick), absl::StrFormat("%.3f", figure / yardstick)});
  }
  std::cout << table.Render() << "\n";
  for (const int callers : {1, 16, 64}) {
    std::cout << absl::StrFormat("changes per fsync at %2d callers: %.1f\n", callers,
                                 Median(figures.at(absl::StrCat("per_commit_", callers))));
  }
  std::cout << absl::StrFormat("events stored per case: %.1f by rule, %.1f by officers\n",
                               Median(figures.at("events_rule")),
                               Median(figures.at("events_officers")));
}

int Main(int rounds, const std::string& json_path) {
  test::Suite suite;
  Figures figures;
  for (int round = 1; round <= rounds; ++round) {
    std::cerr << "round " << round << " of " << rounds << std::endl;
    Round(suite, &figures);
  }
  Print(figures);
  if (json_path.empty()) return 0;
  nlohmann::ordered_json json;
  for (const auto& [name, values] : figures)
    json[name] = {{"median", Median(values)}, {"rounds", values}};
  std::ofstream file(json_path);
  return file << json.dump(2) << "\n" ? 0 : 1;
}

}  // namespace
}  // namespace yikou::bench

int main(int argc, char** argv) {
  CLI::App app("yikou-bench: figures with their yardsticks, from one run");
  int rounds = 3;
  std::string json;
  app.add_option("--rounds", rounds, "Interleaved rounds")
      ->capture_default_str()
      ->check(CLI::Range(1, 100));
  app.add_option("--json", json, "Write every figure to this file");
  CLI11_PARSE(app, argc, argv);
  return yikou::bench::Main(rounds, json);
}
