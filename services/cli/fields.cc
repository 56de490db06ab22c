#include "services/cli/fields.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/json_util.h"
#include "libs/base/ids.h"
#include "libs/base/status.h"
#include "libs/casework/clocks.h"
#include "services/cli/labels.h"
#include "services/cli/text.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;
using CppType = FieldDescriptor::CppType;

constexpr size_t kMaxInputBytes = 32 << 20;

absl::Status Bad(absl::string_view text, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("“", text, "”不正确，应为", wanted, "。"));
}

template <class T>
const T* As(const Message& message) {
  return google::protobuf::DynamicCastToGenerated<const T>(&message);
}

const EnumValueDescriptor* FindEnumValue(const EnumDescriptor* type, absl::string_view text) {
  const std::string upper = absl::AsciiStrToUpper(text);
  for (int i = 0; i < type->value_count(); ++i) {
    const EnumValueDescriptor* value = type->value(i);
    if (value->number() == 0) continue;  // UNSPECIFIED is never what somebody asks for
    const absl::string_view label = LabelOf(value->name());
    if (upper == value->name() || upper == ShortName(value) || (text == label && !label.empty())) {
      return value;
    }
  }
  return nullptr;
}

absl::StatusOr<bool> ParseBool(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "yes" || lower == "true" || lower == "是") return true;
  if (lower == "no" || lower == "false" || lower == "否") return false;
  return Bad(text, " yes 或 no");
}

absl::Status ParseTimestamp(const std::string& text, Timestamp* timestamp) {
  absl::Time time;
  std::string error;
  for (const char* format : {absl::RFC3339_full, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"}) {
    if (absl::ParseTime(format, text, LocalZone(), &time, &error)) {
      *timestamp = casework::ToProto(time);
      return absl::OkStatus();
    }
  }
  return Bad(text, "时间，如“2024-03-01 09:00”或“2024-03-01T09:00:00+08:00”");
}

// A plain value: set when the field is singular, added when it is repeated.
struct ScalarSink {
  Message* message;
  const FieldDescriptor* field;

  template <class T, class SetFn, class AddFn>
  void Put(const T& value, SetFn set, AddFn add) const {
    const Reflection* reflection = message->GetReflection();
    if (field->is_repeated()) {
      (reflection->*add)(message, field, value);
    } else {
      (reflection->*set)(message, field, value);
    }
  }
};

template <class T, class Wide, class SetFn, class AddFn>
absl::Status PutNumber(const ScalarSink& sink, const std::string& text, SetFn set, AddFn add) {
  Wide value;
  if (!absl::SimpleAtoi(text, &value) || value < std::numeric_limits<T>::min() ||
      value > std::numeric_limits<T>::max()) {
    return Bad(text, "整数");
  }
  sink.Put<T>(static_cast<T>(value), set, add);
  return absl::OkStatus();
}

absl::Status PutReal(const ScalarSink& sink, const std::string& text) {
  double value;
  if (!absl::SimpleAtod(text, &value)) return Bad(text, "数字");
  if (sink.field->cpp_type() == CppType::CPPTYPE_FLOAT) {
    sink.Put<float>(static_cast<float>(value), &Reflection::SetFloat, &Reflection::AddFloat);
  } else {
    sink.Put<double>(value, &Reflection::SetDouble, &Reflection::AddDouble);
  }
  return absl::OkStatus();
}

absl::Status PutText(const ScalarSink& sink, const std::string& text) {
  std::string value = text;
  if (sink.field->type() == FieldDescriptor::TYPE_BYTES) {
    YK_ASSIGN_OR_RETURN(value, ReadInput(text));
  } else if (!IsUtf8(text)) {
    return absl::InvalidArgumentError("不是 UTF-8 文本，请检查终端的字符编码。");
  }
  const Reflection* reflection = sink.message->GetReflection();
  if (sink.field->is_repeated()) {
    reflection->AddString(sink.message, sink.field, std::move(value));
  } else {
    reflection->SetString(sink.message, sink.field, std::move(value));
  }
  return absl::OkStatus();
}

absl::Status PutScalar(const ScalarSink& sink, const std::string& text) {
  switch (sink.field->cpp_type()) {
    case CppType::CPPTYPE_INT32:
      return PutNumber<int32_t, int64_t>(sink, text, &Reflection::SetInt32, &Reflection::AddInt32);
    case CppType::CPPTYPE_INT64:
      return PutNumber<int64_t, int64_t>(sink, text, &Reflection::SetInt64, &Reflection::AddInt64);
    case CppType::CPPTYPE_UINT32:
      return PutNumber<uint32_t, uint64_t>(sink, text, &Reflection::SetUInt32,
                                           &Reflection::AddUInt32);
    case CppType::CPPTYPE_UINT64:
      return PutNumber<uint64_t, uint64_t>(sink, text, &Reflection::SetUInt64,
                                           &Reflection::AddUInt64);
    case CppType::CPPTYPE_FLOAT:
    case CppType::CPPTYPE_DOUBLE:
      return PutReal(sink, text);
    case CppType::CPPTYPE_BOOL: {
      YK_ASSIGN_OR_RETURN(const bool value, ParseBool(text));
      sink.Put<bool>(value, &Reflection::SetBool, &Reflection::AddBool);
      return absl::OkStatus();
    }
    case CppType::CPPTYPE_ENUM: {
      const EnumDescriptor* type = sink.field->enum_type();
      const EnumValueDescriptor* value = FindEnumValue(type, text);
      if (value == nullptr) return Bad(text, absl::StrCat("以下之一：", EnumChoices(type)));
      sink.Put<const EnumValueDescriptor*>(value, &Reflection::SetEnum, &Reflection::AddEnum);
      return absl::OkStatus();
    }
    case CppType::CPPTYPE_STRING:
      return PutText(sink, text);
    case CppType::CPPTYPE_MESSAGE:
      break;
  }
  return absl::InternalError("a message is not a plain value");
}

absl::Status PutMessage(Message* message, const FieldDescriptor* field, const std::string& text) {
  Message* sub = message->GetReflection()->MutableMessage(message, field);
  if (auto* timestamp = google::protobuf::DynamicCastToGenerated<Timestamp>(sub)) {
    return ParseTimestamp(text, timestamp);
  }
  YK_ASSIGN_OR_RETURN(const std::string json, ReadInput(text));
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, sub);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("文件“", text, "”不是正确的 JSON：", std::string(parsed.message())));
}

