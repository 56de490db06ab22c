// The people of a run: applicants at the counter, officers, grid workers, dispatchers. Each is a
// fibre that looks, decides by the seed what to do, does it, and repeats what was not answered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace yikou::sim {

// What people know of a run: what they were promised, and whether they still want something.
struct Ledger {
  std::vector<std::string> applications;  // acknowledged
  std::vector<std::string> grid_events;   // acknowledged
  int busy = 0;                           // people who are not done yet
  bool closing = false;                   // from now on everybody brings things to an end
};

// Lets everybody loose. They end by themselves once the ledger is closing.
void SendPeople(World* world, Ledger* ledger, int applications, int grid_events);

// Moves case time of all services on by `by`; waits, and tries again until all have moved.
void SkipClock(World* world, absl::Duration by);

}  // namespace yikou::sim
