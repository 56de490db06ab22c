#include <nlohmann/json.hpp>

#include "catch2/catch.hpp"
#include "tests/e2e/programs.h"

namespace yikou::test {

TEST_CASE("the CLI's exit codes say what happened") {
  Suite& suite = SharedSuite();
  const std::string clerk = "230108001004:clerk-1:CLERK";
  CHECK(Cli(suite, {"--as", clerk, "item", "show", "YK-S001"}).code == 0);
  CHECK(Cli(suite, {"--as", clerk, "item", "show", "YK-S999"}).code == 3);
  CHECK(Cli(suite, {"--as", clerk, "item", "paint"}).code == 2);
  CHECK(Cli(suite, {"--as", "230108001004:somebody:CITIZEN", "queue", "stats"}).code == 4);
  CHECK(Cli(suite, {"--as", clerk, "--intake", "127.0.0.1:1", "--request-timeout", "2s", "item",
                    "show", "YK-S001"})
            .code == 5);
}

TEST_CASE("the CLI answers programs in JSON") {
  Suite& suite = SharedSuite();
  const Ran ran = Cli(
      suite, {"--as", "230108001004:clerk-1:CLERK", "-o", "json", "unit", "show", "230108001004"});
  INFO(ran.output);
  REQUIRE(ran.code == 0);
  const auto json = nlohmann::json::parse(ran.output);
  CHECK(json.dump().find("和平社区") != std::string::npos);
}

}  // namespace yikou::test
