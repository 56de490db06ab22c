// What every fault test demands of its load and of the checker.
#pragma once

#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "tests/fault/load.h"
#include "tests/support/eventually.h"

namespace yikou::test {

inline void Require(const std::vector<std::string>& findings) {
  for (const std::string& finding : findings) UNSCOPED_INFO(finding);
  REQUIRE(findings.empty());
}

// Waits until so many more cases were delivered.
inline void RequireMore(Load& load, int more) {
  const int before = load.delivered();
  const bool came =
      Eventually(absl::Seconds(60), [&] { return load.delivered() >= before + more; });
  // A caller that gave up says why.
  if (!came) Require(load.Finish());
  REQUIRE(came);
}

}  // namespace yikou::test
