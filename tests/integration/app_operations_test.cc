// What an operator asks of a service: its clock, its queues, what is stuck, its log.
#include <atomic>
#include <future>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "libs/base/ids.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "tests/store/node.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace yikou::test {
namespace {

using casework::v1::CaseRecord;

constexpr absl::Duration kBound = absl::Seconds(30);
const std::string kAlpha = "yikou:events:alpha:{0}";

absl::StatusOr<casework::v1::SetClockResponse> SetClock(Node& node, absl::Duration offset) {
  casework::v1::SetClockRequest request;
  request.set_offset_micros(absl::ToInt64Microseconds(offset));
  return node.service().SetClock(request);
}

absl::Duration OffsetOf(Node& node) {
  return absl::Microseconds(Must(node.service().GetClock()).offset_micros());
}

// A Redis nobody needs in these tests.
RedisServer& Away() {
  static RedisServer* redis = [] {
    auto* made = new RedisServer;
    made->Stop();
    return made;
  }();
  return *redis;
}

// Runs a command of an operator as the server does, up to its answer.
template <class Req, class Resp>
absl::StatusOr<Resp> Command(Node& node,
                             absl::StatusOr<store::Outcome<Resp>> (app::Service::*method)(
                                 const rpc::CallContext&, const Req&),
                             const Req& request) {
  rpc::CallContext context;
  context.method = Req::descriptor()->full_name();
  context.principal.person_id = "operator";
  std::promise<absl::StatusOr<Resp>> answer;
  node.service().commands().Run<Req, Resp>(
      context, request,
      [&](const auto& call, const auto& req) { return (node.service().*method)(call, req); },
      [&](absl::StatusOr<Resp> response) { answer.set_value(std::move(response)); });
  return answer.get_future().get();
}

absl::StatusOr<casework::v1::ResolveStuckResponse> Resolve(
    Node& node, const std::string& id, const std::string& reason,
    const std::string& request_id = base::NewId(absl::Now())) {
  casework::v1::ResolveStuckRequest request;
  request.set_stuck_id(id);
  request.set_reason(reason);
  request.set_request_id(request_id);
  return Command(node, &app::Service::ResolveStuck, request);
}

absl::StatusOr<casework::v1::RetryStuckResponse> Retry(
    Node& node, const std::string& id, const std::string& request_id = base::NewId(absl::Now())) {
  casework::v1::RetryStuckRequest request;
  request.set_stuck_id(id);
  request.set_request_id(request_id);
  return Command(node, &app::Service::RetryStuck, request);
}

}  // namespace

TEST_CASE("case time moves forward only, in test mode only, and survives a restart",
          "[app][clock]") {
  Node node("alpha", Away());
  node.Start({});
  // Real time cannot be moved.
  CHECK(absl::IsFailedPrecondition(SetClock(node, absl::Hours(1)).status()));
  CHECK_FALSE(Must(node.service().GetClock()).adjustable());
  CHECK(OffsetOf(node) == absl::ZeroDuration());
  node.Close();

  node.options().test_clock = true;
  node.Start({});
  CHECK(Must(node.service().GetClock()).adjustable());
  const absl::Time before = node.service().env().case_clock->Now();
  const auto moved = Must(SetClock(node, absl::Hours(24 * 8)));
  CHECK(casework::FromProto(moved.now()) - before >= absl::Hours(24 * 8));
  CHECK(casework::FromProto(moved.now()) - before < absl::Hours(24 * 8) + absl::Minutes(1));
  CHECK(absl::IsInvalidArgument(
      SetClock(node, absl::Hours(24 * 8) - absl::Microseconds(1)).status()));
  CHECK(absl::IsInvalidArgument(SetClock(node, absl::ZeroDuration()).status()));
  CHECK(absl::IsInvalidArgument(SetClock(node, -absl::Hours(1)).status()));
  CHECK(OffsetOf(node) == absl::Hours(24 * 8));
  // To where it is already is no way back.
  CHECK(SetClock(node, absl::Hours(24 * 8)).ok());
  CHECK(SetClock(node, absl::Hours(24 * 9)).ok());

  node.Close();
  node.Start({});
  CHECK(OffsetOf(node) == absl::Hours(24 * 9));
  // Once moved it stays moved, also for one that may not move it.
  node.Close();
  node.options().test_clock = false;
  node.Start({});
  CHECK(OffsetOf(node) == absl::Hours(24 * 9));
}

