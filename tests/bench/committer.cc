#include "tests/bench/committer.h"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/wrappers.pb.h"
#include "libs/app/case_numbers.h"
#include "libs/app/reaction.h"
#include "libs/base/executor.h"
#include "libs/base/ids.h"
#include "libs/store/group_committer.h"
#include "libs/store/work.h"

namespace yikou::bench {
namespace {

using store::Blob;
using store::RowBatch;

// A change as a handler makes it, of the smallest aggregate of the core schema.
store::Change MakeChange(store::Store* record, const std::string& id) {
  store::WorkContext context;
  context.source = "bench";
  context.stream = app::EventsStream("bench");
  context.now = absl::Now();
  context.cause = id;
  context.actor.set_unit_id("230108001004");
  context.actor.set_person_id("clerk-230108001004");
  store::Work work(record, context);
  work.Create<google::protobuf::Int64Value>(app::kNumberBlockKind, id)->set_value(1);
  work.Emit(app::kNumberBlockKind, id, "bench.made", id);
  return Must(work.Take());
}

// What the store writes for such changes, one statement a table. Ids and positions differ from
// transaction to transaction, the rest is the same.
class RawBatch {
 public:
  RawBatch(const store::Change& sample, int changes)
      : batches_{
            {"event", RowBatch::Mode::kInsert, {"position"}, {"case_id", "hash", "body"}, {}},
            {"stream_entry", RowBatch::Mode::kInsert, {"stream", "seq"}, {"position"}, {}},
            {"number_block", RowBatch::Mode::kInsert, {"id"}, {"version", "due_at", "body"}, {}}} {
    casework::v1::Event event = sample.events[0].event;
    event.set_position(1'000'000);
    const Blob body{store::StableBytes(event)};
    for (int i = 0; i < changes; ++i) {
      batches_[0].rows.push_back({int64_t{0}, "", Blob{std::string(32, 'h')}, body});
      batches_[1].rows.push_back({sample.events[0].streams[0], int64_t{0}, int64_t{0}});
      batches_[2].rows.push_back({"", int64_t{1}, std::monostate{}, Blob{sample.writes[0].body}});
    }
  }

  const std::vector<RowBatch>& Next() {
    for (size_t i = 0; i < batches_[0].rows.size(); ++i) {
      ++position_;
      const std::string id = base::NewId(absl::Now());
      batches_[0].rows[i][0] = position_;
      batches_[0].rows[i][1] = id;
      batches_[1].rows[i][1] = position_;
      batches_[1].rows[i][2] = position_;
      batches_[2].rows[i][0] = id;
    }
    return batches_;
  }

 private:
  std::vector<RowBatch> batches_;
  int64_t position_ = 0;
};

}  // namespace

RawRows RunRawRows(Database* database, int changes, absl::Duration span) {
  auto record = database->OpenRecord();
  RawBatch batch(MakeChange(record.get(), base::NewId(absl::Now())), changes);
  record.reset();
  const auto connection = database->Connect();
  RawRows result;
  const double transactions = Rate(
      1, span,
      [&](int) {
        Must(connection->BeginAndFind({}).status());
        Must(connection->WriteAndCommit(batch.Next()));
      },
      &result.transactions);
  result.changes_a_second = transactions * changes;
  return result;
}

GroupCommit RunGroupCommit(Database* database, int callers, absl::Duration span) {
  const auto record = database->OpenRecord();
  base::ThreadExecutor executor(1);
  store::GroupCommitter committer(record.get(), &executor, {});
  std::atomic<int64_t> commits{0};
  std::atomic<int64_t> changes{0};
  committer.OnCommitted([&](const store::GroupCommitter::Batch& batch) {
    ++commits;
    changes += batch.changes;
  });
  GroupCommit result;
  result.changes_a_second = Rate(
      callers, span,
      [&](int) { Must(committer.CommitOne(MakeChange(record.get(), base::NewId(absl::Now())))); },
      &result.latencies);
  result.changes_a_commit = static_cast<double>(changes) / static_cast<double>(commits);
  return result;
}

}  // namespace yikou::bench
