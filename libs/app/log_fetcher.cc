#include "libs/app/log_fetcher.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status.h"

namespace yikou::app {
namespace {

constexpr int kFetch = 500;
constexpr absl::Duration kPoll = absl::Milliseconds(500);

}  // namespace

void LogFetcher::Start(base::Executor* executor) {
  clock_ = &executor->clock();
  loop_ = executor->StartLoop("fetcher", [this] { return Step(); });
}

void LogFetcher::Stop() {
  if (loop_) loop_->Stop();
}

absl::StatusOr<std::map<std::string, int64_t>> LogFetcher::AskHeads() {
  std::map<std::string, int64_t> heads;
  std::set<std::string> owners;
  for (const InputStream& input : inputs_) {
    heads[input.stream] = 0;
    owners.insert(input.owner);
  }
  for (const std::string& owner : owners) {
    YK_ASSIGN_OR_RETURN(casework::v1::GetHeadsResponse response, sources_.at(owner).heads());
    for (const casework::v1::StreamHead& head : response.streams()) {
      if (auto known = heads.find(head.stream()); known != heads.end()) known->second = head.seq();
    }
  }
  return heads;
}

std::map<std::string, int64_t> LogFetcher::KnownHeads() {
  std::lock_guard<std::mutex> lock(mutex_);
  return heads_;
}

std::map<std::string, int64_t> LogFetcher::Fetched() {
  std::lock_guard<std::mutex> lock(mutex_);
  return fetched_;
}

absl::Status LogFetcher::Heal(const InputStream& input, int64_t head) {
  YK_ASSIGN_OR_RETURN(store::InboxState inbox, store_->Inbox(input.stream));
  metrics_->Set(telemetry::kInboxLag, {input.stream}, static_cast<double>(head - inbox.watermark));
  Gap& gap = gaps_[input.stream];
  if (inbox.watermark >= head || gap.watermark != inbox.watermark) {
    // Nothing is missing, or entries are coming in: Redis does its work.
    gap = {inbox.watermark, clock_->Now()};
    return absl::OkStatus();
  }
  if (clock_->Now() - gap.since < grace_) return absl::OkStatus();
  // Much to fetch takes longer than a lease: it is held on to, so that no two fetch the same.
  while (inbox.watermark < head && leases_.at(input.stream).Held()) {
    casework::v1::ReadStreamRequest request;
    request.set_stream(input.stream);
    request.set_from_seq(inbox.watermark + 1);
    request.set_limit(kFetch);
    YK_ASSIGN_OR_RETURN(casework::v1::ReadStreamResponse response,
                        sources_.at(input.owner).read(request));
    if (response.entries().empty()) return absl::OkStatus();
    std::vector<casework::v1::Envelope> missing;
    for (casework::v1::Envelope& entry : *response.mutable_entries()) {
      if (inbox.above.count(entry.stream_seq()) == 0) missing.push_back(std::move(entry));
    }
    for (const absl::Status& status : inbox_->Apply(missing)) YK_RETURN_IF_ERROR(status);
    base::LogInfo("fetcher.healed", {{"stream", input.stream},
                                     {"from", absl::StrCat(inbox.watermark + 1)},
                                     {"entries", absl::StrCat(missing.size())}});
    metrics_->Add(telemetry::kInboxFetched, {input.stream}, static_cast<double>(missing.size()));
    {
      std::lock_guard<std::mutex> lock(mutex_);
      fetched_[input.stream] += static_cast<int64_t>(missing.size());
    }
    const int64_t before = inbox.watermark;
    YK_ASSIGN_OR_RETURN(inbox, store_->Inbox(input.stream));
    if (inbox.watermark == before) return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Heals the streams of one owner whose head is ahead of what is applied here.
void LogFetcher::HealStreams(const std::string& owner,
                             const casework::v1::GetHeadsResponse& response) {
  for (const casework::v1::StreamHead& head : response.streams()) {
    for (const InputStream& input : inputs_) {
      if (input.owner != owner || input.stream != head.stream()) continue;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        heads_[input.stream] = head.seq();
      }
      const absl::Status healed = Heal(input, head.seq());
      if (healed.ok()) continue;
      base::LogWarning("fetcher.failed", {{"stream", input.stream}, {"cause", healed.ToString()}});
    }
  }
}

absl::Duration LogFetcher::Step() {
  std::set<std::string> owners;
  for (const InputStream& input : inputs_) owners.insert(input.owner);
  for (const std::string& owner : owners) {
    absl::StatusOr<casework::v1::GetHeadsResponse> response = sources_.at(owner).heads();
    if (response.ok()) {
      if (away_.erase(owner) > 0) base::LogInfo("fetcher.owner_back", {{"owner", owner}});
      HealStreams(owner, *response);
    } else if (away_.insert(owner).second) {
      base::LogWarning("fetcher.owner_away",
                       {{"owner", owner}, {"cause", response.status().ToString()}});
    }
  }
  return kPoll;
}

}  // namespace yikou::app
