#include "libs/queue/groups.h"

#include <algorithm>
#include <compare>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status.h"

namespace yikou::queue {
namespace {

// An id is compared as two numbers; as text "9-0" would come behind "10-0".
struct EntryId {
  uint64_t millis = 0;
  uint64_t sequence = 0;
  auto operator<=>(const EntryId&) const = default;
};

EntryId ParseId(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, '-');
  EntryId id;
  if (!absl::SimpleAtoi(parts.first, &id.millis)) return {};
  if (!absl::SimpleAtoi(parts.second, &id.sequence)) id.sequence = 0;
  return id;
}

EntryId FirstIdAt(absl::Time time) {
  return {static_cast<uint64_t>(std::max<int64_t>(absl::ToUnixMillis(time), 0)), 0};
}

struct Group {
  std::string name;
  EntryId last_delivered;
  std::optional<int64_t> lag;
  int64_t pending = 0;
  EntryId oldest_pending;  // where pending > 0

  EntryId Needs() const {
    return pending > 0 ? std::min(oldest_pending, last_delivered) : last_delivered;
  }
};

// XINFO answers with names and values in turn.
const Reply* FindField(const Reply& info, absl::string_view name) {
  for (size_t i = 0; i + 1 < info.elements.size(); i += 2) {
    if (info.elements[i].text == name) return &info.elements[i + 1];
  }
  return nullptr;
}

Group ToGroup(const Reply& info) {
  Group group;
  if (const Reply* name = FindField(info, "name")) group.name = name->text;
  if (const Reply* last = FindField(info, "last-delivered-id")) {
    group.last_delivered = ParseId(last->text);
  }
  const Reply* lag = FindField(info, "lag");
  if (lag != nullptr && lag->kind == Reply::Kind::kInteger) group.lag = lag->integer;
  return group;
}

absl::StatusOr<std::vector<Group>> LoadGroups(RedisConnection* redis, const std::string& stream) {
  std::vector<Group> groups;
  YK_ASSIGN_OR_RETURN(const Reply infos,
                      redis->Run({"XINFO", "GROUPS", stream}, {"ERR no such key"}));
  for (const Reply& info : infos.elements) groups.push_back(ToGroup(info));
  if (groups.empty()) return groups;

  std::vector<Command> commands;
  for (const Group& group : groups) commands.push_back({"XPENDING", stream, group.name});
  // After XINFO and not before it: what is read in between has ids above last_delivered, so the
  // smaller of the two is right.
  YK_ASSIGN_OR_RETURN(const auto summaries, redis->Pipeline(commands, {"NOGROUP"}));
  for (size_t i = 0; i < groups.size(); ++i) {
    const std::vector<Reply>& summary = summaries[i].elements;  // count, least id, greatest id, ...
    if (summary.empty() || summary[0].integer == 0) continue;
    groups[i].pending = summary[0].integer;
    groups[i].oldest_pending = ParseId(summary[1].text);
  }
  return groups;
}

// A member that asks, even in vain, is alive: in a quiet stream the last entry delivered is old.
absl::StatusOr<bool> HasActiveMember(RedisConnection* redis, const std::string& stream,
                                     const std::string& group, absl::Time since) {
  YK_ASSIGN_OR_RETURN(const Reply members, redis->Run({"XINFO", "CONSUMERS", stream, group},
                                                      {"NOGROUP", "ERR no such key"}));
  const absl::Duration most_idle = redis->clock().Now() - since;
  return std::any_of(members.elements.begin(), members.elements.end(), [&](const Reply& member) {
    const Reply* idle = FindField(member, "idle");
    return idle != nullptr && absl::Milliseconds(idle->integer) < most_idle;
  });
}

}  // namespace

absl::StatusOr<std::vector<GroupStats>> ReadGroupStats(RedisConnection* redis,
                                                       const std::string& stream) {
  YK_ASSIGN_OR_RETURN(const std::vector<Group> groups, LoadGroups(redis, stream));
  const absl::Time now = redis->clock().Now();
  std::vector<GroupStats> stats;
  for (const Group& group : groups) {
    absl::Duration age;
    if (group.pending > 0) {
      age = std::max(now - absl::FromUnixMillis(group.oldest_pending.millis), absl::Duration());
    }
    stats.push_back({stream, group.name, group.lag, group.pending, age});
  }
  return stats;
}

absl::StatusOr<bool> PullBackGroup(RedisConnection* redis, const std::string& stream,
                                   const std::string& group) {
  // Groups before the stream: what is added and read in between moves the stream's end too.
  YK_ASSIGN_OR_RETURN(const auto infos,
                      redis->Pipeline({{"XINFO", "GROUPS", stream}, {"XINFO", "STREAM", stream}},
                                      {"ERR no such key"}));
  const Reply* last = FindField(infos[1], "last-generated-id");
  if (last == nullptr) return false;
  for (const Reply& info : infos[0].elements) {
    const Group found = ToGroup(info);
    if (found.name != group || found.last_delivered <= ParseId(last->text)) continue;
    YK_RETURN_IF_ERROR(redis->Run({"XGROUP", "SETID", stream, group, "0"}).status());
    return true;
  }
  return false;
}

absl::StatusOr<std::string> SafeTrimId(RedisConnection* redis, const std::string& stream,
                                       absl::Time forget_before) {
  YK_ASSIGN_OR_RETURN(const std::vector<Group> groups, LoadGroups(redis, stream));
  const EntryId cutoff = FirstIdAt(forget_before);
  std::optional<EntryId> needed;
  for (const Group& group : groups) {
    EntryId needs = group.Needs();
    if (group.last_delivered < cutoff) {
      YK_ASSIGN_OR_RETURN(const bool active,
                          HasActiveMember(redis, stream, group.name, forget_before));
      if (!active) needs = cutoff;
    }
    needed = std::min(needed.value_or(needs), needs);
  }
  const EntryId id = needed.value_or(cutoff);
  return absl::StrCat(id.millis, "-", id.sequence);
}

}  // namespace yikou::queue
