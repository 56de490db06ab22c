#include <fstream>
#include <nlohmann/json.hpp>

#include "catch2/catch.hpp"
#include "tests/e2e/programs.h"

namespace yikou::test {

TEST_CASE("the real day ends with every scenario in its final state and the audit clean") {
  Suite suite;
  TempDir dir;
  const std::string json_path = dir.File("day.json");
  const Ran day = Run({YIKOU_BINARY_DIR "/services/cli/day/yikou-day", "--context",
                       suite.context_path(), "--json", json_path},
                      absl::Seconds(240));
  INFO(day.output);
  REQUIRE(day.code == 0);
  std::ifstream file(json_path);
  const auto json = nlohmann::json::parse(file);
  REQUIRE(json["audit"] == "ok");
  std::map<std::string, nlohmann::json> told;
  for (const auto& scenario : json["scenarios"]) told[scenario["scenario"]] = scenario;
  REQUIRE(told.size() == 6);
  for (const char* key : {"a", "b", "c", "e"}) CHECK(told[key]["state"] == "CLOSED");
  CHECK(told["d"]["state"] == "GRID_CLOSED");
  CHECK(told["d"]["outcome"] == "SOLVED");
  CHECK(told["e2"]["state"] == "NOT_ACCEPTED");
  // The archive bureau and back; the loan by way of its street and the district.
  CHECK(told["a"]["hops"] == 2);
  CHECK(told["b"]["hops"] == 3);
  const auto lights = told["b"]["lights"].get<std::vector<std::string>>();
  CHECK(std::count(lights.begin(), lights.end(), "YELLOW") == 1);
  const auto streams = told["b"]["streams"].get<std::vector<std::string>>();
  for (const char* stream :
       {"yikou:events:intake:{0}", "yikou:events:routing:{0}", "yikou:events:approval:{0}",
        "yikou:events:gridtask:{0}", "yikou:queue:street:approval:{0}",
        "yikou:queue:district:approval:{0}", "yikou:queue:community:gridtask:{0}",
        "yikou:queue:community:intake:{0}"}) {
    INFO(stream);
    CHECK(std::count(streams.begin(), streams.end(), stream) == 1);
  }
  CHECK(json["crowd"]["closed"] == 200);
  CHECK(json["report"]["in_time_rate"] == 1.0);
  CHECK(json["report"]["hops"].get<double>() >= 2.0);
}

}  // namespace yikou::test
