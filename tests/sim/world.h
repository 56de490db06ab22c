// One run: five services on one machine that does not exist, its weather, and what was found.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/auth/principal.h"
#include "libs/base/log.h"
#include "libs/rpc/call.h"
#include "tests/sim/node.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/sim_redis.h"

namespace yikou::sim {

class Ground;

inline constexpr std::array<const char*, 5> kServices = {"intake", "routing", "approval",
                                                         "gridtask", "reporting"};

// How bad things are. All of it is good until somebody changes it. Numbers are probabilities.
struct Weather {
  double death_at_failpoint = 0;
  double call_lost = 0;      // before it arrives
  double answer_lost = 0;    // after it had its effect
  double store_refuses = 0;  // a read or a commit does not happen
  double store_forgets = 0;  // a commit happens and is reported as failed
  double redis_lost = 0;     // a command does not arrive
  double redis_answer_lost = 0;
  double stall = 0;           // a process stands still for seconds where it may
  absl::Duration redis_slow;  // at most, on top
  absl::Time redis_away_until = absl::InfinitePast();
  std::set<std::pair<std::string, std::string>> cut;  // who does not reach whom
};

class World {
 public:
  struct Options {
    uint64_t seed = 0;
    bool trace = false;
    bool import = false;  // begins with empty disks and reads the reference data
  };

  World(const Ground* ground, Options options);
  ~World();

  Scheduler& scheduler() { return scheduler_; }
  SimRedis& redis() { return redis_; }
  Weather& weather() { return weather_; }
  const Ground& ground() const { return *ground_; }
  const Options& options() const { return options_; }
  // How many processes each service has.
  int replicas() const { return replicas_; }
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  SimDisk& disk(const std::string& service) { return *disks_.at(service); }
  // A process of the service that serves, or of that one instance; null when there is none.
  Node* Serving(const std::string& service_or_instance);
  // Ends all processes of a service as a power cut of its record's machine does.
  void CutPower(const std::string& service);
  // The life of everybody outside of the services: people, and the faults.
  const std::shared_ptr<Life>& outside() const { return outside_; }

  // A call over the network, from a service or from "outside", to a service or one instance of it;
  // waits. UNAVAILABLE when it, its
  // answer or the process is lost.
  absl::StatusOr<std::string> Call(const std::string& from, const std::string& to,
                                   const rpc::CallContext& context, const std::string& request,
                                   const std::string& bytes);
  // The same without network and time, for those who check.
  absl::StatusOr<std::string> Ask(const std::string& service, const std::string& request,
                                  const std::string& bytes);

  // Says what happened; printed when the run is traced, and part of its digest.
  void Trace(const std::string& who, const std::string& what);
  void Finding(std::string sentence);
  const std::vector<std::string>& findings() const { return findings_; }
  uint64_t digest() const { return digest_; }

  // True while checks look at the record: then nothing waits and nothing fails.
  bool checking() const { return checking_; }

  // "" when nothing is on its way between the services and no timer is due; else what is.
  std::string Pending();

 private:
  void InstallHooks();
  void OnLog(base::LogLevel level, absl::string_view event, const std::string& fields);
  void OnFailpoint(absl::string_view name);
  void OnAck(const std::string& stream, const std::string& group, const std::string& payload);

  const Ground* ground_;
  const Options options_;
  Scheduler scheduler_;
  SimRedis redis_;
  Weather weather_;
  std::shared_ptr<Life> outside_ = std::make_shared<Life>("outside");
  const int replicas_;
  std::map<std::string, std::unique_ptr<SimDisk>> disks_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::string> findings_;
  uint64_t digest_ = 1469598103934665603u;
  bool checking_ = false;
  bool over_ = false;  // what is left is to take everything down
};

}  // namespace yikou::sim
