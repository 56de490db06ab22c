// A Redis that is set up to lose data is complained of, whenever that comes about.
#include "libs/app/policy_watch.h"

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/base/clock.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace yikou::app {
namespace {

constexpr absl::Duration kBound = absl::Seconds(20);

// Waits until the gauge of a setting has this value.
bool Comes(const telemetry::Metrics& metrics, const std::string& setting, int value) {
  const std::string line =
      absl::StrCat("yikou_redis_policy_ok{setting=\"", setting, "\"} ", value, "\n");
  return test::Eventually(kBound, [&] { return absl::StrContains(metrics.Text(), line); });
}

}  // namespace

TEST_CASE("a wrong policy of Redis shows, although Redis was away at the start, until it is mended",
          "[policy]") {
  test::RedisServer server;
  server.Stop();
  base::SystemClock clock;
  base::ThreadExecutor executor(1);
  telemetry::Metrics metrics;
  PolicyWatch watch(std::make_unique<queue::RedisConnection>(
                        queue::RedisOptions{.host = server.host(), .port = server.port()}, &clock),
                    &metrics);
  watch.Start(&executor);
  CHECK_FALSE(absl::StrContains(metrics.Text(), "yikou_redis_policy_ok{"));

  server.Start();
  CHECK(Comes(metrics, "maxmemory_policy", 1));
  CHECK(Comes(metrics, "appendonly", 1));
  CHECK(Comes(metrics, "version", 1));
  REQUIRE(server.Command("CONFIG SET maxmemory-policy allkeys-lru") == "+OK");
  CHECK(Comes(metrics, "maxmemory_policy", 0));
  CHECK(Comes(metrics, "appendonly", 1));
  REQUIRE(server.Command("CONFIG SET maxmemory-policy noeviction") == "+OK");
  CHECK(Comes(metrics, "maxmemory_policy", 1));
  watch.Stop();
}

}  // namespace yikou::app