absl::Status PutPair(Message* message, const FieldDescriptor* field, const std::string& text,
                     const PairFields& names) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (!absl::StrContains(text, '=') || parts.first.empty()) {
    return Bad(text, absl::StrCat(" ", names.key, "=", names.value, " 的形式"));
  }
  Message* entry = message->GetReflection()->AddMessage(message, field);
  const Descriptor* type = field->message_type();
  YK_RETURN_IF_ERROR(PutScalar({entry, type->FindFieldByName(names.key)}, parts.first));
  return PutScalar({entry, type->FindFieldByName(names.value)}, parts.second);
}

std::string LimitText(const casework::v1::Limit& limit) {
  const bool measured = limit.unit() == casework::v1::TIME_UNIT_HOUR ||
                        limit.unit() == casework::v1::TIME_UNIT_MINUTE;
  return absl::StrCat(limit.value(), measured ? "" : "个",
                      LabelOf(casework::v1::TimeUnit_Name(limit.unit())));
}

std::string MessageText(const Message& message) {
  if (const auto* time = As<Timestamp>(message)) return LocalTime(casework::FromProto(*time));
  if (const auto* limit = As<casework::v1::Limit>(message)) return LimitText(*limit);
  if (const auto* action = As<casework::v1::Action>(message)) {
    return action->allowed() ? action->name() : "";
  }
  return ToJson(message, false).value_or("");
}

std::string NumberText(double value, Show show) {
  if (show == Show::kPercent) return absl::StrFormat("%.1f%%", value * 100);
  if (show == Show::kSeconds) return DurationText(absl::Seconds(value));
  return absl::StrFormat("%.2f", value);
}

