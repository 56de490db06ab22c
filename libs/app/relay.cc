#include "libs/app/relay.h"

#include <algorithm>
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
constexpr absl::Duration kStandBy = absl::Milliseconds(500);
constexpr absl::Duration kMark = absl::Seconds(1);
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
  (void)MarkPublished();
}

absl::StatusOr<bool> Relay::Publish(const store::StreamHeadRow& head) {
  int64_t& published = published_[head.stream];
  published = std::max(published, head.published_seq);
  metrics_->Set(telemetry::kOutboxBacklog, {head.stream},
                static_cast<double>(head.seq - published));
  if (published >= head.seq) return false;
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamEntry> entries,
                      store_->ReadStream(head.stream, published + 1, kBatch));
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
  published = last;
  metrics_->Add(telemetry::kOutboxPublished, {head.stream}, static_cast<double>(batch.size()));
  return last < head.seq;
}

absl::StatusOr<bool> Relay::PublishAll() {
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamHeadRow> heads, store_->StreamHeads());
  bool more = false;
  for (const store::StreamHeadRow& head : heads) {
    YK_ASSIGN_OR_RETURN(const bool left, Publish(head));
    more = more || left;
    if (steps_ % kStepsBetweenTrims == kStepsBetweenTrims - 1) {
      (void)producer_->TrimBehind(head.stream, kAbsentGroup);
    }
  }
  ++steps_;
  if (clock_->Now() - marked_ >= kMark) YK_RETURN_IF_ERROR(MarkPublished());
  // With nothing to publish the only way to know is to ask.
  if (!more) YK_RETURN_IF_ERROR(producer_->redis()->Run({"PING"}).status());
  return more;
}

// Tells the record how far it is. Each time costs a transaction, and what is published twice does
// no harm, so it is told now and then.
absl::Status Relay::MarkPublished() {
  marked_ = clock_->Now();
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamHeadRow> heads, store_->StreamHeads());
  for (const store::StreamHeadRow& head : heads) {
    const auto published = published_.find(head.stream);
    if (published == published_.end() || published->second <= head.published_seq) continue;
    YK_RETURN_IF_ERROR(store_->MarkPublished(head.stream, published->second));
  }
  return absl::OkStatus();
}

absl::Duration Relay::Step() {
  if (!lease_.Held()) {
    published_.clear();
    return kStandBy;
  }
  const absl::StatusOr<bool> more = PublishAll();
  metrics_->Set(telemetry::kRedisUp, {}, more.ok() ? 1 : 0);
  if (more.ok()) {
    if (complained_) base::LogInfo("relay.redis_back", {});
    complained_ = false;
    return *more ? absl::ZeroDuration() : kIdle;
  }
  if (!complained_) {
    base::LogWarning(
        "relay.redis_away",
        {{"error", std::string(more.status().message())},
         {"consequence", "cases are accepted and kept; they travel when Redis is back"}});
  }
  complained_ = true;
  return kRedisDown;
}

}  // namespace yikou::app
