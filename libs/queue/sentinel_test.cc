#include "libs/queue/sentinel.h"

#include <string>

#include "absl/strings/match.h"
#include "catch2/catch.hpp"

namespace yikou::queue {
namespace {

TEST_CASE("addresses are read in order, with names, numbers and brackets") {
  const auto addresses = ParseAddresses("sentinel-0:26379, 10.0.0.7:1,[::1]:65535");
  REQUIRE(addresses.ok());
  REQUIRE(addresses->size() == 3);
  CHECK((*addresses)[0] == Address{"sentinel-0", 26379});
  CHECK((*addresses)[1] == Address{"10.0.0.7", 1});
  CHECK((*addresses)[2] == Address{"::1", 65535});
  CHECK((*addresses)[2].ToString() == "[::1]:65535");
}

TEST_CASE("an address that cannot be one is refused with the part that is wrong") {
  for (const std::string wrong : {"host", "host:", ":26379", "host:0", "host:65536", "host:x",
                                  "::1:26379", "[]:1", "[::1]", "host:26379x"}) {
    const auto addresses = ParseAddresses("good:1," + wrong);
    INFO(wrong);
    REQUIRE_FALSE(addresses.ok());
    CHECK(absl::StrContains(addresses.status().message(), "\"" + wrong + "\""));
  }
  CHECK_FALSE(ParseAddresses("").ok());
  CHECK_FALSE(ParseAddresses(" , ").ok());
}

}  // namespace
}  // namespace yikou::queue
