// Another program, for as long as the test holds it.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace yikou::test {

// Threads: one at a time. The program is also killed when the thread that started it ends (that is
// how Linux tells a child of a dead parent), so that a crashed test leaves nothing running: start
// it from a thread that lives as long as the test.
class Process {
 public:
  // Starts args[0], looked up in PATH, with the rest as its arguments; standard output and standard
  // error are appended to `output_path`. A program that cannot be run ends with 127.
  Process(std::vector<std::string> args, std::string output_path);
  // Kills it with SIGKILL unless it has ended, and waits.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  // False from the moment it has ended.
  bool Running();
  // Sends a signal; does nothing when it has ended.
  void Kill(int signal = SIGKILL);
  // Waits for the end and returns the exit code, or 128 + the signal that ended it.
  int Wait();
  // As Wait, for at most `bound`; nothing when it still runs.
  std::optional<int> WaitFor(absl::Duration bound);
  // Returns what it has written up to now.
  std::string Output() const;

 private:
  void Reap(int wait_options);

  pid_t pid_ = -1;
  std::string output_path_;
  std::optional<int> exit_code_;
};

}  // namespace yikou::test
