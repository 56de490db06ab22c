// The whole suite as an operator runs it: a real redis-server and the five binaries, each a process
// with files and ports of its own, to be killed and started again.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "services/cli/connect.h"
#include "tests/support/process.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {

class Suite {
 public:
  // Starts the services, and a Redis for them unless `redis_flags` say where there is one, and
  // waits until reference data has reached all of them. Failures are std::runtime_error. Threads:
  // the one that made it.
  explicit Suite(std::vector<std::string> redis_flags = {});
  ~Suite();

  // Its own Redis, made without `redis_flags`.
  RedisServer& redis() { return *redis_; }
  cli::Client* client() { return client_.get(); }
  std::string context_path() const { return dir_.File("context.json"); }
  std::string StorePath(const std::string& service) const { return dir_.File(service + ".db"); }
  std::string LogPath(const std::string& service) const { return dir_.File(service + ".log"); }
  std::string Address(const std::string& service) const { return addresses_.at(service); }
  std::string HealthAddress(const std::string& service) const {
    return health_addresses_.at(service);
  }

  // Starts a service on its port with its record; `flags` are added. Does nothing when it runs.
  void Start(const std::string& service, const std::vector<std::string>& flags = {});
  bool Running(const std::string& service);
  // Ends it with SIGKILL.
  void Kill(const std::string& service);
  // Ends it with SIGTERM and returns its exit code; throws when it takes longer than 20 s.
  int Terminate(const std::string& service);
  // Waits until it has ended by itself; false after `bound`.
  bool WaitForDeath(const std::string& service, absl::Duration bound);
  // Waits until the service serves.
  void WaitServing(const std::string& service);
  // Waits until nothing is on its way between the services; false after `bound`.
  bool Settle(absl::Duration bound);

 private:
  TempDir dir_;
  std::unique_ptr<RedisServer> redis_;
  std::vector<std::string> redis_flags_;
  std::map<std::string, std::string> addresses_;
  std::map<std::string, std::string> health_addresses_;
  std::map<std::string, std::unique_ptr<Process>> processes_;
  std::unique_ptr<cli::Client> client_;
};

// Makes the keys and starts a suite once for all tests of a binary: a suite is seconds of start-up.
Suite& SharedSuite();

}  // namespace yikou::test
