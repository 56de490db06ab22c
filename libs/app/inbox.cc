#include "libs/app/inbox.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/planted_bug.h"
#include "libs/base/status.h"

namespace yikou::app {

using casework::v1::Envelope;
using casework::v1::Event;
using store::Change;

namespace {

constexpr int kAttemptsMax = 5;
constexpr int kRoundsMax = 25;
constexpr size_t kSeenMax = 200000;

std::string AggregateOf(const Event& event) {
  return absl::StrCat(event.aggregate_kind(), "/", event.aggregate_id());
}

// Streams of events carry every event of a service, so versions come without gaps; a queue carries
// offers only, and says what each rests on.
bool IsEventsStream(const std::string& stream) { return absl::StartsWith(stream, "yikou:events:"); }

// Time may heal it: the entry comes again and nothing is counted.
bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status);
}

// Whoever the event names may see its case from here on.
void ShowTo(const Event& event, store::Work* work) {
  for (const std::string& unit : event.visible_to()) work->ShowFor(event.case_id(), unit);
}

// The last version seen of an aggregate: as stored, and after what the batch applied.
struct SeenVersion {
  int64_t stored = 0;
  int64_t now = 0;
  bool relied_on = false;  // something was left out because of it: the commit has to check it
};

}  // namespace

// Entries that commit together, and what they see of each other before they do.
struct Inbox::Batch {
  Sight sight;
  store::Work work;
  std::map<std::pair<std::string, std::string>, SeenVersion> seen;  // source, aggregate
  std::map<std::string, store::InboxState> inboxes;
  std::map<std::string, int> duplicates;  // by stream
  std::optional<Envelope> culprit;        // a parked entry that failed when it was woken

  // Ends the batch: what the reactions wrote and the versions seen by now.
  absl::StatusOr<Change> Close() {
    YK_ASSIGN_OR_RETURN(Change change, work.Take());
    for (const auto& [key, version] : seen) {
      if (version.now == version.stored && !version.relied_on) continue;
      change.seen.push_back({key.first, key.second, version.stored, version.now});
    }
    return change;
  }
};

std::vector<absl::Status> Inbox::Apply(const std::vector<Envelope>& entries) {
  std::vector<const Envelope*> all;
  for (const Envelope& entry : entries) all.push_back(&entry);
  return Apply(all);
}

std::vector<absl::Status> Inbox::Apply(const std::vector<const Envelope*>& entries) {
  const base::Hold turn(turn_.get());
  std::vector<absl::Status> statuses(entries.size());
  // First by what this process remembers, then by what is stored.
  if (entries.empty() || ApplyTogether(entries, Sight::kRemembered).ok()) return statuses;
  Forget();
  const absl::Status together = ApplyTogether(entries, Sight::kStored);
  if (together.ok()) return statuses;
  // While the record itself does not answer, each entry alone would wait for it in vain.
  if (IsPassing(together) && IsPassing(store_->Head().status())) {
    return std::vector<absl::Status>(entries.size(), together);
  }
  // Somebody in the batch conflicts or is poisoned: alone, each only answers for itself.
  for (size_t i = 0; i < entries.size(); ++i) statuses[i] = ApplyAlone(*entries[i]);
  return statuses;
}

Inbox::Batch Inbox::NewBatch(Sight sight) {
  Batch batch{.sight = sight,
              .work = make_work_(nullptr),
              .seen = {},
              .inboxes = {},
              .duplicates = {},
              .culprit = std::nullopt};
  if (sight == Sight::kRemembered) batch.work.LookBack();
  return batch;
}

void Inbox::Forget() {
  seen_.clear();
  waited_for_.reset();
}

// Learns from a commit what the next batch would have to read.
void Inbox::Remember(const Batch& batch, const std::vector<store::ParkedEntry>& parked) {
  if (seen_.size() > kSeenMax) seen_.clear();
  for (const auto& [key, version] : batch.seen) seen_[key] = version.now;
  if (!waited_for_) return;
  for (const store::ParkedEntry& entry : parked) {
    waited_for_->insert({entry.source, entry.aggregate});
  }
}

absl::Status Inbox::ApplyTogether(const std::vector<const Envelope*>& entries, Sight sight) {
  Batch batch = NewBatch(sight);
  for (const Envelope* entry : entries) YK_RETURN_IF_ERROR(AddTo(&batch, *entry));
  return Commit(&batch);
}

