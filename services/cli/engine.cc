#include "services/cli/engine.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "google/rpc/error_details.pb.h"
#include "grpc/health/v1/health.pb.h"
#include "libs/base/ids.h"
#include "libs/base/status.h"
#include "libs/casework/errors.h"
#include "services/cli/fields.h"
#include "services/cli/text.h"
#include "yikou/approval/v1/approval.pb.h"
#include "yikou/casework/v1/log.pb.h"
#include "yikou/gridtask/v1/gridtask.pb.h"
#include "yikou/intake/v1/intake.pb.h"
#include "yikou/reporting/v1/reporting.pb.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::Reflection;

constexpr int kDefaultLimit = 50;
constexpr int kMaxPage = 1000;
// A version nobody gave may have moved on between the read and the write.
constexpr int kVersionAttempts = 3;

const FieldDescriptor* FieldOf(const Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

std::string NameOf(const Arg& arg) {
  return arg.positional ? absl::StrCat("<", arg.name, ">") : absl::StrCat("--", arg.name);
}

// The flag that sets the field a service complains of, "application.materials[2].code" too: the one
// with the longest path, since a flag may set a whole message.
std::string FlagFor(const Verb* verb, absl::string_view field) {
  if (verb == nullptr) return "";
  const Arg* best = nullptr;
  for (const Arg& arg : verb->args) {
    const absl::string_view path = arg.field;
    if (path.empty() || !absl::StartsWith(field, path)) continue;
    const absl::string_view rest = field.substr(path.size());
    const bool covers = rest.empty() || rest[0] == '[' || rest[0] == '.';
    if (covers && (best == nullptr || path.size() > std::strlen(best->field))) best = &arg;
  }
  return best == nullptr ? "" : absl::StrCat("（", NameOf(*best), "）");
}

void AppendViolations(const google::rpc::BadRequest& bad_request, const Verb* verb,
                      std::string* text) {
  for (const auto& violation : bad_request.field_violations()) {
    absl::StrAppend(text, "  ", violation.field(), FlagFor(verb, violation.field()), "：",
                    violation.description(), "\n");
  }
}

void AppendInfo(const google::rpc::ErrorInfo& info, std::string* text) {
  absl::StrAppend(text, "  原因 reason：", info.reason(), "\n");
  const std::map<std::string, std::string> metadata(info.metadata().begin(), info.metadata().end());
  for (const auto& [key, value] : metadata) {
    if (key == "allowed_actions") {
      absl::StrAppend(text, "  可用操作 allowed actions：", value.empty() ? "无" : value, "\n");
    } else {
      absl::StrAppend(text, "  ", key, " = ", value, "\n");
    }
  }
}

// Every required argument has been given.
absl::Status CheckRequired(const Verb& verb, const Inputs& inputs) {
  std::vector<std::string> missing;
  for (const Arg& arg : verb.args) {
    if (!arg.required || inputs.Has(arg.name)) continue;
    missing.push_back(absl::StrCat("缺少 ", NameOf(arg), "（", arg.help, "）。"));
  }
  return missing.empty() ? absl::OkStatus() : UsageError(absl::StrJoin(missing, "\n  "));
}

// Runs a lookup for an id and returns the result as text.
absl::StatusOr<std::string> RunLookup(const Session& session, const Lookup& lookup,
                                      const std::string& id) {
  const MethodDescriptor* method = FindMethod(lookup.method);
  const std::unique_ptr<Message> request = NewMessage(method->input_type());
  const std::unique_ptr<Message> response = NewMessage(method->output_type());
  const std::string key =
      lookup.rows == nullptr ? id : std::string(absl::string_view(id).substr(0, id.find('/')));
  YK_ASSIGN_OR_RETURN(const Path id_path, Resolve(method->input_type(), lookup.id_field));
  YK_RETURN_IF_ERROR(SetField(request.get(), id_path, {key}));
  YK_RETURN_IF_ERROR(
      CallPaged(session, lookup.service, lookup.method, request.get(), response.get(), 0));
  if (lookup.rows == nullptr) {
    YK_ASSIGN_OR_RETURN(const Path result, Resolve(method->output_type(), lookup.result));
    return RawAt(*response, result);
  }
  YK_ASSIGN_OR_RETURN(const Path rows, Resolve(method->output_type(), lookup.rows));
  YK_ASSIGN_OR_RETURN(const Path match, Resolve(rows.back()->message_type(), lookup.match));
  YK_ASSIGN_OR_RETURN(const Path result, Resolve(rows.back()->message_type(), lookup.result));
  const Reflection* reflection = response->GetReflection();
  for (int i = 0; i < reflection->FieldSize(*response, rows.back()); ++i) {
    const Message& row = reflection->GetRepeatedMessage(*response, rows.back(), i);
    if (RawAt(row, match) == id) return RawAt(row, result);
  }
  return casework::NotFound("任务", id);
}

// A case id is 32 hex digits; what else stands there is a case number.
bool IsCaseId(absl::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(),
                                          [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

// Sets expected_version from the lookup of the verb, unless the caller gave one.
absl::Status FillVersion(const Session& session, const Verb& verb, Message* request) {
  YK_ASSIGN_OR_RETURN(const Path id, Resolve(request->GetDescriptor(), verb.args.front().field));
  YK_ASSIGN_OR_RETURN(const std::string version,
                      RunLookup(session, *verb.version, RawAt(*request, id)));
  YK_ASSIGN_OR_RETURN(const Path path, Resolve(request->GetDescriptor(), "expected_version"));
  return SetField(request, path, {version});
}

// Sends a change; when the version was read for the caller and is stale already, reads it again.
absl::Status SendChange(const Session& session, const Verb& verb, const Inputs& inputs,
                        Message* request, Message* response) {
  const bool read_version = verb.version != nullptr && !inputs.Has(kExpectedVersionArg);
  for (int attempt = 1;; ++attempt) {
    if (read_version) YK_RETURN_IF_ERROR(FillVersion(session, verb, request));
    const absl::Status sent = session.client->CallMessage(
        verb.service, verb.method, *request, response, session.identity, session.timeout);
    const bool stale =
        casework::ReasonOf(sent) == casework::v1::ERROR_REASON_VERSION_CONFLICT && read_version;
    if (!stale || attempt == kVersionAttempts) return sent;
  }
}

absl::StatusOr<int> LimitOf(const Inputs& inputs) {
  if (!inputs.Has(kLimitArg)) return kDefaultLimit;
  int limit;
  if (!absl::SimpleAtoi(inputs.Get(kLimitArg), &limit) || limit < 0) {
    return UsageError(
        absl::StrCat("--limit “", inputs.Get(kLimitArg), "”不正确，应为 0（全部）或正整数。"));
  }
  return limit;
}

absl::StatusOr<std::vector<std::string>> ServicesOf(const Verb& verb, const Inputs& inputs) {
  const absl::string_view place = verb.service;
  std::vector<std::string> all(std::begin(kServices), std::end(kServices));
  if (place != kEvery && place != kGiven) return std::vector<std::string>{verb.service};
  if (place == kEvery && !inputs.Has(kServiceArg)) return all;
  const std::string wanted = inputs.Get(kServiceArg);
  if (std::find(all.begin(), all.end(), wanted) == all.end()) {
    return UsageError(
        absl::StrCat("没有服务“", wanted, "”，应为 ", absl::StrJoin(all, "、"), "。"));
  }
  return std::vector<std::string>{wanted};
}

// OK when the answer has the value the verb must have.
absl::Status CheckMust(const Verb& verb, const Answer& answer) {
  if (verb.must == nullptr) return absl::OkStatus();
  const std::pair<std::string, std::string> must = absl::StrSplit(verb.must, '=');
  const absl::StatusOr<Path> path = Resolve(answer.message->GetDescriptor(), must.first);
  if (path.ok() && RawAt(*answer.message, *path) == must.second) return absl::OkStatus();
  const std::string who = answer.service.empty() ? "" : absl::StrCat("服务 ", answer.service, " ");
  return absl::FailedPreconditionError(
      absl::StrCat(who, "未通过：", must.first, " 不是 ", must.second, "。"));
}

absl::Status SaveDocument(const Session& session, const Verb& verb, const Inputs& inputs,
                          const Message& response) {
  if (verb.save == nullptr || !inputs.Has(kSaveArg)) return absl::OkStatus();
  YK_ASSIGN_OR_RETURN(const Path path, Resolve(response.GetDescriptor(), verb.save));
  const std::string name = inputs.Get(kSaveArg);
  std::ofstream file(name, std::ios::binary | std::ios::trunc);
  file << RawAt(response, path) << std::flush;
  if (!file) return absl::InternalError(absl::StrCat("无法写入文件“", name, "”。"));
  *session.err << "已写入 " << name << "\n";
  return absl::OkStatus();
}

// A verb of one service.
absl::Status RunSingle(const Session& session, const Verb& verb, const Inputs& inputs,
                       Message* request) {
  const std::unique_ptr<Message> response = NewMessage(FindMethod(verb.method)->output_type());
  if (verb.version != nullptr) {
    YK_RETURN_IF_ERROR(SendChange(session, verb, inputs, request, response.get()));
  } else {
    YK_ASSIGN_OR_RETURN(const int limit, LimitOf(inputs));
    YK_RETURN_IF_ERROR(
        CallPaged(session, verb.service, verb.method, request, response.get(), limit));
  }
  YK_RETURN_IF_ERROR(Print(session, verb, {{"", response.get()}}));
  YK_RETURN_IF_ERROR(SaveDocument(session, verb, inputs, *response));
  return CheckMust(verb, {"", response.get()});
}

// The first failure, which decides the exit code, with the sentences of all, each once.
absl::Status Joined(const std::vector<absl::Status>& failures) {
  if (failures.empty()) return absl::OkStatus();
  std::vector<std::string> sentences;
  for (const absl::Status& failure : failures) {
    std::string sentence(failure.message());
    const bool said = std::find(sentences.begin(), sentences.end(), sentence) != sentences.end();
    if (!said) sentences.push_back(std::move(sentence));
  }
  absl::Status joined(failures.front().code(), absl::StrJoin(sentences, "\n  "));
  failures.front().ForEachPayload([&joined](absl::string_view url, const absl::Cord& payload) {
    joined.SetPayload(url, payload);
  });
  return joined;
}

// A verb of several services: what answers is shown, what fails is named.
absl::Status RunMany(const Session& session, const Verb& verb, const Inputs& inputs,
                     const std::vector<std::string>& services, const Message& request) {
  YK_ASSIGN_OR_RETURN(const int limit, LimitOf(inputs));
  std::vector<std::unique_ptr<Message>> responses;
  std::vector<Answer> answers;
  std::vector<absl::Status> failures;
  for (const std::string& service : services) {
    const std::unique_ptr<Message> copy(request.New());
    copy->CopyFrom(request);
    responses.push_back(NewMessage(FindMethod(verb.method)->output_type()));
    absl::Status status =
        CallPaged(session, service, verb.method, copy.get(), responses.back().get(), limit);
    if (status.ok()) {
      answers.push_back({service, responses.back().get()});
      status = CheckMust(verb, answers.back());
    }
    if (!status.ok()) failures.push_back(std::move(status));
  }
  if (!answers.empty()) YK_RETURN_IF_ERROR(Print(session, verb, answers));
  return Joined(failures);
}

}  // namespace

void Inputs::Put(const std::string& name, std::vector<std::string> texts) {
  if (!texts.empty()) values_[name] = std::move(texts);
}

std::string Inputs::Get(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? "" : found->second.front();
}

const std::vector<std::string>& Inputs::All(const std::string& name) const {
  static const auto* const none = new std::vector<std::string>;
  const auto found = values_.find(name);
  return found == values_.end() ? *none : found->second;
}

int ExitCodeOf(const absl::Status& status) {
  if (IsUsageError(status)) return kExitUsage;
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitDenied;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnavailable;
    default:
      return kExitFailed;
  }
}

std::string ErrorText(const absl::Status& status, const Verb* verb) {
  std::string text = absl::StrCat("错误 error：", std::string(status.message()), "\n");
  google::rpc::Status details;
  if (casework::DetailsOf(status, &details)) {
    google::rpc::BadRequest bad_request;
    google::rpc::ErrorInfo info;
    for (const google::protobuf::Any& detail : details.details()) {
      if (!detail.UnpackTo(&bad_request)) detail.UnpackTo(&info);
    }
    AppendViolations(bad_request, verb, &text);
    if (!info.reason().empty()) AppendInfo(info, &text);
  }
  return Printable(text);
}

const MethodDescriptor* FindMethod(const std::string& full_name) {
  // A static library brings only what is referred to: one message of each file.
  static const Descriptor* const kLinked[] = {intake::v1::GetCaseRequest::descriptor(),
                                              routing::v1::GetOfferRequest::descriptor(),
                                              approval::v1::GetProcessRequest::descriptor(),
                                              gridtask::v1::GetEventRequest::descriptor(),
                                              reporting::v1::GetSummaryRequest::descriptor(),
                                              casework::v1::GetClockRequest::descriptor(),
                                              grpc::health::v1::HealthCheckRequest::descriptor()};
  return kLinked[0]->file()->pool()->FindMethodByName(full_name);
}

std::unique_ptr<Message> NewMessage(const Descriptor* type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

std::string NewUuid() {
  const std::string hex = base::NewId(absl::Now());
  return absl::StrJoin(
      {hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4), hex.substr(20)},
      "-");
}

absl::Status FillRequest(const Verb& verb, const Inputs& inputs, Message* request) {
  std::vector<std::string> mistakes;
  const auto set = [&](const Arg& arg, const std::vector<std::string>& texts) {
    const absl::StatusOr<Path> path = Resolve(request->GetDescriptor(), arg.field);
    const absl::Status done = path.ok() ? SetField(request, *path, texts, arg.pair) : path.status();
    if (!done.ok()) {
      mistakes.push_back(absl::StrCat(NameOf(arg), "：", std::string(done.message())));
    }
  };
  for (const Arg& arg : verb.args) {
    if (inputs.Has(arg.name) && arg.field[0] != '\0') set(arg, inputs.All(arg.name));
  }
  if (FieldOf(*request, "request_id") != nullptr) {
    const bool given = inputs.Has(kRequestIdArg);
    set({.name = kRequestIdArg, .field = "request_id", .help = ""},
        {given ? inputs.Get(kRequestIdArg) : NewUuid()});
  }
  if (inputs.Has(kExpectedVersionArg)) {
    set({.name = kExpectedVersionArg, .field = "expected_version", .help = ""},
        inputs.All(kExpectedVersionArg));
  }
  if (mistakes.empty()) return absl::OkStatus();
  return UsageError(absl::StrJoin(mistakes, "\n  "));
}

absl::Status ResolveIds(const Session& session, const Verb& verb, Message* request) {
  for (const Arg& arg : verb.args) {
    if (arg.resolve == nullptr) continue;
    YK_ASSIGN_OR_RETURN(const Path path, Resolve(request->GetDescriptor(), arg.field));
    const std::string text = RawAt(*request, path);
    if (text.empty() || IsCaseId(text)) continue;
    YK_ASSIGN_OR_RETURN(const std::string id, RunLookup(session, *arg.resolve, text));
    YK_RETURN_IF_ERROR(SetField(request, path, {id}));
  }
  return absl::OkStatus();
}

absl::Status Print(const Session& session, const Verb& verb, const std::vector<Answer>& answers) {
  if (!session.json) {
    const std::string text = RenderView(verb.view, answers);
    if (text.empty()) *session.err << "没有记录 nothing to show\n";
    *session.out << text;
    return absl::OkStatus();
  }
  if (answers.size() == 1 && answers.front().service.empty()) {
    YK_ASSIGN_OR_RETURN(const std::string json, ToJson(*answers.front().message, true));
    *session.out << json;
    return absl::OkStatus();
  }
  std::vector<std::string> parts;
  for (const Answer& answer : answers) {
    YK_ASSIGN_OR_RETURN(const std::string json, ToJson(*answer.message, false));
    parts.push_back(absl::StrCat("  \"", answer.service, "\": ", json));
  }
  *session.out << "{\n" << absl::StrJoin(parts, ",\n") << "\n}\n";
  return absl::OkStatus();
}

absl::Status CallPaged(const Session& session, const std::string& service,
                       const std::string& method, Message* request, Message* response, int limit) {
  const FieldDescriptor* size = FieldOf(*request, "page_size");
  const FieldDescriptor* token = FieldOf(*request, "page_token");
  const FieldDescriptor* next = FieldOf(*response, "next_page_token");
  const auto call = [&](Message* answer) {
    return session.client->CallMessage(service, method, *request, answer, session.identity,
                                       session.timeout);
  };
  if (size == nullptr || token == nullptr || next == nullptr) return call(response);
  const FieldDescriptor* rows = response->GetDescriptor()->field(0);
  const Reflection* reflection = response->GetReflection();
  const std::unique_ptr<Message> page(response->New());
  while (true) {
    const int have = reflection->FieldSize(*response, rows);
    const int want = limit == 0 ? kMaxPage : std::min(kMaxPage, limit - have);
    request->GetReflection()->SetInt32(request, size, want);
    YK_RETURN_IF_ERROR(call(page.get()));
    response->MergeFrom(*page);
    const std::string more = reflection->GetString(*page, next);
    reflection->SetString(response, next, more);
    if (more.empty()) return absl::OkStatus();
    if (limit != 0 && reflection->FieldSize(*response, rows) >= limit) {
      *session.err << "还有更多，用 --limit 0 全部列出 more rows follow\n";
      return absl::OkStatus();
    }
    request->GetReflection()->SetString(request, token, more);
  }
}

absl::Status RunVerb(const Session& session, const Verb& verb, const Inputs& inputs) {
  YK_RETURN_IF_ERROR(CheckRequired(verb, inputs));
  if (verb.special != nullptr) return verb.special(session, verb, inputs);
  const std::unique_ptr<Message> request = NewMessage(FindMethod(verb.method)->input_type());
  YK_RETURN_IF_ERROR(FillRequest(verb, inputs, request.get()));
  YK_ASSIGN_OR_RETURN(const std::vector<std::string> services, ServicesOf(verb, inputs));
  YK_RETURN_IF_ERROR(ResolveIds(session, verb, request.get()));
  if (verb.service == absl::string_view(kEvery)) {
    return RunMany(session, verb, inputs, services, *request);
  }
  if (verb.service == absl::string_view(kGiven)) {
    Verb given = verb;
    given.service = services.front().c_str();
    return RunSingle(session, given, inputs, request.get());
  }
  return RunSingle(session, verb, inputs, request.get());
}

}  // namespace yikou::cli
