#include "libs/base/status.h"
#include "libs/queue/groups.h"
#include "libs/queue/stream.h"

namespace yikou::queue {

absl::Status Producer::Append(const std::vector<std::pair<std::string, std::string>>& entries) {
  if (entries.empty()) return absl::OkStatus();
  std::vector<Command> commands;
  commands.reserve(entries.size());
  for (const auto& [stream, payload] : entries) {
    commands.push_back({"XADD", stream, "*", "e", payload});
  }
  return redis_.Pipeline(commands).status();
}

absl::StatusOr<int64_t> Producer::Length(const std::string& stream) {
  YK_ASSIGN_OR_RETURN(const Reply reply, redis_.Run({"XLEN", stream}));
  return reply.integer;
}

absl::StatusOr<int64_t> Producer::Trim(const std::string& stream, const std::string& min_id) {
  YK_ASSIGN_OR_RETURN(const Reply reply, redis_.Run({"XTRIM", stream, "MINID", "~", min_id}));
  return reply.integer;
}

absl::StatusOr<int64_t> Producer::TrimBehind(const std::string& stream,
                                             absl::Duration absent_group_age) {
  const absl::Time forget_before = redis_.clock().Now() - absent_group_age;
  YK_ASSIGN_OR_RETURN(const std::string min_id, SafeTrimId(&redis_, stream, forget_before));
  return Trim(stream, min_id);
}

}  // namespace yikou::queue
