#include "services/cli/special.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/util/json_util.h"
#include "grpcpp/grpcpp.h"
#include "libs/base/ids.h"
#include "libs/base/status.h"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"
#include "libs/rpc/status.h"
#include "nlohmann/json.hpp"
#include "services/cli/clock_skip.h"
#include "services/cli/fields.h"
#include "services/cli/text.h"
#include "yikou/intake/v1/intake.grpc.pb.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using intake::v1::IntakeService;

constexpr size_t kChunkBytes = 256 << 10;
constexpr size_t kBarFrom = 1 << 20;  // smaller files are sent before a bar could be read
constexpr int kMaxBatch = 500;
constexpr size_t kMaxBatchBytes = 3 << 20;                       // below the 4 MiB of a message
constexpr absl::Duration kWatchPause = absl::Milliseconds(200);  // longer with every failure
constexpr size_t kMaxMistakes = 20;                              // of a file, named at once
constexpr int kWatchAttempts = 10;                               // in a row without an answer

// Draws "[#####     ]  50%" over itself.
void DrawBar(const Session& session, size_t done, size_t total) {
  constexpr int kWidth = 30;
  const int filled = static_cast<int>(done * kWidth / total);
  *session.err << absl::StrFormat("\r[%s%s] %3d%%", std::string(filled, '#'),
                                  std::string(kWidth - filled, ' '), done * 100 / total)
               << (done == total ? "\n" : "") << std::flush;
}

absl::StatusOr<std::string> MediaTypeOf(const std::string& file, const Inputs& inputs) {
  if (inputs.Has("type")) return inputs.Get("type");
  const std::string extension =
      absl::AsciiStrToLower(std::filesystem::path(file).extension().string());
  if (extension == ".jpg" || extension == ".jpeg") return "image/jpeg";
  if (extension == ".png") return "image/png";
  if (extension == ".pdf") return "application/pdf";
  if (extension == ".txt") return "text/plain";
  return UsageError(absl::StrCat("看不出“", file, "”的类型，请用 --type 给出，如 image/jpeg。"));
}

absl::Status SendFile(const Session& session,
                      grpc::ClientWriter<intake::v1::UploadMaterialRequest>* writer,
                      const intake::v1::MaterialHeader& header, absl::string_view bytes) {
  intake::v1::UploadMaterialRequest part;
  *part.mutable_header() = header;
  bool open = writer->Write(part);
  for (size_t at = 0; open && at < bytes.size(); at += kChunkBytes) {
    part.set_chunk(std::string(bytes.substr(at, kChunkBytes)));
    open = writer->Write(part);
    if (session.progress && bytes.size() >= kBarFrom) {
      DrawBar(session, std::min(at + kChunkBytes, bytes.size()), bytes.size());
    }
  }
  writer->WritesDone();
  return rpc::FromGrpc(writer->Finish());
}

// Prints a watched case, one line a change.
class Watcher {
 public:
  explicit Watcher(const Session& session) : session_(session) {}

  // Reads one stream to its end; moves `request` on, so that the next stream goes on behind it.
  absl::Status FollowOnce(IntakeService::Stub* stub, intake::v1::WatchCaseRequest* request) {
    grpc::ClientContext call;
    YK_RETURN_IF_ERROR(session_.client->Prepare(session_.identity, absl::InfiniteFuture(), &call));
    const auto reader = stub->WatchCase(&call, *request);
    intake::v1::WatchCaseResponse change;
    while (reader->Read(&change)) {
      failures_ = 0;
      request->set_after_version(change.view().case_record().version());
      YK_RETURN_IF_ERROR(PrintChange(change));
    }
    return rpc::FromGrpc(reader->Finish());
  }

  // True when another stream is worth trying after this one ended so.
  bool TryAgain(const absl::Status& ended) {
    return ended.code() == absl::StatusCode::kUnavailable && ++failures_ < kWatchAttempts;
  }
  int failures() const { return failures_; }  // in a row

 private:
  absl::Status PrintChange(const intake::v1::WatchCaseResponse& change) {
    if (session_.json) {
      YK_ASSIGN_OR_RETURN(const std::string json, ToJson(change, false));
      *session_.out << json << std::endl;
      return absl::OkStatus();
    }
    const auto text = [&change](const char* path) {
      return TextAt(change, *Resolve(change.GetDescriptor(), path));
    };
    const std::string line = Printable(absl::StrJoin(
        {text("view.case_record.update_time"), text("view.case_record.case_no"),
         text("view.case_record.state"), text("view.light"), text("view.case_record.holder_unit")},
        "  "));
    // What changed may be nothing a reader sees here.
    if (line != last_line_) *session_.out << line << std::endl;
    last_line_ = line;
    return absl::OkStatus();
  }

