// What gridtask does without a caller: it follows approval's field requests, takes routing's offers
// from its queue, and claims the rungs of clocks as they fall due.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/app/reaction.h"
#include "libs/casework/calendar.h"
#include "libs/store/work.h"
#include "services/gridtask/gridtask_schema.h"
#include "yikou/casework/v1/casework.pb.h"
#include "yikou/gridtask/v1/gridtask.pb.h"

namespace yikou::gridtask {

class GridTaskConsumer {
 public:
  // Both outlive the consumer and every Work it was given.
  GridTaskConsumer(const Kinds* kinds, const casework::Calendar* calendar)
      : kinds_(kinds), calendar_(calendar) {}

  // An app::Reaction. Safe to repeat: an offer for a task that is there changes nothing, nor does
  // a cancellation of one that is over.
  absl::Status React(store::Work& work, const casework::v1::Event& event) const;
  // What React needs. Offers to gridtask come by its queues.
  static app::Followed Follows() { return {{"routing", {"unit"}}, {"approval", {"process"}}}; }

  // Claims what is due by the Work's time on one aggregate, in order of deadline; of one clock only
  // the highest rung, as its lower ones say nothing new any more. Nothing due changes nothing.
  absl::Status OnDue(store::Work& work, const store::AggregateKind& kind,
                     const std::string& id) const;

 private:
  void KeepFact(store::Work& work, const casework::v1::Event& event,
                casework::v1::FieldState state) const;
  absl::Status TakeOffer(store::Work& work, const casework::v1::Event& event) const;
  absl::Status Cancel(store::Work& work, const casework::v1::Event& event) const;

  const Kinds* kinds_;
  const casework::Calendar* calendar_;
};

// Emits the event of a field request's move, with its facts and, unless `offer` is UNSPECIFIED,
// with what became of the offer that brought it. The task's state and clocks are set before.
casework::v1::Event& EmitField(store::Work& work, const Kinds& kinds, v1::FieldTask* task,
                               const std::string& type, casework::v1::OfferState offer);

}  // namespace yikou::gridtask
