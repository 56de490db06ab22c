#include "libs/app/relay.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/failpoint.h"
#include "libs/base/log.h"
#include "libs/base/status.h"

namespace yikou::app {
namespace {

constexpr int kBatch = 256;
constexpr absl::Duration kIdle = absl::Seconds(1);
// What other replicas commit is found by looking, while this one is busy.
constexpr absl::Duration kLook = absl::Milliseconds(50);
constexpr absl::Duration kRedisDown = absl::Milliseconds(200);
constexpr absl::Duration kStandBy = absl::Milliseconds(500);
constexpr absl::Duration kMark = absl::Seconds(1);
// Events kept for a relay that falls behind; beyond, it reads them from the record.
constexpr size_t kFreshMax = 4096;
// Streams are trimmed behind what every group confirmed; a group away for longer heals from the
// log.
constexpr absl::Duration kAbsentGroup = absl::Hours(24);
constexpr int kStepsBetweenTrims = 512;

casework::v1::Envelope Header(const std::string& service, const std::string& stream, int64_t seq,
                              const casework::v1::Event& event) {
  casework::v1::Envelope envelope;
  envelope.set_id(event.event_id());
  envelope.set_source(absl::StrCat("/yikou/", service));
  envelope.set_specversion("1.0");
  envelope.set_type(event.type());
  envelope.set_subject(event.case_id());
  *envelope.mutable_time() = event.occurred_at();
  envelope.set_traceparent(event.traceparent());
  envelope.set_stream(stream);
  envelope.set_stream_seq(seq);
  return envelope;
}

}  // namespace

casework::v1::Envelope MakeEnvelope(const std::string& service, const std::string& stream,
                                    store::StreamEntry entry) {
  casework::v1::Envelope envelope = Header(service, stream, entry.seq, entry.event);
  *envelope.mutable_event() = std::move(entry.event);
  return envelope;
}

std::string EnvelopeBytes(const std::string& service, const std::string& stream, int64_t seq,
                          const casework::v1::Event& event) {
  casework::v1::Envelope envelope = Header(service, stream, seq, event);
  // Lent for the moment it is written, not copied: it is most of the bytes.
  envelope.unsafe_arena_set_allocated_event(const_cast<casework::v1::Event*>(&event));
  std::string bytes = envelope.SerializeAsString();
  (void)envelope.unsafe_arena_release_event();
  return bytes;
}

void Relay::Start(base::Executor* executor) {
  loop_ = executor->StartLoop("relay", [this] { return Step(); });
}

void Relay::Take(std::vector<store::EventOut> committed) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (taken_.size() > kFreshMax) taken_.clear();  // the gap is read from the record
    std::move(committed.begin(), committed.end(), std::back_inserter(taken_));
  }
  if (loop_) loop_->Wake();
}

void Relay::Wake() {
  woken_ = true;
  if (loop_) loop_->Wake();
}

void Relay::Stop() {
  if (!loop_) return;
  loop_->Stop();
  loop_.reset();
  // What was committed while the server drained goes out now; if Redis is away it goes out at the
  // next start.
  looked_ = absl::InfinitePast();
  while (Step() == absl::ZeroDuration()) {
  }
  (void)MarkPublished();
}

// Puts what was handed over to its streams.
void Relay::SortIn() {
  std::vector<store::EventOut> taken;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    taken.swap(taken_);
  }
  for (store::EventOut& out : taken) {
    const auto event = std::make_shared<const casework::v1::Event>(std::move(out.event));
    for (size_t i = 0; i < out.streams.size(); ++i) {
      Stream& stream = streams_[out.streams[i]];
      stream.head = std::max(stream.head, out.seqs[i]);
      if (stream.fresh.size() > kFreshMax) stream.fresh.clear();
      stream.fresh.emplace_back(out.seqs[i], event);
    }
  }
}

