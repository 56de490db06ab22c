// What an operator asks of a running service: its queues, what is stuck, its clock.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/app/pages.h"
#include "libs/app/rebuild.h"
#include "libs/app/service_impl.h"
#include "libs/base/log.h"
#include "libs/casework/clocks.h"
#include "libs/casework/errors.h"
#include "libs/queue/stream.h"

namespace yikou::app {

namespace v1 = casework::v1;

namespace {

std::string StuckId(const std::string& stream, int64_t seq) {
  return absl::StrCat(stream, "/", seq);
}

v1::StuckEntry EntryOf(const store::StuckRow& row) {
  v1::StuckEntry entry;
  entry.set_stuck_id(StuckId(row.letter.stream, row.letter.seq));
  entry.set_kind(row.kind);
  entry.set_stream(row.letter.stream);
  entry.set_stream_seq(row.letter.seq);
  entry.set_cause(row.letter.cause);
  entry.set_attempts(row.letter.attempts);
  v1::Envelope envelope;
  if (envelope.ParseFromString(row.letter.envelope)) {
    entry.set_event_type(envelope.event().type());
    entry.set_case_id(envelope.event().case_id());
    entry.set_offer_id(envelope.event().offer().offer_id());
  }
  if (row.letter.since > absl::UnixEpoch()) {
    *entry.mutable_since() = casework::ToProto(row.letter.since);
  }
  return entry;
}

}  // namespace

void Service::Impl::CountStuck() {
  absl::StatusOr<std::vector<store::StuckCount>> stuck = store->CountStuck();
  if (!stuck.ok()) return;
  std::lock_guard<std::mutex> lock(stuck_mutex);
  const auto show = [this](const std::string& kind, const std::string& stream, int64_t count) {
    metrics->Set(kind == "dead" ? telemetry::kDeadLetters : telemetry::kInboxParked, {stream},
                 static_cast<double>(count));
  };
  // What is settled shows as 0, not as it was.
  for (const auto& [kind, stream] : stuck_shown) show(kind, stream, 0);
  for (const store::StuckCount& row : *stuck) {
    show(row.kind, row.stream, row.count);
    stuck_shown.insert({row.kind, row.stream});
  }
  if (!parts.count_unanswered) return;
  const absl::StatusOr<int64_t> unanswered = parts.count_unanswered();
  if (unanswered.ok()) {
    metrics->Set(telemetry::kOffersUnanswered, {}, static_cast<double>(*unanswered));
  }
}

absl::StatusOr<v1::GetQueueStatsResponse> Service::GetQueueStats() {
  v1::GetQueueStatsResponse response;
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamHeadRow> out, impl_->store->StreamHeads());
  queue::Producer probe(impl_->Redis(), &impl_->system_clock);
  const bool redis_up = probe.redis()->Run({"PING"}).ok();
  for (const store::StreamHeadRow& row : out) {
    v1::QueueStats* stats = response.add_queues();
    stats->set_stream(row.stream);
    stats->set_direction("out");
    stats->set_head_seq(row.seq);
    stats->set_done_seq(row.published_seq);
    stats->set_backlog(row.seq - row.published_seq);
    stats->set_redis_up(redis_up);
  }
  if (!impl_->fetcher) return response;
  std::map<std::string, int64_t> heads = impl_->fetcher->KnownHeads();
  std::map<std::string, int64_t> fetched = impl_->fetcher->Fetched();
  YK_ASSIGN_OR_RETURN(std::vector<store::StuckRow> stuck, impl_->store->ListStuck("", 100000));
  for (const InputStream& input : impl_->parts.inputs) {
    YK_ASSIGN_OR_RETURN(store::InboxState inbox, impl_->store->Inbox(input.stream));
    v1::QueueStats* stats = response.add_queues();
    stats->set_stream(input.stream);
    stats->set_direction("in");
    stats->set_head_seq(std::max(heads[input.stream], inbox.watermark));
    stats->set_done_seq(inbox.watermark);
    stats->set_backlog(stats->head_seq() - stats->done_seq());
    stats->set_fetched(fetched[input.stream]);
    stats->set_redis_up(redis_up);
    for (const store::StuckRow& row : stuck) {
      if (row.letter.stream != input.stream) continue;
      row.kind == "dead" ? stats->set_dead(stats->dead() + 1)
                         : stats->set_parked(stats->parked() + 1);
    }
  }
  return response;
}

