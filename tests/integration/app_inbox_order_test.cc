// By seed, thousands of runs: whatever is delivered twice, out of order and late, at bad times and
// around a poisoned entry, the record ends as if everything had come once and in order.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/app/reaction.h"
#include "tests/store/reader.h"

namespace yikou::test {
namespace {

using casework::v1::Envelope;
using casework::v1::Event;

constexpr int kRuns = 2500;

// What happened in the other services, in the order it happened there; every run has its own cases.
struct History {
  std::vector<Envelope> entries;
  std::map<std::string, std::vector<std::string>> expected;  // event ids of each folder, in order
  // Index of the entries each entry cannot do without.
  std::vector<std::set<size_t>> needs;
};

History MakeHistory(uint64_t run, std::mt19937_64& random) {
  const auto pick = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  History history;
  std::map<std::string, int64_t> seq;
  std::map<std::string, std::pair<int64_t, size_t>> versions;  // of a case, and where it stands
  int offers = 0;
  for (size_t n = 6 + pick(24); n > 0; --n) {
    const std::string source = absl::StrCat(pick(2) == 0 ? "alpha-" : "beta-", run);
    const std::string id = absl::StrCat("c", pick(3));
    const std::string name = absl::StrCat(source, "/", id);
    const size_t index = history.entries.size();
    std::set<size_t> needs;
    if (pick(5) == 0 && versions.count(name) > 0) {
      const std::string offer = absl::StrCat("o", run, "-", ++offers);
      const auto [version, at] = versions[name];
      // Rests on the newest version, or on an older one.
      const int64_t on = version - static_cast<int64_t>(pick(version));
      Envelope entry = OfferOf(++seq["queue"], offer, source, id, on);
      entry.set_stream(absl::StrCat("yikou:queue:street:files-", run, ":{0}"));
      history.expected["offer/" + offer] = {entry.event().event_id()};
      for (size_t i = 0; i < index; ++i) {
        const Event& other = history.entries[i].event();
        if (other.source() == source && other.aggregate_id() == id && other.version() == on) {
          needs.insert(i);
        }
      }
      history.entries.push_back(std::move(entry));
    } else {
      auto& [version, at] = versions[name];
      if (version > 0) needs.insert(at);
      Envelope entry = EntryOf(source, ++seq[source], id, ++version);
      if (index > 0 && pick(3) == 0) {
        // Rests on something that happened before, of any case.
        const size_t other = pick(index);
        const Event& event = history.entries[other].event();
        if (event.type() == "case.changed") {
          RestOn(&entry, event.source(), event.aggregate_id(), event.version());
          needs.insert(other);
        }
      }
      history.expected[name].push_back(entry.event().event_id());
      at = index;
      history.entries.push_back(std::move(entry));
    }
    history.needs.push_back(std::move(needs));
  }
  return history;
}

// Everything at least once, some of it several times, in an order that is more or less wrong.
std::vector<size_t> Deliveries(size_t count, std::mt19937_64& random) {
  std::vector<std::pair<double, size_t>> places;
  const double disorder = std::pow(10.0, static_cast<double>(random() % 400) / 100.0 - 1.0);
  std::uniform_real_distribution<double> noise(0, disorder);
  for (size_t i = 0; i < count; ++i) {
    for (size_t copies = 1 + random() % 3; copies > 0; --copies) {
      places.emplace_back(static_cast<double>(i) + noise(random), i);
    }
  }
  std::stable_sort(places.begin(), places.end());
  std::vector<size_t> order;
  for (const auto& [place, index] : places) order.push_back(index);
  return order;
}

// Entries that can be applied without the poisoned one.
std::set<std::string> WithoutPoison(const History& history, size_t poisoned) {
  std::set<size_t> lost = {poisoned};
  std::set<std::string> rest;
  for (size_t i = 0; i < history.entries.size(); ++i) {
    for (const size_t need : history.needs[i]) {
      if (lost.count(need) > 0) lost.insert(i);
    }
    if (lost.count(i) == 0) rest.insert(history.entries[i].event().event_id());
  }
  return rest;
}

// Delivers all of it, again and again what was not taken. "" or what went wrong.
std::string DeliverAll(Reader& reader, const History& history, std::mt19937_64& random,
                       bool* trouble) {
  std::vector<size_t> order = Deliveries(history.entries.size(), random);
  for (int round = 0; round < 40 && !order.empty(); ++round) {
    // In the end everything comes once more, as the log fetcher brings it, and nothing fails.
    *trouble = *trouble && round < 3;
    std::vector<size_t> again;
    for (size_t begin = 0; begin < order.size();) {
      const size_t end = std::min(order.size(), begin + 1 + random() % 16);
      std::vector<Envelope> batch;
      for (size_t i = begin; i < end; ++i) batch.push_back(history.entries[order[i]]);
      const std::vector<absl::Status> statuses = reader.Deliver(batch);
      for (size_t i = 0; i < statuses.size(); ++i) {
        if (!statuses[i].ok()) again.push_back(order[begin + i]);
      }
      if (*trouble && random() % 20 == 0) reader.Restart();
      begin = end;
    }
    order = std::move(again);
  }
  return order.empty() ? "" : absl::StrCat(order.size(), " entries were never taken");
}

std::string Check(Reader& reader, const History& history, int64_t from_seq) {
  for (const auto& [folder, ids] : history.expected) {
    if (reader.Folded(folder) != FoldOf(ids)) return absl::StrCat(folder, " is not as in order");
  }
  std::vector<std::string> causes = reader.Causes(from_seq);
  std::sort(causes.begin(), causes.end());
  std::vector<std::string> ids;
  for (const Envelope& entry : history.entries) ids.push_back(entry.event().event_id());
  std::sort(ids.begin(), ids.end());
  if (causes != ids) return "not every event was applied exactly once";
  const std::string stuck = reader.Stuck();
  return stuck.empty() ? "" : "left behind: " + stuck;
}

// One run; "" or what went wrong.
std::string Run(Record& record, Reader& reader, uint64_t run, std::mt19937_64& random) {
  const History history = MakeHistory(run, random);
  const int64_t from_seq = Must(record.store().Head()).position + 1;
  const bool poison = random() % 3 == 0;
  const size_t poisoned = random() % history.entries.size();
  const std::string poisoned_id = history.entries[poisoned].event().event_id();
  bool fixed = !poison;
  bool trouble = true;
  std::mt19937_64 weather(random());
  reader.before = [&](store::Work&, const Event& event) -> absl::Status {
    if (!fixed && event.event_id() == poisoned_id) return absl::InternalError("poison");
    if (trouble && weather() % 50 == 0) return absl::UnavailableError("away");
    return absl::OkStatus();
  };
  const std::string delivered = DeliverAll(reader, history, random, &trouble);
  if (!delivered.empty()) return delivered;
  if (poison) {
    const std::set<std::string> rest = WithoutPoison(history, poisoned);
    const std::vector<std::string> causes = reader.Causes(from_seq);
    if (std::multiset<std::string>(causes.begin(), causes.end()) !=
        std::multiset<std::string>(rest.begin(), rest.end())) {
      return "the neighbours of the poisoned entry did not move on, or not once";
    }
    fixed = true;
    trouble = false;
    const Envelope& entry = history.entries[poisoned];
    const absl::Status retried =
        reader.Retry(reader.DeadLetterOf(entry.stream(), entry.stream_seq()));
    if (!retried.ok()) return absl::StrCat("Retry: ", retried.ToString());
  }
  return Check(reader, history, from_seq);
}

// Keeps the log of hundreds of dead letters off the screen while it lives.
class Quiet {
 public:
  Quiet() : old_(dup(STDERR_FILENO)), null_(open("/dev/null", O_WRONLY | O_CLOEXEC)) {
    dup2(null_, STDERR_FILENO);
  }
  ~Quiet() {
    dup2(old_, STDERR_FILENO);
    close(old_);
    close(null_);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  const int old_;
  const int null_;
};

// Keeps files of the test in memory while it lives: thousands of commits, none of which a power cut
// has to survive.
class InMemory {
 public:
  InMemory() : old_(std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "") {
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 1);
  }
  ~InMemory() { old_.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", old_.c_str(), 1); }
  InMemory(const InMemory&) = delete;
  InMemory& operator=(const InMemory&) = delete;

 private:
  const std::string old_;
};

}  // namespace

TEST_CASE("thousands of wrong deliveries end like the right one", "[app][inbox]") {
  InMemory in_memory;
  Quiet quiet;
  Record record;
  Reader reader(&record);
  uint64_t seed = std::random_device()();
  int runs = kRuns;
  // To repeat one run: YIKOU_SEED as printed.
  if (const char* given = std::getenv("YIKOU_SEED"); given != nullptr) {
    REQUIRE(absl::SimpleAtoi(given, &seed));
    runs = 1;
  }
  std::cout << "app_inbox_order_test: seeds " << seed << " to " << seed + runs - 1 << std::endl;
  for (int run = 0; run < runs; ++run) {
    std::mt19937_64 random(seed + run);
    const std::string fault = Run(record, reader, run, random);
    INFO("YIKOU_SEED=" << seed + run);
    REQUIRE(fault == "");
  }
  CHECK(record.LogFault() == "");
  reader.Restart(true);
  CHECK(reader.Stuck() == "");
}

}  // namespace yikou::test
