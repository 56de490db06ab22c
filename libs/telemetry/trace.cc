#include "libs/telemetry/trace.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"

namespace yikou::telemetry {
namespace {

// Lengths of "00-<32>-<16>-<2>".
constexpr size_t kTraceAt = 3;
constexpr size_t kTraceDigits = 32;
constexpr size_t kSpanAt = 36;
constexpr size_t kSpanDigits = 16;
constexpr size_t kFlagsAt = 53;
constexpr size_t kLength = 55;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsId(absl::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != absl::string_view::npos;
}

}  // namespace

absl::optional<TraceContext> ParseTraceparent(absl::string_view text) {
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return absl::nullopt;
  }
  const absl::string_view version = text.substr(0, 2);
  if (!IsHex(version) || version == "ff") return absl::nullopt;
  if (text.size() > kLength && (version == "00" || text[kLength] != '-')) return absl::nullopt;
  const absl::string_view trace = text.substr(kTraceAt, kTraceDigits);
  const absl::string_view span = text.substr(kSpanAt, kSpanDigits);
  const absl::string_view flags = text.substr(kFlagsAt, 2);
  if (!IsId(trace) || !IsId(span) || !IsHex(flags)) return absl::nullopt;
  // The lowest bit of the second digit says "sampled"; 'a' to 'f' are odd for b, d, f.
  const char low = flags[1];
  const bool sampled = ((low <= '9' ? low - '0' : low - 'a' + 10) & 1) != 0;
  return TraceContext{std::string(trace), std::string(span), sampled};
}

std::string FormatTraceparent(const TraceContext& trace) {
  return absl::StrCat("00-", trace.trace_id, "-", trace.span_id, trace.sampled ? "-01" : "-00");
}

TraceContext NewTrace() {
  // Sixteen random bytes are all zero once in 10^38 calls.
  return {base::RandomHex(kTraceDigits / 2), base::RandomHex(kSpanDigits / 2), true};
}

TraceContext ChildOf(const TraceContext& parent) {
  return {parent.trace_id, base::RandomHex(kSpanDigits / 2), parent.sampled};
}

}  // namespace yikou::telemetry
