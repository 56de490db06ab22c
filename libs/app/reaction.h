// What a service does with the events of others.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "libs/store/work.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::app {

// Applies one event to a Work. Several events may share the Work. Returns
//   OK                  applied, or of no concern;
//   WaitFor(...)        rests on something not seen yet; nothing may have been changed before;
//   UNAVAILABLE         try again later, the entry stays in the queue;
//   anything else       counted; after five attempts the entry becomes a dead letter.
using Reaction = std::function<absl::Status(store::Work& work, const casework::v1::Event& event)>;

// Aggregate kinds, by the source of their events, that a reaction acts on or waits for. Of a source
// that is not named it needs all.
using Followed = std::map<std::string, std::set<std::string>>;

// The status that parks an entry until `version` of the aggregate has been seen.
absl::Status WaitFor(const std::string& source, const std::string& aggregate_kind,
                     const std::string& aggregate_id, int64_t version);
// True and filled in when the status is one made by WaitFor.
bool IsWait(const absl::Status& status, std::string* source, std::string* aggregate,
            int64_t* version);

// Name under which a service's events are published: "yikou:events:<service>:{0}".
std::string EventsStream(const std::string& service);
// Queue of a tier to a service: "yikou:queue:<tier>:<service>:{0}".
std::string QueueStream(casework::v1::Tier tier, const std::string& service);

}  // namespace yikou::app
