// The whole suite as an operator runs it: a real redis-server and the five binaries, each a process
// with files and ports of its own, to be killed and started again.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "services/cli/connect.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/invariants.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::test {

// Where the records are kept, how many processes serve each of them, and what carries the entries.
struct SuiteOptions {
  bool postgres = false;
  int replicas = 1;                  // more than one needs PostgreSQL
  std::set<std::string> replicated;  // services that have them; all when empty
  // Flags of some processes, by name: also when they are started again.
  std::map<std::string, std::vector<std::string>> flags;
  std::vector<std::string> redis_flags;  // where there is a Redis; the suite starts one when empty
  bool durable = false;  // PostgreSQL as PostgresServerOptions says; SQLite always is
  absl::Duration fetch_grace = absl::Milliseconds(300);
  bool proxied = false;  // every link goes through a FaultProxy
};

// Processes are named by their service: "intake" is the first replica, "intake#2" the second.
class Suite {
 public:
  // Starts the services and what they need, and waits until reference data has reached all of them.
  // Failures are std::runtime_error. Threads: the one that made it.
  explicit Suite(SuiteOptions options = {});
  ~Suite();

  // Its own Redis, made without `redis_flags`.
  RedisServer& redis() { return *redis_; }
  // Null when the records are SQLite files.
  PostgresServer* postgres() { return postgres_.get(); }
  cli::Client* client() { return client_.get(); }
  // All processes by name.
  const std::vector<std::string>& processes() const { return names_; }
  // What the links to "redis", to "postgresql" or to a process go through, when they are proxied:
  // those of the services and of `client`.
  FaultProxy& proxy(const std::string& to) { return *proxies_.at(to); }
  // What was said OK to, kept by whoever puts load on the suite. Threads: any.
  void AcknowledgeCase(const std::string& case_id);
  void AcknowledgeDelivery(const std::string& case_id);
  void AcknowledgeGridEvent(const std::string& case_id);
  Acknowledged Ledger();
  std::string context_path() const { return dir_.File("context.json"); }
  // The file of a record in SQLite.
  std::string StorePath(const std::string& service) const { return dir_.File(service + ".db"); }
  // Where the keys are that services and callers sign with: dev.key, dev.pem.
  std::string KeyDir() const { return dir_.path(); }
  std::string LogPath(const std::string& service) const { return dir_.File(service + ".log"); }
  std::string Address(const std::string& service) const { return addresses_.at(service); }
  std::string HealthAddress(const std::string& service) const {
    return health_addresses_.at(service);
  }

  // Starts a process on its port with its record; `flags` are added. Does nothing when it runs.
  void Start(const std::string& name, const std::vector<std::string>& flags = {});
  bool Running(const std::string& name);
  pid_t pid(const std::string& name) const { return processes_.at(name)->pid(); }
  // Ends it with SIGKILL.
  void Kill(const std::string& name);
  // Ends it with SIGTERM and returns its exit code; throws when it takes longer than 20 s.
  int Terminate(const std::string& name);
  // Waits until it has ended by itself; false after `bound`.
  bool WaitForDeath(const std::string& name, absl::Duration bound);
  // Stops all processes where they are, and lets them go on: they use nothing meanwhile, and lose
  // nothing.
  void Freeze();
  void Thaw();
  // Queues as one process sees them.
  casework::v1::GetQueueStatsResponse QueueStatsOf(const std::string& name);
  // Asks the process itself, once.
  bool Serves(const std::string& name);
  // Waits until the process serves; throws when it ends instead.
  void WaitServing(const std::string& name);
  // Waits until nothing is on its way between the services; false after `bound`.
  bool Settle(absl::Duration bound);

 private:
  std::unique_ptr<cli::Client> ClientFor(const std::string& name, const std::string& service,
                                         const std::string& target);
  // Where clients of `name`, which listens on `port`, connect to: there, or to a proxy before it.
  int Linked(const std::string& name, int port);
  std::string TargetOf(const std::string& service) const;
  std::vector<std::string> FlagsOf(const std::string& name) const;

  const SuiteOptions options_;
  TempDir dir_;
  std::unique_ptr<RedisServer> redis_;
  std::vector<std::string> redis_flags_;
  std::unique_ptr<PostgresServer> postgres_;
  std::string store_url_;  // of PostgreSQL
  std::vector<std::string> names_;
  std::map<std::string, std::unique_ptr<FaultProxy>> proxies_;
  std::map<std::string, std::string> addresses_;
  std::map<std::string, std::string> link_addresses_;  // where clients go
  std::map<std::string, std::string> health_addresses_;
  std::map<std::string, std::unique_ptr<Process>> processes_;
  std::unique_ptr<cli::Client> client_;
  std::map<std::string, std::unique_ptr<cli::Client>> own_clients_;  // of each process alone
  std::mutex ledger_mutex_;
  Acknowledged ledger_;
};

// True when YIKOU_TEST_STORE=postgresql asks for the records to be kept there.
bool StoreIsPostgres();

// One for all tests of a binary: a suite is seconds of start-up.
Suite& SharedSuite();

}  // namespace yikou::test
