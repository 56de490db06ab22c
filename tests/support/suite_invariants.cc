#include "tests/support/suite_invariants.h"

#include "services/cli/day/driver.h"

namespace yikou::test {

std::vector<std::string> CheckInvariants(Suite& suite, const Acknowledged& ledger) {
  const bool settled = suite.Settle(absl::Seconds(60));
  const AskService ask = [&suite](const std::string& service,
                                  const google::protobuf::Message& request,
                                  google::protobuf::Message* response) {
    return suite.client()->CallMessage(service, day::Driver::MethodOf(request.GetDescriptor()),
                                       request, response, day::Driver::Operator(),
                                       absl::Seconds(60));
  };
  std::vector<std::string> findings = CheckInvariants(ask, ledger);
  if (!settled) findings.insert(findings.begin(), "the suite does not settle");
  return findings;
}

}  // namespace yikou::test