absl::Status Relay::Look() {
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamHeadRow> heads, store_->StreamHeads());
  looked_ = clock_->Now();
  for (const store::StreamHeadRow& row : heads) {
    Stream& stream = streams_[row.stream];
    stream.head = std::max(stream.head, row.seq);
    // Somebody moved the mark back: what is behind it is wanted again.
    if (row.published_seq < stream.told) stream.published = row.published_seq;
    stream.told = row.published_seq;
    stream.published = std::max(stream.published, row.published_seq);
  }
  return absl::OkStatus();
}

// The next entries of a stream: from memory, or from the record what memory has no more.
absl::Status Relay::AddTo(Batch* batch, const std::string& name, Stream* stream) {
  std::deque<Fresh>& fresh = stream->fresh;
  while (!fresh.empty() && fresh.front().first <= stream->published) fresh.pop_front();
  if (stream->head <= stream->published) return absl::OkStatus();
  if (!fresh.empty() && fresh.front().first == stream->published + 1) {
    const auto end = fresh.begin() + std::min<int64_t>(kBatch, fresh.size());
    int64_t next = stream->published + 1;
    for (auto entry = fresh.begin(); entry != end && entry->first == next; ++entry, ++next) {
      batch->entries.emplace_back(name, EnvelopeBytes(service_, name, next, *entry->second));
      batch->last[name] = next;
    }
    return absl::OkStatus();
  }
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamEntry> entries,
                      store_->ReadStream(name, stream->published + 1, kBatch));
  for (const store::StreamEntry& entry : entries) {
    batch->entries.emplace_back(name, EnvelopeBytes(service_, name, entry.seq, entry.event));
    batch->last[name] = entry.seq;
  }
  return absl::OkStatus();
}

absl::Status Relay::Append(const Batch& batch) {
  YK_RETURN_IF_ERROR(producer_->Append(batch.entries));
  // A death here publishes the batch again; every reader's inbox absorbs it.
  base::Failpoint("relay.after_xadd");
  for (const auto& [name, last] : batch.last) {
    Stream& stream = streams_[name];
    metrics_->Add(telemetry::kOutboxPublished, {name},
                  static_cast<double>(last - stream.published));
    stream.published = last;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Relay::PublishAll() {
  SortIn();
  if (woken_.exchange(false) || clock_->Now() - looked_ >= kLook) YK_RETURN_IF_ERROR(Look());
  Batch batch;
  for (auto& [name, stream] : streams_) YK_RETURN_IF_ERROR(AddTo(&batch, name, &stream));
  if (batch.entries.empty()) {
    // With nothing to publish the only way to know is to ask.
    YK_RETURN_IF_ERROR(producer_->redis()->Run({"PING"}).status());
  } else {
    YK_RETURN_IF_ERROR(Append(batch));
  }
  bool more = false;
  for (const auto& [name, stream] : streams_) {
    metrics_->Set(telemetry::kOutboxBacklog, {name},
                  static_cast<double>(stream.head - stream.published));
    more = more || stream.head > stream.published;
  }
  TrimNowAndThen();
  if (clock_->Now() - marked_ >= kMark) YK_RETURN_IF_ERROR(MarkPublished());
  return more && !batch.entries.empty();
}

void Relay::TrimNowAndThen() {
  if (++steps_ % kStepsBetweenTrims != 0) return;
  for (const auto& [name, stream] : streams_) (void)producer_->TrimBehind(name, kAbsentGroup);
}

// Tells the record how far it is. Each time costs a transaction, and what is published twice does
// no harm, so it is told now and then.
absl::Status Relay::MarkPublished() {
  marked_ = clock_->Now();
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamHeadRow> heads, store_->StreamHeads());
  for (const store::StreamHeadRow& head : heads) {
    const auto known = streams_.find(head.stream);
    if (known == streams_.end()) continue;
    Stream& stream = known->second;
    // Moved back by somebody: the next look finds out.
    if (stream.published <= head.published_seq || head.published_seq < stream.told) continue;
    YK_RETURN_IF_ERROR(store_->MarkPublished(head.stream, head.published_seq, stream.published));
    stream.told = stream.published;
  }
  return absl::OkStatus();
}

absl::Duration Relay::Step() {
  if (!lease_.Held()) {
    SortIn();
    streams_.clear();
    looked_ = absl::InfinitePast();
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
