// What libs/queue promises, held against a real redis-server, and as far as streams go against the
// one of the simulator.
#include <algorithm>
#include <csignal>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "libs/base/clock.h"
#include "libs/queue/groups.h"
#include "libs/queue/policy.h"
#include "libs/queue/redis.h"
#include "libs/queue/stream.h"
#include "tests/sim/sim_redis.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace yikou::queue {
namespace {

using test::Eventually;
using test::RedisServer;

constexpr absl::Duration kBound = absl::Seconds(10);
constexpr char kStream[] = "yikou:events:intake:{0}";
constexpr char kOther[] = "yikou:queue:street:approval:{0}";

class StoppedClock final : public base::Clock {
 public:
  absl::Time Now() const override { return now_; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
};

const base::SystemClock kClock;

RedisOptions Tcp(const RedisServer& server) {
  return {.host = server.host(), .port = server.port(), .timeout = absl::Seconds(5)};
}

// A server that keeps streams: the real one, or the one of the simulator (tests/sim), which must
// keep the same promises.
class StreamServer {
 public:
  virtual ~StreamServer() = default;
  virtual RedisOptions Options() = 0;
  virtual void FlushAll() = 0;
  // As RedisServer::Command.
  virtual std::string Command(const std::string& words) = 0;
};

class RealServer final : public StreamServer {
 public:
  RedisOptions Options() override { return Tcp(server_); }
  void FlushAll() override { server_.FlushAll(); }
  std::string Command(const std::string& words) override { return server_.Command(words); }

 private:
  RedisServer server_;
};

class SimulatedServer final : public StreamServer {
 public:
  RedisOptions Options() override {
    RedisOptions options;
    options.connect = [this]() -> absl::StatusOr<std::unique_ptr<RedisLink>> {
      return std::make_unique<Link>(this);
    };
    return options;
  }
  void FlushAll() override {
    std::lock_guard<std::mutex> lock(mutex_);
    redis_.FlushAll();
  }
  std::string Command(const std::string& words) override {
    const std::vector<std::string> parts = absl::StrSplit(words, ' ');
    const Reply reply = Run(queue::Command(parts.begin(), parts.end()));
    return reply.kind == Reply::Kind::kInteger ? absl::StrCat(":", reply.integer) : reply.text;
  }

 private:
  class Link final : public RedisLink {
   public:
    explicit Link(SimulatedServer* server) : server_(server) {}
    absl::StatusOr<std::vector<Reply>> Exchange(const std::vector<queue::Command>& commands,
                                                absl::Duration) override {
      std::vector<Reply> replies;
      for (const queue::Command& command : commands) replies.push_back(server_->Run(command));
      return replies;
    }

   private:
    SimulatedServer* server_;
  };

  Reply Run(const queue::Command& command) {
    absl::Duration wait;
    Reply reply;
    const auto answered = [&] {
      std::lock_guard<std::mutex> lock(mutex_);
      wait = absl::ZeroDuration();
      reply = redis_.Execute(command, &wait);
      redis_.set_waiting(wait > absl::ZeroDuration() ? 1 : 0);
      return wait == absl::ZeroDuration();
    };
    if (!answered()) Eventually(wait, answered);
    return reply;
  }

