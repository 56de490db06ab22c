// The figures beside their yardsticks and targets, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/measure.h"

namespace yikou::bench {

// A figure with a target, as this run found it. What was not measured makes no line.
struct Line {
  std::string store;
  std::string figure;  // name of the readings
  std::string label;   // what it is, for people
  std::string unit;
  std::string yardstick;  // name of the readings; "" when the figure itself is held to the target
  double per = 1;         // yardstick units one unit of the figure takes
  bool at_most = false;   // the target is an upper bound
  double target = 0;
  double aim = 0;  // what we would like; 0: no more than the target
  double value = 0;
  double yard = 0;             // yardstick / per
  std::vector<double> ratios;  // a round
  double ratio = 0;            // their median
  bool met = false;
};

std::vector<Line> Judge(const Readings& readings);

// Below the table: changes a fsync, events a case, latencies, cores used.
std::string Render(const std::vector<Line>& lines, const Readings& readings);

// Everything, with the machine. `commit` and `flags` say what was run.
std::string ToJson(const std::vector<Line>& lines, const Readings& readings,
                   const std::string& commit, const std::string& flags, int rounds);

}  // namespace yikou::bench
