#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/log.h"
#include "libs/base/status.h"
#include "libs/queue/groups.h"
#include "libs/queue/stream.h"

namespace yikou::queue {
namespace {

// FLUSHALL, DEL or a failover took the group away: found when the command comes (NOGROUP) or, by
// newer servers, while it waits (UNBLOCKED).
const std::vector<absl::string_view>& GroupIsGone() {
  static const auto* const errors = new std::vector<absl::string_view>{"NOGROUP", "UNBLOCKED"};
  return *errors;
}

// `entry` is [id, [field, value, ...]].
StreamMessage ToMessage(const std::string& stream, Reply entry) {
  StreamMessage message{stream, std::move(entry.elements[0].text), ""};
  std::vector<Reply>& fields = entry.elements[1].elements;
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text == "e") message.payload = std::move(fields[i + 1].text);
  }
  return message;
}

// `reply` is [next cursor, entries, deleted ids]; adds to `claimed` and returns the cursor.
// Redis before 7 has no third element and leaves holes among the entries instead.
std::string TakeClaimed(const std::string& stream, Reply reply, Claimed* claimed) {
  for (Reply& entry : reply.elements[1].elements) {
    if (entry.kind == Reply::Kind::kArray) {
      claimed->messages.push_back(ToMessage(stream, std::move(entry)));
    } else {
      ++claimed->deleted;
    }
  }
  if (reply.elements.size() > 2) claimed->deleted += reply.elements[2].elements.size();
  return std::move(reply.elements[0].text);
}

std::string AtLeastOneMillisecond(absl::Duration duration) {
  return absl::StrCat(std::max<int64_t>(absl::ToInt64Milliseconds(duration), 1));
}

}  // namespace

Consumer::Consumer(RedisOptions options, const base::Clock* clock, std::string group,
                   std::string name, std::vector<std::string> streams)
    : redis_(std::move(options), clock),
      group_(std::move(group)),
      name_(std::move(name)),
      streams_(std::move(streams)),
      claim_cursors_(streams_.size(), "0-0") {}

absl::Status Consumer::EnsureGroups() {
  if (streams_.empty()) return absl::OkStatus();
  std::vector<Command> commands;
  for (const std::string& stream : streams_) {
    commands.push_back({"XGROUP", "CREATE", stream, group_, "0", "MKSTREAM"});
  }
  YK_RETURN_IF_ERROR(redis_.Pipeline(commands, {"BUSYGROUP"}).status());
  for (const std::string& stream : streams_) {
    YK_ASSIGN_OR_RETURN(const bool pulled, PullBackGroup(&redis_, stream, group_));
    if (pulled) base::LogWarning("queue.group_ahead", {{"group", group_}, {"stream", stream}});
  }
  return absl::OkStatus();
}

absl::Status Consumer::RecreateGroups() {
  YK_RETURN_IF_ERROR(EnsureGroups());
  base::LogWarning("queue.group_recreated",
                   {{"group", group_}, {"streams", absl::StrJoin(streams_, " ")}});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StreamMessage>> Consumer::Read(int count, absl::Duration block) {
  std::vector<StreamMessage> messages;
  if (streams_.empty()) return messages;
  const std::string count_text = absl::StrCat(count);
  const std::string block_text = AtLeastOneMillisecond(block);
  Command command = {"XREADGROUP", "GROUP", group_, name_, "COUNT", count_text};
  // BLOCK 0 would wait for ever.
  if (block > absl::ZeroDuration()) command.insert(command.end(), {"BLOCK", block_text});
  command.push_back("STREAMS");
  command.insert(command.end(), streams_.begin(), streams_.end());
  command.insert(command.end(), streams_.size(), ">");
  const auto done = std::exchange(to_ack_, {});
  std::vector<Command> commands = AckCommands(done);
  commands.push_back(std::move(command));
  YK_ASSIGN_OR_RETURN(auto replies, redis_.Pipeline(commands, GroupIsGone(), block));
  if (replies.back().kind == Reply::Kind::kError) {
    YK_RETURN_IF_ERROR(RecreateGroups());
    return messages;
  }
  for (Reply& stream : replies.back().elements) {
    for (Reply& entry : stream.elements[1].elements) {
      messages.push_back(ToMessage(stream.elements[0].text, std::move(entry)));
    }
  }
  return messages;
}

absl::StatusOr<Claimed> Consumer::Claim(absl::Duration min_idle, int count) {
  Claimed claimed;
  if (streams_.empty()) return claimed;
  const std::string idle_text = absl::StrCat(absl::ToInt64Milliseconds(min_idle));
  const std::string count_text = absl::StrCat(count);
  std::vector<Command> commands;
  for (size_t i = 0; i < streams_.size(); ++i) {
    commands.push_back({"XAUTOCLAIM", streams_[i], group_, name_, idle_text, claim_cursors_[i],
                        "COUNT", count_text});
  }
  YK_ASSIGN_OR_RETURN(auto replies, redis_.Pipeline(commands, GroupIsGone()));
  bool group_is_gone = false;
  for (size_t i = 0; i < replies.size(); ++i) {
    const bool gone = replies[i].kind == Reply::Kind::kError;
    group_is_gone |= gone;
    claim_cursors_[i] = gone ? "0-0" : TakeClaimed(streams_[i], std::move(replies[i]), &claimed);
  }
  // Not an error here, for what came from the other streams is ours now: the next call meets it.
  if (group_is_gone) RecreateGroups().IgnoreError();
  return claimed;
}

std::vector<Command> Consumer::AckCommands(
    const std::map<std::string, std::vector<std::string>>& done) const {
  std::vector<Command> commands;
  for (const auto& [stream, entry_ids] : done) {
    if (entry_ids.empty()) continue;
    Command& command = commands.emplace_back(Command{"XACK", stream, group_});
    command.insert(command.end(), entry_ids.begin(), entry_ids.end());
  }
  return commands;
}

absl::Status Consumer::Ack(const std::string& stream, const std::vector<std::string>& entry_ids) {
  if (entry_ids.empty()) return absl::OkStatus();
  const std::map<std::string, std::vector<std::string>> done = {{stream, entry_ids}};
  return redis_.Pipeline(AckCommands(done)).status();
}

void Consumer::AckLater(const std::string& stream, std::vector<std::string> entry_ids) {
  std::vector<std::string>& ids = to_ack_[stream];
  std::move(entry_ids.begin(), entry_ids.end(), std::back_inserter(ids));
}

absl::Status Consumer::Flush() {
  const auto done = std::exchange(to_ack_, {});
  const std::vector<Command> commands = AckCommands(done);
  return commands.empty() ? absl::OkStatus() : redis_.Pipeline(commands).status();
}

}  // namespace yikou::queue