  std::mutex mutex_;
  sim::SimRedis redis_{&kClock};
};

RedisOptions Tcp(StreamServer& server) { return server.Options(); }

// One server of each kind for all tests that leave it as it was; empty at the start of each. The
// test runs on one after the other.
StreamServer& EmptyServer() {
  static RealServer real;
  static SimulatedServer simulated;
  StreamServer& server = GENERATE(false, true) ? static_cast<StreamServer&>(simulated) : real;
  server.FlushAll();
  return server;
}

template <class Server>
Consumer Member(Server& server, const std::string& name,
                std::vector<std::string> streams = {kStream}) {
  return Consumer(Tcp(server), &kClock, "routing", name, std::move(streams));
}

std::vector<std::string> Payloads(const std::vector<StreamMessage>& messages) {
  std::vector<std::string> payloads;
  for (const StreamMessage& message : messages) payloads.push_back(message.payload);
  return payloads;
}

std::vector<std::string> Ids(const std::vector<StreamMessage>& messages) {
  std::vector<std::string> ids;
  for (const StreamMessage& message : messages) ids.push_back(message.entry_id);
  return ids;
}

// Returns the payloads of one Read; fails the test on an error.
std::vector<std::string> MustRead(Consumer& consumer, int count = 100) {
  auto messages = consumer.Read(count, absl::ZeroDuration());
  REQUIRE(messages.ok());
  return Payloads(*messages);
}

// Writes entries "0", "1", ... with these ids' milliseconds, so that they are as old as we say.
void AppendAt(RedisConnection* redis, const std::vector<absl::Time>& times) {
  for (size_t i = 0; i < times.size(); ++i) {
    const std::string id = absl::StrCat(absl::ToUnixMillis(times[i]), "-", i);
    const std::string payload = absl::StrCat(i);
    REQUIRE(redis->Run({"XADD", kStream, id, "e", payload}).ok());
  }
}

using Strings = std::vector<std::string>;

// ---- delivery ----

TEST_CASE("payload bytes arrive unchanged, with NUL and at 1 MB") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a");
  REQUIRE(consumer.EnsureGroups().ok());
  std::string large(1 << 20, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 3);
  const std::string odd("\0\r\n$3\r\n\xff", 8);
  REQUIRE(producer.Append({{kStream, odd}, {kStream, ""}, {kStream, large}}).ok());

  const Strings payloads = MustRead(consumer);
  REQUIRE(payloads.size() == 3);
  CHECK(payloads[0] == odd);
  CHECK(payloads[1].empty());
  CHECK((payloads[2] == large));
}

TEST_CASE("order within a stream is kept") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a", {kStream, kOther});
  REQUIRE(consumer.EnsureGroups().ok());
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 1000; ++i) entries.push_back({i % 3 ? kStream : kOther, absl::StrCat(i)});
  REQUIRE(producer.Append(entries).ok());

  int last_in_stream = -1, last_in_other = -1, seen = 0;
  bool in_order = true;
  while (seen < 1000) {
    auto messages = consumer.Read(7, absl::ZeroDuration());
    REQUIRE(messages.ok());
    REQUIRE(!messages->empty());
    for (const StreamMessage& message : *messages) {
      int& last = message.stream == kStream ? last_in_stream : last_in_other;
      in_order &= std::stoi(message.payload) > last;
      last = std::stoi(message.payload);
      ++seen;
    }
  }
  CHECK(in_order);
  CHECK(seen == 1000);
}

TEST_CASE("an entry is read by one member of each group") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer a = Member(server, "a");
  Consumer b = Member(server, "b");
  Consumer reporting(Tcp(server), &kClock, "reporting", "a", {kStream});
  REQUIRE(a.EnsureGroups().ok());
  REQUIRE(reporting.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "1"}, {kStream, "2"}}).ok());

  CHECK(MustRead(a, 1) == Strings{"1"});
  CHECK(MustRead(b) == Strings{"2"});
  CHECK(MustRead(reporting) == Strings{"1", "2"});
}

TEST_CASE("a group made late starts at the first entry, and making it again changes nothing") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  REQUIRE(producer.Append({{kStream, "1"}, {kStream, "2"}}).ok());
  Consumer consumer = Member(server, "a");
  REQUIRE(consumer.EnsureGroups().ok());
  CHECK(MustRead(consumer, 1) == Strings{"1"});
  REQUIRE(consumer.EnsureGroups().ok());
  CHECK(MustRead(consumer) == Strings{"2"});
}

TEST_CASE("an entry read and not acknowledged is claimed by another consumer") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer dead = Member(server, "dead");
  Consumer alive = Member(server, "alive");
  REQUIRE(dead.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "1"}, {kStream, "2"}}).ok());
  REQUIRE(MustRead(dead).size() == 2);

  auto too_soon = alive.Claim(absl::Hours(1), 10);
  REQUIRE(too_soon.ok());
  CHECK(too_soon->messages.empty());
  auto claimed = alive.Claim(absl::ZeroDuration(), 10);
  REQUIRE(claimed.ok());
  CHECK(Payloads(claimed->messages) == Strings{"1", "2"});
  CHECK(claimed->deleted == 0);
}

