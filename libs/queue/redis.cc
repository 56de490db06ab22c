#include "libs/queue/redis.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status.h"
#include "libs/queue/link.h"
#include "libs/queue/sentinel.h"

namespace yikou::queue {
namespace {

constexpr absl::Duration kLeastBackoff = absl::Milliseconds(50);
constexpr absl::Duration kMostBackoff = absl::Seconds(2);

bool IsExpected(const Reply& error, const std::vector<absl::string_view>& expected) {
  return std::any_of(expected.begin(), expected.end(), [&](absl::string_view prefix) {
    return absl::StartsWith(error.text, prefix);
  });
}

}  // namespace

struct RedisConnection::Impl {
  RedisOptions options;
  const base::Clock* clock;
  std::unique_ptr<MasterFinder> finder;  // none without sentinels
  std::unique_ptr<RedisLink> link;
  Master master;   // what the link leads to, with sentinels
  Address logged;  // the master the log speaks of
  absl::Duration backoff;
  absl::Time retry_at = absl::InfinitePast();

  absl::Status EnsureConnected();
  absl::Status Connect();
  absl::Status ConnectToMaster();
  // Says the password, if there is one, and asks `question`, if there is one.
  absl::StatusOr<Reply> Greet(const Command& question, absl::Duration patience);
  absl::Status Fail(absl::string_view why);
  std::string Name() const;
};

std::string RedisConnection::Impl::Name() const {
  if (finder == nullptr) {
    return options.unix_socket.empty() ? Address{options.host, options.port}.ToString()
                                       : options.unix_socket;
  }
  if (master.address.host.empty()) return options.master_name;
  return absl::StrCat(master.address.ToString(), ", the master of ", options.master_name, ",");
}

absl::Status RedisConnection::Impl::Fail(absl::string_view why) {
  link.reset();
  backoff = std::clamp(backoff * 2, kLeastBackoff, kMostBackoff);
  retry_at = clock->Now() + backoff;
  return absl::UnavailableError(absl::StrCat("Redis at ", Name(), " failed: ", why, "."));
}

absl::Status RedisConnection::Impl::EnsureConnected() {
  if (link != nullptr && finder != nullptr && finder->HasMoved(&master, options.timeout)) {
    base::LogWarning("queue.master_left", {{"master", options.master_name},
                                           {"address", master.address.ToString()},
                                           {"cause", "a sentinel names another one"}});
    link.reset();
  }
  if (link != nullptr) return absl::OkStatus();
  // More than a backoff ahead means that the clock was set back; then the wait is over.
  const absl::Duration wait = retry_at - clock->Now();
  if (wait > absl::ZeroDuration() && wait <= backoff) {
    return absl::UnavailableError(absl::StrCat("Redis at ", Name(),
                                               " failed shortly before; it is tried again in ",
                                               FormatDuration(wait), "."));
  }
  const absl::Status status = finder == nullptr ? Connect() : ConnectToMaster();
  return status.ok() ? status : Fail(status.message());
}

absl::Status RedisConnection::Impl::Connect() {
  if (options.connect) {
    YK_ASSIGN_OR_RETURN(link, options.connect());
    return absl::OkStatus();
  }
  auto connected = options.unix_socket.empty()
                       ? Link::Connect({options.host, options.port}, options.timeout)
                       : Link::ConnectUnix(options.unix_socket, options.timeout);
  YK_RETURN_IF_ERROR(connected.status());
  link = *std::move(connected);
  return Greet({}, options.timeout).status();
}

absl::Status RedisConnection::Impl::ConnectToMaster() {
  const absl::Time deadline = clock->Now() + options.timeout;
  YK_ASSIGN_OR_RETURN(master, finder->Find(options.timeout));
  // Until it has said that it is the master the sentinel may be wrong.
  auto connected = Link::Connect(master.address, TimeLeft(deadline, options.timeout, *clock));
  absl::Status status = connected.status();
  if (status.ok()) {
    link = *std::move(connected);
    const absl::StatusOr<Reply> role = Greet({"ROLE"}, TimeLeft(deadline, options.timeout, *clock));
    status = role.status();
    if (status.ok() && (role->elements.empty() || role->elements[0].text != "master")) {
      status = absl::UnavailableError("it is not a master, whatever the sentinels say");
    }
  }
  if (!status.ok()) {
    finder->NamedInVain();
    return status;
  }
  if (master.address != logged) {
    // The first is no news: it is found by every connection, the short ones of statistics too.
    base::Log(logged.host.empty() ? base::LogLevel::kDebug : base::LogLevel::kInfo,
              "queue.master_found",
              {{"master", options.master_name}, {"address", master.address.ToString()}});
    logged = master.address;
  }
  return status;
}

absl::StatusOr<Reply> RedisConnection::Impl::Greet(const Command& question,
                                                   absl::Duration patience) {
  std::string password;
  std::vector<Command> commands;
  if (!options.password_file.empty()) {
    YK_ASSIGN_OR_RETURN(password, ReadPassword(options.password_file));
    commands.push_back({"AUTH", password});
  }
  if (!question.empty()) commands.push_back(question);
  YK_ASSIGN_OR_RETURN(std::vector<Reply> replies, link->Exchange(commands, patience));
  for (const Reply& reply : replies) {
    if (reply.kind == Reply::Kind::kError) return absl::UnavailableError(reply.text);
  }
  return replies.empty() ? Reply() : std::move(replies.back());
}

std::string Address::ToString() const {
  return absl::StrContains(host, ":") ? absl::StrCat("[", host, "]:", port)
                                      : absl::StrCat(host, ":", port);
}

RedisConnection::RedisConnection(RedisOptions options, const base::Clock* clock)
    : impl_(new Impl{.options = std::move(options), .clock = clock}) {
  if (!impl_->options.sentinels.empty()) {
    impl_->finder = std::make_unique<MasterFinder>(impl_->options, clock);
  }
}
RedisConnection::~RedisConnection() = default;

const base::Clock& RedisConnection::clock() const { return *impl_->clock; }

absl::StatusOr<std::vector<Reply>> RedisConnection::Pipeline(
    const std::vector<Command>& commands, const std::vector<absl::string_view>& expected_errors,
    absl::Duration block) {
  YK_RETURN_IF_ERROR(impl_->EnsureConnected());
  auto replies = impl_->link->Exchange(commands, impl_->options.timeout + block);
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