TEST_CASE("a first start in test mode begins at the day asked for, and only the first",
          "[app][clock]") {
  Node node("alpha", Away());
  node.options().test_clock = true;
  node.options().case_time_start = "2026-03-02T09:00:00+08:00";
  node.Start({});
  const absl::Time start = absl::FromCivil(absl::CivilHour(2026, 3, 2, 1), absl::UTCTimeZone());
  const absl::Time now = node.service().env().case_clock->Now();
  CHECK(now >= start);
  CHECK(now < start + absl::Minutes(1));
  const absl::Duration offset = OffsetOf(node);
  node.Close();
  node.options().case_time_start = "2026-05-01T09:00:00+08:00";
  node.Start({});
  CHECK(OffsetOf(node) == offset);

  Node other("beta", Away());
  other.options().test_clock = true;
  other.options().case_time_start = "tomorrow";
  CHECK_THROWS_WITH(other.Open(), Catch::Contains("tomorrow"));
}

TEST_CASE("a timer fires when the clock passes it, once", "[app][clock]") {
  Node node("alpha", Away());
  node.options().test_clock = true;
  node.Start({});
  const absl::Time due = node.service().env().case_clock->Now() + absl::Hours(24);
  store::Work work = node.service().env().WorkForTimer("test");
  *work.Create<CaseRecord>(kFolder, "a")->mutable_create_time() = casework::ToProto(due);
  work.Emit(kFolder, "a", "folder.opened", "a");
  Must(node.service().env().committer->CommitOne(Must(work.Take())));
  CHECK(casework::FromProto(Must(node.service().GetClock()).next_due()) ==
        absl::FromUnixMicros(absl::ToUnixMicros(due)));
  CHECK(Must(node.service().GetClock()).drained());
  CHECK(node.OwnChanges()["a"].size() == 1);

  Must(SetClock(node, absl::Hours(25)).status());
  CHECK(Eventually(kBound, [&] { return node.OwnChanges()["a"].size() == 2; }));
  CHECK(Eventually(kBound, [&] { return Must(node.service().GetClock()).drained(); }));
  CHECK_FALSE(Must(node.service().GetClock()).has_next_due());
  CHECK(node.OwnChanges()["a"].size() == 2);
}

