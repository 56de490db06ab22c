// What approval stores: processes, licences, and the rows read beside them.
#pragma once

#include <string>
#include <vector>

#include "libs/casework/calendar.h"
#include "libs/store/store.h"

namespace yikou::approval {

// Aggregates of this service. Held by one object for the life of the process: writes point here.
struct Kinds {
  store::AggregateKind process;  // id: case id; body approval.v1.Process
  store::AggregateKind licence;  // id: licence id; body approval.v1.Licence
  // id: offer id; body casework.v1.Offer. Not part of the process: an offer may come when the
  // process is over and the state of the case is somebody else's to tell.
  store::AggregateKind declined_offer;
};
// `calendar` outlives the kinds: the timer index of a process is computed with it.
Kinds MakeKinds(const casework::Calendar* calendar);

// handover(case_id; facts, version): what intake handed over, facts as serialised CaseFacts.
extern const store::Table kHandover;
// work(step; case_id, unit_id, state, since): steps that are open or claimed.
extern const store::Table kWork;
// signed_offer(offer_id; case_id): offers of steps signed here.
extern const store::Table kSignedOffer;

// Key of a row of kWork.
std::string WorkKey(const std::string& case_id, const std::string& step_id);

std::vector<store::Migration> Migrations();

}  // namespace yikou::approval
