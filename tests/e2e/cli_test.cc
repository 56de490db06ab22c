#include <nlohmann/json.hpp>

#include "catch2/catch.hpp"
#include "tests/e2e/programs.h"
#include "tests/support/eventually.h"

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

TEST_CASE("an operator heals from the command line: republish, rebuild, redirect") {
  Suite& suite = SharedSuite();
  const auto as_operator = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"--as", ":operator:OPERATOR", "-o", "json"});
    return Cli(suite, std::move(args));
  };
  const std::string stream = "yikou:events:intake:{0}";
  const Ran again = as_operator({"queue", "republish", "intake", stream, "--from", "1000"});
  INFO(again.output);
  CHECK(again.code == 0);
  CHECK(nlohmann::json::parse(again.output).dump().find("entries") != std::string::npos);
  CHECK(as_operator({"queue", "republish", "intake", stream, "--from", "100000000"}).code == 1);
  CHECK(as_operator({"queue", "republish", "intake", "nobody's"}).code == 3);

  const Ran rebuild = as_operator({"report", "rebuild"});
  INFO(rebuild.output);
  CHECK(rebuild.code == 0);
  CHECK(Eventually(absl::Seconds(60), [&] {
    const Ran summary = as_operator({"report", "summary"});
    return summary.code == 0 && summary.output.find("rebuild") == std::string::npos;
  }));
  CHECK(Cli(suite, {"--as", "230108001004:clerk-1:CLERK", "report", "rebuild"}).code == 4);

  CHECK(as_operator(
            {"queue", "redirect", "no-such-offer", "--to", "230108001", "--reason", "it is gone"})
            .code == 3);
  CHECK(as_operator({"queue", "redirect", "no-such-offer", "--to", "230108001"}).code == 2);
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
