#include "libs/app/stream_reader.h"

#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/arena.h"
#include "libs/base/failpoint.h"
#include "libs/base/log.h"
#include "libs/base/planted_bug.h"
#include "libs/base/status.h"

namespace yikou::app {
namespace {

constexpr int kBatch = 256;
constexpr absl::Duration kBlock = absl::Milliseconds(200);
constexpr absl::Duration kRedisDown = absl::Milliseconds(200);
// Longer than any batch takes; an entry of a dead replica is taken over after it.
constexpr absl::Duration kStale = absl::Seconds(10);
constexpr absl::Duration kClaimEvery = absl::Seconds(2);

// An entry that cannot be decoded has no sequence of ours; its Redis id stands in.
int64_t NumberOf(const std::string& entry_id) {
  int64_t number = 0;
  (void)absl::SimpleAtoi(entry_id.substr(0, entry_id.find('-')), &number);
  return number;
}

}  // namespace

void StreamReader::Start(base::Executor* executor) {
  clock_ = &executor->clock();
  loop_ = executor->StartLoop("reader", [this] { return Step(); });
}

void StreamReader::Stop() {
  if (!loop_) return;
  loop_->Stop();
  (void)consumer_->Flush();
}

void StreamReader::ApplyAndAck(const std::vector<queue::StreamMessage>& messages) {
  google::protobuf::Arena arena;  // a batch has tens of thousands of parts, freed in one go
  std::vector<const casework::v1::Envelope*> entries;
  std::vector<const queue::StreamMessage*> decoded;
  std::map<std::string, std::vector<std::string>> done;
  for (const queue::StreamMessage& message : messages) {
    if (base::Planted("ack_before_commit"))
      (void)consumer_->Ack(message.stream, {message.entry_id});
    auto* entry = google::protobuf::Arena::CreateMessage<casework::v1::Envelope>(&arena);
    if (entry->ParseFromString(message.payload) && entry->has_event() &&
        entry->stream() == message.stream && entry->stream_seq() > 0) {
      entries.push_back(entry);
      decoded.push_back(&message);
    } else if (inbox_
                   ->Bury(message.stream, NumberOf(message.entry_id), message.payload,
                          "The entry is not an Envelope of this stream.")
                   .ok()) {
      done[message.stream].push_back(message.entry_id);
    }
  }
  const std::vector<absl::Status> statuses = inbox_->Apply(entries);
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i].ok()) {
      done[decoded[i]->stream].push_back(decoded[i]->entry_id);
    } else {
      base::LogWarning("reader.entry_comes_again",
                       {{"stream", decoded[i]->stream}, {"cause", statuses[i].ToString()}});
    }
  }
  // A death here delivers the batch again; the inbox absorbs it.
  base::Failpoint("reader.before_ack");
  for (auto& [stream, ids] : done) consumer_->AckLater(stream, std::move(ids));
}

absl::Duration StreamReader::Step() {
  if (!ready_) {
    if (!consumer_->EnsureGroups().ok()) return kRedisDown;
    ready_ = true;
  }
  absl::StatusOr<std::vector<queue::StreamMessage>> messages = consumer_->Read(kBatch, kBlock);
  absl::Status status = messages.status();
  if (status.ok()) ApplyAndAck(*messages);
  if (status.ok() && clock_->Now() >= next_claim_) {
    next_claim_ = clock_->Now() + kClaimEvery;
    absl::StatusOr<queue::Claimed> claimed = consumer_->Claim(kStale, kBatch);
    status = claimed.status();
    if (claimed.ok()) ApplyAndAck(claimed->messages);
    if (claimed.ok() && claimed->deleted > 0) {
      base::LogWarning("reader.deleted_while_pending",
                       {{"count", std::to_string(claimed->deleted)},
                        {"consequence", "they are fetched from their owner's log"}});
    }
  }
  if (status.ok()) return absl::ZeroDuration();
  ready_ = false;
  return kRedisDown;
}

}  // namespace yikou::app
