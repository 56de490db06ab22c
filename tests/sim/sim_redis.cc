#include "tests/sim/sim_redis.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace yikou::sim {

using queue::Reply;

namespace {

constexpr size_t kAcksRemembered = 32;

Reply Integer(int64_t value) {
  Reply reply;
  reply.kind = Reply::Kind::kInteger;
  reply.integer = value;
  return reply;
}

Reply Text(std::string text) {
  Reply reply;
  reply.kind = Reply::Kind::kText;
  reply.text = std::move(text);
  return reply;
}

Reply Error(std::string text) {
  Reply reply;
  reply.kind = Reply::Kind::kError;
  reply.text = std::move(text);
  return reply;
}

Reply Array(std::vector<Reply> elements) {
  Reply reply;
  reply.kind = Reply::Kind::kArray;
  reply.elements = std::move(elements);
  return reply;
}

Reply NoGroup(const std::string& stream, const std::string& group) {
  return Error(absl::StrCat("NOGROUP No such key '", stream, "' or consumer group '", group, "'"));
}

int64_t Number(const std::string& text) {
  int64_t number = 0;
  (void)absl::SimpleAtoi(text, &number);
  return number;
}

// Place of a word, or the size when it is not there.
size_t Find(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) - words.begin();
}

}  // namespace

std::string SimRedis::Text(const Id& id) { return absl::StrCat(id.first, "-", id.second); }

SimRedis::Id SimRedis::ParseId(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '-');
  Id id{0, 0};
  (void)absl::SimpleAtoi(parts[0], &id.first);
  if (parts.size() > 1) (void)absl::SimpleAtoi(parts[1], &id.second);
  return id;
}

Reply SimRedis::EntryReply(const Id& id, const Fields& fields) {
  std::vector<Reply> words;
  for (const std::string& field : fields) words.push_back(sim::Text(field));
  return Array({sim::Text(Text(id)), Array(std::move(words))});
}

SimRedis::Group* SimRedis::Find(const std::string& stream, const std::string& group) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return nullptr;
  const auto own = found->second.groups.find(group);
  return own == found->second.groups.end() ? nullptr : &own->second;
}

Reply SimRedis::Execute(const queue::Command& command, absl::Duration* wait) {
  Words words;
  for (const absl::string_view word : command) words.emplace_back(word);
  const std::string& name = words[0];
  if (name == "XADD") return Add(words);
  if (name == "XGROUP") return MakeGroup(words);
  if (name == "XREADGROUP") return ReadGroup(words, wait);
  if (name == "XAUTOCLAIM") return AutoClaim(words);
  if (name == "XACK") return Ack(words);
  if (name == "XTRIM") return Trim(words);
  if (name == "XINFO") return Info(words);
  if (name == "XPENDING") return PendingSummary(words);
  if (name == "PING") return sim::Text("PONG");
  if (name == "INFO") {
    return sim::Text(absl::StrCat("maxmemory_policy:noeviction\r\naof_enabled:1\r\n",
                                  "redis_version:7.0.15\r\nblocked_clients:", waiting_, "\r\n"));
  }
  if (name == "XLEN") {
    const auto found = streams_.find(words[1]);
    return Integer(found == streams_.end() ? 0
                                           : static_cast<int64_t>(found->second.entries.size()));
  }
  return Error(absl::StrCat("ERR unknown command '", name, "'"));
}

// XADD stream id field value ...
Reply SimRedis::Add(const Words& words) {
  Stream& stream = streams_[words[1]];
  Id id{static_cast<uint64_t>(absl::ToUnixMillis(clock_->Now())), 0};
  if (words[2] != "*") {
    id = ParseId(words[2]);
    if (id <= stream.last_id) {
      return Error(
          "ERR The ID specified in XADD is equal or smaller than the target stream top "
          "item");
    }
  } else if (id <= stream.last_id) {
    id = {stream.last_id.first, stream.last_id.second + 1};
  }
  stream.entries[id] = Fields(words.begin() + 3, words.end());
  stream.last_id = id;
  ++stream.added;
  return sim::Text(Text(id));
}

