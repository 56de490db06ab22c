// From the owner's log to the inbox: fetches over gRPC what Redis did not bring. This is why Redis
// may lose everything at any time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "libs/app/inbox.h"
#include "libs/app/lease.h"
#include "libs/app/service.h"
#include "libs/base/executor.h"

namespace yikou::app {

class LogFetcher {
 public:
  LogFetcher(std::vector<InputStream> inputs, std::map<std::string, LogSource> sources,
             store::Store* store, Inbox* inbox, absl::Duration grace,
             std::map<std::string, Lease> leases, telemetry::Metrics* metrics)
      : inputs_(std::move(inputs)),
        sources_(std::move(sources)),
        store_(store),
        inbox_(inbox),
        grace_(grace),
        leases_(std::move(leases)),
        metrics_(metrics) {}

  void Start(base::Executor* executor);
  void Stop();

  // Heads of the input streams, asked of their owners now. UNAVAILABLE when one does not answer.
  absl::StatusOr<std::map<std::string, int64_t>> AskHeads();
  // Heads as last seen, and entries fetched so far, by stream.
  std::map<std::string, int64_t> KnownHeads();
  std::map<std::string, int64_t> Fetched();

 private:
  struct Gap {
    int64_t watermark = -1;
    absl::Time since;
  };
  absl::Duration Step();
  void HealStreams(const std::string& owner, const casework::v1::GetHeadsResponse& response);
  absl::Status Heal(const InputStream& input, int64_t head);

  std::vector<InputStream> inputs_;
  std::map<std::string, LogSource> sources_;
  store::Store* store_;
  Inbox* inbox_;
  absl::Duration grace_;
  std::map<std::string, Lease> leases_;  // by stream: one replica at a time heals it
  telemetry::Metrics* metrics_;
  std::map<std::string, Gap> gaps_;
  std::set<std::string> away_;  // owners that did not answer last time
  std::mutex mutex_;
  std::map<std::string, int64_t> heads_;
  std::map<std::string, int64_t> fetched_;
  const base::Clock* clock_ = nullptr;  // set by Start
  std::unique_ptr<base::Loop> loop_;
};

}  // namespace yikou::app