TEST_CASE("a poisoned event is listed, retried and settled by an operator", "[app][stuck]") {
  RedisServer redis;
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  beta.Refuse("poisoned");
  alpha.Start({&beta});
  beta.Start({&alpha});
  REQUIRE(alpha.Write("good") == absl::OkStatus());
  REQUIRE(alpha.Write("poisoned") == absl::OkStatus());
  REQUIRE(alpha.Write("poisoned") == absl::OkStatus());
  REQUIRE(alpha.Write("good") == absl::OkStatus());

  REQUIRE(Eventually(kBound, [&] { return beta.StatsOf(kAlpha, "in").dead() == 1; }));
  const auto stats = beta.StatsOf(kAlpha, "in");
  CHECK(stats.parked() == 1);
  CHECK(stats.done_seq() == 4);
  CHECK(stats.backlog() == 0);
  CHECK(Must(beta.service().env().store->Get(kFolder, "alpha/good")).version == 2);
  const auto stuck = Must(beta.service().ListStuck({}));
  REQUIRE(stuck.entries_size() == 2);
  const casework::v1::StuckEntry& dead = stuck.entries(0);
  CHECK(dead.kind() == "dead");
  CHECK(dead.stuck_id() == kAlpha + "/2");
  CHECK(dead.cause() == "this folder is refused");
  CHECK(dead.attempts() == 5);
  CHECK(dead.event_type() == "folder.changed");
  CHECK(dead.case_id() == "poisoned");
  CHECK(dead.has_since());
  CHECK(stuck.entries(1).kind() == "parked");
  CHECK(stuck.entries(1).case_id() == "poisoned");
  CHECK(absl::StrContains(stuck.entries(1).cause(), "version 1"));
  // Page by page.
  casework::v1::ListStuckRequest page;
  page.set_page_size(1);
  const auto first = Must(beta.service().ListStuck(page));
  CHECK(first.entries_size() == 1);
  page.set_page_token(first.next_page_token());
  CHECK(Must(beta.service().ListStuck(page)).entries(0).stuck_id() == kAlpha + "/3");

  const auto refused = Must(Retry(beta, dead.stuck_id()));
  CHECK_FALSE(refused.applied());
  CHECK(refused.cause() == "this folder is refused");
  CHECK(absl::IsNotFound(Retry(beta, kAlpha + "/3").status()));
  CHECK(absl::IsNotFound(Retry(beta, "no such id").status()));
  CHECK(absl::IsInvalidArgument(Resolve(beta, dead.stuck_id(), "").status()));
  CHECK(absl::IsInvalidArgument(Resolve(beta, dead.stuck_id(), std::string(1501, 'x')).status()));

  CHECK(absl::IsInvalidArgument(Retry(beta, dead.stuck_id(), "no UUID").status()));

  const std::string request_id = base::NewId(absl::Now());
  SECTION("retried after the fix") {
    // What failed may be given again, and what was applied answers as before.
    CHECK_FALSE(Must(Retry(beta, dead.stuck_id(), request_id)).applied());
    beta.RefuseNothing();
    CHECK(Must(Retry(beta, dead.stuck_id(), request_id)).applied());
    CHECK(Must(Retry(beta, dead.stuck_id(), request_id)).applied());
    CHECK(absl::IsAlreadyExists(Retry(beta, kAlpha + "/9", request_id).status()));
    CHECK(Eventually(kBound, [&] { return beta.Behind(alpha) == ""; }));
    CHECK(Must(beta.service().env().store->Get(kFolder, "alpha/poisoned")).version == 2);
  }
  SECTION("settled by hand") {
    beta.RefuseNothing();
    REQUIRE(Resolve(beta, dead.stuck_id(), "written by mistake", request_id).ok());
    CHECK(Resolve(beta, dead.stuck_id(), "written by mistake", request_id).ok());
    CHECK(Must(beta.service().env().store->Get(kFolder, "alpha/poisoned")).version == 1);
  }
  CHECK(Must(beta.service().ListStuck({})).entries_size() == 0);
  CHECK(absl::IsNotFound(Retry(beta, dead.stuck_id()).status()));
  CHECK(absl::IsNotFound(Resolve(beta, dead.stuck_id(), "again").status()));
}

TEST_CASE("what is no entry of ours is put aside and does not hold up the rest", "[app][stuck]") {
  RedisServer redis;
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  alpha.Start({&beta});
  beta.Start({&alpha});
  REQUIRE(alpha.Write("a") == absl::OkStatus());
  REQUIRE(redis.Command("XADD " + kAlpha + " * e garbage")[0] == '$');
  REQUIRE(redis.Command("XADD " + kAlpha + " * other field")[0] == '$');
  REQUIRE(alpha.Write("a") == absl::OkStatus());
  CHECK(Eventually(kBound, [&] { return beta.Behind(alpha) == ""; }));
  REQUIRE(Eventually(kBound, [&] { return beta.StatsOf(kAlpha, "in").dead() >= 1; }));
  const auto stuck = Must(beta.service().ListStuck({}));
  CHECK(stuck.entries(0).event_type() == "");
  CHECK(absl::StrContains(stuck.entries(0).cause(), "not an Envelope"));
  CHECK_FALSE(Must(Retry(beta, stuck.entries(0).stuck_id())).applied());
  CHECK(Resolve(beta, stuck.entries(0).stuck_id(), "not ours").ok());
}

