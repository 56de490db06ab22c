// Flags of the reporting service.
#pragma once

#include "services/common/config.h"

namespace yikou::reporting {

struct Config {
  services::CommonConfig common;
};

// Reads flags. Exits with a usage message (code 2) for unknown or malformed ones.
Config ReadConfig(int argc, char** argv);

}  // namespace yikou::reporting
