// What libs/queue promises, held against a real redis-server, and as far as streams go against the
// one of the simulator: what may be trimmed, and what an operator is shown.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "libs/queue/groups.h"
#include "libs/queue/policy.h"
#include "tests/integration/queue_servers.h"

namespace yikou::queue::test {
namespace {

std::vector<std::string> Ids(const std::vector<StreamMessage>& messages) {
  std::vector<std::string> ids;
  for (const StreamMessage& message : messages) ids.push_back(message.entry_id);
  return ids;
}

// Writes entries "0", "1", ... with these ids' milliseconds, so that they are as old as we say.
void AppendAt(RedisConnection* redis, const std::vector<absl::Time>& times) {
  for (size_t i = 0; i < times.size(); ++i) {
    const std::string id = absl::StrCat(absl::ToUnixMillis(times[i]), "-", i);
    const std::string payload = absl::StrCat(i);
    REQUIRE(redis->Run({"XADD", kStream, id, "e", payload}).ok());
  }
}

// ---- trimming ----

TEST_CASE("trimming never removes a pending entry") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer routing = Member(server, "a");
  Consumer reporting(Tcp(server), &kClock, "reporting", "a", {kStream});
  Consumer late = Member(server, "late");
  REQUIRE(routing.EnsureGroups().ok());
  REQUIRE(reporting.EnsureGroups().ok());
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 1000; ++i) entries.push_back({kStream, absl::StrCat(i)});
  REQUIRE(producer.Append(entries).ok());
  auto all = routing.Read(1000, absl::ZeroDuration());
  auto same = reporting.Read(1000, absl::ZeroDuration());
  REQUIRE(all.ok());
  REQUIRE(same.ok());
  REQUIRE(reporting.Ack(kStream, Ids(*same)).ok());
  REQUIRE(same->size() == 1000);
  REQUIRE(all->size() == 1000);
  // Entry 450 stays pending in one group, with confirmed ones before and behind it.
  Strings confirmed = Ids(*all);
  const std::string pending = confirmed[450];
  confirmed.erase(confirmed.begin() + 450);
  REQUIRE(routing.Ack(kStream, confirmed).ok());

  auto needed = SafeTrimId(producer.redis(), kStream);
  REQUIRE(needed.ok());
  CHECK(*needed == pending);
  auto removed = producer.TrimBehind(kStream, absl::Hours(24));
  REQUIRE(removed.ok());
  CHECK(*removed >= 300);
  CHECK(*removed <= 450);
  CHECK(producer.Length(kStream).value() == 1000 - *removed);
  auto claimed = late.Claim(absl::ZeroDuration(), 10);
  REQUIRE(claimed.ok());
  CHECK(claimed->deleted == 0);
  CHECK(Payloads(claimed->messages) == Strings{"450"});
}

TEST_CASE("trimming never removes an unread entry of a group that is active") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a");
  REQUIRE(consumer.EnsureGroups().ok());
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 1000; ++i) entries.push_back({kStream, absl::StrCat(i)});
  REQUIRE(producer.Append(entries).ok());
  auto some = consumer.Read(400, absl::ZeroDuration());
  REQUIRE(some.ok());
  REQUIRE(consumer.Ack(kStream, Ids(*some)).ok());

  REQUIRE(producer.TrimBehind(kStream, absl::Hours(24)).ok());
  const Strings rest = MustRead(consumer, 1000);
  REQUIRE(rest.size() == 600);
  CHECK(rest.front() == "400");
  CHECK(rest.back() == "999");
}

TEST_CASE("ids are compared as numbers, not as text") {
  StreamServer& server = EmptyServer();
  Consumer consumer = Member(server, "a");
  REQUIRE(consumer.EnsureGroups().ok());
  AppendAt(consumer.redis(), {absl::FromUnixMillis(9), absl::FromUnixMillis(10)});
  REQUIRE(MustRead(consumer).size() == 2);
  CHECK(SafeTrimId(consumer.redis(), kStream).value() == "9-0");
}

