#include "libs/telemetry/metrics.h"

#include <cassert>
#include <exception>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace yikou::telemetry {
namespace {

size_t LabelCount(const Metric& metric) {
  size_t count = 0;
  while (count < metric.labels.size() && metric.labels[count] != nullptr) ++count;
  return count;
}

std::map<std::string, std::string> NamedLabels(const Metric& metric, Metrics::Labels values) {
  std::map<std::string, std::string> named;
  size_t i = 0;
  for (const absl::string_view value : values) named[metric.labels[i++]] = std::string(value);
  return named;
}

// One series, whatever its type.
struct Series {
  prometheus::Counter* counter = nullptr;
  prometheus::Gauge* gauge = nullptr;
  prometheus::Histogram* histogram = nullptr;
};

}  // namespace

struct Metrics::Impl {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::mutex mutex;
  // The client library hashes a map of labels on every look-up; this finds a series by one string.
  std::unordered_map<std::string, Series> series;
  std::unique_ptr<prometheus::Exposer> exposer;

  Series Make(const Metric& metric, Labels labels) {
    const std::map<std::string, std::string> named = NamedLabels(metric, labels);
    Series made;
    switch (metric.type) {
      case MetricType::kCounter:
        made.counter = &prometheus::BuildCounter()
                            .Name(metric.name)
                            .Help(metric.help)
                            .Register(*registry)
                            .Add(named);
        break;
      case MetricType::kGauge:
        made.gauge = &prometheus::BuildGauge()
                          .Name(metric.name)
                          .Help(metric.help)
                          .Register(*registry)
                          .Add(named);
        break;
      case MetricType::kHistogram:
        made.histogram =
            &prometheus::BuildHistogram()
                 .Name(metric.name)
                 .Help(metric.help)
                 .Register(*registry)
                 .Add(named, std::vector<double>(metric.buckets.begin(), metric.buckets.end()));
        break;
    }
    return made;
  }

  Series Find(const Metric& metric, Labels labels) {
    const bool fits = labels.size() == LabelCount(metric);
    assert(fits);
    if (!fits) return {};
    std::string key = metric.name;
    for (const absl::string_view label : labels) absl::StrAppend(&key, "\x1f", label);
    std::lock_guard<std::mutex> lock(mutex);
    const auto found = series.find(key);
    if (found != series.end()) return found->second;
    return series.emplace(std::move(key), Make(metric, labels)).first->second;
  }
};

Metrics::Metrics(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Metrics::Metrics() : Metrics(std::make_unique<Impl>()) {
  // A series that is missing until its first event cannot be told from a broken one.
  for (const Metric* metric : kAllMetrics) {
    if (LabelCount(*metric) == 0) impl_->Find(*metric, {});
  }
}

Metrics::~Metrics() = default;

Metrics* Metrics::None() {
  static Metrics* const none = new Metrics(std::unique_ptr<Impl>());
  return none;
}

void Metrics::Add(const Metric& metric, Labels labels, double amount) {
  if (impl_ == nullptr) return;
  const Series series = impl_->Find(metric, labels);
  if (series.counter != nullptr) {
    series.counter->Increment(amount);
  } else if (series.gauge != nullptr) {
    series.gauge->Increment(amount);
  } else {
    assert(false);
  }
}

void Metrics::Set(const Metric& metric, Labels labels, double value) {
  if (impl_ == nullptr) return;
  const Series series = impl_->Find(metric, labels);
  assert(series.gauge != nullptr);
  if (series.gauge != nullptr) series.gauge->Set(value);
}

void Metrics::Observe(const Metric& metric, Labels labels, double value) {
  if (impl_ == nullptr) return;
  const Series series = impl_->Find(metric, labels);
  assert(series.histogram != nullptr);
  if (series.histogram != nullptr) series.histogram->Observe(value);
}

std::string Metrics::Text() const {
  if (impl_ == nullptr) return "";
  return prometheus::TextSerializer().Serialize(impl_->registry->Collect());
}

absl::StatusOr<int> Metrics::StartExposer(const std::string& address) {
  if (impl_ == nullptr) return absl::FailedPreconditionError("There are no metrics to expose.");
  try {  // the client library throws when it cannot bind
    impl_->exposer = std::make_unique<prometheus::Exposer>(address);
    impl_->exposer->RegisterCollectable(impl_->registry);
    return impl_->exposer->GetListeningPorts().at(0);
  } catch (const std::exception& failure) {
    return absl::UnavailableError(
        absl::StrCat("Metrics cannot be served at ", address, ": ", failure.what()));
  }
}

}  // namespace yikou::telemetry
