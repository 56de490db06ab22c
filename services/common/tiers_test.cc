#include "services/common/tiers.h"

#include "absl/strings/match.h"
#include "catch2/catch.hpp"

namespace yikou::services {
namespace {

using casework::v1::Tier;
using Tiers = std::vector<Tier>;

TEST_CASE("a deployment serves the tiers it is told, each once, and all when told none",
          "[tiers]") {
  CHECK(*ParseTiers("") == Tiers{casework::v1::TIER_DISTRICT, casework::v1::TIER_STREET,
                                 casework::v1::TIER_COMMUNITY});
  CHECK(*ParseTiers("community") == Tiers{casework::v1::TIER_COMMUNITY});
  CHECK(*ParseTiers("street,district,street") ==
        Tiers{casework::v1::TIER_STREET, casework::v1::TIER_DISTRICT});
}

TEST_CASE("a tier that has no queue is refused by its name", "[tiers]") {
  for (const char* text : {"grid", "street,grid", "Street", "street, district", ",", "street,"}) {
    INFO(text);
    const absl::Status status = ParseTiers(text).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(absl::StrContains(status.message(), "is no tier that has queues"));
  }
  CHECK(absl::StrContains(ParseTiers("street,grid").status().message(), "\"grid\""));
}

TEST_CASE("a record that cannot be shared has all its queues read", "[tiers]") {
  std::vector<app::InputStream> inputs;
  const absl::Status status = AddQueues("approval", "street", "sqlite:approval.db", &inputs);
  CHECK(absl::IsInvalidArgument(status));
  CHECK(absl::StrContains(status.message(), "wait for ever"));
  CHECK(inputs.empty());
  CHECK(AddQueues("approval", "", "sqlite:approval.db", &inputs) == absl::OkStatus());
  CHECK(inputs.size() == 3);
  inputs.clear();
  CHECK(AddQueues("approval", "community,street,district", "sqlite:a.db", &inputs).ok());
  CHECK(inputs.size() == 3);
  inputs.clear();
  REQUIRE(AddQueues("gridtask", "community", "postgresql://db/yikou", &inputs).ok());
  REQUIRE(inputs.size() == 1);
  CHECK(inputs[0].stream == "yikou:queue:community:gridtask:{0}");
  CHECK(inputs[0].owner == "routing");
}

}  // namespace
}  // namespace yikou::services