TEST_CASE("a group that is absent holds back only young entries") {
  StreamServer& server = EmptyServer();
  Consumer active = Member(server, "a");
  Consumer absent(Tcp(server), &kClock, "absent", "a", {kStream});
  REQUIRE(active.EnsureGroups().ok());
  REQUIRE(absent.EnsureGroups().ok());
  const absl::Time now = absl::Now();
  const absl::Time cutoff = absl::FromUnixMillis(absl::ToUnixMillis(now - absl::Hours(24)));
  AppendAt(active.redis(), {now - absl::Hours(90), now - absl::Hours(80), now - absl::Hours(70)});

  // Nobody ever read from "absent"; "routing" has read all and confirmed all but the second entry.
  auto messages = active.Read(10, absl::ZeroDuration());
  REQUIRE(messages.ok());
  const Strings ids = Ids(*messages);
  REQUIRE(active.Ack(kStream, {ids[0], ids[2]}).ok());
  CHECK(SafeTrimId(active.redis(), kStream).value() == "0-0");
  // However old it is, the pending entry of a group whose member asked just now is kept.
  CHECK(SafeTrimId(active.redis(), kStream, cutoff).value() == ids[1]);
  REQUIRE(active.Ack(kStream, {ids[1]}).ok());
  CHECK(SafeTrimId(active.redis(), kStream, cutoff).value() == ids[2]);
  // With the active one gone, only age counts.
  REQUIRE(server.Command(absl::StrCat("XGROUP DESTROY ", kStream, " routing")) == ":1");
  const std::string at_cutoff = absl::StrCat(absl::ToUnixMillis(cutoff), "-0");
  CHECK(SafeTrimId(active.redis(), kStream, cutoff).value() == at_cutoff);
  REQUIRE(server.Command(absl::StrCat("XGROUP DESTROY ", kStream, " absent")) == ":1");
  CHECK(SafeTrimId(active.redis(), kStream, cutoff).value() == at_cutoff);
  CHECK(SafeTrimId(active.redis(), kStream).value() == "0-0");
}

TEST_CASE("trimming a stream that is not there does nothing") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  CHECK(producer.TrimBehind(kStream, absl::Hours(1)).value() == 0);
  CHECK(producer.Length(kStream).value() == 0);
}

// ---- what an operator sees ----

// Complaints of CheckPolicy in its order: eviction, append-only, version.
Strings Complaints(RedisConnection* redis) {
  const auto settings = CheckPolicy(redis);
  REQUIRE(settings.ok());
  Strings complaints;
  for (const PolicySetting& setting : *settings) complaints.push_back(setting.complaint);
  return complaints;
}

TEST_CASE("an eviction policy other than noeviction is complained of") {
  RedisServer server;
  RedisConnection redis(Tcp(server), &kClock);
  CHECK(Complaints(&redis) == Strings{"", "", ""});

  REQUIRE(server.Command("CONFIG SET maxmemory-policy allkeys-lru") == "+OK");
  REQUIRE(server.Command("CONFIG SET appendonly no") == "+OK");
  const Strings complaints = Complaints(&redis);
  REQUIRE(complaints.size() == 3);
  CHECK(absl::StrContains(complaints[0], "allkeys-lru"));
  CHECK(absl::StrContains(complaints[1], "appendonly"));
  CHECK(complaints[2].empty());
}

TEST_CASE("a policy that may not be read is complained of") {
  RedisServer server;
  REQUIRE(server.Command("ACL SETUSER default -info") == "+OK");
  RedisConnection redis(Tcp(server), &kClock);
  const Strings complaints = Complaints(&redis);
  REQUIRE(complaints.size() == 3);
  for (const std::string& complaint : complaints) {
    CHECK(absl::StrContains(complaint, "does not let us read"));
  }
}

TEST_CASE("a policy is read from INFO, so that a server that forbids CONFIG can be checked") {
  RedisServer server;
  REQUIRE(server.Command("ACL SETUSER default -config") == "+OK");
  RedisConnection redis(Tcp(server), &kClock);
  CHECK(Complaints(&redis) == Strings{"", "", ""});
}

TEST_CASE("stats tell what each group has before it and in hand") {
  StreamServer& server = EmptyServer();
  Consumer consumer = Member(server, "a");
  CHECK(ReadGroupStats(consumer.redis(), kStream).value().empty());
  REQUIRE(consumer.EnsureGroups().ok());
  const absl::Time now = absl::Now();
  AppendAt(consumer.redis(), {now - absl::Hours(3), now - absl::Hours(2), now - absl::Hours(1)});
  auto messages = consumer.Read(2, absl::ZeroDuration());
  REQUIRE(messages.ok());
  REQUIRE(consumer.Ack(kStream, {(*messages)[0].entry_id}).ok());

  const auto stats = ReadGroupStats(consumer.redis(), kStream).value();
  REQUIRE(stats.size() == 1);
  CHECK(stats[0].stream == kStream);
  CHECK(stats[0].group == "routing");
  CHECK(stats[0].lag == 1);
  CHECK(stats[0].pending == 1);
  CHECK(stats[0].oldest_pending_age >= absl::Hours(2) - absl::Milliseconds(1));
  CHECK(stats[0].oldest_pending_age < absl::Hours(3));
}

}  // namespace
}  // namespace yikou::queue::test
