#include "tests/bench/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace yikou::bench {
namespace {

// The value behind the first "name: value" of a file of /proc.
std::string ValueIn(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || !absl::StartsWith(line, name)) continue;
    return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return "";
}

double NumberIn(const std::string& path, const std::string& name) {
  double number = 0;
  const std::string value = ValueIn(path, name);
  (void)absl::SimpleAtod(value.substr(0, value.find(' ')), &number);
  return number;
}

struct Usage {
  pid_t parent = 0;
  double seconds = 0;
};

Usage UsageOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::stringstream text;
  text << file.rdbuf();
  // The name in parentheses may hold blanks: what counts is behind it. From there parent is the
  // 2nd field, user and system time the 12th and 13th.
  const std::string line = text.str();
  const size_t end = line.rfind(')');
  if (end == std::string::npos) return {};
  const std::vector<std::string> fields =
      absl::StrSplit(line.substr(end + 1), ' ', absl::SkipEmpty());
  if (fields.size() < 13) return {};
  Usage usage;
  double user = 0;
  double system = 0;
  (void)absl::SimpleAtoi(fields[1], &usage.parent);
  (void)absl::SimpleAtod(fields[11], &user);
  (void)absl::SimpleAtod(fields[12], &system);
  usage.seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return usage;
}

// A server and the processes it has started, which live about as long.
double SecondsOfFamily(pid_t head) {
  double seconds = UsageOf(head).seconds;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    const Usage usage = UsageOf(pid);
    if (usage.parent == head) seconds += usage.seconds;
  }
  return seconds;
}

}  // namespace

Machine ThisMachine() {
  Machine machine;
  machine.cpu = ValueIn("/proc/cpuinfo", "model name");
  machine.cores = static_cast<int>(std::thread::hardware_concurrency());
  machine.memory_gb = NumberIn("/proc/meminfo", "MemTotal") / 1e6;
  utsname name = {};
  if (uname(&name) == 0) machine.kernel = absl::StrCat(name.sysname, " ", name.release);
  return machine;
}

double MemoryMb(pid_t pid) {
  return NumberIn(absl::StrCat("/proc/", pid, "/status"), "VmRSS") / 1e3;
}

std::map<std::string, double> MemoryOf(test::Suite& suite) {
  std::map<std::string, double> memory;
  for (const std::string& name : suite.processes()) memory[name] = MemoryMb(suite.pid(name));
  return memory;
}

CpuMeter::CpuMeter(test::Suite* suite) : suite_(suite), begin_(absl::Now()), before_(Seconds()) {}

std::map<std::string, double> CpuMeter::Seconds() const {
  std::map<std::string, double> seconds;
  for (const std::string& name : suite_->processes()) {
    seconds[name] = UsageOf(suite_->pid(name)).seconds;
  }
  seconds["redis"] = UsageOf(suite_->redis().pid()).seconds;
  if (suite_->postgres() != nullptr) {
    seconds["postgres"] = SecondsOfFamily(suite_->postgres()->pid());
  }
  seconds["driver"] = UsageOf(getpid()).seconds;
  return seconds;
}

std::map<std::string, double> CpuMeter::Cores() const {
  const double passed = absl::ToDoubleSeconds(absl::Now() - begin_);
  std::map<std::string, double> cores = Seconds();
  for (auto& [name, seconds] : cores) seconds = (seconds - before_.at(name)) / passed;
  return cores;
}

}  // namespace yikou::bench