TEST_CASE("claiming comes to every pending entry, whatever stands before it") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer dead = Member(server, "dead");
  Consumer alive = Member(server, "alive");
  REQUIRE(dead.EnsureGroups().ok());
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 100; ++i) entries.push_back({kStream, absl::StrCat(i)});
  REQUIRE(producer.Append(entries).ok());
  REQUIRE(MustRead(dead).size() == 100);

  std::set<std::string> seen;
  for (int call = 0; call < 20; ++call) {
    auto claimed = alive.Claim(absl::ZeroDuration(), 5);
    REQUIRE(claimed.ok());
    for (const StreamMessage& message : claimed->messages) seen.insert(message.payload);
  }
  CHECK(seen.size() == 100);
}

TEST_CASE("an acknowledged entry never comes again") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer a = Member(server, "a");
  Consumer b = Member(server, "b");
  REQUIRE(a.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "1"}, {kStream, "2"}, {kStream, "3"}}).ok());
  auto messages = a.Read(10, absl::ZeroDuration());
  REQUIRE(messages.ok());
  REQUIRE(messages->size() == 3);
  REQUIRE(a.Ack(kStream, {(*messages)[0].entry_id, (*messages)[2].entry_id}).ok());
  REQUIRE(a.Ack(kStream, {}).ok());

  auto claimed = b.Claim(absl::ZeroDuration(), 10);
  REQUIRE(claimed.ok());
  CHECK(Payloads(claimed->messages) == Strings{"2"});
  CHECK(MustRead(a).empty());
  CHECK(MustRead(b).empty());
}

TEST_CASE("a pending entry that was deleted is reported once") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer dead = Member(server, "dead");
  Consumer alive = Member(server, "alive");
  REQUIRE(dead.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "1"}, {kStream, "2"}}).ok());
  REQUIRE(MustRead(dead).size() == 2);
  REQUIRE(absl::StartsWith(server.Command(absl::StrCat("XTRIM ", kStream, " MAXLEN 1")), ":1"));

  auto claimed = alive.Claim(absl::ZeroDuration(), 10);
  REQUIRE(claimed.ok());
  CHECK(Payloads(claimed->messages) == Strings{"2"});
  CHECK(claimed->deleted == 1);
  auto again = alive.Claim(absl::ZeroDuration(), 10);
  REQUIRE(again.ok());
  CHECK(again->deleted == 0);
}

TEST_CASE("an entry that is not ours is delivered empty, so that it can be acknowledged") {
  StreamServer& server = EmptyServer();
  Consumer consumer = Member(server, "a");
  server.Command(absl::StrCat("XADD ", kStream, " * note hello"));
  REQUIRE(consumer.EnsureGroups().ok());
  CHECK(MustRead(consumer) == Strings{""});
}

TEST_CASE("a read waits for the first entry and no longer than it was told to") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a");
  REQUIRE(consumer.EnsureGroups().ok());
  auto none = consumer.Read(10, absl::Microseconds(1));
  REQUIRE(none.ok());
  CHECK(none->empty());
  // A long wait in a quiet stream is not taken for a server that does not answer.
  RedisOptions impatient = Tcp(server);
  impatient.timeout = absl::Milliseconds(200);
  Consumer patient(impatient, &kClock, "routing", "b", {kStream});
  CHECK(patient.Read(10, absl::Milliseconds(300)).ok());

  auto reading = std::async(std::launch::async, [&] { return consumer.Read(10, kBound); });
  REQUIRE(producer.Append({{kStream, "1"}}).ok());
  auto messages = reading.get();
  REQUIRE(messages.ok());
  CHECK(Payloads(*messages) == Strings{"1"});
}

// ---- failures of the server ----

TEST_CASE("a group that stands ahead of its stream is set back, and is given what is there") {
  // Of the real one only: the simulated one has no hands that could set a group.
  RealServer server;
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a", {kStream, kOther});
  REQUIRE(consumer.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "1"}, {kOther, "x"}}).ok());
  REQUIRE(MustRead(consumer).size() == 2);
  // As a dump of another server leaves it whose clock was years ahead.
  server.Command(absl::StrCat("XGROUP SETID ", kStream, " routing 9999999999999-0"));
  REQUIRE(producer.Append({{kStream, "2"}, {kOther, "y"}}).ok());
  CHECK(MustRead(consumer) == Strings{"y"});

  REQUIRE(consumer.EnsureGroups().ok());
  CHECK(MustRead(consumer) == Strings{"1", "2"});
  REQUIRE(consumer.EnsureGroups().ok());
  CHECK(MustRead(consumer).empty());
}

