// The machine, and what processes take of it.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "absl/time/time.h"
#include "tests/support/suite.h"

namespace yikou::bench {

struct Machine {
  std::string cpu;
  int cores = 0;
  double memory_gb = 0;
  std::string kernel;
};
Machine ThisMachine();

// Memory of a process in RAM, in MB; 0 when it has ended.
double MemoryMb(pid_t pid);

// Memory of each service of the suite.
std::map<std::string, double> MemoryOf(test::Suite& suite);

// Processor time of a suite's processes and of this one, the driver, from here on.
class CpuMeter {
 public:
  explicit CpuMeter(test::Suite* suite);
  // Cores each has used on average: the services by name, "redis", "postgres", "driver".
  std::map<std::string, double> Cores() const;

 private:
  std::map<std::string, double> Seconds() const;

  test::Suite* const suite_;
  const absl::Time begin_;
  const std::map<std::string, double> before_;
};

}  // namespace yikou::bench
