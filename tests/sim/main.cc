// yikou-sim: finds faults by seed, and shows a seed again.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "tests/sim/hooks.h"
#include "tests/sim/simulation.h"

namespace yikou::sim {
namespace {

struct Bug {
  const char* name;
  const char* what;
};

// Every fault that can be planted; the code asks for it by its name.
constexpr Bug kBugs[] = {
    {"skip_inbox_check", "an entry that was applied is applied again"},
    {"ack_before_commit", "an entry is acknowledged before its effect is committed"},
    {"lose_log_position", "the position of the log is not remembered with its last event"},
    {"forget_parked", "an entry that came early is acknowledged and not kept"},
    {"sign_twice", "an offer is taken from every place it is seen in"},
    {"act_before_mirror", "an offer is acted on before what it rests on has come"},
    {"trust_memory",
     "a replica decides by what it remembers, and nothing checks what it only read"},
    {"remember_forgotten",
     "a rebuild forgets what was read in the record only, and entries are left out by memory"},
    {"ring_twice", "a timer is written without looking whether it was rung meanwhile"},
};

struct Flags {
  uint64_t seeds = 300;
  uint64_t first_seed = 1;
  uint64_t seed = 0;
  std::string bug;
  bool every_bug = false;
  bool twice = false;
};

void Print(const Outcome& outcome) {
  for (const std::string& finding : outcome.findings) std::cout << "  " << finding << "\n";
}

int ShowOne(const Ground& ground, const Flags& flags) {
  CurrentHooks().planted_bug = flags.bug;
  const Outcome outcome = Simulate(ground, flags.seed, true);
  std::cout << "seed " << flags.seed << ": " << outcome.cases << " cases, "
            << absl::FormatDuration(outcome.lived) << " lived, digest " << outcome.digest << ", "
            << outcome.findings.size() << " findings\n";
  Print(outcome);
  return outcome.findings.empty() ? 0 : 1;
}

// Runs seeds until one finds the fault.
int FindBug(const Ground& ground, const Flags& flags, const std::string& bug) {
  CurrentHooks().planted_bug = bug;
  for (uint64_t seed = flags.first_seed; seed < flags.first_seed + flags.seeds; ++seed) {
    const Outcome outcome = Simulate(ground, seed, false);
    if (outcome.findings.empty()) continue;
    std::cout << bug << ": found by seed " << seed << "\n";
    Print(outcome);
    return 0;
  }
  std::cout << bug << ": none of " << flags.seeds << " seeds finds it\n";
  return 1;
}

int FindEveryBug(const Ground& ground, const Flags& flags) {
  int missed = 0;
  for (const Bug& bug : kBugs) {
    std::cout << "planted: " << bug.what << "\n";
    missed += FindBug(ground, flags, bug.name);
  }
  return missed == 0 ? 0 : 1;
}

int RunAll(const Ground& ground, const Flags& flags) {
  const auto begin = std::chrono::steady_clock::now();
  int cases = 0;
  int bad = 0;
  for (uint64_t seed = flags.first_seed; seed < flags.first_seed + flags.seeds; ++seed) {
    Outcome outcome = Simulate(ground, seed, false);
    if (flags.twice && Simulate(ground, seed, false).digest != outcome.digest) {
      outcome.findings.push_back("the seed came out differently the second time");
    }
    cases += outcome.cases;
    if (outcome.findings.empty()) continue;
    ++bad;
    std::cout << "seed " << seed << " finds (./dev sim --seed " << seed << " shows it):\n";
    Print(outcome);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << flags.seeds << " seeds from " << flags.first_seed << ", " << cases << " cases, "
            << bad << " seeds with findings, " << took.count() << " s\n";
  return bad == 0 ? 0 : 1;
}

std::string CheckBug(const std::string& name) {
  std::string known;
  for (const Bug& bug : kBugs) {
    if (name == bug.name) return "";
    absl::StrAppend(&known, known.empty() ? "" : ", ", bug.name);
  }
  return absl::StrCat("one of ", known);
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Lives the whole suite in one process, by seed, and looks for faults.");
  app.add_option("--seeds", flags.seeds, "Runs so many seeds")->capture_default_str();
  app.add_option("--first-seed", flags.first_seed, "The first of them")->capture_default_str();
  app.add_option("--seed", flags.seed, "Runs one seed and prints what happens in it");
  app.add_option("--bug", flags.bug, "Plants a fault; prints the first seed that finds it")
      ->check(CheckBug);
  app.add_flag("--every-bug", flags.every_bug, "The same for every fault there is");
  app.add_flag("--twice", flags.twice, "Runs each seed again: it must come out the same");
  CLI11_PARSE(app, argc, argv);
  const Ground ground;
  if (flags.seed != 0) return ShowOne(ground, flags);
  if (flags.every_bug) return FindEveryBug(ground, flags);
  return flags.bug.empty() ? RunAll(ground, flags) : FindBug(ground, flags, flags.bug);
}

}  // namespace
}  // namespace yikou::sim

int main(int argc, char** argv) { return yikou::sim::Main(argc, argv); }
