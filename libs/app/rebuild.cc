#include "libs/app/rebuild.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/log.h"
#include "libs/base/status.h"

namespace yikou::app {
namespace {

constexpr char kSetting[] = "rebuild";

// The request id, then a line a stream: what had been applied of it, and its name.
std::string TextOf(const Rebuild& rebuild) {
  std::string text = rebuild.request_id;
  for (const auto& [stream, seq] : rebuild.targets) absl::StrAppend(&text, "\n", seq, " ", stream);
  return text;
}

Rebuild FromText(const std::string& text) {
  Rebuild rebuild;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  rebuild.request_id = lines[0];
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(lines[i], absl::MaxSplits(' ', 1));
    int64_t seq = 0;
    if (absl::SimpleAtoi(parts.first, &seq)) rebuild.targets[parts.second] = seq;
  }
  return rebuild;
}

}  // namespace

absl::StatusOr<Rebuild> LastRebuild(store::Store* store) {
  YK_ASSIGN_OR_RETURN(const std::string text, store->Setting(kSetting));
  Rebuild rebuild = FromText(text);
  for (const auto& [stream, target] : rebuild.targets) {
    YK_ASSIGN_OR_RETURN(const store::InboxState inbox, store->Inbox(stream));
    rebuild.total += target;
    rebuild.applied += std::min(inbox.watermark, target);
  }
  return rebuild;
}

absl::StatusOr<Rebuild> StartRebuild(store::Store* store, Inbox* inbox,
                                     const std::vector<InputStream>& inputs,
                                     const std::vector<std::string>& tables,
                                     const std::string& request_id) {
  const auto begin = [&]() -> absl::Status {
    YK_ASSIGN_OR_RETURN(const Rebuild last, LastRebuild(store));
    if (last.request_id == request_id) return absl::OkStatus();
    Rebuild next;
    next.request_id = request_id;
    for (const InputStream& input : inputs) {
      YK_ASSIGN_OR_RETURN(const store::InboxState state, store->Inbox(input.stream));
      // One that is cut short by another was to come at least as far.
      const auto meant = last.targets.find(input.stream);
      const int64_t before = meant == last.targets.end() ? 0 : meant->second;
      next.targets[input.stream] = std::max(state.watermark, before);
    }
    base::LogInfo("rebuild.started", {{"request_id", request_id}});
    return store->StartOver(tables, kSetting, TextOf(next));
  };
  YK_RETURN_IF_ERROR(inbox->StartOver(begin));
  return LastRebuild(store);
}

}  // namespace yikou::app
