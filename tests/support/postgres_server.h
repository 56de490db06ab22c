// A real PostgreSQL server with a cluster, a directory and a port of its own.
#pragma once

#include <memory>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {

struct PostgresServerOptions {
  // False: no fsync. What a killed server wrote, the system still has; only a power cut would
  // differ. True, for benchmarks: fsync as in production, and memory and log sized for load.
  bool durable = false;
};

// Run by an unprivileged user, as PostgreSQL demands: by "postgres" when the test is root's. Every
// failure is a std::runtime_error with a sentence, which fails the test. Threads: as Process.
class PostgresServer {
 public:
  explicit PostgresServer(PostgresServerOptions options = {});
  ~PostgresServer();

  int port() const { return port_; }
  pid_t pid() const { return process_->pid(); }
  // URL of its one database, over TCP; with another port it is the same behind a proxy.
  std::string url() const { return url(port_); }
  std::string url(int port) const;

  // Starts it again on the same port with the data it had; returns when it answers. Does nothing
  // when it runs.
  void Start();
  // Ends it in good order.
  void Stop();
  // Ends it with SIGKILL: what was committed is there when it starts again.
  void KillHard();
  void Signal(int signal);

  // Runs SQL on a connection of its own and returns the first column of the first row, "" when
  // there is none.
  std::string Run(const std::string& sql) const;

 private:
  void MakeCluster();

  const PostgresServerOptions options_;
  TempDir dir_;
  int port_;
  std::unique_ptr<Process> process_;
};

// One for the whole test binary, started at the first call.
PostgresServer& SharedPostgres();

}  // namespace yikou::test