// XGROUP CREATE stream group 0 MKSTREAM, XGROUP DESTROY stream group, XGROUP SETID stream group id
Reply SimRedis::MakeGroup(const Words& words) {
  if (words[1] == "DESTROY") {
    return Integer(static_cast<int64_t>(streams_[words[2]].groups.erase(words[3])));
  }
  if (words[1] == "SETID") {
    Group* group = Find(words[2], words[3]);
    if (group == nullptr) return NoGroup(words[2], words[3]);
    group->last_delivered = ParseId(words[4]);
    return sim::Text("OK");
  }
  const bool is_new = streams_[words[2]].groups.try_emplace(words[3]).second;
  return is_new ? sim::Text("OK") : Error("BUSYGROUP Consumer Group name already exists");
}

// XREADGROUP GROUP group member COUNT n [BLOCK ms] STREAMS stream ... > ...
Reply SimRedis::ReadGroup(const Words& words, absl::Duration* wait) {
  const std::string& group_name = words[2];
  const int64_t count = Number(words[5]);
  const size_t first = sim::Find(words, "STREAMS") + 1;
  const size_t streams = (words.size() - first) / 2;
  for (size_t i = 0; i < streams; ++i) {
    if (Find(words[first + i], group_name) == nullptr) return NoGroup(words[first + i], group_name);
  }
  std::vector<Reply> replies;
  for (size_t i = 0; i < streams; ++i) {
    const std::string& name = words[first + i];
    Stream& stream = streams_[name];
    Group& group = *Find(name, group_name);
    group.members[words[3]] = clock_->Now();
    std::vector<Reply> entries;
    auto next = stream.entries.upper_bound(group.last_delivered);
    for (; next != stream.entries.end() && static_cast<int64_t>(entries.size()) < count; ++next) {
      group.last_delivered = next->first;
      ++group.entries_read;
      group.pending[next->first] = {words[3], clock_->Now()};
      entries.push_back(EntryReply(next->first, next->second));
    }
    if (!entries.empty()) replies.push_back(Array({sim::Text(name), Array(std::move(entries))}));
  }
  const size_t block = sim::Find(words, "BLOCK");
  if (wait != nullptr && replies.empty() && block < first) {
    *wait = absl::Milliseconds(Number(words[block + 1]));
  }
  return replies.empty() ? Reply() : Array(std::move(replies));
}

// XAUTOCLAIM stream group member min-idle start COUNT n
Reply SimRedis::AutoClaim(const Words& words) {
  Group* group = Find(words[1], words[2]);
  if (group == nullptr) return NoGroup(words[1], words[2]);
  const absl::Time now = clock_->Now();
  const absl::Duration idle = absl::Milliseconds(Number(words[4]));
  const int64_t count = Number(words[7]);
  const Stream& stream = streams_[words[1]];
  std::vector<Reply> entries;
  std::vector<Reply> deleted;
  // As the server: looks at ten times as many as it may take.
  int64_t looks = count * 10;
  auto next = group->pending.lower_bound(ParseId(words[5]));
  group->members[words[3]] = now;
  while (next != group->pending.end() && looks-- > 0 &&
         static_cast<int64_t>(entries.size()) < count) {
    const auto entry = stream.entries.find(next->first);
    if (entry == stream.entries.end()) {
      deleted.push_back(sim::Text(Text(next->first)));
      next = group->pending.erase(next);
      continue;
    }
    if (now - next->second.delivered >= idle) {
      next->second = {words[3], now};
      entries.push_back(EntryReply(entry->first, entry->second));
    }
    ++next;
  }
  const std::string cursor = next == group->pending.end() ? "0-0" : Text(next->first);
  return Array({sim::Text(cursor), Array(std::move(entries)), Array(std::move(deleted))});
}

