// Flags of the routing service.
#pragma once

#include <string>

#include "services/common/config.h"

namespace yikou::routing {

struct Config {
  services::CommonConfig common;
  std::string directory = "deploy/data/directory/units.jsonl";
  int offer_lease_seconds = 300;
};

// Reads flags. Exits with a usage message (code 2) for unknown or malformed ones.
Config ReadConfig(int argc, char** argv);

}  // namespace yikou::routing
