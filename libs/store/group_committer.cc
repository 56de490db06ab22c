#include "libs/store/group_committer.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <set>
#include <utility>

#include "libs/base/failpoint.h"

namespace yikou::store {
namespace {

constexpr absl::Duration kLingerMax = absl::Milliseconds(1);

}  // namespace

GroupCommitter::GroupCommitter(Store* store, base::Executor* executor, Options options)
    : store_(store), executor_(executor), options_(options) {
  loop_ = executor->StartLoop("committer", [this] { return Step(); });
}

GroupCommitter::~GroupCommitter() { Stop(); }

void GroupCommitter::Submit(Change change, std::function<void(absl::Status)> done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_) {
      queue_.push_back({std::move(change), std::move(done)});
      done = nullptr;
    }
  }
  if (done) return done(absl::UnavailableError("The service is stopping; try again elsewhere."));
  loop_->Wake();
}

std::vector<absl::Status> GroupCommitter::CommitAll(std::vector<Change> changes) {
  struct Waiting {
    std::vector<absl::Status> statuses;
    std::atomic<size_t> left;
    std::unique_ptr<base::Semaphore> settled;
  };
  if (changes.empty()) return {};
  auto waiting = std::make_shared<Waiting>();
  waiting->statuses.resize(changes.size());
  waiting->left = changes.size();
  waiting->settled = executor_->NewSemaphore(0);
  for (size_t i = 0; i < changes.size(); ++i) {
    Submit(std::move(changes[i]), [waiting, i](absl::Status status) {
      waiting->statuses[i] = std::move(status);
      if (--waiting->left == 0) waiting->settled->Release();
    });
  }
  waiting->settled->Acquire();
  return std::move(waiting->statuses);
}

absl::Status GroupCommitter::CommitOne(Change change) {
  std::vector<Change> changes;
  changes.push_back(std::move(change));
  return CommitAll(std::move(changes))[0];
}

// Takes as many queued changes as fit, leaving behind a second change of an aggregate that is in
// the batch already, and everything that was queued for that aggregate after it.
std::vector<GroupCommitter::Pending> GroupCommitter::TakeBatch() {
  std::vector<Pending> batch;
  std::deque<Pending> left;
  std::set<std::pair<const AggregateKind*, std::string>> taken;
  std::lock_guard<std::mutex> lock(mutex_);
  while (!queue_.empty() && static_cast<int>(batch.size()) < options_.batch_max) {
    Pending pending = std::move(queue_.front());
    queue_.pop_front();
    bool clash = false;
    for (const Write& write : pending.change.writes) {
      clash = clash || taken.count({write.kind, write.id}) > 0;
    }
    for (const Write& write : pending.change.writes) taken.insert({write.kind, write.id});
    (clash ? left.emplace_back(std::move(pending)) : batch.emplace_back(std::move(pending)));
  }
  while (!left.empty()) {
    queue_.push_front(std::move(left.back()));
    left.pop_back();
  }
  return batch;
}

// How long to wait for more callers; zero when the batch is as full as the last one, or nobody else
// is likely to come.
absl::Duration GroupCommitter::LingerLeft() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (stopped_ || queue_.empty() || queue_.size() >= last_batch_) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(), linger_until_ - executor_->clock().Now());
}

absl::Duration GroupCommitter::Step() {
  if (const absl::Duration left = LingerLeft(); left > absl::ZeroDuration()) return left;
  std::vector<Pending> batch = TakeBatch();
  if (batch.empty()) return absl::Hours(1);
  std::vector<Change*> changes;
  changes.reserve(batch.size());
  for (Pending& pending : batch) changes.push_back(&pending.change);
  const absl::Time begin = executor_->clock().Now();
  std::vector<absl::Status> statuses = store_->Commit(changes);
  // A change the schema refuses takes the transaction of its neighbours down: alone each answers
  // for itself.
  for (size_t i = 0; i < changes.size() && changes.size() > 1; ++i) {
    if (absl::IsInternal(statuses[i])) statuses[i] = store_->Commit({changes[i]})[0];
  }
  const absl::Time end = executor_->clock().Now();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    last_batch_ = batch.size();
    linger_until_ = end + std::min(kLingerMax, (end - begin) / 4);
  }
  base::Failpoint("commit.after");
  Answer(std::move(batch), std::move(statuses), end - begin);
  return absl::ZeroDuration();
}

void GroupCommitter::Answer(std::vector<Pending> batch, std::vector<absl::Status> statuses,
                            absl::Duration took) {
  Batch whole;
  whole.changes = static_cast<int>(batch.size());
  whole.took = took;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (absl::IsAborted(statuses[i])) ++whole.conflicts;
    if (!statuses[i].ok()) continue;
    Change& change = batch[i].change;
    for (const Write& write : change.writes) {
      whole.earliest_due = std::min(whole.earliest_due, write.due);
    }
    std::move(change.events.begin(), change.events.end(), std::back_inserter(whole.events));
  }
  for (size_t i = 0; i < batch.size(); ++i) batch[i].done(std::move(statuses[i]));
  if (listener_) listener_(std::move(whole));
}

void GroupCommitter::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  loop_->Stop();
  while (Step() == absl::ZeroDuration()) {
  }
}

}  // namespace yikou::store
