// Many callers, one transaction.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/base/executor.h"
#include "libs/store/group_committer.h"
#include "tests/store/record.h"
#include "tests/support/eventually.h"

namespace yikou::test {
namespace {

using store::Change;
using store::GroupCommitter;
using store::RowWrite;

constexpr absl::Duration kBound = absl::Seconds(20);

Change Folder(const std::string& id, int64_t expected = 0) {
  Change change;
  change.writes.push_back(FolderWrite(id, expected, expected + 1));
  change.events.push_back(EventOf(id, expected + 1));
  return change;
}

// Runs a loop when the test says so, so that what shares a transaction is no matter of luck.
class ByHand final : public base::Executor {
 public:
  std::unique_ptr<base::Loop> StartLoop(std::string,
                                        std::function<absl::Duration()> step) override {
    step_ = std::move(step);
    return std::make_unique<HandLoop>(this);
  }
  void Post(std::function<void()> work) override { work(); }

  // Steps until there is nothing to do; a step that waits a moment for more callers has something.
  void Run() {
    while (step_() < absl::Hours(1)) {
    }
  }
  int wakes() const { return wakes_; }

 private:
  class HandLoop final : public base::Loop {
   public:
    explicit HandLoop(ByHand* executor) : executor_(executor) {}
    void Wake() override { executor_->wakes_ += 1; }
    void Stop() override {}

   private:
    ByHand* executor_;
  };
  std::function<absl::Duration()> step_;
  std::atomic<int> wakes_ = 0;
};

// A committer on a record, with what its transactions held and what its callers were told.
class Office {
 public:
  explicit Office(Record* record, int batch_max = 256)
      : committer_(&record->store(), &executor_, {.batch_max = batch_max}) {
    committer_.OnCommitted([this](const GroupCommitter::Batch& batch) {
      batches_.push_back(batch.changes);
      conflicts_ += batch.conflicts;
    });
  }

  void Submit(const std::string& name, Change change) {
    committer_.Submit(std::move(change), [this, name](absl::Status status) {
      answers_[name] = std::move(status);
      order_.push_back(name);
    });
  }

  GroupCommitter& committer() { return committer_; }
  ByHand& executor() { return executor_; }
  std::map<std::string, absl::Status>& answers() { return answers_; }
  const std::vector<std::string>& order() { return order_; }
  const std::vector<int>& batches() { return batches_; }  // changes in each transaction
  int conflicts() { return conflicts_; }

 private:
  std::map<std::string, absl::Status> answers_;
  std::vector<std::string> order_;
  std::vector<int> batches_;
  int conflicts_ = 0;
  ByHand executor_;
  GroupCommitter committer_;
};

}  // namespace

TEST_CASE("64 concurrent callers share transactions and get a status each", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  Must(record.CommitOne(Folder("stale")));
  Office office(&record);
  constexpr int kCallers = 64;
  std::vector<absl::Status> statuses(kCallers, absl::UnknownError("never answered"));
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      Change change = Folder(absl::StrCat("f", i));
      // Every fourth must fail, for a reason of its own.
      if (i % 4 == 0) change.writes.push_back(FolderWrite("stale", 9 + i, 10 + i));
      statuses[i] = office.committer().CommitOne(std::move(change));
    });
  }
  const bool all_submitted =
      Eventually(kBound, [&] { return office.executor().wakes() == kCallers; });
  office.executor().Run();
  for (std::thread& caller : callers) caller.join();

  REQUIRE(all_submitted);
  for (int i = 0; i < kCallers; ++i) {
    INFO("caller " << i << ": " << statuses[i]);
    CHECK(statuses[i].code() == (i % 4 == 0 ? absl::StatusCode::kAborted : absl::StatusCode::kOk));
    CHECK(record.store().Get(kFolder, absl::StrCat("f", i)).ok() == (i % 4 != 0));
  }
  // The 16 that name one aggregate need a transaction each; all others share the first.
  REQUIRE(office.batches().size() == 16);
  CHECK(office.batches()[0] == 49);
  CHECK(office.conflicts() == 16);
  CHECK(record.LogFault() == "");
}

