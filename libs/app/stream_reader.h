// From Redis to the inbox: reads, applies, acknowledges after the commit.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/app/inbox.h"
#include "libs/base/executor.h"
#include "libs/queue/stream.h"

namespace yikou::app {

class StreamReader {
 public:
  StreamReader(std::unique_ptr<queue::Consumer> consumer, Inbox* inbox, telemetry::Metrics* metrics)
      : consumer_(std::move(consumer)), inbox_(inbox), metrics_(metrics) {}

  void Start(base::Executor* executor);
  // Ends after the batch in hand. Idempotent.
  void Stop();

 private:
  absl::Duration Step();
  void ApplyAndAck(const std::vector<queue::StreamMessage>& messages);

  std::unique_ptr<queue::Consumer> consumer_;
  Inbox* inbox_;
  telemetry::Metrics* metrics_;
  const base::Clock* clock_ = nullptr;  // set by Start
  std::unique_ptr<base::Loop> loop_;
  bool ready_ = false;
  absl::Time next_claim_ = absl::InfinitePast();
};

}  // namespace yikou::app
