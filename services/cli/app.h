// The command line: CLI11 commands made from the table, and the session they run in.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace yikou::cli {

// Runs one command; `args` without the program's name. `progress`: standard error is a terminal.
// Reads YIKOU_CONTEXT and YIKOU_AS from the environment. Returns the exit code.
int RunCli(std::vector<std::string> args, std::ostream* out, std::ostream* err, bool progress);

}  // namespace yikou::cli
