// From the log to Redis: publishes what is committed, in order, at least once. One replica at a
// time does it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libs/app/lease.h"
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
        const base::Clock* clock, Lease lease, telemetry::Metrics* metrics)
      : service_(std::move(service)),
        store_(store),
        producer_(std::move(producer)),
        clock_(clock),
        lease_(std::move(lease)),
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
  // Publishes one batch of every stream; false when nothing was left.
  absl::StatusOr<bool> PublishAll();
  absl::Status MarkPublished();

  std::string service_;
  store::Store* store_;
  std::unique_ptr<queue::Producer> producer_;
  const base::Clock* clock_;
  Lease lease_;
  telemetry::Metrics* metrics_;
  std::unique_ptr<base::Loop> loop_;
  std::map<std::string, int64_t> published_;  // by stream, ahead of what the record says
  absl::Time marked_ = absl::InfinitePast();  // when the record was told
  bool complained_ = false;
  int steps_ = 0;
};

}  // namespace yikou::app
