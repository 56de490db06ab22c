// Two real Redis servers, a master and its replica, watched by three real sentinels.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/process.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {

// Everybody knows each server by the port of a proxy before it, so that every link can be cut:
// clients come from 127.0.0.1, the servers to each other from 127.0.0.2, sentinels from 127.0.0.3.
// Servers and sentinels have passwords, not the same. A master that does not answer is taken for
// dead after 700 ms; a failover takes about 2 s then. Failures are std::runtime_error. Threads: as
// Process.
class SentinelCluster {
 public:
  // Returns when the replica has caught up and every sentinel knows of everybody. Server 0 is the
  // master.
  SentinelCluster();

  std::string master_name() const { return "yikou-test"; }
  const std::vector<int>& sentinel_ports() const { return sentinel_ports_; }
  std::string password_file() const { return dir_.File("redis-password"); }
  std::string sentinel_password_file() const { return dir_.File("sentinel-password"); }
  // Flags for a service.
  std::vector<std::string> ServiceFlags() const;

  RedisServer& server(int index) { return *nodes_.at(index).server; }
  FaultProxy& proxy(int index) { return *nodes_.at(index).proxy; }
  Process& sentinel(int index) { return *sentinels_.at(index); }

  // The server that two sentinels of three name as master; -1 when no two agree.
  int Master() const;
  // Waits until `index` is the master by the word of every sentinel and by its own.
  bool WaitForMaster(int index, absl::Duration bound) const;
  // Waits until the other server is a replica of `index` that has all of it, and the sentinels know
  // everybody, so that the next failover can begin.
  bool WaitForReplica(int index, absl::Duration bound) const;

  // Nothing is replicated any more; everybody else reaches both servers.
  void CutReplication();
  // Neither sentinels nor the replica reach the server, nor it them; clients do.
  void Isolate(int index);
  // Starts a sentinel that knows of server 0 and, as long as that is isolated, of nobody else; it
  // names server 0 whatever the three decide. Returns its port.
  int StartStranger();
  // Every link is whole again, and a killed server is started.
  void Heal();

  // Runs commands of plain words, one a line, on a server or a sentinel, past the proxies, and
  // returns all it said as it stands on the wire; nothing when it does not answer.
  std::string AskServer(int index, absl::string_view lines) const;
  std::string AskSentinel(int index, absl::string_view lines) const;
  // How far a server's replication stream has come, in bytes.
  int64_t ReplicationOffset(int index) const;

 private:
  struct Node {
    std::unique_ptr<FaultProxy> proxy;
    std::unique_ptr<RedisServer> server;
  };

  void StartServer(const std::string& master_port);
  int StartSentinel();

  TempDir dir_;
  std::vector<Node> nodes_;
  std::vector<std::unique_ptr<Process>> sentinels_;
  std::vector<int> sentinel_ports_;  // of the three
};

}  // namespace yikou::test
