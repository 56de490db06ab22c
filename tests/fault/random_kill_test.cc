// Fault list 1, 2 and 4 without a plan: whatever the suite is made of dies at any moment. 6 times,
// and 200 times under `./dev test fault --long`.
#include <algorithm>
#include <functional>
#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "tests/fault/load.h"
#include "tests/fault/require.h"
#include "tests/support/eventually.h"
#include "tests/support/seed.h"
#include "tests/support/suite.h"
#include "tests/support/suite_invariants.h"

namespace yikou::test {
namespace {

// Something that can be broken, and how it comes back.
struct Victim {
  std::string what;
  std::function<void()> strike;
  std::function<void()> mend;
};

std::vector<Victim> VictimsIn(Suite& suite) {
  std::vector<Victim> victims;
  for (const std::string& name : suite.processes()) {
    victims.push_back({absl::StrCat("kill -9 ", name), [&suite, name] { suite.Kill(name); },
                       [&suite, name] { suite.Start(name); }});
    victims.push_back({absl::StrCat("cut the links to ", name),
                       [&suite, name] { suite.proxy(name).Cut(); }, [] {}});
  }
  victims.push_back({"kill -9 redis-server", [&suite] { suite.redis().KillHard(); },
                     [&suite] { suite.redis().Start(); }});
  for (const char* server : {"redis", "postgresql"}) {
    if (server == std::string("postgresql") && suite.postgres() == nullptr) continue;
    victims.push_back({absl::StrCat("cut the links to ", server),
                       [&suite, server] { suite.proxy(server).Cut(); }, [] {}});
  }
  return victims;
}

// Lets a time pass that the seed has drawn: the moment of a fault is part of the fault.
void PassUpTo(absl::Duration most, std::mt19937_64* random) {
  absl::SleepFor(most * std::uniform_real_distribution<double>(0, 1)(*random));
}

// One to three victims fall; what died stays away a while, and comes back while others still do.
// Returns what was struck.
std::vector<std::string> Strike(std::vector<Victim> victims, size_t most, std::mt19937_64* random) {
  std::shuffle(victims.begin(), victims.end(), *random);
  victims.resize(std::min<size_t>(most, 1 + (*random)() % 3));
  std::vector<std::string> struck;
  for (const Victim& victim : victims) {
    PassUpTo(absl::Milliseconds(400), random);
    victim.strike();
    struck.push_back(victim.what);
  }
  PassUpTo(absl::Milliseconds(400), random);
  for (const Victim& victim : victims) victim.mend();
  return struck;
}

// Starts what ended by itself, as whoever runs the suite does: a service that loses its database
// while it starts says so and ends.
bool AllServe(Suite& suite) {
  bool all = true;
  for (const std::string& name : suite.processes()) {
    suite.Start(name);
    all = suite.Serves(name) && all;
  }
  return all;
}

void TellLedger(const Acknowledged& ledger, const std::vector<std::string>& findings) {
  std::cout << "ledger: " << ledger.applications.size() << " applications, "
            << ledger.delivered.size() << " deliveries and " << ledger.grid_events.size()
            << " grid events acknowledged; difference to the records: "
            << (findings.empty() ? "none" : absl::StrCat(findings.size(), " findings"))
            << std::endl;
}

}  // namespace

TEST_CASE("whatever dies at whatever moment, what was acknowledged is there, once", "[random]") {
  const uint64_t seed = Seed();
  const int kills = Long() ? 200 : 6;
  std::cout << kills << " random kills; YIKOU_SEED=" << seed << std::endl;
  INFO("YIKOU_SEED=" << seed);
  std::mt19937_64 random(seed);
  SuiteOptions options;
  options.postgres = StoreIsPostgres();
  options.proxied = true;
  Suite suite(options);
  const std::vector<Victim> victims = VictimsIn(suite);
  Load load(&suite, 3);
  RequireMore(load, 1);
  for (int struck = 0; struck < kills;) {
    const std::vector<std::string> what = Strike(victims, kills - struck, &random);
    const int before = struck;
    struck += static_cast<int>(what.size());
    // A quarter of the times everything comes back before the next strike.
    if (random() % 4 == 0) {
      REQUIRE(Eventually(absl::Seconds(60), [&] { return AllServe(suite); }));
      RequireMore(load, 1);
    }
    if (struck / 10 == before / 10 && struck < kills) continue;
    std::cout << struck << " of " << kills << " kills, " << load.delivered()
              << " cases delivered; last: " << absl::StrJoin(what, ", ") << std::endl;
  }
  REQUIRE(Eventually(absl::Seconds(60), [&] { return AllServe(suite); }));
  RequireMore(load, 2);
  Require(load.Finish());
  const Acknowledged ledger = suite.Ledger();
  const std::vector<std::string> findings = CheckInvariants(suite, ledger);
  TellLedger(ledger, findings);
  Require(findings);
}

}  // namespace yikou::test
