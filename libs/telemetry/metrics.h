// Every metric of the suite, and the only way to count.
//
// Labels are small fixed sets (service, method, code, kind, state, stream); never a case, a person
// or a unit. Base units. The text of `help` is what docs and dashboards quote.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace yikou::telemetry {

enum class MetricType { kCounter, kGauge, kHistogram };

struct Metric {
  const char* name;
  const char* help;
  MetricType type;
  std::array<const char*, 3> labels{};    // names; unused ones are null
  absl::Span<const double> buckets = {};  // upper bounds of a histogram
};

inline constexpr double kSecondsBuckets[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                             0.1,    0.25,  0.5,    1,     2.5,  5,     10};
inline constexpr double kCountBuckets[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

// Calls. Names as other gRPC stacks use them, so that ready-made dashboards fit.
inline constexpr Metric kGrpcHandled{"grpc_server_handled_total",
                                     "Calls answered, by outcome.",
                                     MetricType::kCounter,
                                     {"grpc_service", "grpc_method", "grpc_code"}};
inline constexpr Metric kGrpcSeconds{"grpc_server_handling_seconds",
                                     "From the arrival of a call to its answer, in seconds.",
                                     MetricType::kHistogram,
                                     {"grpc_service", "grpc_method"},
                                     kSecondsBuckets};
inline constexpr Metric kGrpcInFlight{"yikou_calls_in_flight",
                                      "Calls that have arrived and are not answered yet.",
                                      MetricType::kGauge};
inline constexpr Metric kConnections{"yikou_connections",
                                     "Open connections of a server (business, health).",
                                     MetricType::kGauge,
                                     {"server"}};
inline constexpr Metric kConnectionsRefused{"yikou_connections_refused_total",
                                            "Connections closed at once: the server was full.",
                                            MetricType::kCounter,
                                            {"server"}};

// The record.
inline constexpr Metric kCommitChanges{"yikou_commit_changes",
                                       "Changes that shared one transaction.",
                                       MetricType::kHistogram,
                                       {},
                                       kCountBuckets};
inline constexpr Metric kCommitSeconds{"yikou_commit_seconds",
                                       "From the start of a transaction to its commit, in seconds.",
                                       MetricType::kHistogram,
                                       {},
                                       kSecondsBuckets};
inline constexpr Metric kCommitConflicts{
    "yikou_commit_conflicts_total",
    "Changes refused because another came first; they are decided again.", MetricType::kCounter};

// The way out.
inline constexpr Metric kOutboxBacklog{"yikou_outbox_backlog",
                                       "Events of the log that are not published yet.",
                                       MetricType::kGauge,
                                       {"stream"}};
inline constexpr Metric kOutboxPublished{
    "yikou_outbox_published_total", "Events published to Redis.", MetricType::kCounter, {"stream"}};

// The way in.
inline constexpr Metric kInboxApplied{"yikou_inbox_applied_total",
                                      "Events of others whose effect is committed.",
                                      MetricType::kCounter,
                                      {"stream"}};
inline constexpr Metric kInboxDuplicates{"yikou_inbox_duplicates_total",
                                         "Events that came again and changed nothing.",
                                         MetricType::kCounter,
                                         {"stream"}};
inline constexpr Metric kInboxFetched{
    "yikou_inbox_fetched_total",
    "Events fetched from the owner's log: Redis did not bring them.",
    MetricType::kCounter,
    {"stream"}};
inline constexpr Metric kInboxParked{"yikou_inbox_parked",
                                     "Events that wait for their predecessor.",
                                     MetricType::kGauge,
                                     {"stream"}};
inline constexpr Metric kInboxLag{"yikou_inbox_lag",
                                  "Events the owner has written and this service has not applied.",
                                  MetricType::kGauge,
                                  {"stream"}};
inline constexpr Metric kDeadLetters{"yikou_dead_letters",
                                     "Events that cannot be applied and wait for an operator.",
                                     MetricType::kGauge,
                                     {"stream"}};

inline constexpr Metric kOffersUnanswered{
    "yikou_offers_unanswered", "Offers that nobody has taken and that are not offered again.",
    MetricType::kGauge};

inline constexpr Metric kRedisUp{"yikou_redis_up", "1 while Redis answers, else 0.",
                                 MetricType::kGauge};
inline constexpr Metric kRedisPolicyOk{"yikou_redis_policy_ok",
                                       "1 while a setting of Redis is one that keeps data, else 0.",
                                       MetricType::kGauge,
                                       {"setting"}};

// Case work.
inline constexpr Metric kEvents{
    "yikou_events_total",
    "Events written to the log, by kind of aggregate and type, such as clock.rung.",
    MetricType::kCounter,
    {"aggregate", "type"}};

inline constexpr const Metric* kAllMetrics[] = {
    &kGrpcHandled,   &kGrpcSeconds,      &kGrpcInFlight,    &kConnections,   &kConnectionsRefused,
    &kCommitChanges, &kCommitSeconds,    &kCommitConflicts, &kOutboxBacklog, &kOutboxPublished,
    &kInboxApplied,  &kInboxDuplicates,  &kInboxFetched,    &kInboxParked,   &kInboxLag,
    &kDeadLetters,   &kOffersUnanswered, &kRedisUp,         &kRedisPolicyOk, &kEvents,
};

// Values of all metrics of one process. Threads: any.
//
// Label values are given in the order of the metric's label names. Calls that do not fit the
// metric (wrong type, wrong number of labels) are bugs: they abort in debug builds, else do
// nothing.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Counts nothing; for tests and tools. Lives as long as the process.
  static Metrics* None();

  using Labels = std::initializer_list<absl::string_view>;
  // Adds to a counter or a gauge; a counter takes no negative amounts.
  void Add(const Metric& metric, Labels labels, double amount = 1);
  // Sets a gauge.
  void Set(const Metric& metric, Labels labels, double value);
  // Puts a value into a histogram.
  void Observe(const Metric& metric, Labels labels, double value);

  // Everything in Prometheus' text format.
  std::string Text() const;

  // Serves Text() at http://<address>/metrics ("127.0.0.1:9464"; port 0 takes a free one) until the
  // object goes, on two threads of the Prometheus client's own. Returns the port. UNAVAILABLE when
  // the address cannot be bound. Called once.
  absl::StatusOr<int> StartExposer(const std::string& address);

 private:
  struct Impl;
  explicit Metrics(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;  // null: counts nothing
};

}  // namespace yikou::telemetry
