// What intake does with the events of others: mirrors owners' states, opens envelopes of grid
// events, follows the holder, and takes returned cases to the counter.
#pragma once

#include "libs/app/reaction.h"
#include "libs/app/service_env.h"
#include "services/intake/intake_schema.h"

namespace yikou::intake {

class IntakeConsumer {
 public:
  IntakeConsumer(const app::ServiceEnv* env, const IntakeKinds* kinds) : env_(env), kinds_(kinds) {}

  absl::Status React(store::Work& work, const casework::v1::Event& event) const;
  // What React needs. Offers to intake come by its queues.
  static app::Followed Follows() {
    return {
        {"routing", {"unit", "custody"}}, {"approval", {"process"}}, {"gridtask", {"grid_event"}}};
  }

 private:
  absl::Status MirrorApproval(store::Work& work, const casework::v1::Event& event) const;
  absl::Status MirrorGridEvent(store::Work& work, const casework::v1::Event& event) const;
  absl::Status FollowCustody(store::Work& work, const casework::v1::Event& event) const;
  absl::Status TakeReturn(store::Work& work, const casework::v1::Event& event) const;

  const app::ServiceEnv* env_;
  const IntakeKinds* kinds_;
};

}  // namespace yikou::intake
