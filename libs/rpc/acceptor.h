// Accepts connections in gRPC's place and keeps their number bounded.
//
// Debian's gRPC 1.51.1 stops listening for good after accept() has failed once for want of a file
// descriptor (CVE-2023-4785, not backported), and anybody can bring that about by opening
// connections. So gRPC never accepts: this loop does, refuses what is above the cap, and keeps one
// descriptor in reserve to refuse with when the process has none left.
//
// gRPC 1.51 does not tell when it closes a socket it was given. Each socket is therefore remembered
// with its inode, which no other socket of the machine has: a descriptor that is closed, or shows
// another inode, is a connection that has ended. They are looked through once a second, and at the
// cap before a connection is refused. For libs/rpc only.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/executor.h"
#include "libs/telemetry/metrics.h"

namespace yikou::rpc {

class Acceptor {
 public:
  struct Options {
    std::string name;     // label of its metrics: "business", "health"
    std::string address;  // "127.0.0.1:0", "0.0.0.0:7001", "[::]:7001"; numeric
    int max_connections = 1000;
  };

  // Binds and listens; callers wait in the kernel's queue until Start. INVALID_ARGUMENT for an
  // address that is not numeric, UNAVAILABLE when it cannot be bound. When the process may open too
  // few descriptors for the cap and 128 of its own, the cap is lowered, with a warning.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Listen(Options options,
                                                          telemetry::Metrics* metrics);
  ~Acceptor();

  int port() const { return port_; }
  int max_connections() const { return options_.max_connections; }
  int open_connections() const { return open_count_; }

  // Runs the loop; `take` gets each new socket (non-blocking, close-on-exec) and owns it.
  void Start(base::Executor* executor, std::function<void(int fd)> take);
  // Accepts no more and stops listening; connections that are open stay. Idempotent, within 0.1 s.
  void Stop();

 private:
  struct Connection {
    int fd;
    ino_t inode;
  };

  Acceptor(Options options, telemetry::Metrics* metrics, int listen_fd, int port);
  absl::Duration Step();
  bool AcceptOne();
  bool RefuseWithReserve();
  void Refuse(int fd);
  void Take(int fd);
  void ForgetClosed();
  void OpenReserve();

  Options options_;
  telemetry::Metrics* const metrics_;
  int listen_fd_;
  const int port_;
  int reserve_fd_ = -1;
  std::function<void(int)> take_;
  std::vector<Connection> connections_;  // the loop's own
  std::atomic<int> open_count_{0};
  std::chrono::steady_clock::time_point looked_through_;
  std::unique_ptr<base::Loop> loop_;
};

}  // namespace yikou::rpc
