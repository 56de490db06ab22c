// Flags of the intake service.
#pragma once

#include <string>

#include "services/common/config.h"

namespace yikou::intake {

struct Config {
  services::CommonConfig common;
  std::string tiers;  // as services::ParseTiers takes them; empty: all
  std::string catalogue = "deploy/data/catalogue/items.jsonl";
};

// Reads flags. Exits with a usage message (code 2) for unknown or malformed ones.
Config ReadConfig(int argc, char** argv);

}  // namespace yikou::intake
