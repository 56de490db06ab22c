#include "services/common/redis_flags.h"

#include <string>

#include "absl/strings/match.h"
#include "catch2/catch.hpp"

namespace yikou::services {
namespace {

CommonConfig WithSentinels() {
  CommonConfig config;
  config.redis_sentinels = "10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379";
  config.redis_master = "yikou";
  config.redis_sentinel_password_file = "/etc/yikou/sentinel";
  config.redis_password_file = "/etc/yikou/redis";
  return config;
}

std::string FaultOf(const CommonConfig& config) {
  app::ServiceOptions options;
  return std::string(SetRedis(config, &options).message());
}

TEST_CASE("flags of sentinels become their addresses, the name of the master and two passwords") {
  app::ServiceOptions options;
  REQUIRE(SetRedis(WithSentinels(), &options).ok());
  REQUIRE(options.redis_sentinels.size() == 3);
  CHECK(options.redis_sentinels[2].ToString() == "10.0.0.3:26379");
  CHECK(options.redis_master == "yikou");
  CHECK(options.redis_sentinel_password_file == "/etc/yikou/sentinel");
  CHECK(options.redis_password_file == "/etc/yikou/redis");
}

TEST_CASE("without sentinels Redis is where host and port say") {
  CommonConfig config;
  config.redis_host = "redis";
  config.redis_port = 7000;
  app::ServiceOptions options;
  REQUIRE(SetRedis(config, &options).ok());
  CHECK(options.redis_sentinels.empty());
  CHECK(options.redis_host == "redis");
  CHECK(options.redis_port == 7000);
}

TEST_CASE("flags of Redis that do not fit together are refused with what to do") {
  CommonConfig nameless = WithSentinels();
  nameless.redis_master.clear();
  CHECK(absl::StrContains(FaultOf(nameless), "give the name of ours with --redis_master"));
  CommonConfig alone = WithSentinels();
  alone.redis_sentinels.clear();
  CHECK(absl::StrContains(FaultOf(alone), "with --redis_sentinels host:port"));
  CommonConfig both = WithSentinels();
  both.redis_unix_socket = "/run/redis.sock";
  CHECK(absl::StrContains(FaultOf(both), "exclude each other"));
  CommonConfig garbled = WithSentinels();
  garbled.redis_sentinels = "10.0.0.1:26379;10.0.0.2:26379";
  CHECK(absl::StrContains(FaultOf(garbled), "\"10.0.0.1:26379;10.0.0.2:26379\" is not host:port"));
}

}  // namespace
}  // namespace yikou::services
