// What approval does with the events of others: hand-overs, offers, answers from the grid.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/app/reaction.h"
#include "libs/store/work.h"
#include "services/approval/approval_flow.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::approval {

class ApprovalConsumer {
 public:
  explicit ApprovalConsumer(const ApprovalFlow* flow) : flow_(flow) {}

  // The app::Reaction of this service. An event applied a second time has no effect.
  absl::Status React(store::Work& work, const casework::v1::Event& event) const;
  // What React needs. Offers to approval come by its queues.
  static app::Followed Follows() {
    return {{"intake", {"case", "item"}}, {"routing", {"unit"}}, {"gridtask", {"field_task"}}};
  }

 private:
  absl::Status TakeHandover(store::Work& work, const casework::v1::Event& event) const;
  absl::Status TakeOffer(store::Work& work, const casework::v1::Offer& offer) const;
  absl::Status TakeOpening(store::Work& work, const casework::v1::Offer& offer) const;
  absl::Status TakeStep(store::Work& work, const casework::v1::Offer& offer) const;
  absl::Status TakeAnswer(store::Work& work, const casework::v1::Event& event) const;
  // Null when there is no such process.
  absl::StatusOr<v1::Process*> LoadProcess(store::Work& work, const std::string& case_id) const;

  const ApprovalFlow* flow_;
};

// The hand-over of a case as this Work sees it; absent when it has not come.
absl::StatusOr<std::optional<casework::v1::CaseFacts>> FindHandover(store::Work& work,
                                                                    const std::string& case_id);

}  // namespace yikou::approval
