#include "libs/queue/link.h"

#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status.h"

namespace yikou::queue {
namespace {

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

}  // namespace

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

absl::Duration TimeLeft(absl::Time deadline, absl::Duration patience, const base::Clock& clock) {
  return std::clamp(deadline - clock.Now(), absl::Milliseconds(1), patience);
}

void Link::FreeContext::operator()(redisContext* context) const { redisFree(context); }

absl::StatusOr<std::unique_ptr<Link>> Link::Take(redisContext* context) {
  std::unique_ptr<Link> link(new Link(context));
  if (context == nullptr) return absl::UnavailableError("there is no memory for a connection");
  if (context->err != 0) return absl::UnavailableError(context->errstr);
  return link;
}

absl::StatusOr<std::unique_ptr<Link>> Link::Connect(const Address& address,
                                                    absl::Duration patience) {
  return Take(
      redisConnectWithTimeout(address.host.c_str(), address.port, absl::ToTimeval(patience)));
}

absl::StatusOr<std::unique_ptr<Link>> Link::ConnectUnix(const std::string& path,
                                                        absl::Duration patience) {
  return Take(redisConnectUnixWithTimeout(path.c_str(), absl::ToTimeval(patience)));
}

// Why the last call on the socket failed; `error` is the errno it left.
std::string Link::SocketFailure(int error) const {
  if (error == EAGAIN) return absl::StrCat("it did not answer within ", FormatDuration(patience_));
  return std::strerror(error);
}

absl::Status Link::Send(absl::string_view wire) {
  // Not hiredis' own write(): that one raises SIGPIPE, and would end the process, when the server
  // has gone away.
  while (!wire.empty()) {
    const ssize_t sent = send(context_->fd, wire.data(), wire.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      wire.remove_prefix(sent);
    } else if (errno != EINTR) {
      return absl::UnavailableError(SocketFailure(errno));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Reply> Link::Receive() {
  void* raw = nullptr;
  if (redisGetReply(context_.get(), &raw) != REDIS_OK) {
    const int error = errno;
    return absl::UnavailableError(context_->err == REDIS_ERR_IO ? SocketFailure(error)
                                                                : std::string(context_->errstr));
  }
  Reply reply = Convert(*static_cast<redisReply*>(raw));
  freeReplyObject(raw);
  return reply;
}

absl::StatusOr<std::vector<Reply>> Link::Exchange(const std::vector<Command>& commands,
                                                  absl::Duration patience) {
  if (patience != patience_) {
    if (redisSetTimeout(context_.get(), absl::ToTimeval(patience)) != REDIS_OK) {
      return absl::UnavailableError(context_->errstr);
    }
    patience_ = patience;
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

}  // namespace yikou::queue
