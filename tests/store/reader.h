// A service that folds the events of others into a record, without the queue between them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libs/app/inbox.h"
#include "libs/base/executor.h"
#include "libs/store/group_committer.h"
#include "tests/store/record.h"

namespace yikou::test {

inline constexpr char kQueue[] = "yikou:queue:street:files:{0}";

// An event of `source` on its stream; "a@3" is version 3 of case "a", and the event's id ends so.
casework::v1::Envelope EntryOf(const std::string& source, int64_t seq, const std::string& case_id,
                               int64_t version);
// An offer on this service's queue that rests on a version of a case.
casework::v1::Envelope OfferOf(int64_t seq, const std::string& offer_id, const std::string& source,
                               const std::string& case_id, int64_t version);
// Lets an entry rest on a version of a case besides its own order; the reaction waits for it.
void RestOn(casework::v1::Envelope* entry, const std::string& source, const std::string& case_id,
            int64_t version);

// What an event leaves of a folder's title; and what the events of one case leave, in this order.
std::string FoldOnto(const std::string& title, const std::string& event_id);
std::string FoldOf(const std::vector<std::string>& event_ids);

// Reacts to an event by folding it into the folder "<source>/<case>", or "offer/<id>" for one from
// the queue, with an event of its own. How it was folded depends on the order.
class Reader {
 public:
  explicit Reader(Record* record);
  ~Reader();

  app::Inbox& inbox() { return *inbox_; }
  store::GroupCommitter& committer() { return *committer_; }
  // Called before an event is folded; anything but OK is the reaction's answer.
  std::function<absl::Status(store::Work& work, const casework::v1::Event& event)> before;

  // What the reaction needs, from the next start on; all when empty.
  app::Followed followed;

  // Ends and starts again, as after a death of the process; with the store when `reopen`.
  void Restart(bool reopen = false);

  absl::Status Deliver(const casework::v1::Envelope& entry);
  std::vector<absl::Status> Deliver(const std::vector<casework::v1::Envelope>& entries) {
    return inbox_->Apply(entries);
  }

  // Applies a dead letter again, or settles it without effect, as an operator's command does.
  absl::Status Retry(const store::DeadLetter& letter);
  absl::Status Resolve(const store::DeadLetter& letter);

  // Dead letters and parked entries: "dead alpha/3; parked alpha/4; ", by stream and sequence.
  std::string Stuck();
  store::DeadLetter DeadLetterOf(const std::string& stream, int64_t seq);
  // The folder's title, "" when there is none.
  std::string Folded(const std::string& id);
  // Ids of the events folded so far, in their order.
  std::vector<std::string> Causes(int64_t from_seq = 1);

 private:
  absl::Status React(store::Work& work, const casework::v1::Event& event);

  Record* record_;
  base::ThreadExecutor executor_{1};
  std::unique_ptr<store::GroupCommitter> committer_;
  std::unique_ptr<app::Inbox> inbox_;
};

}  // namespace yikou::test