TEST_CASE("FLUSHALL recreates the group and goes on") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a", {kStream, kOther});
  REQUIRE(consumer.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "before"}}).ok());
  REQUIRE(MustRead(consumer).size() == 1);

  server.FlushAll();
  REQUIRE(producer.Append({{kStream, "1"}, {kOther, "2"}}).ok());
  CHECK(MustRead(consumer).empty());
  CHECK(MustRead(consumer) == Strings{"1", "2"});

  server.FlushAll();
  auto claimed = consumer.Claim(absl::ZeroDuration(), 10);
  REQUIRE(claimed.ok());
  CHECK(claimed->messages.empty());
  REQUIRE(producer.Append({{kStream, "3"}}).ok());
  CHECK(MustRead(consumer) == Strings{"3"});
}

TEST_CASE("FLUSHALL while a consumer waits loses nothing that is written after it") {
  StreamServer& server = EmptyServer();
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a");
  RedisConnection control(Tcp(server), &kClock);
  REQUIRE(consumer.EnsureGroups().ok());
  auto reading = std::async(std::launch::async, [&] { return consumer.Read(10, kBound); });
  const bool waiting = Eventually(kBound, [&] {
    const auto info = control.Run({"INFO", "clients"});
    return info.ok() && absl::StrContains(info->text, "blocked_clients:1");
  });
  server.FlushAll();
  const absl::Status appended = producer.Append({{kStream, "1"}});
  auto first = reading.get();
  REQUIRE(waiting);
  REQUIRE(appended.ok());
  REQUIRE(first.ok());
  const Strings payloads = first->empty() ? MustRead(consumer) : Payloads(*first);
  CHECK(payloads == Strings{"1"});
}

TEST_CASE("a killed and restarted Redis is reconnected without a restart of the client") {
  RedisServer server;
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a");
  REQUIRE(consumer.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "before"}}).ok());

  server.KillHard();
  const absl::Status failed = producer.Append({{kStream, "lost"}});
  CHECK(absl::IsUnavailable(failed));
  CHECK(absl::StrContains(failed.message(), absl::StrCat("127.0.0.1:", server.port())));
  CHECK(absl::IsUnavailable(consumer.Read(10, absl::ZeroDuration()).status()));

  server.Start();
  CHECK(Eventually(kBound, [&] { return producer.Append({{kStream, "after"}}).ok(); }));
  CHECK(Eventually(kBound, [&] {
    const auto messages = consumer.Read(10, absl::ZeroDuration());
    return messages.ok() && !messages->empty() && messages->back().payload == "after";
  }));
}

TEST_CASE("what Redis took before an orderly restart is still there, pending and unread") {
  RedisServer server;
  Producer producer(Tcp(server), &kClock);
  Consumer consumer = Member(server, "a");
  REQUIRE(consumer.EnsureGroups().ok());
  REQUIRE(producer.Append({{kStream, "pending"}, {kStream, "unread"}}).ok());
  REQUIRE(MustRead(consumer, 1) == Strings{"pending"});
  server.Stop();
  server.Start();

  Consumer other = Member(server, "b");
  auto claimed = other.Claim(absl::ZeroDuration(), 10);
  REQUIRE(claimed.ok());
  CHECK(Payloads(claimed->messages) == Strings{"pending"});
  CHECK(MustRead(other) == Strings{"unread"});
}

TEST_CASE("a server that went away behind a unix socket is an error, not a signal") {
  RedisServer server;
  RedisOptions options;
  options.unix_socket = server.unix_socket();
  Producer producer(options, &kClock);
  REQUIRE(producer.Append({{kStream, "1"}}).ok());
  server.KillHard();
  CHECK(absl::IsUnavailable(producer.Append({{kStream, "2"}})));
  server.Start();
  CHECK(Eventually(kBound, [&] { return producer.Append({{kStream, "3"}}).ok(); }));
}

