// One machine of the simulation, and the process of one service that runs on it.
#pragma once

#include <memory>
#include <string>

#include "tests/sim/process.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/sim_disk.h"
#include "tests/sim/sim_executor.h"

namespace yikou::sim {

class World;

// The clock of one machine: right, or some seconds off.
class MachineClock final : public base::Clock {
 public:
  explicit MachineClock(const Scheduler* scheduler) : scheduler_(scheduler) {}
  absl::Time Now() const override { return scheduler_->Now() + off_; }
  void Set(absl::Duration off) { off_ = off; }

 private:
  const Scheduler* scheduler_;
  absl::Duration off_;
};

class Node {
 public:
  // `instance` names this replica of the service; `disk` holds the record, shared by the replicas.
  Node(World* world, std::string service, std::string instance, SimDisk* disk);

  const std::string& service() const { return service_; }
  const std::string& instance() const { return instance_; }
  MachineClock& clock() { return clock_; }
  // The process when it serves calls; null else.
  Process* serving() { return serving_ ? process_.get() : nullptr; }
  const std::shared_ptr<Life>& life() const { return life_; }
  bool down() const { return process_ == nullptr && life_ == nullptr; }

  // Starts the process, and again whenever it fails to come up. Does nothing when it runs.
  void Start();
  // Ends it as kill -9 does. From its own fibres this does not return.
  void Crash();
  // Ends it as SIGTERM does.
  void Stop();

 private:
  absl::Status Open();
  absl::StatusOr<std::unique_ptr<store::Store>> OpenStore(const std::string& url);
  absl::Status BeforeStore(absl::string_view method);
  void Bury();

  World* world_;
  const std::string service_;
  const std::string instance_;
  SimDisk* disk_;
  MachineClock clock_;
  std::shared_ptr<Life> life_;
  std::unique_ptr<SimExecutor> executor_;
  std::unique_ptr<Process> process_;
  std::function<void(bool)> lose_answers_;
  int64_t traced_ = 0;  // position of the log up to which the trace has its events
  bool serving_ = false;
  bool opening_ = false;
  bool stopping_ = false;
};

}  // namespace yikou::sim
