// The whole schema of a service's record: what every service has, and behind it its own.
#pragma once

#include <vector>

#include "libs/store/store.h"

namespace yikou::app {

// What every service has.
std::vector<store::Migration> CoreMigrations();
// A service's own, numbered from 1, as they stand behind it in the record.
std::vector<store::Migration> BehindCore(std::vector<store::Migration> own);
// Both.
std::vector<store::Migration> WholeSchema(std::vector<store::Migration> own);

}  // namespace yikou::app
