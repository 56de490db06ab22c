// Redis that fails over, held against a real master, its replica and three sentinels.
#include "libs/queue/sentinel.h"

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "libs/queue/stream.h"
#include "tests/support/eventually.h"
#include "tests/support/ports.h"
#include "tests/support/sentinel_cluster.h"
#include "tests/support/stopped_clock.h"

namespace yikou::queue {
namespace {

using test::Eventually;
using test::FaultProxy;
using test::SentinelCluster;
using test::StoppedClock;

constexpr absl::Duration kBound = absl::Seconds(20);
constexpr char kStream[] = "yikou:events:intake:{0}";
constexpr char kClients[] = "127.0.0.1";

using Strings = std::vector<std::string>;

const base::SystemClock kClock;

// For all tests that leave server 0 the master; those that do not start their own.
SentinelCluster& SharedCluster() {
  static SentinelCluster cluster;
  cluster.Heal();
  REQUIRE(cluster.WaitForReplica(0, kBound));
  return cluster;
}

RedisOptions Through(const SentinelCluster& cluster, const std::vector<int>& sentinel_ports) {
  RedisOptions options;
  for (const int port : sentinel_ports) options.sentinels.push_back({"127.0.0.1", port});
  options.master_name = cluster.master_name();
  options.password_file = cluster.password_file();
  options.sentinel_password_file = cluster.sentinel_password_file();
  options.timeout = absl::Seconds(1);
  return options;
}

RedisOptions Through(const SentinelCluster& cluster) {
  return Through(cluster, cluster.sentinel_ports());
}

// Tries until it works: between two masters there is none.
bool Append(Producer& producer, const std::string& payload) {
  return Eventually(kBound, [&] { return producer.Append({{kStream, payload}}).ok(); });
}

// Reads and acknowledges until an entry with this payload has come; returns all that came.
Strings ReadUpTo(Consumer& consumer, const std::string& last) {
  Strings seen;
  Eventually(kBound, [&] {
    const auto messages = consumer.Read(100, absl::ZeroDuration());
    if (!messages.ok()) {
      // As the stream reader does after every failure.
      consumer.EnsureGroups().IgnoreError();
      return false;
    }
    for (const StreamMessage& message : *messages) {
      seen.push_back(message.payload);
      consumer.Ack(message.stream, {message.entry_id}).IgnoreError();
    }
    return !seen.empty() && seen.back() == last;
  });
  return seen;
}

}  // namespace

TEST_CASE("the master is found by its name, with one password for sentinels and one for Redis",
          "[sentinel]") {
  SentinelCluster& cluster = SharedCluster();
  Producer producer(Through(cluster), &kClock);
  const absl::Status appended = producer.Append({{kStream, "1"}});
  INFO(appended);
  REQUIRE(appended.ok());
  CHECK(absl::StrContains(cluster.AskServer(0, absl::StrCat("XLEN ", kStream)), ":1"));
}

TEST_CASE("a wrong password, an unread one and an unknown name are told apart", "[sentinel]") {
  SentinelCluster& cluster = SharedCluster();
  test::TempDir dir;
  const auto failure = [](RedisOptions options) {
    RedisConnection redis(std::move(options), &kClock);
    return std::string(redis.Run({"PING"}).status().message());
  };
  RedisOptions unknown = Through(cluster);
  unknown.master_name = "nobody";
  CHECK(absl::StrContains(failure(unknown), "it watches no master named nobody"));
  RedisOptions missing = Through(cluster);
  missing.sentinel_password_file = dir.File("missing");
  CHECK(absl::StrContains(failure(missing), dir.File("missing")));
  RedisOptions wrong_sentinel = Through(cluster);
  wrong_sentinel.sentinel_password_file = dir.Write("wrong", "wrong-horse\n");
  CHECK(absl::StrContains(failure(wrong_sentinel), "no sentinel says where it is"));
  CHECK(absl::StrContains(failure(wrong_sentinel), "WRONGPASS"));
  RedisOptions wrong_redis = Through(cluster);
  wrong_redis.password_file = dir.File("wrong");
  const std::string refused = failure(wrong_redis);
  CHECK(absl::StrContains(refused, "WRONGPASS"));
  CHECK(absl::StrContains(refused, absl::StrCat("127.0.0.1:", cluster.proxy(0).port())));
  CHECK_FALSE(absl::StrContains(refused, "horse"));
}

TEST_CASE(
    "sentinels that are gone or silent are passed over, and the one that answered comes first",
    "[sentinel]") {
  SentinelCluster& cluster = SharedCluster();
  FaultProxy silent(cluster.sentinel_ports()[1]);
  silent.HalfOpen();
  FaultProxy sound(cluster.sentinel_ports()[2]);
  StoppedClock clock;
  RedisConnection redis(Through(cluster, {test::FreePort(), silent.port(), sound.port()}), &clock);
  const absl::Time start = absl::Now();
  CHECK(redis.Run({"PING"}).ok());
  CHECK(absl::Now() - start < absl::Seconds(1));
  CHECK(silent.accepted() == 1);
  // The first look whether the master has moved goes to the first, which is the sound one now.
  CHECK(redis.Run({"PING"}).ok());
  cluster.proxy(0).Cut(kClients);
  CHECK_FALSE(redis.Run({"PING"}).ok());
  clock.Advance(absl::Milliseconds(50));
  CHECK(redis.Run({"PING"}).ok());
  CHECK(silent.accepted() == 1);
  CHECK(sound.accepted() >= 2);
}

TEST_CASE("no call takes longer than its timeout, whoever is silent", "[sentinel]") {
  SentinelCluster& cluster = SharedCluster();
  FaultProxy silent(cluster.sentinel_ports()[0]);
  silent.HalfOpen();
  RedisOptions options = Through(cluster, {silent.port(), silent.port(), silent.port()});
  options.timeout = absl::Milliseconds(400);
  RedisConnection nobody(options, &kClock);
  absl::Time start = absl::Now();
  const absl::Status none = nobody.Run({"PING"}).status();
  CHECK(absl::IsUnavailable(none));
  CHECK(absl::StrContains(none.message(), "no sentinel says where it is"));
  CHECK(absl::Now() - start < absl::Milliseconds(800));

  // Sentinels speak and the master is silent: for a connection there is, and for a new one.
  options.sentinels = Through(cluster).sentinels;
  RedisConnection redis(options, &kClock);
  REQUIRE(redis.Run({"PING"}).ok());
  cluster.proxy(0).HalfOpen(kClients);
  for (const char* which : {"old", "new"}) {
    INFO(which);
    start = absl::Now();
    CHECK(absl::StrContains(redis.Run({"PING"}).status().message(), "did not answer within"));
    CHECK(absl::Now() - start < absl::Milliseconds(800));
    absl::SleepFor(absl::Milliseconds(60));  // the back-off, which is 50 ms
  }
  cluster.Heal();
  CHECK(Eventually(kBound, [&] { return redis.Run({"PING"}).ok(); }));
}

TEST_CASE("a server that says it is no master is not used, whatever the sentinels say",
          "[sentinel]") {
  SentinelCluster& cluster = SharedCluster();
  Producer producer(Through(cluster), &kClock);
  Consumer waiting(Through(cluster), &kClock, "waiting", "a", {"yikou:events:quiet:{0}"});
  REQUIRE(producer.Append({{kStream, "1"}}).ok());
  REQUIRE(waiting.EnsureGroups().ok());
  auto reading = std::async(std::launch::async, [&] { return waiting.Read(1, kBound).status(); });
  const bool blocked = Eventually(kBound, [&] {
    return absl::StrContains(cluster.AskServer(0, "INFO clients"), "blocked_clients:1");
  });
  const std::string replica_of = cluster.AskServer(0, "REPLICAOF 127.0.0.1 1");
  CHECK(absl::IsUnavailable(reading.get()));
  REQUIRE(blocked);
  REQUIRE(replica_of == "+OK\r\n");
  const absl::Status demoted = producer.Append({{kStream, "2"}});
  CHECK(absl::IsUnavailable(demoted));
  CHECK(Eventually(kBound, [&] {
    return absl::StrContains(producer.Append({{kStream, "3"}}).message(), "it is not a master");
  }));
  // Reading would have been answered by the old connection and by a new one: neither is kept.
  CHECK_FALSE(producer.Length(kStream).ok());
  REQUIRE(cluster.AskServer(0, "REPLICAOF NO ONE") == "+OK\r\n");
  CHECK(Append(producer, "4"));
}

TEST_CASE(
    "after a failover with a cut link what only the dead master had is lost, and all after it "
    "arrives",
    "[sentinel]") {
  SentinelCluster cluster;
  Producer producer(Through(cluster), &kClock);
  Consumer consumer(Through(cluster), &kClock, "routing", "a", {kStream});
  REQUIRE(consumer.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "kept"}}).ok());
  REQUIRE(ReadUpTo(consumer, "kept") == Strings{"kept"});
  REQUIRE(Eventually(kBound,
                     [&] { return cluster.ReplicationOffset(0) == cluster.ReplicationOffset(1); }));

  cluster.CutReplication();
  for (int i = 0; i < 100; ++i) REQUIRE(producer.Append({{kStream, absl::StrCat("lost", i)}}).ok());
  // Read and acknowledged here, and never heard of by the replica.
  const auto read_here = consumer.Read(40, absl::ZeroDuration());
  REQUIRE(read_here.ok());
  REQUIRE(read_here->size() == 40);
  const absl::Time killed = absl::Now();
  cluster.server(0).KillHard();
  REQUIRE(Append(producer, "after"));
  const absl::Duration away = absl::Now() - killed;
  WARN("the producer goes on " << absl::FormatDuration(away) << " after the kill");
  CHECK(cluster.Master() == 1);
  CHECK(ReadUpTo(consumer, "after") == Strings{"after"});
  CHECK(producer.Length(kStream).value() == 2);
  // Ids of entries that are no more are nothing to this master.
  CHECK(consumer.Ack(kStream, {read_here->front().entry_id}).ok());
  CHECK(Append(producer, "and on"));
  CHECK(ReadUpTo(consumer, "and on") == Strings{"and on"});
}

