// Flags of the approval service.
#pragma once

#include <string>

#include "services/common/config.h"

namespace yikou::approval {

struct Config {
  services::CommonConfig common;
  std::string tiers;  // as services::ParseTiers takes them; empty: all
  std::string seals = "deploy/data/catalogue/seals.json";
  std::string seal_dir;
  bool make_seal_keys = false;
};

// Reads flags. Exits with a usage message (code 2) for unknown or malformed ones.
Config ReadConfig(int argc, char** argv);

}  // namespace yikou::approval
