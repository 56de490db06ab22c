// What libs/queue promises, held against a real redis-server, and as far as streams go against the
// one of the simulator: who is given which entry, and in what order.
#include <future>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/integration/queue_servers.h"

namespace yikou::queue::test {
namespace {

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

}  // namespace
}  // namespace yikou::queue::test
