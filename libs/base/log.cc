#include "libs/base/log.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "spdlog/sinks/basic_file_sink.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace yikou::base {
namespace {

std::string& ServiceName() {
  static std::string* name = new std::string("yikou");
  return *name;
}

spdlog::logger& Logger() {
  static std::shared_ptr<spdlog::logger>* logger = [] {
    auto* made = new std::shared_ptr<spdlog::logger>(spdlog::stderr_logger_mt("yikou"));
    (*made)->set_pattern("%v");
    return made;
  }();
  return **logger;
}

constexpr const char* kLevelNames[] = {"debug", "info", "warning", "error"};
constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                 spdlog::level::warn, spdlog::level::err};

}  // namespace

void InitLog(absl::string_view service, LogLevel least, const std::string& path) {
  ServiceName() = std::string(service);
  spdlog::logger& logger = Logger();
  if (!path.empty()) {
    logger.sinks() = {std::make_shared<spdlog::sinks::basic_file_sink_mt>(path)};
    logger.set_pattern("%v");
  }
  logger.set_level(kLevels[static_cast<int>(least)]);
  logger.flush_on(spdlog::level::info);
}

void Log(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields) {
  spdlog::logger& logger = Logger();
  const auto spd_level = kLevels[static_cast<int>(level)];
  if (!logger.should_log(spd_level)) return;
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone());
  line["level"] = kLevelNames[static_cast<int>(level)];
  line["service"] = ServiceName();
  line["event"] = std::string(event);
  for (const LogField& field : fields) {
    line[std::string(field.first)] = MaskPersonalData(field.second);
  }
  logger.log(spd_level, "{}", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace yikou::base
