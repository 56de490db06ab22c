#include "libs/app/relay.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/failpoint.h"
#include "libs/base/log.h"
#include "libs/base/status.h"

namespace yikou::app {
namespace {

constexpr int kBatch = 256;
constexpr absl::Duration kIdle = absl::Seconds(1);
constexpr absl::Duration kRedisDown = absl::Milliseconds(200);
// Streams are trimmed behind what every group confirmed; a group away for longer heals from the
// log.
constexpr absl::Duration kAbsentGroup = absl::Hours(24);
constexpr int kStepsBetweenTrims = 512;

}  // namespace

casework::v1::Envelope MakeEnvelope(const std::string& service, const std::string& stream,
                                    store::StreamEntry entry) {
  casework::v1::Envelope envelope;
  envelope.set_id(entry.event.event_id());
  envelope.set_source(absl::StrCat("/yikou/", service));
  envelope.set_specversion("1.0");
  envelope.set_type(entry.event.type());
  envelope.set_subject(entry.event.case_id());
  *envelope.mutable_time() = entry.event.occurred_at();
  envelope.set_traceparent(entry.event.traceparent());
  envelope.set_stream(stream);
  envelope.set_stream_seq(entry.seq);
  *envelope.mutable_event() = std::move(entry.event);
  return envelope;
}

void Relay::Start(base::Executor* executor) {
  loop_ = executor->StartLoop("relay", [this] { return Step(); });
}

void Relay::Wake() {
  if (loop_) loop_->Wake();
}

void Relay::Stop() {
  if (!loop_) return;
  loop_->Stop();
  loop_.reset();
  // What was committed while the server drained goes out now; if Redis is away it goes out at the
  // next start.
  while (Step() == absl::ZeroDuration()) {
  }
}

absl::StatusOr<bool> Relay::Publish(const store::StreamHeadRow& head) {
  if (head.published_seq >= head.seq) return false;
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamEntry> entries,
                      store_->ReadStream(head.stream, head.published_seq + 1, kBatch));
  if (entries.empty()) return false;
  std::vector<std::pair<std::string, std::string>> batch;
  const int64_t last = entries.back().seq;
  for (store::StreamEntry& entry : entries) {
    batch.emplace_back(head.stream,
                       MakeEnvelope(service_, head.stream, std::move(entry)).SerializeAsString());
  }
  YK_RETURN_IF_ERROR(producer_->Append(batch));
  // A death here publishes the batch again; every reader's inbox absorbs it.
  base::Failpoint("relay.after_xadd");
  YK_RETURN_IF_ERROR(store_->MarkPublished(head.stream, last));
  metrics_->Add(telemetry::kOutboxPublished, {head.stream}, static_cast<double>(batch.size()));
  return last < head.seq;
}

absl::Duration Relay::Step() {
  absl::StatusOr<std::vector<store::StreamHeadRow>> heads = store_->StreamHeads();
  absl::Status status = heads.status();
  bool more = false;
  if (heads.ok()) {
    for (const store::StreamHeadRow& head : *heads) {
      metrics_->Set(telemetry::kOutboxBacklog, {head.stream},
                    static_cast<double>(head.seq - head.published_seq));
      absl::StatusOr<bool> left = Publish(head);
      if (!left.ok()) {
        status = left.status();
        break;
      }
      more = more || *left;
      if (steps_ % kStepsBetweenTrims == kStepsBetweenTrims - 1) {
        (void)producer_->TrimBehind(head.stream, kAbsentGroup);
      }
    }
  }
  ++steps_;
  // With nothing to publish the only way to know is to ask.
  if (status.ok() && !more) status = producer_->redis()->Run({"PING"}).status();
  metrics_->Set(telemetry::kRedisUp, {}, status.ok() ? 1 : 0);
  if (status.ok()) {
    if (complained_) base::LogInfo("relay.redis_back", {});
    complained_ = false;
    return more ? absl::ZeroDuration() : kIdle;
  }
  if (!complained_) {
    base::LogWarning(
        "relay.redis_away",
        {{"error", std::string(status.message())},
         {"consequence", "cases are accepted and kept; they travel when Redis is back"}});
  }
  complained_ = true;
  return kRedisDown;
}

}  // namespace yikou::app
