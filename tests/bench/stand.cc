#include "tests/bench/stand.h"

#include <iostream>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "tests/bench/database.h"

namespace yikou::bench {
namespace {

// As services are run: the tests' own grace is shorter and costs idle services calls.
constexpr absl::Duration kFetchGrace = absl::Seconds(2);
constexpr absl::Duration kThawBound = absl::Seconds(60);

}  // namespace

test::PostgresServer& Stand::postgres() {
  if (!postgres_) {
    Say("starting PostgreSQL");
    postgres_ =
        std::make_unique<test::PostgresServer>(test::PostgresServerOptions{.durable = true});
  }
  return *postgres_;
}

test::Suite& Stand::suite(const std::string& store) {
  std::unique_ptr<test::Suite>& suite = suites_[store];
  if (!suite) {
    Say(absl::StrCat("starting five services, records in ", store));
    suite = std::make_unique<test::Suite>(test::SuiteOptions{
        .postgres = store == kPostgresql, .durable = true, .fetch_grace = kFetchGrace});
  }
  if (frozen_.erase(store) > 0) {
    suite->Thaw();
    if (!suite->Settle(kThawBound)) throw std::runtime_error("A suite does not come to again.");
  }
  return *suite;
}

void Stand::FreezeSuites() {
  for (auto& [store, suite] : suites_) {
    if (frozen_.insert(store).second) suite->Freeze();
  }
}

void Stand::DropSuite(const std::string& store) {
  suites_.erase(store);
  frozen_.erase(store);
}

std::vector<std::string> Stand::started() const {
  std::vector<std::string> stores;
  for (const auto& [store, suite] : suites_) stores.push_back(store);
  return stores;
}

void Say(const std::string& sentence) { std::cerr << sentence << std::endl; }

}  // namespace yikou::bench
