// Fault list 6: Redis fails over by Sentinel in mid-run.
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/fault/load.h"
#include "tests/fault/require.h"
#include "tests/support/eventually.h"
#include "tests/support/sentinel_cluster.h"
#include "tests/support/suite.h"
#include "tests/support/suite_invariants.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::test {
namespace {

constexpr absl::Duration kBound = absl::Seconds(60);

absl::StatusOr<casework::v1::GetQueueStatsResponse> StatsOf(Suite& suite,
                                                            const std::string& service) {
  return suite.client()->Call<casework::v1::GetQueueStatsResponse>(
      service, "yikou.casework.v1.OperationsService.GetQueueStats",
      casework::v1::GetQueueStatsRequest(), day::Driver::Operator(), absl::Seconds(10));
}

// Whether every service reaches Redis and has published all it has written.
bool AllPublished(Suite& suite) {
  for (const char* service : cli::kServices) {
    const auto stats = StatsOf(suite, service);
    if (!stats.ok()) return false;
    for (const casework::v1::QueueStats& queue : stats->queues()) {
      if (queue.direction() != "out") continue;
      if (!queue.redis_up() || queue.backlog() > 0) return false;
    }
  }
  return true;
}

// Entries a service fetched over gRPC since its start.
int64_t Fetched(Suite& suite, const std::string& service) {
  const auto stats = StatsOf(suite, service);
  REQUIRE(stats.ok());
  int64_t fetched = 0;
  for (const casework::v1::QueueStats& queue : stats->queues()) fetched += queue.fetched();
  return fetched;
}

}  // namespace

TEST_CASE("a failover of Redis under load, its replication cut before, loses and doubles nothing") {
  SentinelCluster cluster;
  SuiteOptions options;
  options.redis_flags = cluster.ServiceFlags();
  Suite suite(options);
  Load load(&suite, 2);
  RequireMore(load, 1);

  // Away while the others write, so that what is lost was read by nobody here.
  suite.Kill("reporting");
  cluster.CutReplication();
  const int64_t replicated = cluster.ReplicationOffset(1);
  // What the services were told is in Redis, and will be nowhere.
  const bool ahead = Eventually(
      absl::Seconds(4), [&] { return cluster.ReplicationOffset(0) >= replicated + 50'000; });
  const int64_t lost = cluster.ReplicationOffset(0) - replicated;
  cluster.server(0).KillHard();
  const bool promoted = cluster.WaitForMaster(1, kBound);
  REQUIRE(ahead);
  REQUIRE(promoted);
  WARN(lost << " bytes of replication died with the master");
  const int64_t inherited = cluster.ReplicationOffset(1);
  suite.Start("reporting");
  suite.WaitServing("reporting");

  RequireMore(load, 3);
  Require(load.Finish());
  Require(CheckInvariants(suite, suite.Ledger()));
  REQUIRE(Fetched(suite, "reporting") > 0);
  REQUIRE(Eventually(kBound, [&] { return AllPublished(suite); }));
  // By way of the new master, and not of the logs alone.
  REQUIRE(cluster.ReplicationOffset(1) > inherited);
}

}  // namespace yikou::test