  const Session& session_;
  int failures_ = 0;
  std::string last_line_;
};

// One entry of an import file and the line it stood on.
struct Entry {
  size_t line;
  std::string json;
};

// "a,b" and "1,2" are {"a":"1","b":"2"}; empty cells are left out. No quoting: the files of this
// suite have none, and a cell with a quote is refused rather than misread.
absl::StatusOr<std::vector<Entry>> EntriesOfCsv(const std::vector<std::string>& lines) {
  const std::vector<std::string> names = absl::StrSplit(lines.front(), ',');
  std::vector<Entry> entries;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const std::vector<std::string> cells = absl::StrSplit(lines[i], ',');
    if (cells.size() != names.size() || absl::StrContains(lines[i], '"')) {
      return UsageError(
          absl::StrCat("第 ", i + 1, " 行不正确：应有 ", names.size(), " 列，且不含引号。"));
    }
    nlohmann::json object = nlohmann::json::object();
    for (size_t c = 0; c < cells.size(); ++c) {
      if (!cells[c].empty()) object[names[c]] = cells[c];
    }
    entries.push_back(
        {i + 1, object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
  }
  return entries;
}

absl::StatusOr<std::vector<Entry>> EntriesOf(const std::string& file) {
  absl::StatusOr<std::string> text = ReadInput(file);
  if (!text.ok()) return UsageError(text.status().message());
  std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  for (std::string& line : lines) absl::StripAsciiWhitespace(&line);
  if (absl::EndsWith(file, ".csv")) return EntriesOfCsv(lines);
  std::vector<Entry> entries;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].empty()) entries.push_back({i + 1, lines[i]});
  }
  return entries;
}

// Adds the numbers of an answer to the sum of those before.
void AddCounts(const Message& answer, Message* sum) {
  const Reflection* reflection = answer.GetReflection();
  for (int i = 0; i < answer.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = answer.GetDescriptor()->field(i);
    reflection->SetInt32(sum, field,
                         reflection->GetInt32(answer, field) + reflection->GetInt32(*sum, field));
  }
}

// Sends entries in batches; `request` is the template of each.
class Importer {
 public:
  Importer(const Session& session, const Verb& verb, const Inputs& inputs)
      : session_(session), verb_(verb), inputs_(inputs) {
    const auto* method = FindMethod(verb.method);
    request_ = NewMessage(method->input_type());
    sum_ = NewMessage(method->output_type());
    for (int i = 0; i < method->input_type()->field_count(); ++i) {
      if (method->input_type()->field(i)->is_repeated()) rows_ = method->input_type()->field(i);
    }
  }

  // Nothing is sent unless every entry can be read.
  absl::Status Run(const std::vector<Entry>& entries) {
    YK_RETURN_IF_ERROR(FillRequest(verb_, inputs_, request_.get()));
    YK_ASSIGN_OR_RETURN(const std::vector<std::unique_ptr<Message>> rows, Parse(entries));
    for (const std::unique_ptr<Message>& row : rows) {
      const size_t size = row->ByteSizeLong();
      if (count_ == kMaxBatch || bytes_ + size > kMaxBatchBytes) {
        YK_RETURN_IF_ERROR(Send(rows.size()));
      }
      request_->GetReflection()->AddMessage(request_.get(), rows_)->CopyFrom(*row);
      ++count_;
      bytes_ += size;
    }
    if (count_ > 0) YK_RETURN_IF_ERROR(Send(rows.size()));
    return Print(session_, verb_, {{"", sum_.get()}});
  }

 private:
  absl::StatusOr<std::vector<std::unique_ptr<Message>>> Parse(const std::vector<Entry>& entries) {
    std::vector<std::unique_ptr<Message>> rows;
    std::vector<std::string> mistakes;
    for (const Entry& entry : entries) {
      rows.push_back(NewMessage(rows_->message_type()));
      const auto parsed =
          google::protobuf::util::JsonStringToMessage(entry.json, rows.back().get());
      if (!parsed.ok() && mistakes.size() < kMaxMistakes) {
        mistakes.push_back(
            absl::StrCat("第 ", entry.line, " 行不正确：", std::string(parsed.message())));
      }
    }
    if (mistakes.empty()) return rows;
    return UsageError(absl::StrJoin(mistakes, "\n  "));
  }

