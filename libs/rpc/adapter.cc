#include "libs/rpc/adapter.h"

#include <mutex>
#include <vector>

#include "libs/casework/errors.h"

namespace yikou::rpc {

Adapter::Adapter(AdapterOptions options) {
  state_.options = options;
  if (options.metrics == nullptr) state_.options.metrics = telemetry::Metrics::None();
}

void Adapter::CloseStreams() {
  std::vector<std::shared_ptr<internal::ServerCall>> open;
  {
    std::lock_guard<std::mutex> lock(state_.mutex);
    state_.streams_closed = true;
    for (internal::ServerCall* call : state_.streams) {
      // One that is being destroyed has no owner left and finishes itself.
      if (auto live = call->weak_from_this().lock()) open.push_back(std::move(live));
    }
  }
  const absl::Status stopping =
      casework::Error(absl::StatusCode::kUnavailable, casework::v1::ERROR_REASON_UNAVAILABLE,
                      "The service is stopping; open the stream again.")
          .RetryAfter(absl::Seconds(1));
  for (const auto& call : open) call->Finish(stopping);
}

}  // namespace yikou::rpc