TEST_CASE("while backing off, calls return at once and knock at no door") {
  RedisServer server;
  StoppedClock clock;
  Producer producer(Tcp(server), &clock);
  server.Stop();
  CHECK(absl::StrContains(producer.Append({{kStream, "1"}}).message(), "refused"));
  server.Start();
  // The server is there, and yet: only 50 ms later do we look again.
  clock.Advance(absl::Milliseconds(49));
  const absl::Status early = producer.Append({{kStream, "1"}});
  CHECK(absl::IsUnavailable(early));
  CHECK(absl::StrContains(early.message(), "tried again in 1ms"));
  clock.Advance(absl::Milliseconds(1));
  CHECK(producer.Append({{kStream, "1"}}).ok());

  server.Stop();
  absl::Duration due = absl::Milliseconds(50);
  for (int failures = 0; failures < 8; ++failures) {
    CHECK(!absl::StrContains(producer.Append({{kStream, "1"}}).message(), "tried again"));
    CHECK(absl::StrContains(producer.Append({{kStream, "1"}}).message(),
                            absl::StrCat("tried again in ", absl::FormatDuration(due))));
    clock.Advance(due);
    due = std::min(due * 2, absl::Seconds(2));
  }
}

TEST_CASE("a clock that is set back does not hold up the reconnect") {
  RedisServer server;
  StoppedClock clock;
  Producer producer(Tcp(server), &clock);
  server.Stop();
  CHECK(absl::IsUnavailable(producer.Append({{kStream, "1"}})));
  server.Start();
  clock.Advance(-absl::Hours(1));
  CHECK(producer.Append({{kStream, "1"}}).ok());
}

TEST_CASE("a frozen Redis costs one timeout, and works on when it thaws") {
  RedisServer server;
  RedisOptions options = Tcp(server);
  options.timeout = absl::Milliseconds(200);
  Producer producer(options, &kClock);
  REQUIRE(producer.Append({{kStream, "1"}}).ok());
  server.Signal(SIGSTOP);
  const absl::Time start = absl::Now();
  const absl::Status frozen = producer.Append({{kStream, "2"}});
  const absl::Duration took = absl::Now() - start;
  server.Signal(SIGCONT);
  CHECK(absl::IsUnavailable(frozen));
  CHECK(absl::StrContains(frozen.message(), "did not answer within 200ms"));
  CHECK(took < absl::Seconds(5));
  CHECK(Eventually(kBound, [&] { return producer.Append({{kStream, "3"}}).ok(); }));
}

TEST_CASE("a full Redis refuses, and takes entries again when there is room") {
  RedisServer server;
  Producer producer(Tcp(server), &kClock);
  REQUIRE(server.Command("CONFIG SET maxmemory 1") == "+OK");
  const absl::Status full = producer.Append({{kStream, "1"}});
  CHECK(absl::IsUnavailable(full));
  CHECK(absl::StrContains(full.message(), "refused XADD: OOM"));
  REQUIRE(server.Command("CONFIG SET maxmemory 0") == "+OK");
  CHECK(Eventually(kBound, [&] { return producer.Append({{kStream, "1"}}).ok(); }));
}

TEST_CASE("a password is read from its file, and a rotated one is taken up") {
  RedisServer server({"--requirepass", "right-horse"});
  test::TempDir dir;
  StoppedClock clock;
  RedisOptions options = Tcp(server);
  Producer none(options, &clock);
  CHECK(absl::StrContains(none.Append({{kStream, "1"}}).message(), "NOAUTH"));

  options.password_file = dir.File("password");
  Producer producer(options, &clock);
  CHECK(absl::StrContains(producer.Append({{kStream, "1"}}).message(), "cannot be read"));
  dir.Write("password", "wrong-horse\n");
  clock.Advance(absl::Seconds(2));
  const absl::Status wrong = producer.Append({{kStream, "1"}});
  CHECK(absl::StrContains(wrong.message(), "WRONGPASS"));
  CHECK(!absl::StrContains(wrong.message(), "horse"));
  dir.Write("password", "right-horse\n");
  clock.Advance(absl::Seconds(2));
  CHECK(producer.Append({{kStream, "1"}}).ok());
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
}  // namespace yikou::queue