absl::Status Inbox::Commit(Batch* batch) {
  YK_ASSIGN_OR_RETURN(Change change, batch->Close());
  std::map<std::string, int> applied;
  for (const store::InboxMark& mark : change.inbox) ++applied[mark.stream];
  const std::vector<store::ParkedEntry> parked = change.parked;
  if (!change.empty()) YK_RETURN_IF_ERROR(committer_->CommitOne(std::move(change)));
  Remember(*batch, parked);
  for (const auto& [stream, count] : applied) {
    metrics_->Add(telemetry::kInboxApplied, {stream}, count);
  }
  for (const auto& [stream, count] : batch->duplicates) {
    metrics_->Add(telemetry::kInboxDuplicates, {stream}, count);
  }
  return absl::OkStatus();
}

// Decides by what is stored. A parked entry that fails when it is woken answers for itself, not the
// one it waited for: when it is dead the rest is decided without it.
absl::StatusOr<Inbox::Batch> Inbox::Decide(const std::function<absl::Status(Batch*)>& decide) {
  for (int round = 0; round < kRoundsMax; ++round) {
    Batch batch = NewBatch(Sight::kStored);
    const absl::Status status = decide(&batch);
    if (status.ok()) return batch;
    if (!batch.culprit || IsPassing(status)) return status;
    const absl::Status buried = Fail(*batch.culprit, status, true);
    if (IsPassing(buried)) return buried;
  }
  return absl::UnavailableError("Entries that wait fail again and again; try later.");
}

// A concurrent command may win a few times.
absl::Status Inbox::ApplyAlone(const Envelope& entry) {
  for (int round = 0; round < kRoundsMax; ++round) {
    absl::StatusOr<Batch> batch = Decide([&](Batch* added) { return AddTo(added, entry); });
    const absl::Status status = batch.ok() ? Commit(&*batch) : batch.status();
    if (batch.ok() && (absl::IsAborted(status) || absl::IsAlreadyExists(status))) continue;
    if (!status.ok()) return Fail(entry, status, false);
    attempts_.erase({entry.stream(), entry.stream_seq()});
    return status;
  }
  return absl::UnavailableError("Others change the same again and again; try later.");
}

absl::Status Inbox::AddTo(Batch* batch, const Envelope& entry) {
  auto [inbox, is_new] = batch->inboxes.try_emplace(entry.stream());
  if (is_new) {
    YK_ASSIGN_OR_RETURN(inbox->second, store_->Inbox(entry.stream()));
  }
  const int64_t seq = entry.stream_seq();
  const bool applied = seq <= inbox->second.watermark || !inbox->second.above.insert(seq).second;
  if (applied && !base::Planted("skip_inbox_check")) {
    ++batch->duplicates[entry.stream()];
    return absl::OkStatus();
  }
  batch->work.change().inbox.push_back({entry.stream(), seq});
  return ReactTo(batch, entry);
}

absl::StatusOr<int64_t> Inbox::Seen(Batch* batch, const std::string& source,
                                    const std::string& aggregate, int64_t next_version) {
  const auto [found, is_new] = batch->seen.try_emplace({source, aggregate});
  if (!is_new) return found->second.now;
  if (batch->sight == Sight::kRemembered) {
    const auto known = seen_.find({source, aggregate});
    const bool remembered = known != seen_.end();
    // Of an aggregate whose first version comes only now nothing was seen; the commit checks it.
    if (remembered) found->second = {known->second, known->second};
    if (remembered || next_version == 1) return found->second.now;
  }
  YK_ASSIGN_OR_RETURN(found->second.stored, store_->SeenVersion(source, aggregate));
  return found->second.now = found->second.stored;
}

bool Inbox::Follows(const std::string& source, const std::string& aggregate_kind) const {
  const auto kinds = followed_.find(source);
  return kinds == followed_.end() || kinds->second.count(aggregate_kind) > 0 ||
         base::Planted("sign_twice");
}

