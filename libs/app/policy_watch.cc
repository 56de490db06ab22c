#include "libs/app/policy_watch.h"

#include "libs/base/log.h"

namespace yikou::app {
namespace {

constexpr absl::Duration kEvery = absl::Seconds(2);

}  // namespace

void PolicyWatch::Start(base::Executor* executor) {
  loop_ = executor->StartLoop("policy", [this] { return Step(); });
}

void PolicyWatch::Stop() {
  if (loop_) loop_->Stop();
}

absl::Duration PolicyWatch::Step() {
  const auto settings = queue::CheckPolicy(redis_.get());
  // That Redis is away is the relay's to say; what was found last still stands.
  if (!settings.ok()) return kEvery;
  std::vector<std::string> complaints;
  for (const queue::PolicySetting& setting : *settings) {
    metrics_->Set(telemetry::kRedisPolicyOk, {setting.name}, setting.complaint.empty() ? 1 : 0);
    if (!setting.complaint.empty()) complaints.push_back(setting.complaint);
  }
  if (complaints == complaints_) return kEvery;
  for (const std::string& complaint : complaints) {
    base::LogError("redis.policy", {{"complaint", complaint},
                                    {"consequence", "what Redis loses is fetched over gRPC"}});
  }
  if (complaints.empty()) base::LogInfo("redis.policy_well", {});
  complaints_ = std::move(complaints);
  return kEvery;
}

}  // namespace yikou::app
