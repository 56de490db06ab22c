// What libs/queue promises of a real redis-server that forgets, dies, freezes or refuses.
#include <algorithm>
#include <csignal>
#include <future>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "tests/integration/queue_servers.h"
#include "tests/support/stopped_clock.h"
#include "tests/support/temp_dir.h"

namespace yikou::queue::test {
namespace {

using yikou::test::StoppedClock;

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
  yikou::test::TempDir dir;
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

}  // namespace
}  // namespace yikou::queue::test
