// One JSON object a line on standard error or a file. The only way the suite logs.
//
// Values pass a mask: an identity number or a mobile number in a value is replaced by asterisks, so
// that a mistake does not put a citizen into a log file.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace yikou::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogField = std::pair<absl::string_view, std::string>;

// Names the process in every line and opens the destination; an empty path is standard error.
// Called once by main().
void InitLog(absl::string_view service, LogLevel least, const std::string& path);

// Writes {"time","level","service","event","fields"...}. `event` is a short dotted name such as
// "relay.published"; `fields` hold values. Threads: any.
void Log(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields);

inline void LogInfo(absl::string_view event, std::initializer_list<LogField> fields) {
  Log(LogLevel::kInfo, event, fields);
}
inline void LogWarning(absl::string_view event, std::initializer_list<LogField> fields) {
  Log(LogLevel::kWarning, event, fields);
}
inline void LogError(absl::string_view event, std::initializer_list<LogField> fields) {
  Log(LogLevel::kError, event, fields);
}

// Returns the text with identity numbers (18 characters) and mobile numbers (11 digits) masked.
std::string MaskPersonalData(absl::string_view text);

}  // namespace yikou::base
