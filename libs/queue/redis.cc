#include "libs/queue/redis.h"

#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status.h"

namespace yikou::queue {
namespace {

constexpr absl::Duration kLeastBackoff = absl::Milliseconds(50);
constexpr absl::Duration kMostBackoff = absl::Seconds(2);

std::string Encode(const std::vector<Command>& commands) {
  std::string wire;
  for (const Command& command : commands) {
    absl::StrAppend(&wire, "*", command.size(), "\r\n");
    for (const absl::string_view word : command) {
      absl::StrAppend(&wire, "$", word.size(), "\r\n", word, "\r\n");
    }
  }
  return wire;
}

Reply Convert(const redisReply& from) {
  Reply to;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      to.kind = Reply::Kind::kInteger;
      to.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      to.kind = Reply::Kind::kText;
      to.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ERROR:
      to.kind = Reply::Kind::kError;
      to.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      to.kind = Reply::Kind::kArray;
      to.elements.reserve(from.elements);
      for (size_t i = 0; i < from.elements; ++i) to.elements.push_back(Convert(*from.element[i]));
      break;
    default:
      break;
  }
  return to;
}

absl::StatusOr<std::string> ReadPassword(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string password{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  absl::string_view text = password;
  absl::ConsumeSuffix(&text, "\n");
  absl::ConsumeSuffix(&text, "\r");
  if (text.empty()) {
    return absl::UnavailableError(absl::StrCat("its password file ", path, " cannot be read"));
  }
  return std::string(text);
}

bool IsExpected(const Reply& error, const std::vector<absl::string_view>& expected) {
  return std::any_of(expected.begin(), expected.end(), [&](absl::string_view prefix) {
    return absl::StartsWith(error.text, prefix);
  });
}

}  // namespace

struct RedisConnection::Impl {
  struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
  };

  RedisOptions options;
  const base::Clock* clock;
  std::unique_ptr<redisContext, FreeContext> context;
  absl::Duration patience;  // the wait now set on the socket
  absl::Duration backoff;
  absl::Time retry_at = absl::InfinitePast();

  absl::Status EnsureConnected();
  absl::Status Connect();
  absl::Status Authenticate();
  absl::Status Send(absl::string_view wire);
  absl::StatusOr<Reply> Receive();
  absl::StatusOr<std::vector<Reply>> Exchange(const std::vector<Command>& commands,
                                              absl::Duration wait);
  absl::Status Fail(absl::string_view why);

  std::string Name() const {
    return options.unix_socket.empty() ? absl::StrCat(options.host, ":", options.port)
                                       : options.unix_socket;
  }
  // Why the last call on the socket failed; `error` is the errno it left.
  std::string SocketFailure(int error) const {
    if (error == EAGAIN) return absl::StrCat("it did not answer within ", FormatDuration(patience));
    return std::strerror(error);
  }
};

absl::Status RedisConnection::Impl::Fail(absl::string_view why) {
  context.reset();
  backoff = std::clamp(backoff * 2, kLeastBackoff, kMostBackoff);
  retry_at = clock->Now() + backoff;
  return absl::UnavailableError(absl::StrCat("Redis at ", Name(), " failed: ", why, "."));
}

absl::Status RedisConnection::Impl::EnsureConnected() {
  if (context != nullptr) return absl::OkStatus();
  // More than a backoff ahead means that the clock was set back; then the wait is over.
  const absl::Duration wait = retry_at - clock->Now();
  if (wait > absl::ZeroDuration() && wait <= backoff) {
    return absl::UnavailableError(absl::StrCat("Redis at ", Name(),
                                               " failed shortly before; it is tried again in ",
                                               FormatDuration(wait), "."));
  }
  absl::Status status = Connect();
  if (status.ok() && !options.password_file.empty()) status = Authenticate();
  return status.ok() ? status : Fail(status.message());
}

