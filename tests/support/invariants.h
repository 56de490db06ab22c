// The one checker every fault test ends in (domain.md section 6).
#pragma once

#include <string>
#include <vector>

#include "tests/support/suite.h"

namespace yikou::test {

// Checks, through the public API, that
//  - every acknowledged case is there, once, and no other application is;
//  - every open case has exactly one holder and a clock that runs or is paused;
//  - every consumer has reached its source's head, nothing is dead or parked;
//  - the record of every service verifies;
//  - the figures agree with the cases.
// Returns a sentence for everything that does not hold.
std::vector<std::string> CheckInvariants(Suite& suite, const std::vector<std::string>& ledger);

}  // namespace yikou::test
