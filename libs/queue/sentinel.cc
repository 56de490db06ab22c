#include "libs/queue/sentinel.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/base/status.h"
#include "libs/queue/link.h"

namespace yikou::queue {
namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(1);
constexpr absl::Duration kRest = absl::Seconds(10);

// True from `time` on, and when the clock was set back by more than the wait was.
bool IsDue(absl::Time time, absl::Duration most, absl::Time now) {
  return now >= time || time - now > most;
}

// SENTINEL MASTER answers with names and values in turn.
int64_t EpochOf(const Reply& master) {
  for (size_t i = 0; i + 1 < master.elements.size(); i += 2) {
    int64_t epoch = 0;
    if (master.elements[i].text == "config-epoch" &&
        absl::SimpleAtoi(master.elements[i + 1].text, &epoch)) {
      return epoch;
    }
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::vector<Address>> ParseAddresses(absl::string_view text) {
  std::vector<Address> addresses;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    part = absl::StripAsciiWhitespace(part);
    const size_t colon = std::min(part.rfind(':'), part.size());
    absl::string_view host = part.substr(0, colon);
    const bool in_brackets = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
    const bool is_host = !host.empty() && (in_brackets || !absl::StrContains(host, ":"));
    int port = 0;
    if (!is_host || colon == part.size() || !absl::SimpleAtoi(part.substr(colon + 1), &port) ||
        port < 1 || port > 65535) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", part, "\" is not host:port with a port from 1 to 65535."));
    }
    addresses.push_back({std::string(host), port});
  }
  if (addresses.empty()) return absl::InvalidArgumentError("There is no host:port in the list.");
  return addresses;
}

MasterFinder::MasterFinder(const RedisOptions& options, const base::Clock* clock)
    : clock_(clock),
      master_name_(options.master_name),
      password_file_(options.sentinel_password_file) {
  for (const Address& address : options.sentinels) sentinels_.push_back({.address = address});
}

MasterFinder::~MasterFinder() = default;

absl::Duration MasterFinder::Share(absl::Duration timeout) const {
  return timeout / static_cast<int64_t>(sentinels_.size() + 1);
}

void MasterFinder::NamedInVain() {
  std::rotate(sentinels_.begin(), sentinels_.begin() + 1, sentinels_.end());
}

void MasterFinder::PutFirst(size_t index) {
  std::rotate(sentinels_.begin(), sentinels_.begin() + index, sentinels_.begin() + index + 1);
}

absl::StatusOr<Master> MasterFinder::Ask(Sentinel* sentinel, absl::Duration patience) {
  const absl::Time deadline = clock_->Now() + patience;
  std::string password;
  std::vector<Command> commands;
  if (sentinel->link == nullptr) {
    if (!password_file_.empty()) {
      YK_ASSIGN_OR_RETURN(password, ReadPassword(password_file_));
      commands.push_back({"AUTH", password});
    }
    YK_ASSIGN_OR_RETURN(sentinel->link, Link::Connect(sentinel->address, patience));
  }
  // The first is right a moment earlier in a failover; only the second tells of which one.
  commands.push_back({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_name_});
  commands.push_back({"SENTINEL", "MASTER", master_name_});
  YK_ASSIGN_OR_RETURN(const std::vector<Reply> replies,
                      sentinel->link->Exchange(commands, TimeLeft(deadline, patience, *clock_)));
  const Reply& named = replies[replies.size() - 2];
  if (named.kind == Reply::Kind::kNil) {
    return absl::UnavailableError(absl::StrCat("it watches no master named ", master_name_));
  }
  for (const Reply& reply : replies) {
    if (reply.kind == Reply::Kind::kError) return absl::UnavailableError(reply.text);
  }
  Master master;
  if (named.elements.size() != 2 ||
      !absl::SimpleAtoi(named.elements[1].text, &master.address.port)) {
    return absl::UnavailableError("it does not answer as a sentinel does");
  }
  master.address.host = named.elements[0].text;
  master.epoch = EpochOf(replies.back());
  return master;
}

absl::StatusOr<Master> MasterFinder::Find(absl::Duration timeout) {
  std::string failures;
  for (size_t i = 0; i < sentinels_.size(); ++i) {
    Sentinel& sentinel = sentinels_[i];
    sentinel.link.reset();  // it may be as old as the last look
    absl::StatusOr<Master> master = Ask(&sentinel, Share(timeout));
    if (master.ok()) {
      PutFirst(i);
      return master;
    }
    sentinel.link.reset();
    absl::StrAppend(&failures, failures.empty() ? "" : "; ", sentinel.address.ToString(), ": ",
                    master.status().message());
  }
  return absl::UnavailableError(absl::StrCat("no sentinel says where it is (", failures, ")"));
}

bool MasterFinder::HasMoved(Master* current, absl::Duration timeout) {
  const absl::Time now = clock_->Now();
  if (!IsDue(next_look_, kLookEvery, now)) return false;
  next_look_ = now + kLookEvery;
  for (size_t tried = 0; tried < sentinels_.size(); ++tried) {
    const size_t index = next_++ % sentinels_.size();
    Sentinel& sentinel = sentinels_[index];
    if (!IsDue(sentinel.rests_until, kRest, now)) continue;
    const absl::StatusOr<Master> named = Ask(&sentinel, Share(timeout));
    if (!named.ok()) {
      sentinel.link.reset();
      sentinel.rests_until = now + kRest;
      return false;
    }
    // Anything not later than what we know is the word of a sentinel that slept.
    if (named->epoch <= current->epoch) return false;
    if (named->address == current->address) {
      current->epoch = named->epoch;
      return false;
    }
    PutFirst(index);
    return true;
  }
  return false;
}

}  // namespace yikou::queue
