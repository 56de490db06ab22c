// Flags of the gridtask service.
#pragma once

#include <string>

#include "services/common/config.h"

namespace yikou::gridtask {

struct Config {
  services::CommonConfig common;
  std::string tiers;  // as services::ParseTiers takes them; empty: all
  std::string categories = "deploy/data/grid/categories.json";
  std::string workers = "deploy/data/directory/workers.csv";
};

// Reads flags. Exits with a usage message (code 2) for unknown or malformed ones.
Config ReadConfig(int argc, char** argv);

}  // namespace yikou::gridtask