absl::Status RedisConnection::Impl::Connect() {
  const timeval timeout = absl::ToTimeval(options.timeout);
  context.reset(options.unix_socket.empty()
                    ? redisConnectWithTimeout(options.host.c_str(), options.port, timeout)
                    : redisConnectUnixWithTimeout(options.unix_socket.c_str(), timeout));
  if (context == nullptr) return absl::UnavailableError("there is no memory for a connection");
  if (context->err != 0) return absl::UnavailableError(context->errstr);
  patience = absl::ZeroDuration();
  return absl::OkStatus();
}

absl::Status RedisConnection::Impl::Authenticate() {
  YK_ASSIGN_OR_RETURN(const std::string password, ReadPassword(options.password_file));
  YK_ASSIGN_OR_RETURN(const auto replies, Exchange({{"AUTH", password}}, options.timeout));
  if (replies[0].kind == Reply::Kind::kError) return absl::UnavailableError(replies[0].text);
  return absl::OkStatus();
}

absl::Status RedisConnection::Impl::Send(absl::string_view wire) {
  // Not hiredis' own write(): that one raises SIGPIPE, and would end the process, when the server
  // has gone away.
  while (!wire.empty()) {
    const ssize_t sent = send(context->fd, wire.data(), wire.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      wire.remove_prefix(sent);
    } else if (errno != EINTR) {
      return absl::UnavailableError(SocketFailure(errno));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Reply> RedisConnection::Impl::Receive() {
  void* raw = nullptr;
  if (redisGetReply(context.get(), &raw) != REDIS_OK) {
    const int error = errno;
    return absl::UnavailableError(context->err == REDIS_ERR_IO ? SocketFailure(error)
                                                               : std::string(context->errstr));
  }
  Reply reply = Convert(*static_cast<redisReply*>(raw));
  freeReplyObject(raw);
  return reply;
}

absl::StatusOr<std::vector<Reply>> RedisConnection::Impl::Exchange(
    const std::vector<Command>& commands, absl::Duration wait) {
  if (wait != patience) {
    if (redisSetTimeout(context.get(), absl::ToTimeval(wait)) != REDIS_OK) {
      return absl::UnavailableError(context->errstr);
    }
    patience = wait;
  }
  YK_RETURN_IF_ERROR(Send(Encode(commands)));
  std::vector<Reply> replies;
  replies.reserve(commands.size());
  while (replies.size() < commands.size()) {
    YK_ASSIGN_OR_RETURN(Reply reply, Receive());
    replies.push_back(std::move(reply));
  }
  return replies;
}

RedisConnection::RedisConnection(RedisOptions options, const base::Clock* clock)
    : impl_(new Impl{std::move(options), clock}) {}
RedisConnection::~RedisConnection() = default;

const base::Clock& RedisConnection::clock() const { return *impl_->clock; }

absl::StatusOr<std::vector<Reply>> RedisConnection::Pipeline(
    const std::vector<Command>& commands, const std::vector<absl::string_view>& expected_errors,
    absl::Duration block) {
  YK_RETURN_IF_ERROR(impl_->EnsureConnected());
  auto replies = impl_->Exchange(commands, impl_->options.timeout + block);
  if (!replies.ok()) return impl_->Fail(replies.status().message());
  // Only now, with every reply read: a retry on a new connection must not overtake commands that
  // the server still has to run from this one.
  for (size_t i = 0; i < replies->size(); ++i) {
    const Reply& reply = (*replies)[i];
    if (reply.kind == Reply::Kind::kError && !IsExpected(reply, expected_errors)) {
      return impl_->Fail(absl::StrCat("it refused ", commands[i][0], ": ", reply.text));
    }
  }
  impl_->backoff = absl::ZeroDuration();
  return replies;
}

absl::StatusOr<Reply> RedisConnection::Run(const Command& command,
                                           const std::vector<absl::string_view>& expected_errors,
                                           absl::Duration block) {
  YK_ASSIGN_OR_RETURN(auto replies, Pipeline({command}, expected_errors, block));
  return std::move(replies[0]);
}

}  // namespace yikou::queue
