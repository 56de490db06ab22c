// Two services and a real Redis between them: whatever happens to Redis, or to one of them, every
// event arrives, once.
#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/app/reaction.h"
#include "libs/app/service.h"
#include "tests/store/node.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace yikou::test {
namespace {

constexpr absl::Duration kBound = absl::Seconds(40);
const std::string kAlpha = "yikou:events:alpha:{0}";
const std::string kBeta = "yikou:events:beta:{0}";

// Changes folders of a node until it is told to stop; a node that is closed for a while is no
// error.
class Clerk {
 public:
  explicit Clerk(Node* node)
      : thread_([this, node] {
          for (int n = 0; !done_; ++n) {
            const absl::Status status = node->Write(absl::StrCat("f", n % 7));
            if (status.ok()) written_ += 1;
            if (!status.ok() && !absl::IsUnavailable(status)) failed_ += 1;
          }
        }) {}
  ~Clerk() { Stop(); }

  bool HasWritten(int more) {
    const int goal = written_ + more;
    return Eventually(kBound, [&] { return written_ >= goal; });
  }
  // How many writes failed in an unexpected way.
  int Stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
    return failed_;
  }

 private:
  std::atomic<bool> done_ = false;
  std::atomic<int> written_ = 0;
  std::atomic<int> failed_ = 0;
  std::thread thread_;
};

// Waits until both have everything of each other; "" or what is missing in the end.
std::string Settle(Node& alpha, Node& beta) {
  std::string behind;
  Eventually(kBound, [&] {
    behind = beta.Behind(alpha);
    if (behind.empty()) behind = alpha.Behind(beta);
    return behind.empty();
  });
  return behind;
}

bool HasPublished(Node& node, const std::string& stream) {
  return Eventually(kBound, [&] {
    const auto stats = node.StatsOf(stream, "out");
    return stats.head_seq() > 0 && stats.backlog() == 0;
  });
}

}  // namespace

TEST_CASE("events flow both ways through Redis, and none has to be fetched", "[app][service]") {
  RedisServer redis;
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  alpha.options().fetch_grace = beta.options().fetch_grace = absl::Hours(1);
  alpha.Start({&beta});
  beta.Start({&alpha});
  Clerk at_alpha(&alpha);
  Clerk at_beta(&beta);
  CHECK(at_alpha.HasWritten(100));
  CHECK(at_beta.HasWritten(100));
  CHECK(at_alpha.Stop() + at_beta.Stop() == 0);
  CHECK(Settle(alpha, beta) == "");
  const auto in = beta.StatsOf(kAlpha, "in");
  CHECK(in.fetched() == 0);
  CHECK(in.parked() == 0);
  CHECK(in.dead() == 0);
  CHECK(in.redis_up());
  CHECK(HasPublished(alpha, kAlpha));
}

TEST_CASE("FLUSHALL in mid-run heals without an operator", "[app][service]") {
  RedisServer redis;
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  alpha.Start({&beta});
  beta.Start({&alpha});
  {
    Clerk at_alpha(&alpha);
    Clerk at_beta(&beta);
    for (int flush = 0; flush < 4; ++flush) {
      CHECK(at_alpha.HasWritten(25));
      redis.FlushAll();
    }
    CHECK(at_alpha.Stop() + at_beta.Stop() == 0);
  }
  CHECK(Settle(alpha, beta) == "");

  // And now certainly before anybody has read it.
  beta.Close();
  for (int n = 0; n < 50; ++n) REQUIRE(alpha.Write(absl::StrCat("g", n % 3)) == absl::OkStatus());
  REQUIRE(HasPublished(alpha, kAlpha));
  redis.FlushAll();
  beta.Start({&alpha});
  CHECK(Settle(alpha, beta) == "");
  CHECK(beta.StatsOf(kAlpha, "in").fetched() >= 50);
  // Redis does its work again afterwards.
  beta.Close();
  beta.options().fetch_grace = absl::Hours(1);
  beta.Start({&alpha});
  for (int n = 0; n < 20; ++n) REQUIRE(alpha.Write("g") == absl::OkStatus());
  CHECK(Settle(alpha, beta) == "");
  CHECK(beta.StatsOf(kAlpha, "in").fetched() == 0);
}

