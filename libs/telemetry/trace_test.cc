#include "libs/telemetry/trace.h"

#include <string>
#include <vector>

#include "catch2/catch.hpp"

namespace yikou::telemetry {
namespace {

constexpr char kGood[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST_CASE("a traceparent is read and written as it came", "[telemetry][trace]") {
  const absl::optional<TraceContext> trace = ParseTraceparent(kGood);
  REQUIRE(trace.has_value());
  CHECK(trace->trace_id == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(trace->span_id == "00f067aa0ba902b7");
  CHECK(trace->sampled);
  CHECK(FormatTraceparent(*trace) == kGood);

  std::string unsampled = kGood;
  unsampled.back() = '0';
  CHECK_FALSE(ParseTraceparent(unsampled)->sampled);
  CHECK(FormatTraceparent(*ParseTraceparent(unsampled)) == unsampled);
  unsampled.back() = 'f';
  CHECK(ParseTraceparent(unsampled)->sampled);
}

TEST_CASE("a later version is read as far as the first goes", "[telemetry][trace]") {
  std::string later = kGood;
  later[1] = '1';
  CHECK(ParseTraceparent(later).has_value());
  CHECK(ParseTraceparent(later + "-what-comes").has_value());
  CHECK_FALSE(ParseTraceparent(later + "x").has_value());
}

TEST_CASE("any other shape is no traceparent", "[telemetry][trace]") {
  const std::string good = kGood;
  for (const std::string& bad : std::vector<std::string>{
           "", "00", good.substr(1), good + "-", good + "0", "ff" + good.substr(2),
           "0x" + good.substr(2), "00_" + good.substr(3),
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseTraceparent(bad).has_value());
  }
  for (size_t i = 0; i < good.size(); ++i) {
    std::string altered = good;
    altered[i] = 'X';
    CHECK_FALSE(ParseTraceparent(altered).has_value());
  }
}

TEST_CASE("a child stays in its parent's trace", "[telemetry][trace]") {
  const TraceContext parent = NewTrace();
  const TraceContext child = ChildOf(parent);
  CHECK(child.trace_id == parent.trace_id);
  CHECK(child.span_id != parent.span_id);
  CHECK(ParseTraceparent(FormatTraceparent(child)).has_value());
  CHECK(NewTrace().trace_id != parent.trace_id);
}

}  // namespace
}  // namespace yikou::telemetry
