// Reads and writes protobuf fields by dotted path, so that verbs can be data.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace yikou::cli {

// Local time of every place the suite serves (UTC+8, no summer time).
absl::TimeZone LocalZone();

// One field after the other, from the outer message in. Empty for an empty path.
using Path = std::vector<const google::protobuf::FieldDescriptor*>;

// Resolves "application.applicant_name". NOT_FOUND names the part that does not exist.
absl::StatusOr<Path> Resolve(const google::protobuf::Descriptor* message, absl::string_view dotted);

// How a text on the command line becomes a value of a repeated message: names of its two fields.
struct PairFields {
  const char* key = "key";  // map entries have these
  const char* value = "value";
};

// Sets the field at `path` from texts of the command line, by the type of the last field:
//   scalar        one text; enums by full or short name (APPROVED) or Chinese label (准予)
//   bool          yes, no, true, false, 是, 否
//   repeated      every text, split at commas
//   map, repeated message   "key=value" each
//   Timestamp     RFC 3339 or local "2024-03-01 09:00"
//   bytes         the name of a file, "-" for standard input
//   message       the name of a file with its JSON
// INVALID_ARGUMENT with a sentence otherwise.
absl::Status SetField(google::protobuf::Message* message, const Path& path,
                      const std::vector<std::string>& texts, const PairFields& pair = {});

// Names accepted for an enum, with labels: "APPROVED(准予), REJECTED(不予)".
std::string EnumChoices(const google::protobuf::EnumDescriptor* type);
// Name without the prefix of its type: DECISION_APPROVED is APPROVED.
std::string ShortName(const google::protobuf::EnumValueDescriptor* value);

// How a value is shown to people.
enum class Show {
  kAuto,     // by type: enums by label, times local, Limit in words, Action by name when allowed,
             // repeated joined by "、"
  kPercent,  // 0.25 as 25.0%
  kSeconds,  // 7380 as 2小时3分
  kLines,    // repeated string or text: one line each
};

// The message at `path`, or null when it is absent or the path is not to a message.
const google::protobuf::Message* MessageAt(const google::protobuf::Message& message,
                                           const Path& path);
// The value at `path` as text; empty when absent.
std::string TextAt(const google::protobuf::Message& message, const Path& path,
                   Show show = Show::kAuto);
// The value at `path` as a machine reads it: enums by short name, bools as true and false.
std::string RawAt(const google::protobuf::Message& message, const Path& path);
int64_t IntAt(const google::protobuf::Message& message, const Path& path);

// "2024-03-01 09:00:00" in local time.
std::string LocalTime(absl::Time time);
// "3天2小时", "45秒"; at most two units.
std::string DurationText(absl::Duration duration);

// INVALID_ARGUMENT unless the file ("-" is standard input) can be read and is at most 32 MiB.
absl::StatusOr<std::string> ReadInput(const std::string& name);

// JSON with proto field names and every field present, so that scripts can rely on it.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, bool indented);

}  // namespace yikou::cli