// One value of a field; `index` counts in repeated fields and is -1 otherwise.
std::string ValueText(const Message& message, const FieldDescriptor* field, int index, Show show) {
  const Reflection* r = message.GetReflection();
  const bool many = index >= 0;
  switch (field->cpp_type()) {
    case CppType::CPPTYPE_INT32:
      return absl::StrCat(many ? r->GetRepeatedInt32(message, field, index)
                               : r->GetInt32(message, field));
    case CppType::CPPTYPE_INT64:
      return absl::StrCat(many ? r->GetRepeatedInt64(message, field, index)
                               : r->GetInt64(message, field));
    case CppType::CPPTYPE_DOUBLE:
      return NumberText(
          many ? r->GetRepeatedDouble(message, field, index) : r->GetDouble(message, field), show);
    case CppType::CPPTYPE_BOOL:
      return (many ? r->GetRepeatedBool(message, field, index) : r->GetBool(message, field)) ? "是"
                                                                                             : "否";
    case CppType::CPPTYPE_ENUM: {
      const EnumValueDescriptor* value =
          many ? r->GetRepeatedEnum(message, field, index) : r->GetEnum(message, field);
      if (ShortName(value) == "UNSPECIFIED") return "";
      const absl::string_view label = LabelOf(value->name());
      return label.empty() ? ShortName(value) : std::string(label);
    }
    case CppType::CPPTYPE_STRING: {
      std::string text =
          many ? r->GetRepeatedString(message, field, index) : r->GetString(message, field);
      const bool hex = field->type() == FieldDescriptor::TYPE_BYTES && show != Show::kLines;
      return hex ? base::ToHex(text) : text;
    }
    case CppType::CPPTYPE_MESSAGE:
      return MessageText(many ? r->GetRepeatedMessage(message, field, index)
                              : r->GetMessage(message, field));
    default:
      return "";  // no other type is used in this API; the test of the table would show it
  }
}

// The message that holds the last field of the path; null when a part is absent.
const Message* HolderOf(const Message& message, const Path& path) {
  const Message* holder = &message;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    if (!holder->GetReflection()->HasField(*holder, path[i])) return nullptr;
    holder = &holder->GetReflection()->GetMessage(*holder, path[i]);
  }
  return holder;
}

}  // namespace

absl::TimeZone LocalZone() { return absl::FixedTimeZone(8 * 60 * 60); }

absl::StatusOr<Path> Resolve(const Descriptor* message, absl::string_view dotted) {
  Path path;
  if (dotted.empty()) return path;
  for (absl::string_view part : absl::StrSplit(dotted, '.')) {
    const FieldDescriptor* field =
        message == nullptr ? nullptr : message->FindFieldByName(std::string(part));
    if (field == nullptr) {
      return absl::NotFoundError(absl::StrCat("no field ", part, " in path ", dotted));
    }
    path.push_back(field);
    message = field->message_type();
  }
  return path;
}

absl::Status SetField(Message* message, const Path& path, const std::vector<std::string>& texts,
                      const PairFields& pair) {
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    message = message->GetReflection()->MutableMessage(message, path[i]);
  }
  const FieldDescriptor* field = path.back();
  const bool is_message = field->cpp_type() == CppType::CPPTYPE_MESSAGE;
  for (const std::string& text : texts) {
    if (is_message && field->is_repeated()) {
      YK_RETURN_IF_ERROR(PutPair(message, field, text, pair));
    } else if (is_message) {
      YK_RETURN_IF_ERROR(PutMessage(message, field, text));
    } else if (field->is_repeated()) {
      for (const std::string& part :
           std::vector<std::string>(absl::StrSplit(text, ',', absl::SkipEmpty()))) {
        YK_RETURN_IF_ERROR(PutScalar({message, field}, part));
      }
    } else {
      YK_RETURN_IF_ERROR(PutScalar({message, field}, text));
    }
  }
  return absl::OkStatus();
}

std::string ShortName(const EnumValueDescriptor* value) {
  // The first value of every enum of ours is <PREFIX>UNSPECIFIED.
  absl::string_view prefix = value->type()->value(0)->name();
  if (!absl::ConsumeSuffix(&prefix, "UNSPECIFIED")) return value->name();
  return std::string(absl::StripPrefix(value->name(), prefix));
}

