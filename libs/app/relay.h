// From the log to Redis: publishes what is committed, in order, at least once. One replica at a
// time does it.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
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
// The same as bytes, of an event that is kept.
std::string EnvelopeBytes(const std::string& service, const std::string& stream, int64_t seq,
                          const casework::v1::Event& event);

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
  // Events just committed here, in the order of the log: what travels at once need not be read
  // again. Never blocks; threads: one.
  void Take(std::vector<store::EventOut> committed);
  // The record says something else than before. Never blocks; threads: any.
  void Wake();
  // Publishes what is committed if Redis answers, then ends. Idempotent.
  void Stop();

 private:
  using Fresh = std::pair<int64_t, std::shared_ptr<const casework::v1::Event>>;  // seq, event
  struct Stream {
    int64_t head = 0;       // last sequence known to be committed
    int64_t published = 0;  // ahead of what the record says
    int64_t told = 0;       // what the record was told, or said, last
    std::deque<Fresh> fresh;
  };
  // What one call appends to Redis, and how far each stream has come then.
  struct Batch {
    std::vector<std::pair<std::string, std::string>> entries;  // stream, payload
    std::map<std::string, int64_t> last;                       // sequence, by stream
  };

  absl::Duration Step();
  // Publishes one batch of every stream; false when nothing was left.
  absl::StatusOr<bool> PublishAll();
  void SortIn();
  absl::Status Look();
  absl::Status AddTo(Batch* batch, const std::string& name, Stream* stream);
  absl::Status Append(const Batch& batch);
  void TrimNowAndThen();
  absl::Status MarkPublished();

  std::string service_;
  store::Store* store_;
  std::unique_ptr<queue::Producer> producer_;
  const base::Clock* clock_;
  Lease lease_;
  telemetry::Metrics* metrics_;
  std::unique_ptr<base::Loop> loop_;
  std::mutex mutex_;
  std::vector<store::EventOut> taken_;  // guarded by mutex_
  std::map<std::string, Stream> streams_;
  std::atomic<bool> woken_ = false;
  absl::Time looked_ = absl::InfinitePast();  // when the record was asked
  absl::Time marked_ = absl::InfinitePast();  // when the record was told
  bool complained_ = false;
  int steps_ = 0;
};

}  // namespace yikou::app
