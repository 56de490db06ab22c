// yikou: the command-line client of the suite.
#include <unistd.h>

#include <iostream>

#include "services/cli/app.h"

int main(int argc, char** argv) {
  return yikou::cli::RunCli({argv + 1, argv + argc}, &std::cout, &std::cerr,
                            isatty(STDERR_FILENO) != 0);
}
