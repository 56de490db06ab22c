// The checker of invariants for the suite as processes.
#pragma once

#include <string>
#include <vector>

#include "tests/support/suite.h"

namespace yikou::test {

// Waits until nothing is on its way and checks the suite over gRPC; `ledger` holds the acknowledged
// applications. Returns a sentence for everything that does not hold.
std::vector<std::string> CheckInvariants(Suite& suite, const std::vector<std::string>& ledger);

}  // namespace yikou::test