TEST_CASE("a client left alone with an old master changes over to the new one by itself",
          "[sentinel]") {
  SentinelCluster cluster;
  cluster.Isolate(0);
  // This sentinel is cut off together with the old master, and is the first we ask.
  std::vector<int> sentinels = {cluster.StartStranger()};
  sentinels.insert(sentinels.end(), cluster.sentinel_ports().begin(),
                   cluster.sentinel_ports().end());
  Producer producer(Through(cluster, sentinels), &kClock);
  Consumer consumer(Through(cluster, sentinels), &kClock, "routing", "a", {kStream});
  REQUIRE(consumer.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "taken, and lost"}}).ok());
  REQUIRE(cluster.WaitForMaster(1, kBound));
  const absl::Time promoted = absl::Now();
  const bool changed_over = Eventually(kBound, [&] {
    return producer.Append({{kStream, "more"}}).ok() &&
           absl::StartsWith(cluster.AskServer(1, absl::StrCat("XLEN ", kStream)), ":1");
  });
  WARN("the producer changes over " << absl::FormatDuration(absl::Now() - promoted)
                                    << " after the promotion");
  REQUIRE(changed_over);
  CHECK(ReadUpTo(consumer, "more") == Strings{"more"});

  // Nor does the word of that sentinel keep a new client with a master that is dead.
  cluster.server(0).KillHard();
  Producer late(Through(cluster, sentinels), &kClock);
  CHECK(Append(late, "late"));
  CHECK(ReadUpTo(consumer, "late") == Strings{"late"});

  cluster.Heal();
  CHECK(Append(producer, "whole again"));
  CHECK(ReadUpTo(consumer, "whole again") == Strings{"whole again"});
  CHECK(producer.Length(kStream).value() == 3);
}

}  // namespace yikou::queue