  absl::Status Send(size_t total) {
    const std::unique_ptr<Message> answer(sum_->New());
    const absl::Status called = session_.client->CallMessage(
        verb_.service, verb_.method, *request_, answer.get(), session_.identity, session_.timeout);
    if (!called.ok()) {
      if (sent_ > 0) *session_.err << "已导入前 " << sent_ << " 条，其余没有导入。\n";
      return called;
    }
    AddCounts(*answer, sum_.get());
    sent_ += count_;
    if (session_.progress) {
      *session_.err << "\r" << sent_ << "/" << total << (sent_ == total ? "\n" : "") << std::flush;
    }
    count_ = 0;
    bytes_ = 0;
    request_->Clear();
    return FillRequest(verb_, inputs_, request_.get());  // with a new request id
  }

  const Session& session_;
  const Verb& verb_;
  const Inputs& inputs_;
  std::unique_ptr<Message> request_;
  std::unique_ptr<Message> sum_;
  const FieldDescriptor* rows_ = nullptr;
  int count_ = 0;
  size_t bytes_ = 0;
  size_t sent_ = 0;
};

using Children = std::map<std::string, std::vector<const casework::v1::Unit*>>;

void PrintTree(const casework::v1::Unit& unit, const Children& children, const std::string& lead,
               std::ostream* out) {
  *out << Printable(unit.name()) << "  " << unit.unit_id() << (unit.retired() ? "  已停用" : "")
       << "\n";
  const auto below = children.find(unit.unit_id());
  if (below == children.end()) return;
  for (const casework::v1::Unit* child : below->second) {
    const bool last = child == below->second.back();
    *out << lead << (last ? "└── " : "├── ");
    PrintTree(*child, children, lead + (last ? "    " : "│   "), out);
  }
}

}  // namespace

absl::Status CaseUpload(const Session& session, const Verb& verb, const Inputs& inputs) {
  const std::string file = inputs.Get("file");
  const absl::StatusOr<std::string> bytes = ReadInput(file);
  if (!bytes.ok()) return UsageError(bytes.status().message());
  intake::v1::MaterialHeader header;
  YK_ASSIGN_OR_RETURN(*header.mutable_media_type(), MediaTypeOf(file, inputs));
  header.set_file_name(inputs.Has("name") ? inputs.Get("name")
                                          : std::filesystem::path(file).filename().string());
  header.set_size_bytes(static_cast<int64_t>(bytes->size()));
  header.set_sha256(base::ToHex(casework::Digest(*bytes)));
  header.set_request_id(inputs.Has(kRequestIdArg) ? inputs.Get(kRequestIdArg) : NewUuid());
  YK_ASSIGN_OR_RETURN(const auto channel, session.client->ChannelTo(verb.service));
  grpc::ClientContext call;
  YK_RETURN_IF_ERROR(
      session.client->Prepare(session.identity, absl::Now() + session.timeout, &call));
  intake::v1::UploadMaterialResponse response;
  const auto writer = IntakeService::NewStub(channel)->UploadMaterial(&call, &response);
  YK_RETURN_IF_ERROR(SendFile(session, writer.get(), header, *bytes));
  return Print(session, verb, {{"", &response}});
}

absl::Status CaseDownload(const Session& session, const Verb& verb, const Inputs& inputs) {
  intake::v1::ReadMaterialRequest request;
  YK_RETURN_IF_ERROR(FillRequest(verb, inputs, &request));
  YK_RETURN_IF_ERROR(ResolveIds(session, verb, &request));
  YK_ASSIGN_OR_RETURN(const auto channel, session.client->ChannelTo(verb.service));
  grpc::ClientContext call;
  YK_RETURN_IF_ERROR(
      session.client->Prepare(session.identity, absl::Now() + session.timeout, &call));
  const auto reader = IntakeService::NewStub(channel)->ReadMaterial(&call, request);
  intake::v1::ReadMaterialResponse part;
  intake::v1::MaterialHeader header;
  std::string bytes;
  while (reader->Read(&part)) {
    if (part.has_header()) header = part.header();
    bytes += part.chunk();
  }
  YK_RETURN_IF_ERROR(rpc::FromGrpc(reader->Finish()));
  if (base::ToHex(casework::Digest(bytes)) != header.sha256()) {
    return absl::DataLossError("收到的内容与摘要不符，没有写入文件。");
  }
  const std::string name = inputs.Get("save");
  if (name == "-") {
    *session.out << bytes;
    return absl::OkStatus();
  }
  std::ofstream file(name, std::ios::binary | std::ios::trunc);
  file << bytes << std::flush;
  if (!file) return absl::InternalError(absl::StrCat("无法写入文件“", name, "”。"));
  *session.err << "已写入 " << name << "（" << bytes.size() << " 字节）\n";
  return absl::OkStatus();
}