TEST_CASE("a second change of an aggregate waits for the next transaction", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  Office office(&record);
  office.Submit("a1", Folder("a", 0));
  office.Submit("a2", Folder("a", 1));
  office.Submit("b1", Folder("b", 0));
  // Of two aggregates, the second of which is still free: it must not overtake a2.
  Change both = Folder("a", 2);
  both.writes.push_back(FolderWrite("c", 0, 1));
  office.Submit("a3+c1", both);
  office.Submit("c2", Folder("c", 1));
  office.Submit("d1", Folder("d", 0));
  office.executor().Run();

  for (const auto& [name, status] : office.answers()) {
    INFO(name << ": " << status);
    CHECK(status.ok());
  }
  CHECK(office.order() == std::vector<std::string>{"a1", "b1", "d1", "a2", "a3+c1", "c2"});
  CHECK(office.batches() == std::vector<int>{3, 1, 1, 1});
}

TEST_CASE("a transaction holds at most batch_max changes, first come first served", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  Office office(&record, 10);
  std::vector<std::string> order;
  for (int i = 0; i < 25; ++i) {
    order.push_back(absl::StrCat("f", i));
    office.Submit(order.back(), Folder(order.back()));
  }
  office.executor().Run();
  CHECK(office.order() == order);
  CHECK(office.batches() == std::vector<int>{10, 10, 5});
}

TEST_CASE("a change the schema refuses fails alone", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  Office office(&record);
  office.Submit("a", Folder("a"));
  Change refused = Folder("refused");
  refused.rows.push_back(NoteRow(RowWrite::Mode::kUpsert, "n", "c"));
  refused.rows.back().values[0] = std::monostate{};  // the case id of a note is never NULL
  office.Submit("refused", refused);
  office.Submit("b", Folder("b"));
  office.Submit("stale", Folder("stale", 7));
  office.executor().Run();

  std::map<std::string, absl::Status>& answers = office.answers();
  CHECK(answers["a"] == absl::OkStatus());
  CHECK(answers["b"] == absl::OkStatus());
  CHECK(absl::IsAborted(answers["stale"]));
  // Not ALREADY_EXISTS, which says that a request or an entry is there.
  CHECK(absl::IsInternal(answers["refused"]));
  CHECK(record.store().Get(kFolder, "a").ok());
  CHECK(record.store().Get(kFolder, "b").ok());
  CHECK(absl::IsNotFound(record.store().Get(kFolder, "refused").status()));
  CHECK(record.LogFault() == "");
}

TEST_CASE("Stop commits what is queued and refuses what comes later", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  Office office(&record, 7);
  for (int i = 0; i < 20; ++i) office.Submit(absl::StrCat("f", i), Folder(absl::StrCat("f", i)));
  office.committer().Stop();
  REQUIRE(office.order().size() == 20);
  for (const auto& [name, status] : office.answers()) CHECK(status.ok());
  CHECK(record.Log().size() == 20);

  office.Submit("late", Folder("late"));
  CHECK(absl::IsUnavailable(office.answers()["late"]));
  CHECK(absl::IsUnavailable(office.committer().CommitOne(Folder("later"))));
  office.committer().Stop();
  CHECK(record.Log().size() == 20);
}

