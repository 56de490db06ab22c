#include "libs/telemetry/metrics.h"

#include <set>
#include <string>

#include "catch2/catch.hpp"

namespace yikou::telemetry {
namespace {

bool Holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("what was counted can be read", "[telemetry][metrics]") {
  Metrics metrics;
  metrics.Add(kInboxApplied, {"yikou:events:intake:{0}"}, 3);
  metrics.Add(kInboxApplied, {"yikou:events:intake:{0}"});
  metrics.Set(kRedisUp, {}, 1);
  metrics.Add(kGrpcInFlight, {}, 2);
  metrics.Add(kGrpcInFlight, {}, -1);
  metrics.Observe(kCommitChanges, {}, 3);
  metrics.Add(kGrpcHandled, {"yikou.intake.v1.IntakeService", "GetCase", "OK"});
  const std::string text = metrics.Text();
  CHECK(Holds(text, "yikou_inbox_applied_total{stream=\"yikou:events:intake:{0}\"} 4"));
  CHECK(Holds(text, "yikou_redis_up 1"));
  CHECK(Holds(text, "yikou_calls_in_flight 1"));
  CHECK(Holds(text, "yikou_commit_changes_bucket{le=\"2\"} 0"));
  CHECK(Holds(text, "yikou_commit_changes_bucket{le=\"4\"} 1"));
  CHECK(Holds(text, "grpc_code=\"OK\""));
  CHECK(Holds(text, "yikou_commit_conflicts_total 0"));  // there before the first event
}

TEST_CASE("metrics that count nothing take everything", "[telemetry][metrics]") {
  Metrics* none = Metrics::None();
  none->Add(kInboxApplied, {"s"});
  none->Set(kRedisUp, {}, 1);
  none->Observe(kCommitSeconds, {}, 1);
  CHECK(none->Text().empty());
  CHECK_FALSE(none->StartExposer("127.0.0.1:0").ok());
}

TEST_CASE("names are unique and follow the convention", "[telemetry][metrics]") {
  std::set<std::string> names;
  for (const Metric* metric : kAllMetrics) {
    const std::string name = metric->name;
    CAPTURE(name);
    CHECK(names.insert(name).second);
    CHECK((name.rfind("yikou_", 0) == 0 || name.rfind("grpc_server_", 0) == 0));
    const bool total = name.size() > 6 && name.substr(name.size() - 6) == "_total";
    CHECK(total == (metric->type == MetricType::kCounter));
    CHECK((metric->type == MetricType::kHistogram) == !metric->buckets.empty());
    CHECK(std::string(metric->help).back() == '.');
  }
}

}  // namespace
}  // namespace yikou::telemetry
