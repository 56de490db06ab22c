#include "libs/app/reaction.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace yikou::app {
namespace {

constexpr char kWaitUrl[] = "yikou.app/wait";

}  // namespace

absl::Status WaitFor(const std::string& source, const std::string& aggregate_kind,
                     const std::string& aggregate_id, int64_t version) {
  absl::Status status = absl::FailedPreconditionError(
      absl::StrCat("Waits for version ", version, " of ", aggregate_kind, " ", aggregate_id, "."));
  status.SetPayload(kWaitUrl, absl::Cord(absl::StrCat(source, "\n", aggregate_kind, "/",
                                                      aggregate_id, "\n", version)));
  return status;
}

bool IsWait(const absl::Status& status, std::string* source, std::string* aggregate,
            int64_t* version) {
  const auto payload = status.GetPayload(kWaitUrl);
  if (!payload) return false;
  const std::vector<std::string> parts = absl::StrSplit(std::string(*payload), '\n');
  *source = parts[0];
  *aggregate = parts[1];
  return absl::SimpleAtoi(parts[2], version);
}

std::string EventsStream(const std::string& service) {
  return absl::StrCat("yikou:events:", service, ":{0}");
}

std::string QueueStream(casework::v1::Tier tier, const std::string& service) {
  const char* name = tier == casework::v1::TIER_DISTRICT ? "district"
                     : tier == casework::v1::TIER_STREET ? "street"
                                                         : "community";
  return absl::StrCat("yikou:queue:", name, ":", service, ":{0}");
}

}  // namespace yikou::app
