// The checker of invariants for the suite as processes.
#pragma once

#include <string>
#include <vector>

#include "tests/support/invariants.h"
#include "tests/support/suite.h"

namespace yikou::test {

// Waits until nothing is on its way and checks the suite over gRPC against `ledger`. Returns a
// sentence for everything that does not hold.
std::vector<std::string> CheckInvariants(Suite& suite, const Acknowledged& ledger);

}  // namespace yikou::test