// XACK stream group id ...
Reply SimRedis::Ack(const Words& words) {
  Group* group = Find(words[1], words[2]);
  int64_t acknowledged = 0;
  for (size_t i = 3; group != nullptr && i < words.size(); ++i) {
    const Id id = ParseId(words[i]);
    const auto pending = group->pending.find(id);
    if (pending == group->pending.end()) continue;
    const Stream& stream = streams_[words[1]];
    const auto entry = stream.entries.find(id);
    if (on_ack && entry != stream.entries.end() && entry->second.size() > 1) {
      on_ack(words[1], words[2], entry->second[1]);
    }
    group->acked.emplace_back(id, pending->second);
    if (group->acked.size() > kAcksRemembered) group->acked.erase(group->acked.begin());
    group->pending.erase(pending);
    ++acknowledged;
  }
  return Integer(acknowledged);
}

// XTRIM stream MINID [~] id, XTRIM stream MAXLEN n
Reply SimRedis::Trim(const Words& words) {
  const auto found = streams_.find(words[1]);
  if (found == streams_.end()) return Integer(0);
  auto& entries = found->second.entries;
  const size_t before = entries.size();
  if (words[2] == "MINID") {
    entries.erase(entries.begin(), entries.lower_bound(ParseId(words.back())));
  } else {
    while (static_cast<int64_t>(entries.size()) > Number(words.back())) {
      entries.erase(entries.begin());
    }
  }
  return Integer(static_cast<int64_t>(before - entries.size()));
}

// XINFO GROUPS stream, XINFO STREAM stream, XINFO CONSUMERS stream group
Reply SimRedis::Info(const Words& words) {
  const auto found = streams_.find(words[2]);
  if (found == streams_.end()) return Error("ERR no such key");
  std::vector<Reply> rows;
  if (words[1] == "STREAM") {
    return Array({sim::Text("last-generated-id"), sim::Text(Text(found->second.last_id))});
  }
  if (words[1] == "GROUPS") {
    for (const auto& [name, group] : found->second.groups) {
      rows.push_back(Array({sim::Text("name"), sim::Text(name), sim::Text("pending"),
                            Integer(static_cast<int64_t>(group.pending.size())),
                            sim::Text("last-delivered-id"), sim::Text(Text(group.last_delivered)),
                            sim::Text("lag"),
                            Integer(static_cast<int64_t>(found->second.added) -
                                    static_cast<int64_t>(group.entries_read))}));
    }
    return Array(std::move(rows));
  }
  const Group* group = Find(words[2], words[3]);
  if (group == nullptr) return NoGroup(words[2], words[3]);
  for (const auto& [name, asked] : group->members) {
    rows.push_back(Array({sim::Text("name"), sim::Text(name), sim::Text("idle"),
                          Integer(absl::ToInt64Milliseconds(clock_->Now() - asked))}));
  }
  return Array(std::move(rows));
}

// XPENDING stream group
Reply SimRedis::PendingSummary(const Words& words) {
  const Group* group = Find(words[1], words[2]);
  if (group == nullptr) return NoGroup(words[1], words[2]);
  if (group->pending.empty()) return Array({Integer(0), Reply(), Reply(), Reply()});
  return Array({Integer(static_cast<int64_t>(group->pending.size())),
                sim::Text(Text(group->pending.begin()->first)),
                sim::Text(Text(group->pending.rbegin()->first)), Array({})});
}

void SimRedis::FlushAll() { streams_.clear(); }

void SimRedis::LoseTail(int count, bool groups_too) {
  for (auto& [name, stream] : streams_) {
    for (int i = 0; i < count && !stream.entries.empty(); ++i) {
      stream.entries.erase(std::prev(stream.entries.end()));
      --stream.added;
    }
    stream.last_id = stream.entries.empty() ? Id{0, 0} : stream.entries.rbegin()->first;
    for (auto& [group_name, group] : stream.groups) {
      if (!groups_too) continue;
      group.last_delivered = std::min(group.last_delivered, stream.last_id);
      group.entries_read = std::min(group.entries_read, stream.added);
      group.pending.erase(group.pending.upper_bound(stream.last_id), group.pending.end());
    }
  }
}

void SimRedis::ForgetAcks() {
  for (auto& [name, stream] : streams_) {
    for (auto& [group_name, group] : stream.groups) {
      for (auto& [id, pending] : group.acked) {
        if (id <= group.last_delivered) group.pending.emplace(id, pending);
      }
      group.acked.clear();
    }
  }
}

}  // namespace yikou::sim