TEST_CASE("what Redis lost is published again on demand, and what comes twice changes nothing",
          "[app][service]") {
  RedisServer redis;
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  // Nobody fetches: what arrives came through Redis.
  alpha.options().fetch_grace = beta.options().fetch_grace = absl::Hours(1);
  alpha.Start({&beta});
  beta.Start({&alpha});
  for (int n = 0; n < 300; ++n) REQUIRE(alpha.Write(absl::StrCat("f", n % 3)) == absl::OkStatus());
  REQUIRE(Settle(alpha, beta) == "");
  beta.Close();
  for (int n = 0; n < 50; ++n) REQUIRE(alpha.Write(absl::StrCat("f", n % 3)) == absl::OkStatus());
  REQUIRE(HasPublished(alpha, kAlpha));
  const int64_t head = alpha.StatsOf(kAlpha, "out").head_seq();
  redis.FlushAll();
  beta.Start({&alpha});

  casework::v1::RepublishStreamRequest request;
  request.set_stream(kAlpha);
  CHECK(absl::IsInvalidArgument(alpha.service().RepublishStream(request).status()));
  request.set_request_id("7a0c0d6e-0000-4000-8000-000000000001");
  request.set_from_seq(head + 1);
  CHECK(absl::IsInvalidArgument(alpha.service().RepublishStream(request).status()));
  request.set_from_seq(-1);
  CHECK(absl::IsInvalidArgument(alpha.service().RepublishStream(request).status()));
  request.set_from_seq(290);
  CHECK(Must(alpha.service().RepublishStream(request)).entries() == head - 289);
  CHECK(Settle(alpha, beta) == "");
  CHECK(beta.StatsOf(kAlpha, "in").fetched() == 0);
  CHECK(HasPublished(alpha, kAlpha));

  // From the first on, twice over, and across a restart: everything comes again, nothing happens.
  const auto heard = beta.OwnChanges();
  for (int round = 0; round < 2; ++round) {
    request.set_from_seq(0);
    CHECK(Must(alpha.service().RepublishStream(request)).entries() == head);
    alpha.Close();
    alpha.Start({&beta});
    CHECK(HasPublished(alpha, kAlpha));
  }
  CHECK(Settle(alpha, beta) == "");
  CHECK(beta.OwnChanges() == heard);
  CHECK(beta.StatsOf(kAlpha, "in").dead() == 0);
  request.set_stream(kBeta);
  CHECK(absl::IsNotFound(alpha.service().RepublishStream(request).status()));
}

TEST_CASE("with Redis away from the start the fetcher alone brings everything", "[app][service]") {
  RedisServer redis;
  redis.Stop();
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  alpha.Start({&beta});
  beta.Start({&alpha});
  Clerk at_alpha(&alpha);
  Clerk at_beta(&beta);
  CHECK(at_alpha.HasWritten(40));
  CHECK(at_beta.HasWritten(40));
  CHECK(at_alpha.Stop() + at_beta.Stop() == 0);
  CHECK(Settle(alpha, beta) == "");
  CHECK_FALSE(beta.StatsOf(kAlpha, "in").redis_up());
  CHECK(alpha.StatsOf(kAlpha, "out").done_seq() == 0);

  // Back again it is given all of it, and everybody has seen all of it.
  redis.Start();
  CHECK(HasPublished(alpha, kAlpha));
  CHECK(HasPublished(beta, kBeta));
  for (int n = 0; n < 10; ++n) REQUIRE(alpha.Write("late") == absl::OkStatus());
  CHECK(Settle(alpha, beta) == "");
  CHECK(alpha.service().VerifyLog()->ok());
  CHECK(beta.service().VerifyLog()->ok());
}

TEST_CASE("Redis killed and started again loses nothing and doubles nothing", "[app][service]") {
  RedisServer redis;
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  alpha.Start({&beta});
  beta.Start({&alpha});
  Clerk at_alpha(&alpha);
  Clerk at_beta(&beta);
  for (int death = 0; death < 3; ++death) {
    CHECK(at_alpha.HasWritten(30));
    redis.KillHard();
    // Writes go on without it.
    CHECK(at_alpha.HasWritten(10));
    CHECK(at_beta.HasWritten(10));
    redis.Start();
  }
  CHECK(at_alpha.HasWritten(30));
  CHECK(at_alpha.Stop() + at_beta.Stop() == 0);
  CHECK(Settle(alpha, beta) == "");
  CHECK(HasPublished(alpha, kAlpha));
}

TEST_CASE("a service stopped and started again has missed nothing", "[app][service]") {
  RedisServer redis;
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  alpha.Start({&beta});
  beta.Start({&alpha});
  Clerk at_alpha(&alpha);
  Clerk at_beta(&beta);
  for (int restart = 0; restart < 3; ++restart) {
    CHECK(at_alpha.HasWritten(20));
    beta.Close();
    CHECK(at_alpha.HasWritten(20));
    beta.Start({&alpha});
    CHECK(at_beta.HasWritten(20));
    alpha.Close();
    CHECK(at_beta.HasWritten(20));
    alpha.Start({&beta});
  }
  CHECK(at_alpha.Stop() + at_beta.Stop() == 0);
  CHECK(Settle(alpha, beta) == "");
  CHECK(alpha.service().VerifyLog()->ok());
  CHECK(beta.service().VerifyLog()->ok());
}

TEST_CASE("a service reads its peer's log before the peer has written anything", "[app][service]") {
  RedisServer redis;
  redis.Stop();
  Node alpha("alpha", redis);
  Node beta("beta", redis);
  // Its peer is away, comes, and has written nothing yet.
  beta.Start({&alpha});
  alpha.Start({&beta});
  CHECK(Eventually(kBound, [&] { return beta.service().GetClock()->drained(); }));
  REQUIRE(alpha.Write("first") == absl::OkStatus());
  CHECK(Settle(alpha, beta) == "");
}

}  // namespace yikou::test
