#include "services/cli/connect.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/rpc/error_details.pb.h"
#include "libs/base/status.h"
#include "libs/casework/errors.h"
#include "libs/rpc/channel.h"
#include "nlohmann/json.hpp"

namespace yikou::cli {
namespace {

constexpr char kUsagePayloadUrl[] = "yikou.cli/usage";

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr absl::Duration kTokenLifetime = absl::Hours(1);
constexpr absl::Duration kTokenRenewal = absl::Minutes(5);  // left when a new one is made
constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(2);

absl::Status BadContext(const std::string& path, absl::string_view what) {
  return UsageError(absl::StrCat("环境文件 ", path, " 不正确：", what, "。"));
}

// Paths in a context are relative to the file, so that it works from every folder.
std::string Beside(const std::string& context_path, const std::string& path) {
  if (path.empty()) return path;
  return (std::filesystem::path(context_path).parent_path() / path).string();
}

// "yikou.intake.v1.IntakeService.GetCase" is "/yikou.intake.v1.IntakeService/GetCase".
std::string WirePath(const std::string& method) {
  const size_t dot = method.rfind('.');
  return absl::StrCat("/", method.substr(0, dot), "/", method.substr(dot + 1));
}

absl::string_view LastPart(absl::string_view method) {
  return method.substr(method.rfind('.') + 1);
}

// What the server asks to wait, or zero.
absl::Duration RetryDelay(const absl::Status& status) {
  google::rpc::Status details;
  if (!casework::DetailsOf(status, &details)) return absl::ZeroDuration();
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::RetryInfo retry;
    if (detail.UnpackTo(&retry)) {
      return absl::Seconds(retry.retry_delay().seconds()) +
             absl::Nanoseconds(retry.retry_delay().nanos());
    }
  }
  return absl::ZeroDuration();
}

// Half to one and a half of the pause, so that many clients do not come back together.
absl::Duration Jittered(absl::Duration pause) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return pause * std::uniform_real_distribution<double>(0.5, 1.5)(random);
}

// Sentences for what the transport says in its own words.
absl::Status Explained(const absl::Status& status, const std::string& service,
                       const std::string& address) {
  google::rpc::Status details;
  if (casework::DetailsOf(status, &details)) return status;
  if (status.code() == absl::StatusCode::kUnavailable) {
    return absl::UnavailableError(absl::StrCat("服务 ", service, "（", address,
                                               "）无法连接，请确认它已启动、地址正确。",
                                               status.message()));
  }
  if (status.code() == absl::StatusCode::kDeadlineExceeded) {
    return absl::DeadlineExceededError(absl::StrCat("服务 ", service, "（", address,
                                                    "）没有在限定时间内答复，可用 "
                                                    "--request-timeout 延长。"));
  }
  return status;
}

std::string KeyOf(const auth::Principal& principal) {
  return absl::StrJoin({principal.unit_id, principal.person_id, absl::StrJoin(principal.roles, ","),
                        principal.agent_for},
                       "|");
}

}  // namespace

absl::Status UsageError(absl::string_view sentence) {
  absl::Status status = absl::InvalidArgumentError(sentence);
  status.SetPayload(kUsagePayloadUrl, absl::Cord("1"));
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsagePayloadUrl).has_value();
}

absl::StatusOr<Context> LoadContext(const std::string& path) {
  std::ifstream file(path);
  if (!file) return BadContext(path, "无法读取");
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return BadContext(path, "不是 JSON 对象");
  Context context;
  try {
    if (json.contains("services")) {
      context.services = json.at("services").get<std::map<std::string, std::string>>();
    }
    context.token_file = Beside(path, json.value("token_file", ""));
    context.signing_key = Beside(path, json.value("signing_key", ""));
    context.kid = json.value("kid", "");
    context.issuer = json.value("issuer", context.issuer);
    context.audience = json.value("audience", context.audience);
  } catch (const nlohmann::json::exception& error) {
    return BadContext(path, error.what());
  }
  return context;
}

