// yikou-bench: every figure beside its yardstick, in interleaved rounds, medians quoted.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/bench/database.h"
#include "tests/bench/plan.h"
#include "tests/bench/report.h"

namespace yikou::bench {
namespace {

struct Flags {
  int rounds = 3;
  double seconds = 3;
  std::string store = "both";
  std::vector<std::string> only;
  bool million = false;
  int64_t stored = 1'000'000;
  std::string json;
  std::string commit = "unknown";
};

std::vector<std::string> StoresOf(const Flags& flags) {
  if (flags.store == "both") return {kPostgresql, kSqlite};
  return {flags.store};
}

// Exit codes: 0 when every target is met, 1 when one is missed, 2 when the run itself fails.
int Run(const Flags& flags, const std::string& command) {
  Stand stand(absl::Seconds(flags.seconds));
  const std::set<std::string> only(flags.only.begin(), flags.only.end());
  const absl::Time begin = absl::Now();
  for (int round = 1; round <= flags.rounds; ++round) {
    for (const std::string& store : StoresOf(flags)) {
      Say(absl::StrCat("round ", round, " of ", flags.rounds, ", ", store, " (",
                       absl::FormatDuration(absl::Trunc(absl::Now() - begin, absl::Seconds(1))),
                       ")"));
      RunRound(stand, store, only);
    }
  }
  MeasureIdle(stand);
  for (const std::string& store : StoresOf(flags)) {
    if (!flags.million) break;
    Say(absl::StrCat("long run, ", store));
    RunMillion(stand, store, flags.stored, flags.rounds);
  }
  const std::vector<Line> lines = Judge(stand.readings());
  std::cout << Render(lines, stand.readings()) << std::endl;
  if (!flags.json.empty()) {
    std::ofstream file(flags.json);
    file << ToJson(lines, stand.readings(), flags.commit, command, flags.rounds) << "\n";
    if (!file.flush()) throw std::runtime_error(absl::StrCat(flags.json, " cannot be written."));
  }
  const auto missed =
      std::count_if(lines.begin(), lines.end(), [](const Line& l) { return !l.met; });
  if (missed > 0) Say(absl::StrCat(missed, " of ", lines.size(), " targets are missed"));
  return missed > 0 ? 1 : 0;
}

}  // namespace
}  // namespace yikou::bench

int main(int argc, char** argv) {
  using yikou::bench::FigureNames;
  CLI::App app("yikou-bench: figures with their yardsticks, from one run");
  yikou::bench::Flags flags;
  app.add_option("--rounds", flags.rounds, "Interleaved rounds")
      ->capture_default_str()
      ->check(CLI::Range(1, 100));
  app.add_option("--seconds", flags.seconds, "Length of one timed run; longer for a profile")
      ->capture_default_str()
      ->check(CLI::Range(0.2, 3600.0));
  app.add_option("--store", flags.store, "Where the records are kept")
      ->capture_default_str()
      ->check(CLI::IsMember({"sqlite", "postgresql", "both"}));
  app.add_option("--only", flags.only, "These figures and their yardsticks, separated by commas")
      ->delimiter(',')
      ->check(CLI::IsMember(FigureNames()));
  app.add_flag("--million", flags.million, "Also the long run: cost and memory at --stored cases");
  app.add_option("--stored", flags.stored, "Cases stored at the end of the long run")
      ->capture_default_str()
      ->check(CLI::Range(20'000, 100'000'000));
  app.add_option("--json", flags.json, "Write every reading to this file");
  app.add_option("--commit", flags.commit, "What is measured, for the file");
  CLI11_PARSE(app, argc, argv);
  // As it was typed, but for what ./dev adds.
  std::vector<std::string> typed;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--commit") {
      ++i;
    } else {
      typed.push_back(argv[i]);
    }
  }
  try {
    return yikou::bench::Run(flags, absl::StrJoin(typed, " "));
  } catch (const std::exception& error) {
    std::cerr << "yikou-bench: " << error.what() << std::endl;
    return 2;
  }
}