std::string EnumChoices(const EnumDescriptor* type) {
  std::vector<std::string> choices;
  for (int i = 1; i < type->value_count(); ++i) {
    const absl::string_view label = LabelOf(type->value(i)->name());
    choices.push_back(label.empty() ? ShortName(type->value(i))
                                    : absl::StrCat(ShortName(type->value(i)), "(", label, ")"));
  }
  return absl::StrJoin(choices, ", ");
}

const Message* MessageAt(const Message& message, const Path& path) {
  if (path.empty()) return &message;
  const Message* holder = HolderOf(message, path);
  const FieldDescriptor* field = path.back();
  if (holder == nullptr || field->is_repeated() || field->cpp_type() != CppType::CPPTYPE_MESSAGE ||
      !holder->GetReflection()->HasField(*holder, field)) {
    return nullptr;
  }
  return &holder->GetReflection()->GetMessage(*holder, field);
}

std::string TextAt(const Message& message, const Path& path, Show show) {
  const Message* holder = HolderOf(message, path);
  if (holder == nullptr) return "";
  const FieldDescriptor* field = path.back();
  if (!field->is_repeated()) {
    const bool absent = field->cpp_type() == CppType::CPPTYPE_MESSAGE &&
                        !holder->GetReflection()->HasField(*holder, field);
    return absent ? "" : ValueText(*holder, field, -1, show);
  }
  std::vector<std::string> parts;
  for (int i = 0; i < holder->GetReflection()->FieldSize(*holder, field); ++i) {
    std::string part = ValueText(*holder, field, i, show);
    if (!part.empty()) parts.push_back(std::move(part));
  }
  return absl::StrJoin(parts, show == Show::kLines ? "\n" : "、");
}

std::string RawAt(const Message& message, const Path& path) {
  const Message* holder = HolderOf(message, path);
  if (holder == nullptr || path.back()->is_repeated()) return "";
  const FieldDescriptor* field = path.back();
  const Reflection* reflection = holder->GetReflection();
  switch (field->cpp_type()) {
    case CppType::CPPTYPE_BOOL:
      return reflection->GetBool(*holder, field) ? "true" : "false";
    case CppType::CPPTYPE_ENUM:
      return ShortName(reflection->GetEnum(*holder, field));
    case CppType::CPPTYPE_STRING:
      return reflection->GetString(*holder, field);
    default:
      return ValueText(*holder, field, -1, Show::kAuto);
  }
}

int64_t IntAt(const Message& message, const Path& path) {
  int64_t value = 0;
  return absl::SimpleAtoi(RawAt(message, path), &value) ? value : 0;
}

std::string LocalTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, LocalZone());
}

std::string DurationText(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", DurationText(-duration));
  const std::pair<absl::Duration, const char*> kUnits[] = {{absl::Hours(24), "天"},
                                                           {absl::Hours(1), "小时"},
                                                           {absl::Minutes(1), "分"},
                                                           {absl::Seconds(1), "秒"}};
  std::string text;
  int shown = 0;
  for (const auto& [unit, name] : kUnits) {
    const int64_t count = absl::IDivDuration(duration, unit, &duration);
    if (count == 0 && shown == 0) continue;
    if (count > 0) absl::StrAppend(&text, count, name);
    if (++shown == 2) break;
  }
  return text.empty() ? "0秒" : text;
}

absl::StatusOr<std::string> ReadInput(const std::string& name) {
  std::ifstream file;
  if (name != "-") file.open(name, std::ios::binary);
  std::istream& input = name == "-" ? std::cin : file;
  if (!input) return absl::InvalidArgumentError(absl::StrCat("无法读取文件“", name, "”。"));
  std::string text{std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
  if (input.bad()) return absl::InvalidArgumentError(absl::StrCat("读取文件“", name, "”出错。"));
  if (text.size() > kMaxInputBytes) {
    return absl::InvalidArgumentError(absl::StrCat("文件“", name, "”超过 32 MiB。"));
  }
  return text;
}

absl::StatusOr<std::string> ToJson(const Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto printed = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!printed.ok()) return absl::InternalError(std::string(printed.message()));
  return text;
}

}  // namespace yikou::cli
