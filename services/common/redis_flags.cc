#include "services/common/redis_flags.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/queue/sentinel.h"

namespace yikou::services {

absl::Status SetRedis(const CommonConfig& config, app::ServiceOptions* options) {
  options->redis_host = config.redis_host;
  options->redis_port = config.redis_port;
  options->redis_unix_socket = config.redis_unix_socket;
  options->redis_password_file = config.redis_password_file;
  if (config.redis_sentinels.empty()) {
    if (config.redis_master.empty() && config.redis_sentinel_password_file.empty()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "--redis_master and --redis_sentinel_password_file say something about sentinels: give "
        "their addresses with --redis_sentinels host:port,host:port,host:port, or leave both out.");
  }
  auto sentinels = queue::ParseAddresses(config.redis_sentinels);
  if (!sentinels.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--redis_sentinels must be host:port,host:port,...: ", sentinels.status().message()));
  }
  if (config.redis_master.empty()) {
    return absl::InvalidArgumentError(
        "--redis_sentinels watch masters by name: give the name of ours with --redis_master, as it "
        "stands in the sentinels' line \"sentinel monitor NAME ...\".");
  }
  if (!config.redis_unix_socket.empty()) {
    return absl::InvalidArgumentError(
        "--redis_sentinels and --redis_unix_socket exclude each other: sentinels name masters by "
        "host and port. Leave one of them out.");
  }
  options->redis_sentinels = *std::move(sentinels);
  options->redis_master = config.redis_master;
  options->redis_sentinel_password_file = config.redis_sentinel_password_file;
  return absl::OkStatus();
}

}  // namespace yikou::services
