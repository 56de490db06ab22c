// `yikou-<service> migrate status|up|verify`: looks after the schema of a record, without serving
// it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/store/store.h"

namespace yikou::services {

// Runs the command and returns its exit code: 0, 1 with a sentence on standard error, 2 with usage.
// Nothing when the command line is not this command. `own` is what the service brings beside the
// core schema.
//   status  prints every migration and whether the record has it; reads only.
//   up      applies what is missing.
//   verify  fails when one is missing or was applied in another form; reads only.
std::optional<int> RunMigrate(int argc, char** argv, const std::string& service,
                              std::vector<store::Migration> own);

}  // namespace yikou::services
