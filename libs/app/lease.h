// Something one replica at a time does. It saves the others the work; that it is done twice when a
// lease changes hands must do no harm.
#pragma once

#include <string>
#include <utility>

#include "libs/base/clock.h"
#include "libs/store/store.h"

namespace yikou::app {

// Threads: one at a time.
class Lease {
 public:
  // `holder` names this replica, the same after a restart, unlike any other's.
  Lease(store::Store* store, const base::Clock* clock, std::string name, std::string holder)
      : store_(store), clock_(clock), name_(std::move(name)), holder_(std::move(holder)) {}

  // True while this replica is to do it. Renews the lease when half of it is over; asks again at
  // most every kAsk while another holds it. False when the record does not answer.
  bool Held();

 private:
  store::Store* store_;
  const base::Clock* clock_;
  const std::string name_;
  const std::string holder_;
  bool held_ = false;
  absl::Time next_ask_ = absl::InfinitePast();
};

}  // namespace yikou::app