absl::Status Inbox::ReactTo(Batch* batch, const Envelope& entry) {
  const Event& event = entry.event();
  const bool ordered = IsEventsStream(entry.stream());
  const std::string aggregate = AggregateOf(event);
  const std::string& own = batch->work.context().source;
  absl::Status status;
  if (ordered && !Follows(event.source(), event.aggregate_kind())) {
    ShowTo(event, &batch->work);
    return absl::OkStatus();
  }
  if (ordered) {
    YK_ASSIGN_OR_RETURN(const int64_t seen,
                        Seen(batch, event.source(), aggregate, event.version()));
    if (event.version() <= seen && !base::Planted("skip_inbox_check")) {
      batch->seen[{event.source(), aggregate}].relied_on = !base::Planted("remember_forgotten");
      return absl::OkStatus();
    }
    if (event.version() > seen + 1) {
      status = WaitFor(event.source(), event.aggregate_kind(), event.aggregate_id(),
                       event.version() - 1);
    }
  } else if (event.offer().has_rests_on() && event.offer().rests_on().source() != own) {
    const casework::v1::RestsOn& on = event.offer().rests_on();
    YK_ASSIGN_OR_RETURN(
        const int64_t seen,
        Seen(batch, on.source(), absl::StrCat(on.aggregate_kind(), "/", on.aggregate_id())));
    if (seen < on.version() && !base::Planted("act_before_mirror")) {
      status = WaitFor(on.source(), on.aggregate_kind(), on.aggregate_id(), on.version());
    }
  }
  if (status.ok()) {
    store::WorkContext context = batch->work.context();
    context.cause = event.event_id();
    context.traceparent = event.traceparent();
    batch->work.set_context(std::move(context));
    // An offer to this service is taken from its queue, whose tiers a deployment may choose; there
    // may be a copy among routing's events.
    const bool queued = ordered && !base::Planted("sign_twice") &&
                        event.type() == "routing.offered" && event.offer().service() == own;
    if (!queued) status = reaction_(batch->work, event);
  }
  store::ParkedEntry parked;
  if (IsWait(status, &parked.source, &parked.aggregate, &parked.wait_version)) {
    YK_ASSIGN_OR_RETURN(const int64_t seen, Seen(batch, parked.source, parked.aggregate));
    if (seen >= parked.wait_version) {
      return absl::InternalError(absl::StrCat(status.message(), " It was seen already."));
    }
    parked.stream = entry.stream();
    parked.seq = entry.stream_seq();
    parked.envelope = entry.SerializeAsString();
    if (base::Planted("forget_parked")) return absl::OkStatus();
    batch->work.change().parked.push_back(std::move(parked));
    return absl::OkStatus();
  }
  YK_RETURN_IF_ERROR(status);
  ShowTo(event, &batch->work);
  if (!ordered) return absl::OkStatus();
  batch->seen[{event.source(), aggregate}].now = event.version();
  return AddParked(batch, event.source(), aggregate, event.version());
}

// Almost nothing is ever parked: whether anything waits for an aggregate is known without a read.
absl::StatusOr<bool> Inbox::IsWaitedFor(const Batch& batch, const std::string& source,
                                        const std::string& aggregate) {
  if (batch.sight == Sight::kStored) return true;
  if (!waited_for_) {
    YK_ASSIGN_OR_RETURN(auto aggregates, store_->WaitedFor());
    waited_for_.emplace(aggregates.begin(), aggregates.end());
  }
  return waited_for_->count({source, aggregate}) > 0;
}

// Applies what waited for this version, in the same transaction as what it waited for.
absl::Status Inbox::AddParked(Batch* batch, const std::string& source, const std::string& aggregate,
                              int64_t version) {
  std::vector<store::ParkedEntry> waiting;
  YK_ASSIGN_OR_RETURN(const bool waited_for, IsWaitedFor(*batch, source, aggregate));
  if (waited_for) {
    YK_ASSIGN_OR_RETURN(waiting, store_->ParkedOn(source, aggregate, version));
  }
  // Parked by this very batch: not in the store yet.
  std::vector<store::ParkedEntry>& fresh = batch->work.change().parked;
  for (size_t i = 0; i < fresh.size();) {
    if (fresh[i].source == source && fresh[i].aggregate == aggregate &&
        fresh[i].wait_version <= version) {
      waiting.push_back(std::move(fresh[i]));
      fresh.erase(fresh.begin() + static_cast<int64_t>(i));
    } else {
      ++i;
    }
  }
  for (const store::ParkedEntry& parked : waiting) {
    Envelope entry;
    if (!entry.ParseFromString(parked.envelope)) {
      return absl::DataLossError(
          absl::StrCat("Parked entry ", parked.seq, " of ", parked.stream, " cannot be read."));
    }
    const store::InboxMark mark{parked.stream, parked.seq};
    auto& unparked = batch->work.change().unparked;
    const bool twice =
        std::any_of(unparked.begin(), unparked.end(), [&mark](const store::InboxMark& other) {
          return other.stream == mark.stream && other.seq == mark.seq;
        });
    if (twice) continue;
    unparked.push_back(mark);
    const absl::Status applied = ReactTo(batch, entry);
    if (!applied.ok()) {
      if (!batch->culprit) batch->culprit = std::move(entry);
      return applied;
    }
    // It waits on, for something else now: keep the row rather than delete and insert it. Others
    // that it woke may have parked themselves too, so look for this one.
    const bool waits_on =
        std::any_of(fresh.begin(), fresh.end(), [&mark](const store::ParkedEntry& other) {
          return other.stream == mark.stream && other.seq == mark.seq;
        });
    if (waits_on) unparked.pop_back();
  }
  return absl::OkStatus();
}

