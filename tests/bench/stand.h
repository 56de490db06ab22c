// What figures are measured on. Its parts are started when they are first asked for, since a suite
// is seconds of start-up, and stay for all rounds.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/measure.h"
#include "tests/support/postgres_server.h"
#include "tests/support/suite.h"

namespace yikou::bench {

class Stand {
 public:
  // `span` is the length of one timed run.
  explicit Stand(absl::Duration span) : span_(span) {}

  absl::Duration span() const { return span_; }
  Readings& readings() { return readings_; }

  // A private cluster for "hand" and for figures without a suite.
  test::PostgresServer& postgres();
  // The five services with their records in this store, and a cluster of their own. They run until
  // FreezeSuites.
  test::Suite& suite(const std::string& store);
  // An idle suite still looks for work now and then: it shall not while something else is measured.
  void FreezeSuites();
  // The next suite of this store is a new one, with empty records.
  void DropSuite(const std::string& store);
  // Stores whose suites have been started.
  std::vector<std::string> started() const;

 private:
  const absl::Duration span_;
  Readings readings_;
  std::unique_ptr<test::PostgresServer> postgres_;
  std::map<std::string, std::unique_ptr<test::Suite>> suites_;
  std::set<std::string> frozen_;
};

// Says what goes on, on standard error.
void Say(const std::string& sentence);

}  // namespace yikou::bench
