// What is run in a round, in which order, and which yardsticks each figure needs beside it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/bench/stand.h"

namespace yikou::bench {

struct Step {
  const char* name;
  bool figure;                          // false: a yardstick
  std::vector<const char*> yardsticks;  // steps this one is compared with
  void (*run)(Stand& stand, const std::string& store);
};

// Every yardstick stands right before the figures it is for: machines drift in phases of minutes.
const std::vector<Step>& Steps();

// Names of the figures, for people to choose from.
std::set<std::string> FigureNames();

// One round on one store: those figures, all when empty, and their yardsticks.
void RunRound(Stand& stand, const std::string& store, const std::set<std::string>& only);

// Cores used by each suite that has been started, while nobody asks anything of it.
void MeasureIdle(Stand& stand);

// The cost of a lifecycle at 10,000 and at `stored` cases, on a suite of its own.
void RunMillion(Stand& stand, const std::string& store, int64_t stored, int rounds);

}  // namespace yikou::bench
