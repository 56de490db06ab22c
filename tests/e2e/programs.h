// Programs a person or another system runs against the suite.
#pragma once

#include <string>
#include <vector>

#include "tests/support/suite.h"

namespace yikou::test {

struct Ran {
  int code = -1;
  std::string output;  // standard output and standard error
};

// Runs a program to its end; throws when it takes longer than `bound`.
inline Ran Run(std::vector<std::string> args, absl::Duration bound = absl::Seconds(120)) {
  TempDir dir;
  Process process(std::move(args), dir.File("output"));
  auto code = process.WaitFor(bound);
  if (!code) throw std::runtime_error("A program does not end: " + process.Output());
  return {*code, process.Output()};
}

// Runs the CLI against the suite.
inline Ran Cli(Suite& suite, std::vector<std::string> args) {
  args.insert(args.begin(),
              {YIKOU_BINARY_DIR "/services/cli/yikou", "--context", suite.context_path()});
  return Run(std::move(args));
}

}  // namespace yikou::test
