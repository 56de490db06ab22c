// A real redis-server with a directory and a port of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {

// Append-only, synced every second, as we tell operators to run it. Every failure is a
// std::runtime_error with a sentence, which fails the test. Threads: as Process.
class RedisServer {
 public:
  // Starts it; `extra_args` are more options of redis-server, such as {"--requirepass", "x"}.
  explicit RedisServer(std::vector<std::string> extra_args = {});

  std::string host() const { return "127.0.0.1"; }
  int port() const { return port_; }
  pid_t pid() const { return process_->pid(); }
  const std::string& unix_socket() const { return unix_socket_; }

  // Starts it again on the same port, with the data it had; returns when it answers. Does nothing
  // when it runs.
  void Start();
  // Ends it in good order.
  void Stop();
  // Ends it with SIGKILL. What it took in the last second or two may be gone.
  void KillHard();
  // Sends it a signal, such as SIGSTOP and SIGCONT to freeze and thaw it.
  void Signal(int signal);
  // Removes everything in it.
  void FlushAll();
  // Runs a command of plain words and returns the first line of the reply as it stands on the wire
  // ("+OK", ":3", "-ERR ..."), or nothing when the server does not answer.
  std::string Command(absl::string_view words) const;

 private:
  bool TryStart();

  TempDir dir_;
  std::vector<std::string> extra_args_;
  int port_;
  std::string unix_socket_;
  std::unique_ptr<Process> process_;
};

}  // namespace yikou::test
