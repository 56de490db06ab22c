// Flags every service has. Flags are read here and in each service's config only; libraries get
// structs.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace yikou::services {

struct CommonConfig {
  std::string listen;
  std::string health_listen;
  std::string metrics_listen;
  std::string store;
  std::string store_schema;
  std::string migrate = "yes";  // or "no"
  std::string instance;
  std::string calendar = "deploy/data/calendar/cn_holidays_2007_2026.csv";
  std::string redis_host = "127.0.0.1";
  int redis_port = 6379;
  std::string redis_unix_socket;
  std::string redis_password_file;
  std::string redis_sentinels;  // "host:port,host:port"
  std::string redis_master;
  std::string redis_sentinel_password_file;
  std::vector<std::string> peers;  // "name=host:port"
  std::string key_dir;
  std::string token_key;
  std::string token_kid;
  std::string issuer = "yikou";
  std::string audience = "yikou";
  std::string heads_dir;
  std::string signing_key;
  bool test_clock = false;
  std::string case_time_start;
  bool reflection = false;
  std::string log_file;
  std::string log_level = "info";
  std::string failpoint;  // "name" or "name:hit"
  int pool_threads = 8;
  int fetch_grace_ms = 2000;
  int drain_seconds = 10;
};

// Adds the flags to an app. Defaults suit one machine; docs/config.md lists them.
void AddCommonFlags(CLI::App* app, CommonConfig* config);

}  // namespace yikou::services
