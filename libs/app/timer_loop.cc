#include "libs/app/timer_loop.h"

#include <algorithm>
#include <utility>

#include "libs/base/log.h"

namespace yikou::app {
namespace {

constexpr int kBatch = 128;
constexpr absl::Duration kPollMax = absl::Seconds(1);
constexpr absl::Duration kFailed = absl::Milliseconds(500);

}  // namespace

void TimerLoop::Start(base::Executor* executor) {
  loop_ = executor->StartLoop("timers", [this] { return Step(); });
}

void TimerLoop::Wake() {
  if (loop_) loop_->Wake();
}

void TimerLoop::Notice(absl::Time due) {
  if (absl::ToUnixMicros(due) < next_due_us_) Wake();
}

void TimerLoop::Stop() {
  if (loop_) loop_->Stop();
}

absl::Duration TimerLoop::Step() {
  if (kinds_.empty()) return absl::Hours(1);
  if (!lease_.Held()) return kFailed;
  // What is committed from here on either is seen below or wakes the loop again.
  next_due_us_ = INT64_MAX;
  absl::StatusOr<std::vector<store::DueAggregate>> due =
      env_->store->Due(kinds_, clock_->Now(), kBatch);
  if (!due.ok()) return kFailed;
  std::vector<store::Change> changes;
  bool failed = false;
  for (const store::DueAggregate& aggregate : *due) {
    store::Work work = env_->WorkForTimer("timer");
    absl::Status status = on_due_(work, *aggregate.kind, aggregate.id);
    if (status.ok()) {
      absl::StatusOr<store::Change> change = work.Take();
      status = change.status();
      if (change.ok() && !change->empty()) changes.push_back(*std::move(change));
    }
    if (!status.ok()) {
      failed = true;
      base::LogError("timer.failed", {{"aggregate", aggregate.kind->name},
                                      {"id", aggregate.id},
                                      {"cause", status.ToString()}});
    }
  }
  // A conflict means somebody changed the aggregate meanwhile: it is due again, or not any more.
  for (const absl::Status& status : env_->committer->CommitAll(std::move(changes))) {
    if (status.ok() || absl::IsAborted(status)) continue;
    failed = true;
    base::LogError("timer.not_committed", {{"cause", status.ToString()}});
  }
  if (failed) return kFailed;
  if (!due->empty()) return absl::ZeroDuration();
  absl::StatusOr<absl::Time> next = env_->store->NextDue(kinds_);
  if (!next.ok()) return kFailed;
  next_due_us_ = absl::ToUnixMicros(*next);
  const absl::Duration left = *next - clock_->Now();
  return std::clamp(left, absl::Milliseconds(1), kPollMax);
}

}  // namespace yikou::app
