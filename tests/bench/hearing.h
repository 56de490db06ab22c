// Hears what the services publish, as one more consumer group: how a driver learns that a case is
// ready, or that work has come to an officer, without asking again and again.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "tests/bench/load.h"
#include "tests/support/redis_server.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::bench {

class Hearing {
 public:
  // Called inside the load's Run… with an event published from now on, and when it was heard.
  using Listener = std::function<void(const casework::v1::Event& event, absl::Time heard)>;

  // Both outlive it.
  Hearing(test::RedisServer* redis, const std::string& service, Load* load, Listener listener);
  ~Hearing();
  Hearing(const Hearing&) = delete;
  Hearing& operator=(const Hearing&) = delete;

 private:
  void Listen();

  test::RedisServer* const redis_;
  const std::string stream_;
  Load* const load_;
  const Listener listener_;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace yikou::bench
