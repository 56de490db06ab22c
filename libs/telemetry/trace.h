// W3C trace context: how one piece of work is followed through calls, events and queue entries.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace yikou::telemetry {

struct TraceContext {
  std::string trace_id;  // 32 lower-case hex digits, not all zero
  std::string span_id;   // 16 lower-case hex digits, not all zero
  bool sampled = true;
};

// Reads "00-<trace>-<span>-<flags>". Nothing for any other shape: a caller that sends rubbish gets
// a trace of its own. Versions above 00 are read as far as 00 goes.
absl::optional<TraceContext> ParseTraceparent(absl::string_view text);

// Writes version 00.
std::string FormatTraceparent(const TraceContext& trace);

// A trace that begins here, with random ids.
TraceContext NewTrace();

// The next span of the same trace.
TraceContext ChildOf(const TraceContext& parent);

}  // namespace yikou::telemetry