TEST_CASE("a stream of the log is read in pages, as it travels", "[app][log]") {
  Node node("alpha", Away());
  node.Start({});
  for (int n = 0; n < 12; ++n) REQUIRE(node.Write(absl::StrCat("f", n)) == absl::OkStatus());
  casework::v1::ReadStreamRequest request;
  request.set_stream(kAlpha);
  request.set_from_seq(4);
  request.set_limit(5);
  const auto page = Must(node.service().ReadStream(request));
  CHECK(page.head_seq() == 12);
  REQUIRE(page.entries_size() == 5);
  for (int i = 0; i < 5; ++i) CHECK(page.entries(i).stream_seq() == 4 + i);
  const casework::v1::Envelope& entry = page.entries(0);
  CHECK(entry.stream() == kAlpha);
  CHECK(entry.source() == "/yikou/alpha");
  CHECK(entry.specversion() == "1.0");
  CHECK(entry.type() == "folder.changed");
  CHECK(entry.subject() == "f3");
  CHECK(entry.id() == entry.event().event_id());
  CHECK(entry.has_time());

  for (const int64_t from : {int64_t{0}, int64_t{-5}}) {
    request.set_from_seq(from);
    request.set_limit(0);
    CHECK(Must(node.service().ReadStream(request)).entries_size() == 12);
  }
  request.set_from_seq(13);
  CHECK(Must(node.service().ReadStream(request)).entries_size() == 0);
  request.set_stream("yikou:events:nobody:{0}");
  CHECK(absl::IsNotFound(node.service().ReadStream(request).status()));

  const auto heads = Must(node.service().GetHeads());
  CHECK(heads.source() == "alpha");
  CHECK(heads.position() == 12);
  CHECK(heads.hash().size() == 32);
  REQUIRE(heads.streams_size() == 1);
  CHECK(heads.streams(0).seq() == 12);
}

TEST_CASE("large entries come in answers below the message cap", "[app][log]") {
  Node node("alpha", Away());
  node.Start({});
  for (int n = 0; n < 6; ++n) {
    store::Work work = node.service().env().WorkForTimer("test");
    const std::string id = absl::StrCat("f", n);
    work.Create<CaseRecord>(kFolder, id);
    work.Emit(kFolder, id, "folder.changed", id).set_reason(std::string(1 << 20, 'x'));
    Must(node.service().env().committer->CommitOne(Must(work.Take())));
  }
  casework::v1::ReadStreamRequest request;
  request.set_stream(kAlpha);
  int64_t next = 1;
  while (next <= 6) {
    request.set_from_seq(next);
    const auto page = Must(node.service().ReadStream(request));
    REQUIRE(page.entries_size() > 0);
    CHECK(page.ByteSizeLong() < (4 << 20));
    CHECK(page.entries(0).stream_seq() == next);
    next += page.entries_size();
  }
  CHECK(next == 7);
}

TEST_CASE("a log is signed and verified with the service's own key", "[app][log]") {
  TempDir dir;
  Node node("alpha", Away());
  node.Start({});
  REQUIRE(node.Write("a") == absl::OkStatus());
  CHECK(absl::IsFailedPrecondition(node.service().SignHead().status()));
  CHECK(Must(node.service().VerifyLog()).ok());
  node.Close();

  node.options().test_clock = true;  // makes a key when there is none
  node.options().signing_key_path = dir.File("key.pem");
  node.options().heads_dir = dir.path();
  node.Start({});
  REQUIRE(node.Write("a") == absl::OkStatus());
  const auto head = Must(node.service().SignHead());
  CHECK(head.position() == 2);
  CHECK_FALSE(head.signature().empty());
  const auto verified = Must(node.service().VerifyLog());
  CHECK(verified.ok());
  CHECK(verified.events() == 2);
  CHECK(verified.aggregates() == 1);
  CHECK(verified.signed_position() == 2);
}

TEST_CASE("who watches commits is told of each, until he goes", "[app][log]") {
  Node node("alpha", Away());
  node.Start({});
  std::atomic<int> told = 0;
  auto watch = node.service().WatchCommits([&told] { told += 1; });
  for (int n = 1; n <= 3; ++n) {
    REQUIRE(node.Write("a") == absl::OkStatus());
    CHECK(Eventually(kBound, [&] { return told >= n; }));
  }
  watch.reset();
  const int last = told;
  REQUIRE(node.Write("a") == absl::OkStatus());
  node.Close();
  CHECK(told == last);
}

TEST_CASE("a service that cannot start says why", "[app][service]") {
  Node alpha("alpha", Away());
  Node beta("beta", Away());
  alpha.options().calendar_path = "/no/such/calendar.csv";
  CHECK_THROWS_WITH(alpha.Open(), Catch::Contains("/no/such/calendar.csv"));

  beta.Open();
  app::ServiceParts parts;
  parts.inputs = {{kAlpha, "alpha"}};
  Must(beta.service().Prepare(std::move(parts)));
  const absl::Status status = beta.service().Start({});
  CHECK(absl::IsInvalidArgument(status));
  CHECK(absl::StrContains(status.message(), kAlpha));
}

}  // namespace yikou::test