absl::StatusOr<Identity> ParseIdentity(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() < 3 || parts.size() > 4 || parts[1].empty() || parts[2].empty()) {
    return UsageError(absl::StrCat(
        "身份“", text, "”不正确，应为 单位:人员:角色,角色，如 230108001001:c1:CLERK。"));
  }
  Identity identity;
  identity.principal.unit_id = parts[0];
  identity.principal.person_id = parts[1];
  identity.principal.roles = absl::StrSplit(parts[2], ',', absl::SkipEmpty());
  if (parts.size() == 4) identity.principal.agent_for = parts[3];
  return identity;
}

absl::StatusOr<std::unique_ptr<Client>> Client::Create(Context context) {
  auto client = std::unique_ptr<Client>(new Client(std::move(context)));
  const Context& own = client->context_;
  if (!own.signing_key.empty()) {
    YK_ASSIGN_OR_RETURN(client->minter_,
                        auth::TokenMinter::Create(
                            {own.signing_key, own.kid, own.issuer, own.audience}, &client->clock_));
  }
  return client;
}

absl::Status Client::CallMessage(const std::string& service, const std::string& method,
                                 const Message& request, Message* response, const Identity& as,
                                 absl::Duration timeout) {
  YK_ASSIGN_OR_RETURN(const rpc::Client connection, ConnectionTo(service));
  const std::string path = WirePath(method);
  const absl::Time start = absl::Now();
  const absl::Time last_try =
      MayRetry(method, request) ? start + std::min(timeout, retry_for_) : start;
  rpc::CallOptions options;
  options.deadline = start + timeout;
  absl::Duration pause = kFirstPause;
  while (true) {
    YK_ASSIGN_OR_RETURN(options.token, CachedToken(as));
    response->Clear();
    const absl::Status status = connection.CallMethod(path, request, response, options);
    const absl::Duration wait = std::max(RetryDelay(status), Jittered(pause));
    if (status.code() != absl::StatusCode::kUnavailable || absl::Now() + wait >= last_try) {
      return Explained(status, service, context_.services.at(service));
    }
    absl::SleepFor(wait);
    pause = std::min(pause * 2, kLongestPause);
  }
}

absl::StatusOr<std::string> Client::AddressOf(const std::string& service) const {
  const auto found = context_.services.find(service);
  if (found != context_.services.end()) return found->second;
  return UsageError(
      absl::StrCat("不知道服务 ", service, " 的地址，请用 --", service, " 或 --context 给出。"));
}

absl::StatusOr<rpc::Client> Client::ConnectionTo(const std::string& service) {
  YK_ASSIGN_OR_RETURN(const std::string address, AddressOf(service));
  std::lock_guard<std::mutex> lock(mutex_);
  return connections_.try_emplace(service, address).first->second;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Client::ChannelTo(const std::string& service) {
  YK_ASSIGN_OR_RETURN(const std::string address, AddressOf(service));
  return rpc::MakeChannel(address);
}

absl::Status Client::Prepare(const Identity& as, absl::Time deadline, grpc::ClientContext* call) {
  rpc::CallOptions options;
  YK_ASSIGN_OR_RETURN(options.token, CachedToken(as));
  options.deadline = deadline;
  rpc::Prepare(call, options);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Client::TokenFor(const Identity& as, absl::Duration lifetime) {
  if (minter_ == nullptr) {
    return UsageError("环境文件没有签名密钥（signing_key），不能签发令牌，请用 --token-file。");
  }
  return minter_->Mint(as.principal, lifetime);
}

absl::StatusOr<std::string> Client::CachedToken(const Identity& as) {
  if (!as.token.empty() || as.empty()) return as.token;
  std::lock_guard<std::mutex> lock(mutex_);
  Token& token = tokens_[KeyOf(as.principal)];
  if (token.expires - kTokenRenewal < clock_.Now()) {
    YK_ASSIGN_OR_RETURN(token.text, TokenFor(as, kTokenLifetime));
    token.expires = clock_.Now() + kTokenLifetime;
  }
  return token.text;
}

bool Client::MayRetry(absl::string_view method, const Message& request) {
  const FieldDescriptor* id = request.GetDescriptor()->FindFieldByName("request_id");
  if (id != nullptr) return !request.GetReflection()->GetString(request, id).empty();
  const absl::string_view name = LastPart(method);
  for (absl::string_view verb : {"Get", "BatchGet", "List", "Explain", "Verify", "Read", "Check"}) {
    if (absl::StartsWith(name, verb)) return true;
  }
  return false;
}

}  // namespace yikou::cli
