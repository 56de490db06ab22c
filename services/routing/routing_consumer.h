// How cases move: makes offers from what the other services say, moves the holder when a custody
// offer is signed, and never lets a case be without one.
#pragma once

#include <string>

#include "libs/app/service_env.h"
#include "services/routing/offer_keeper.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::routing {

class RoutingConsumer {
 public:
  RoutingConsumer(const app::ServiceEnv* env, const OfferKeeper* keeper)
      : env_(env), keeper_(keeper) {}

  absl::Status React(store::Work& work, const casework::v1::Event& event) const;

 private:
  absl::Status OpenCustody(store::Work& work, const casework::v1::Event& event) const;
  absl::Status OfferOpening(store::Work& work, const casework::v1::Event& event) const;
  absl::Status OfferStep(store::Work& work, const casework::v1::Event& event) const;
  absl::Status OfferField(store::Work& work, const casework::v1::Event& event) const;
  absl::Status OfferReturn(store::Work& work, const casework::v1::Event& event) const;
  // A look that was taken back needs no answer any more.
  absl::Status RevokeField(store::Work& work, const casework::v1::Event& event) const;
  absl::Status Settle(store::Work& work, const casework::v1::Event& event) const;
  absl::Status End(store::Work& work, const casework::v1::Event& event) const;
  // Makes an offer that rests on `event` and puts it into its queue.
  absl::Status MakeOffer(store::Work& work, const casework::v1::Event& event,
                         v1::Custody* itinerary, casework::v1::OfferKind kind,
                         casework::v1::OfferPurpose purpose, const std::string& to_unit,
                         const std::string& service, const std::string& subject) const;

  const app::ServiceEnv* env_;
  const OfferKeeper* keeper_;
};

}  // namespace yikou::routing