TEST_CASE("every caller is answered when the committer stops under load", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  base::ThreadExecutor executor(1);
  GroupCommitter committer(&record.store(), &executor, {});
  std::mutex mutex;
  std::map<std::string, absl::Status> answers;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      absl::Status status;
      for (int n = 0; status.ok(); ++n) {
        const std::string id = absl::StrCat("f", i, "-", n);
        status = committer.CommitOne(Folder(id));
        std::lock_guard<std::mutex> lock(mutex);
        answers[id] = status;
      }
    });
  }
  const bool busy = Eventually(kBound, [&] {
    std::lock_guard<std::mutex> lock(mutex);
    return answers.size() > 40;
  });
  committer.Stop();
  for (std::thread& caller : callers) caller.join();
  REQUIRE(busy);
  int refused = 0;
  for (const auto& [id, status] : answers) {
    refused += absl::IsUnavailable(status) ? 1 : 0;
    CHECK(record.store().Get(kFolder, id).ok() == status.ok());
  }
  CHECK(refused == 4);
  CHECK(record.LogFault() == "");
}

TEST_CASE("an increment decided again on every conflict is never lost", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  base::ThreadExecutor executor(1);
  GroupCommitter committer(&record.store(), &executor, {});
  Must(committer.CommitOne(Folder("counter")));
  std::atomic<int> gave_up = 0;
  std::vector<std::thread> clerks;
  for (int i = 0; i < 8; ++i) {
    clerks.emplace_back([&] {
      for (int n = 0; n < 10; ++n) {
        bool done = false;
        for (int attempt = 0; attempt < 1000 && !done; ++attempt) {
          const auto stored = record.store().Get(kFolder, "counter");
          done = stored.ok() && committer.CommitOne(Folder("counter", stored->version)).ok();
        }
        gave_up += done ? 0 : 1;
      }
    });
  }
  for (std::thread& clerk : clerks) clerk.join();
  CHECK(gave_up == 0);
  CHECK(Must(record.store().Get(kFolder, "counter")).version == 81);
  CHECK(record.LogFault() == "");
}

TEST_CASE("reads do not wait behind a long write, and see the last commit", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  Must(record.CommitOne(Folder("a")));
  auto held = record.backend().HoldWriters();
  std::atomic<bool> begun = false;
  std::atomic<bool> committed = false;
  absl::Status status;
  std::thread writer([&] {
    begun = true;
    status = record.CommitOne(Folder("b"));
    committed = true;
  });
  const bool writing = Eventually(kBound, [&] { return begun.load(); });
  // So often that the writer is inside its transaction for most of them.
  int answered = 0;
  for (int i = 0; i < 100; ++i) {
    answered += record.store().Get(kFolder, "a").ok();
    answered += record.store().Find(kFolder, {}).ok();
    answered += record.store().Head().ok();
    answered += record.store().Inbox(kIn).ok();
    answered += record.store().ReadStream(kOut, 1, 10).ok();
    answered += record.store().NextDue({&kFolder}).ok();
  }
  const bool waited_for_nobody = !committed;
  held.reset();
  writer.join();
  REQUIRE(writing);
  CHECK(answered == 600);
  CHECK(waited_for_nobody);
  CHECK(status == absl::OkStatus());
  CHECK(record.store().Get(kFolder, "b").ok());
}

TEST_CASE("a reader never sees half of a change", "[committer]") {
  Record record(GENERATE(from_range(Backends())));
  const auto pair = [](int64_t expected) {
    Change change;
    change.writes = {FolderWrite("left", expected, expected + 1),
                     FolderWrite("right", expected, expected + 1)};
    return change;
  };
  Must(record.CommitOne(pair(0)));
  std::atomic<bool> done = false;
  std::atomic<int> halves = 0;
  std::atomic<int> reads = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto found = record.store().Find(kFolder, {});
        if (!found.ok() || found->size() != 2 || (*found)[0].version != (*found)[1].version) {
          halves += 1;
        }
        reads += 1;
      }
    });
  }
  int failed = 0;
  for (int64_t version = 1; version < 200; ++version) {
    failed += record.CommitOne(pair(version)).ok() ? 0 : 1;
  }
  Eventually(kBound, [&] { return reads > 100; });
  done = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(failed == 0);
  CHECK(halves == 0);
}

}  // namespace yikou::test
