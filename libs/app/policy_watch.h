// Complains of a Redis that is set up to lose what it is given: an alert, never unreadiness, for
// the record is in SQL.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/executor.h"
#include "libs/queue/policy.h"
#include "libs/telemetry/metrics.h"

namespace yikou::app {

// Looks at the start and every few seconds from then on: settings change under a running server,
// and after a failover another one is asked. One log line for each new complaint, one when all is
// well again, and a gauge for each setting.
class PolicyWatch {
 public:
  PolicyWatch(std::unique_ptr<queue::RedisConnection> redis, telemetry::Metrics* metrics)
      : redis_(std::move(redis)), metrics_(metrics) {}

  void Start(base::Executor* executor);
  // Idempotent.
  void Stop();

 private:
  absl::Duration Step();

  std::unique_ptr<queue::RedisConnection> redis_;
  telemetry::Metrics* metrics_;
  std::vector<std::string> complaints_;  // as last logged
  std::unique_ptr<base::Loop> loop_;
};

}  // namespace yikou::app
