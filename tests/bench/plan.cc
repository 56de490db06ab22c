#include "tests/bench/plan.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/committer.h"
#include "tests/bench/database.h"
#include "tests/bench/flows.h"
#include "tests/bench/machine.h"
#include "tests/bench/transport.h"
#include "tests/bench/yardsticks.h"

namespace yikou::bench {
namespace {

constexpr int kRawChanges = 256;  // a transaction
constexpr double kPace = 100;     // cases a second
constexpr int kParcels = 20'000;

void Keep(Stand& stand, const std::string& store, const std::string& name, double value) {
  stand.readings().Add(store, name, value);
  Say(absl::StrFormat("  %-18s %10.0f a second", name, value));
}

void KeepFlow(Stand& stand, const std::string& store, const std::string& name, const Flow& flow) {
  Readings& readings = stand.readings();
  Keep(stand, store, name, flow.cases_a_second);
  readings.Add(store, name + "_cases", static_cast<double>(flow.cases));
  readings.Add(store, name + "_events_a_case", flow.events_a_case);
  readings.Add(store, name + "_call", flow.calls);
  for (const auto& [process, cores] : flow.cores) {
    readings.Add(store, absl::StrCat(name, "_cores_", process), cores);
  }
  for (const auto& [service, memory] : flow.memory_mb) {
    readings.Add(store, absl::StrCat("memory_", service), memory);
  }
}

void Fdatasync(Stand& stand, const std::string& store) {
  Keep(stand, store, "fdatasync", FdatasyncRate(absl::Seconds(1)));
}

void PlainCommit(Stand& stand, const std::string& store) {
  Database database(store, &stand.postgres());
  const RawRows raw = RunRawRows(&database, 1, stand.span() / 2);
  Keep(stand, store, "plain_commit", raw.changes_a_second);
  stand.readings().Add(store, "plain_commit", raw.transactions);
}

void RawRowsAtOnce(Stand& stand, const std::string& store) {
  Database database(store, &stand.postgres());
  Keep(stand, store, "raw_rows", RunRawRows(&database, kRawChanges, stand.span()).changes_a_second);
}

template <int callers>
void Committer(Stand& stand, const std::string& store) {
  Database database(store, &stand.postgres());
  const GroupCommit group = RunGroupCommit(&database, callers, stand.span());
  const std::string name = absl::StrCat("committer_", callers);
  Keep(stand, store, name, group.changes_a_second);
  stand.readings().Add(store, name + "_changes_a_commit", group.changes_a_commit);
  stand.readings().Add(store, name, group.latencies);
}

void RawStream(Stand& stand, const std::string& store) {
  Keep(stand, store, "raw_stream", RawStreamRate(kTransportBatch, EntryBytes(), stand.span() / 2));
}

void Relay(Stand& stand, const std::string& store) {
  const Transport transport = RunTransport(store, &stand.postgres(), kParcels);
  Keep(stand, store, "relay", transport.events_a_second);
  stand.readings().Add(store, "relay_entry_bytes", transport.entry_bytes);
}

void EmptyUnary(Stand& stand, const std::string& store) {
  Keep(stand, store, "empty_unary", EmptyUnaryRate(stand.span() / 2));
}

void Lifecycle(Stand& stand, const std::string& store) {
  KeepFlow(stand, store, "lifecycle", RunLifecycle(&stand.suite(store), stand.span()));
}

void HandMade(Stand& stand, const std::string& store) {
  Keep(stand, store, "hand", HandRate(&stand.postgres(), stand.span()));
}

void PipelineByRule(Stand& stand, const std::string& store) {
  KeepFlow(stand, store, "pipeline_rule", RunByRule(&stand.suite(store), stand.span()));
}

void PipelineByOfficers(Stand& stand, const std::string& store) {
  KeepFlow(stand, store, "pipeline_officers", RunByOfficers(&stand.suite(store), stand.span()));
}

void Latency(Stand& stand, const std::string& store) {
  const Paced paced = RunPaced(&stand.suite(store), kPace, 2 * stand.span());
  stand.readings().Add(store, "receive", paced.receive);
  stand.readings().Add(store, "ready", paced.ready);
  Say(absl::StrFormat("  latency: receipt p99 %.1f ms, READY p99 %.1f ms",
                      paced.receive.Percentile(0.99), paced.ready.Percentile(0.99)));
}

std::set<std::string> WithYardsticks(const std::set<std::string>& only) {
  std::set<std::string> chosen;
  for (const Step& step : Steps()) {
    if (!step.figure || (!only.empty() && only.count(step.name) == 0)) continue;
    chosen.insert(step.name);
    chosen.insert(step.yardsticks.begin(), step.yardsticks.end());
  }
  return chosen;
}

// Grid events and, one in some, applications, so that every service has cases to keep.
int64_t Fill(Stand& stand, const std::string& store, int64_t have, int64_t want) {
  const absl::Time begin = absl::Now();
  const int64_t had = have;
  while (have < want) {
    test::Suite* suite = &stand.suite(store);
    have += RunLifecycle(suite, have + 10'000 < want ? absl::Seconds(8) : absl::Seconds(1)).cases;
    if (have < want) have += RunByRule(suite, absl::Milliseconds(500)).cases;
    const double rate =
        static_cast<double>(have - had) / absl::ToDoubleSeconds(absl::Now() - begin);
    Say(absl::StrFormat("  %d of %d cases stored, %.0f a second, %.0f minutes to go", have, want,
                        rate, static_cast<double>(want - have) / rate / 60));
  }
  return have;
}

}  // namespace

const std::vector<Step>& Steps() {
  static const std::vector<Step> steps = {
      {"fdatasync", false, {}, Fdatasync},
      {"plain_commit", false, {}, PlainCommit},
      {"committer_1", true, {"fdatasync", "plain_commit"}, Committer<1>},
      {"raw_rows", false, {}, RawRowsAtOnce},
      {"committer_64", true, {"raw_rows"}, Committer<64>},
      {"committer_16", true, {"raw_rows"}, Committer<16>},
      {"raw_stream", false, {}, RawStream},
      {"relay", true, {"raw_stream"}, Relay},
      {"empty_unary", false, {}, EmptyUnary},
      {"lifecycle", true, {"empty_unary"}, Lifecycle},
      {"hand", false, {}, HandMade},
      {"pipeline_rule", true, {"hand"}, PipelineByRule},
      {"pipeline_officers", true, {"hand"}, PipelineByOfficers},
      {"latency", true, {}, Latency},
  };
  return steps;
}

std::set<std::string> FigureNames() {
  std::set<std::string> names;
  for (const Step& step : Steps()) {
    if (step.figure) names.insert(step.name);
  }
  return names;
}

void RunRound(Stand& stand, const std::string& store, const std::set<std::string>& only) {
  const std::set<std::string> chosen = WithYardsticks(only);
  for (const Step& step : Steps()) {
    if (chosen.count(step.name) == 0) continue;
    stand.FreezeSuites();
    step.run(stand, store);
  }
}

void MeasureIdle(Stand& stand) {
  constexpr absl::Duration kLook = absl::Seconds(2);
  for (const std::string& store : stand.started()) {
    stand.FreezeSuites();
    const CpuMeter meter(&stand.suite(store));
    absl::SleepFor(kLook);
    double idle = 0;
    for (const auto& [process, cores] : meter.Cores()) idle += process == "driver" ? 0 : cores;
    stand.readings().Add(store, "idle_cores", idle);
  }
}

void RunMillion(Stand& stand, const std::string& store, int64_t stored, int rounds) {
  constexpr int64_t kFew = 10'000;
  stand.DropSuite(store);
  int64_t have = 0;
  const auto measure = [&](const std::string& at) {
    for (int i = 0; i < rounds; ++i) {
      stand.FreezeSuites();
      const double empty = EmptyUnaryRate(stand.span() / 2);
      const Flow flow = RunLifecycle(&stand.suite(store), stand.span());
      have += flow.cases;
      KeepFlow(stand, store, "lifecycle_" + at, flow);
      // Against the yardstick, which drifts with the machine.
      stand.readings().Add(store, "lifecycle_ratio_" + at, 5 * flow.cases_a_second / empty);
    }
  };
  have = Fill(stand, store, have, kFew);
  measure("few");
  have = Fill(stand, store, have, stored);
  measure("many");
  for (const auto& [service, memory] : MemoryOf(stand.suite(store))) {
    stand.readings().Add(store, "memory_many_" + service, memory);
  }
  const Readings& readings = stand.readings();
  stand.readings().Add(store, "cases_stored", static_cast<double>(have));
  stand.readings().Add(store, "flat",
                       Median(readings.Of(store, "lifecycle_ratio_many")) /
                           Median(readings.Of(store, "lifecycle_ratio_few")));
}

}  // namespace yikou::bench