absl::StatusOr<v1::ListStuckResponse> Service::ListStuck(const v1::ListStuckRequest& request) {
  YK_ASSIGN_OR_RETURN(Page page, ReadPage(request));
  YK_ASSIGN_OR_RETURN(std::vector<store::StuckRow> rows,
                      impl_->store->ListStuck(page.after, page.limit));
  std::vector<v1::StuckEntry> entries;
  for (const store::StuckRow& row : rows) entries.push_back(EntryOf(row));
  if (impl_->parts.list_unanswered) {
    YK_ASSIGN_OR_RETURN(std::vector<v1::StuckEntry> unanswered,
                        impl_->parts.list_unanswered(page.after, page.limit));
    std::move(unanswered.begin(), unanswered.end(), std::back_inserter(entries));
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.stuck_id() < b.stuck_id(); });
    if (static_cast<int>(entries.size()) > page.limit) entries.resize(page.limit);
  }
  v1::ListStuckResponse response;
  for (v1::StuckEntry& entry : entries) *response.add_entries() = std::move(entry);
  const int count = response.entries_size();
  response.set_next_page_token(NextPageToken(
      request, page, count, count == 0 ? "" : response.entries(count - 1).stuck_id()));
  return response;
}

absl::StatusOr<store::DeadLetter> Service::Impl::FindDead(const std::string& stuck_id) {
  std::string after;
  while (true) {
    YK_ASSIGN_OR_RETURN(std::vector<store::StuckRow> rows, store->ListStuck(after, 500));
    if (rows.empty()) return casework::NotFound("dead letter", stuck_id);
    for (store::StuckRow& row : rows) {
      after = StuckId(row.letter.stream, row.letter.seq);
      if (row.kind == "dead" && after == stuck_id) return std::move(row.letter);
    }
  }
}

absl::StatusOr<store::Outcome<v1::RetryStuckResponse>> Service::RetryStuck(
    const rpc::CallContext&, const v1::RetryStuckRequest& request) {
  YK_ASSIGN_OR_RETURN(const store::DeadLetter letter, impl_->FindDead(request.stuck_id()));
  store::Outcome<v1::RetryStuckResponse> outcome;
  absl::StatusOr<store::Change> change = impl_->inbox->Retry(letter);
  outcome.response.set_applied(change.ok());
  outcome.response.set_cause(std::string(change.status().message()));
  // What failed is not remembered: the same request may be given again after the fix.
  if (change.ok()) outcome.change = *std::move(change);
  return outcome;
}

absl::StatusOr<store::Outcome<v1::ResolveStuckResponse>> Service::ResolveStuck(
    const rpc::CallContext& context, const v1::ResolveStuckRequest& request) {
  if (request.reason().empty() || request.reason().size() > 1500) {
    casework::Violations violations;
    violations.Add("reason", "must say in 1 to 500 characters why the entry needs no effect.");
    return violations.ToStatus();
  }
  YK_ASSIGN_OR_RETURN(const store::DeadLetter letter, impl_->FindDead(request.stuck_id()));
  store::Outcome<v1::ResolveStuckResponse> outcome;
  YK_ASSIGN_OR_RETURN(outcome.change, impl_->inbox->Resolve(letter));
  base::LogWarning("stuck.resolved_by_hand", {{"stuck_id", request.stuck_id()},
                                              {"by", context.principal.person_id},
                                              {"reason", request.reason()}});
  return outcome;
}

