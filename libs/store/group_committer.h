// Many callers, one transaction. The only caller of Store::Commit.
//
// A lone change is committed at once. While several callers are busy, those just answered are given
// a moment to come again before the next transaction starts, so that transactions stay full; the
// moment is a part of what the last one took, so a slow disk makes larger batches by itself.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/executor.h"
#include "libs/store/store.h"

namespace yikou::store {

class GroupCommitter {
 public:
  struct Options {
    int batch_max = 256;  // changes a transaction
  };
  // What one transaction held.
  struct Batch {
    int changes = 0;
    int conflicts = 0;                                 // ABORTED: another came first
    absl::Time earliest_due = absl::InfiniteFuture();  // of the timers written
    std::vector<EventOut> events;                      // written, in the order of the log
    absl::Duration took;
  };

  GroupCommitter(Store* store, base::Executor* executor, Options options);
  ~GroupCommitter();

  // Queues a change; `done` runs on the committer's thread once it is durable or refused. Two
  // changes of one aggregate never share a transaction. After Stop: UNAVAILABLE.
  void Submit(Change change, std::function<void(absl::Status)> done);

  // Commits several changes and waits. Must not be called from `done` callbacks.
  std::vector<absl::Status> CommitAll(std::vector<Change> changes);
  absl::Status CommitOne(Change change);

  // Called after each transaction that wrote, on the committer's thread, when all who wait for it
  // have been answered. Set once, before the first Submit; must not block.
  void OnCommitted(std::function<void(Batch)> listener) { listener_ = std::move(listener); }

  // Commits what is queued, then refuses. Idempotent.
  void Stop();

  base::Executor* executor() const { return executor_; }

 private:
  struct Pending {
    Change change;
    std::function<void(absl::Status)> done;
  };
  absl::Duration Step();
  absl::Duration LingerLeft();
  std::vector<Pending> TakeBatch();
  void Answer(std::vector<Pending> batch, std::vector<absl::Status> statuses, absl::Duration took);

  Store* store_;
  base::Executor* executor_;
  Options options_;
  std::function<void(Batch)> listener_;
  std::mutex mutex_;
  std::deque<Pending> queue_;
  bool stopped_ = false;
  size_t last_batch_ = 0;  // changes
  absl::Time linger_until_ = absl::InfinitePast();
  std::unique_ptr<base::Loop> loop_;
};

}  // namespace yikou::store
