// Applies entries of streams to the record: once each, in order per aggregate, with its mark in the
// same transaction. What reads them, from Redis or from the owner's log, is not its business.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/app/reaction.h"
#include "libs/store/group_committer.h"
#include "libs/telemetry/metrics.h"

namespace yikou::app {

class Inbox {
 public:
  // `make_work` gives a Work whose events name `event` as their cause.
  using MakeWork = std::function<store::Work(const casework::v1::Event* cause)>;

  // Events of kinds that are not `followed` are marked as applied, and let their units see the
  // case, but are in no order and never reach the reaction.
  Inbox(store::Store* store, store::GroupCommitter* committer, Reaction reaction,
        MakeWork make_work, telemetry::Metrics* metrics, Followed followed = {})
      : store_(store),
        committer_(committer),
        reaction_(std::move(reaction)),
        make_work_(std::move(make_work)),
        metrics_(metrics),
        followed_(std::move(followed)),
        turn_(committer->executor()->NewSemaphore(1)) {}

  // Applies entries in order. Returns one status each: OK when the entry is applied, parked or dead
  // and may be acknowledged; an error when it should come again. Threads: any, one at a time.
  std::vector<absl::Status> Apply(const std::vector<const casework::v1::Envelope*>& entries);
  std::vector<absl::Status> Apply(const std::vector<casework::v1::Envelope>& entries);

  // Records an entry that cannot be read at all as a dead letter.
  absl::Status Bury(const std::string& stream, int64_t seq, const std::string& payload,
                    const std::string& cause);

  // Runs `begin`, which makes the record forget all that was read, while nothing is applied; and
  // forgets it here.
  absl::Status StartOver(const std::function<absl::Status()>& begin);

  // Decides what applies a dead letter again and removes it, for the caller to commit; the error
  // when it cannot be applied.
  absl::StatusOr<store::Change> Retry(const store::DeadLetter& letter);
  // The same without its effect; what waited for it goes on.
  absl::StatusOr<store::Change> Resolve(const store::DeadLetter& letter);

 private:
  // What a batch is decided by: what this process remembers of its own commits, which spares the
  // reads, or what is stored. A memory that others have made stale is ABORTED at the commit.
  enum class Sight { kRemembered, kStored };
  struct Batch;
  using Aggregate = std::pair<std::string, std::string>;  // source, "<kind>/<id>"

  bool Follows(const std::string& source, const std::string& aggregate_kind) const;
  Batch NewBatch(Sight sight);
  void Forget();
  void Remember(const Batch& batch, const std::vector<store::ParkedEntry>& parked);
  absl::StatusOr<bool> IsWaitedFor(const Batch& batch, const std::string& source,
                                   const std::string& aggregate);
  absl::Status Commit(Batch* batch);
  absl::StatusOr<Batch> Decide(const std::function<absl::Status(Batch*)>& decide);
  absl::Status ApplyTogether(const std::vector<const casework::v1::Envelope*>& entries,
                             Sight sight);
  absl::Status ApplyAlone(const casework::v1::Envelope& entry);
  absl::Status AddTo(Batch* batch, const casework::v1::Envelope& entry);
  absl::Status ReactTo(Batch* batch, const casework::v1::Envelope& entry);
  absl::Status AddParked(Batch* batch, const std::string& source, const std::string& aggregate,
                         int64_t version);
  // The version seen last; `next_version` is the one that came, 0 when none did.
  absl::StatusOr<int64_t> Seen(Batch* batch, const std::string& source,
                               const std::string& aggregate, int64_t next_version = 0);
  absl::Status Fail(const casework::v1::Envelope& entry, const absl::Status& cause, bool parked);

  store::Store* store_;
  store::GroupCommitter* committer_;
  Reaction reaction_;
  MakeWork make_work_;
  telemetry::Metrics* metrics_;
  const Followed followed_;
  std::unique_ptr<base::Semaphore> turn_;  // one at a time, through waits for commits
  std::map<std::pair<std::string, int64_t>, int> attempts_;
  std::map<Aggregate, int64_t> seen_;              // versions seen, as this process committed them
  std::optional<std::set<Aggregate>> waited_for_;  // may hold some that nothing waits for any more
};

}  // namespace yikou::app