absl::StatusOr<v1::RepublishStreamResponse> Service::RepublishStream(
    const v1::RepublishStreamRequest& request) {
  YK_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  YK_ASSIGN_OR_RETURN(const std::vector<store::StreamHeadRow> heads, impl_->store->StreamHeads());
  const auto head = std::find_if(heads.begin(), heads.end(), [&](const store::StreamHeadRow& row) {
    return row.stream == request.stream();
  });
  if (head == heads.end()) return casework::NotFound("stream", request.stream());
  const int64_t from = std::max<int64_t>(request.from_seq(), 1);
  if (request.from_seq() < 0 || from > head->seq) {
    casework::Violations violations;
    violations.Add("from_seq", absl::StrCat("must be 1 to ", head->seq,
                                            ", the last entry of the stream; 0 is the first."));
    return violations.ToStatus();
  }
  YK_RETURN_IF_ERROR(impl_->store->RewindPublished(request.stream(), from));
  base::LogWarning("stream.republished",
                   {{"stream", request.stream()}, {"from", absl::StrCat(from)}});
  if (impl_->relay) impl_->relay->Wake();
  v1::RepublishStreamResponse response;
  response.set_entries(head->seq - from + 1);
  return response;
}

absl::StatusOr<int64_t> Service::StartRebuild(const std::string& request_id) {
  YK_RETURN_IF_ERROR(CheckRequestId(request_id));
  if (impl_->parts.derived_tables.empty() || !impl_->inbox) {
    return absl::FailedPreconditionError("This service has tables that no log could fill again.");
  }
  YK_ASSIGN_OR_RETURN(const Rebuild rebuild,
                      app::StartRebuild(impl_->store.get(), impl_->inbox.get(), impl_->parts.inputs,
                                        impl_->parts.derived_tables, request_id));
  return rebuild.total;
}

absl::StatusOr<v1::GetClockResponse> Service::GetClock() {
  v1::GetClockResponse response;
  response.set_adjustable(impl_->options.test_clock);
  response.set_offset_micros(absl::ToInt64Microseconds(impl_->case_clock.offset()));
  const absl::Time now = impl_->case_clock.Now();
  *response.mutable_now() = casework::ToProto(now);
  YK_ASSIGN_OR_RETURN(const absl::Time due, impl_->store->NextDue(impl_->parts.timed_kinds));
  if (due != absl::InfiniteFuture()) *response.mutable_next_due() = casework::ToProto(due);
  bool drained = due > now;
  if (impl_->fetcher && drained) {
    absl::StatusOr<std::map<std::string, int64_t>> heads = impl_->fetcher->AskHeads();
    drained = heads.ok();
    for (const InputStream& input : impl_->parts.inputs) {
      if (!drained) break;
      YK_ASSIGN_OR_RETURN(store::InboxState inbox, impl_->store->Inbox(input.stream));
      drained = inbox.watermark >= heads->at(input.stream);
    }
  }
  response.set_drained(drained);
  return response;
}

absl::StatusOr<v1::SetClockResponse> Service::SetClock(const v1::SetClockRequest& request) {
  if (!impl_->options.test_clock) {
    return casework::Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_GUARD_FAILED,
                           "This service keeps real time; only one started with --test_clock can "
                           "be moved.");
  }
  const absl::Duration offset = absl::Microseconds(request.offset_micros());
  if (offset < impl_->case_clock.offset()) {
    casework::Violations violations;
    violations.Add("offset_micros",
                   absl::StrCat("case time never goes back; the offset is ",
                                absl::ToInt64Microseconds(impl_->case_clock.offset()), " now."));
    return violations.ToStatus();
  }
  YK_RETURN_IF_ERROR(
      impl_->store->PutSetting(kOffsetSetting, absl::StrCat(request.offset_micros())));
  impl_->case_clock.set_offset(offset);
  if (impl_->timers) impl_->timers->Wake();
  v1::SetClockResponse response;
  *response.mutable_now() = casework::ToProto(impl_->case_clock.Now());
  return response;
}

}  // namespace yikou::app