absl::Status CaseWatch(const Session& session, const Verb& verb, const Inputs& inputs) {
  intake::v1::WatchCaseRequest request;
  YK_RETURN_IF_ERROR(FillRequest(verb, inputs, &request));
  YK_RETURN_IF_ERROR(ResolveIds(session, verb, &request));
  YK_ASSIGN_OR_RETURN(const auto channel, session.client->ChannelTo(verb.service));
  const auto stub = IntakeService::NewStub(channel);
  Watcher watcher(session);
  while (true) {
    const absl::Status ended = watcher.FollowOnce(stub.get(), &request);
    if (!watcher.TryAgain(ended)) return ended;
    if (watcher.failures() == 1) *session.err << "连接中断，正在重连……\n";
    absl::SleepFor(kWatchPause * watcher.failures());
  }
}

absl::Status ImportFile(const Session& session, const Verb& verb, const Inputs& inputs) {
  YK_ASSIGN_OR_RETURN(const std::vector<Entry> entries, EntriesOf(inputs.Get("file")));
  return Importer(session, verb, inputs).Run(entries);
}

absl::Status UnitTree(const Session& session, const Verb& verb, const Inputs& inputs) {
  routing::v1::ListUnitsRequest request;
  YK_RETURN_IF_ERROR(FillRequest(verb, inputs, &request));
  routing::v1::ListUnitsResponse response;
  YK_RETURN_IF_ERROR(CallPaged(session, verb.service, verb.method, &request, &response, 0));
  if (session.json) return Print(session, verb, {{"", &response}});
  std::map<std::string, const casework::v1::Unit*> units;
  for (const auto& unit : response.units()) units[unit.unit_id()] = &unit;
  Children children;
  std::vector<const casework::v1::Unit*> roots;
  for (const auto& [id, unit] : units) {
    if (units.count(unit->parent_id()) > 0) {
      children[unit->parent_id()].push_back(unit);
    } else {
      roots.push_back(unit);
    }
  }
  for (const casework::v1::Unit* root : roots) PrintTree(*root, children, "", session.out);
  return absl::OkStatus();
}

absl::Status ClockSkip(const Session& session, const Verb&, const Inputs& inputs) {
  const absl::StatusOr<absl::Duration> by = ParseSkip(inputs.Get("duration"));
  if (!by.ok()) return UsageError(by.status().message());
  SkipOptions options;
  options.wait = !inputs.Has("no-wait");
  if (session.progress) {
    options.on_step = [&session](absl::Time at) {
      *session.err << "  → " << LocalTime(at) << "\n";
    };
  }
  const ClockPort port = PortOf(session.client, session.identity, session.timeout);
  YK_ASSIGN_OR_RETURN(const absl::Time now, SkipClock(port, *by, options));
  if (session.json) {
    *session.out << nlohmann::json({{"now", absl::FormatTime(now, LocalZone())}}).dump() << "\n";
  } else {
    *session.out << "办件时间  " << LocalTime(now) << "\n";
  }
  return absl::OkStatus();
}

absl::Status TokenMint(const Session& session, const Verb&, const Inputs& inputs) {
  if (session.identity.principal.person_id.empty()) {
    return UsageError("请用 --as 单位:人员:角色 说明为谁签发令牌。");
  }
  absl::Duration lifetime = absl::Hours(1);
  if (inputs.Has("ttl")) {
    const absl::StatusOr<absl::Duration> given = ParseSkip(inputs.Get("ttl"));
    if (!given.ok()) return UsageError(given.status().message());
    lifetime = *given;
  }
  YK_ASSIGN_OR_RETURN(const std::string token,
                      session.client->TokenFor(session.identity, lifetime));
  if (session.json) {
    *session.out << nlohmann::json({{"token", token}}).dump() << "\n";
  } else {
    *session.out << token << "\n";
  }
  return absl::OkStatus();
}

}  // namespace yikou::cli
