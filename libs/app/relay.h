// From the log to Redis: publishes what is committed, in order, at least once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/base/executor.h"
#include "libs/queue/stream.h"
#include "libs/store/store.h"
#include "libs/telemetry/metrics.h"

namespace yikou::app {

// The entry of a stream as it travels.
casework::v1::Envelope MakeEnvelope(const std::string& service, const std::string& stream,
                                    store::StreamEntry entry);

class Relay {
 public:
  Relay(std::string service, store::Store* store, std::unique_ptr<queue::Producer> producer,
        telemetry::Metrics* metrics)
      : service_(std::move(service)),
        store_(store),
        producer_(std::move(producer)),
        metrics_(metrics) {}

  void Start(base::Executor* executor);
  // Something was committed. Never blocks.
  void Wake();
  // Publishes what is committed if Redis answers, then ends. Idempotent.
  void Stop();

 private:
  absl::Duration Step();
  // Publishes one batch of one stream; false when nothing was left.
  absl::StatusOr<bool> Publish(const store::StreamHeadRow& head);

  std::string service_;
  store::Store* store_;
  std::unique_ptr<queue::Producer> producer_;
  telemetry::Metrics* metrics_;
  std::unique_ptr<base::Loop> loop_;
  bool complained_ = false;
  int steps_ = 0;
};

}  // namespace yikou::app
