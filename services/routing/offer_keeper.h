// Keeps after offers until somebody takes them: offers again with growing patience, tells operators
// in the end, and lets them send an offer to another unit. An offer is never dropped, and whatever
// is done here it stays the same offer, which its receiver signs once.
#pragma once

#include <string>
#include <vector>

#include "libs/app/service_env.h"
#include "libs/rpc/call.h"
#include "yikou/casework/v1/log.pb.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::routing {

class OfferKeeper {
 public:
  // Nobody who has not received an offer is offered it again within `lease`, the first time.
  OfferKeeper(const app::ServiceEnv* env, absl::Duration lease) : env_(env), lease_(lease) {}

  // Puts an offer, which the Work has created or loaded, into the queue of its tier and service:
  // "routing.offered". The reference holds until the next event of the Work.
  casework::v1::Event& PutIntoQueue(store::Work& work, casework::v1::Offer* offer) const;

  // The lease of an offer is over (system time): offers it again, or says that nobody answers.
  absl::Status OnDue(store::Work& work, const std::string& offer_id) const;

  absl::StatusOr<store::Outcome<v1::RedirectOfferResponse>> RedirectOffer(
      const rpc::CallContext& context, const v1::RedirectOfferRequest& request) const;

  // Offers nobody answers, as operators list what is stuck: by stuck_id ("offer/<id>"), those after
  // `after`; and how many there are.
  absl::StatusOr<std::vector<casework::v1::StuckEntry>> ListUnanswered(const std::string& after,
                                                                       int limit) const;
  absl::StatusOr<int64_t> CountUnanswered() const;

 private:
  const app::ServiceEnv* env_;
  const absl::Duration lease_;
};

}  // namespace yikou::routing