absl::Status Inbox::Fail(const Envelope& entry, const absl::Status& cause, bool parked) {
  if (IsPassing(cause)) return cause;
  const int attempts = ++attempts_[{entry.stream(), entry.stream_seq()}];
  if (attempts < kAttemptsMax) return cause;
  attempts_.erase({entry.stream(), entry.stream_seq()});
  base::LogError("inbox.dead_letter", {{"stream", entry.stream()},
                                       {"seq", absl::StrCat(entry.stream_seq())},
                                       {"type", entry.event().type()},
                                       {"case_id", entry.event().case_id()},
                                       {"cause", std::string(cause.message())}});
  Change change;
  (parked ? change.unparked : change.inbox).push_back({entry.stream(), entry.stream_seq()});
  change.dead.push_back({entry.stream(), entry.stream_seq(), entry.event().type(),
                         entry.event().case_id(), std::string(cause.message()), attempts,
                         entry.SerializeAsString(), committer_->executor()->clock().Now()});
  return committer_->CommitOne(std::move(change));
}

absl::Status Inbox::Bury(const std::string& stream, int64_t seq, const std::string& payload,
                         const std::string& cause) {
  const base::Hold turn(turn_.get());
  base::LogError("inbox.unreadable", {{"stream", stream}, {"cause", cause}});
  Change change;
  change.dead.push_back(
      {stream, seq, "", "", cause, 1, payload, committer_->executor()->clock().Now()});
  return committer_->CommitOne(std::move(change));
}

absl::Status Inbox::StartOver(const std::function<absl::Status()>& begin) {
  const base::Hold turn(turn_.get());
  const absl::Status status = begin();
  if (!base::Planted("remember_forgotten")) Forget();
  attempts_.clear();
  return status;
}

absl::StatusOr<Change> Inbox::Retry(const store::DeadLetter& letter) {
  const base::Hold turn(turn_.get());
  Envelope entry;
  if (!entry.ParseFromString(letter.envelope) || !entry.has_event()) {
    return absl::FailedPreconditionError(
        "The entry's bytes cannot be read; its owner's log has it under its own number. Resolve "
        "it.");
  }
  const auto retry = [&](Batch* batch) {
    batch->work.change().revived.push_back({letter.stream, letter.seq});
    return ReactTo(batch, entry);
  };
  YK_ASSIGN_OR_RETURN(Batch batch, Decide(retry));
  return batch.Close();
}

absl::StatusOr<Change> Inbox::Resolve(const store::DeadLetter& letter) {
  const base::Hold turn(turn_.get());
  Envelope entry;
  const bool ordered = entry.ParseFromString(letter.envelope) && IsEventsStream(letter.stream);
  const auto settle = [&](Batch* batch) -> absl::Status {
    batch->work.change().revived.push_back({letter.stream, letter.seq});
    if (!ordered) return absl::OkStatus();
    // Settled by hand: what waits for this version must not wait for ever.
    const Event& event = entry.event();
    YK_ASSIGN_OR_RETURN(const int64_t seen, Seen(batch, event.source(), AggregateOf(event)));
    if (seen + 1 != event.version()) return absl::OkStatus();
    batch->seen[{event.source(), AggregateOf(event)}].now = event.version();
    return AddParked(batch, event.source(), AggregateOf(event), event.version());
  };
  YK_ASSIGN_OR_RETURN(Batch batch, Decide(settle));
  return batch.Close();
}

}  // namespace yikou::app
