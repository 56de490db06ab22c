#include "services/common/config.h"

namespace yikou::services {

void AddCommonFlags(CLI::App* app, CommonConfig* config) {
  CommonConfig& c = *config;
  app->footer("Before other flags, \"migrate\" looks after the schema: migrate status|up|verify.");
  app->add_option("--listen", c.listen, "Business address, host:port; numeric host")->required();
  app->add_option("--health_listen", c.health_listen,
                  "Health-only address, host:port; none when empty");
  app->add_option("--metrics_listen", c.metrics_listen,
                  "Address of /metrics, host:port; none when empty");
  app->add_option("--store", c.store, "The record: sqlite:PATH, or postgresql://…")->required();
  app->add_option("--store_schema", c.store_schema,
                  "With PostgreSQL: the schema of the tables; the service's name when empty");
  app->add_option("--migrate", c.migrate,
                  "Whether a schema older than this binary is migrated at start, or refused")
      ->capture_default_str()
      ->check(CLI::IsMember({"yes", "no"}));
  app->add_option("--instance", c.instance,
                  "Name of this replica, the same after a restart; host and port when empty");
  app->add_option("--calendar", c.calendar, "CSV of holidays and make-up days")
      ->capture_default_str();
  app->add_option("--redis_host", c.redis_host, "Redis host")->capture_default_str();
  app->add_option("--redis_port", c.redis_port, "Redis port")
      ->capture_default_str()
      ->check(CLI::Range(1, 65535));
  app->add_option("--redis_unix_socket", c.redis_unix_socket, "Used instead of host and port");
  app->add_option("--redis_password_file", c.redis_password_file, "File with Redis' password");
  app->add_option(
      "--redis_sentinels", c.redis_sentinels,
      "Sentinels that say where Redis is, host:port,host:port,...; instead of an address");
  app->add_option("--redis_master", c.redis_master, "Name the sentinels have for the master");
  app->add_option("--redis_sentinel_password_file", c.redis_sentinel_password_file,
                  "File with the sentinels' password");
  app->add_option("--peer", c.peers, "Another service, name=host:port; once for each");
  app->add_option("--key_dir", c.key_dir, "Folder of public keys <kid>.pem that sign tokens")
      ->required();
  app->add_option("--token_key", c.token_key, "Private key this service signs its own calls with")
      ->required();
  app->add_option("--token_kid", c.token_kid, "Name of that key in --key_dir")->required();
  app->add_option("--issuer", c.issuer, "Issuer tokens must name")->capture_default_str();
  app->add_option("--audience", c.audience, "Audience tokens must name")->capture_default_str();
  app->add_option("--heads_dir", c.heads_dir, "Folder signed heads of the log are written to");
  app->add_option("--signing_key", c.signing_key, "Private key (PEM) that signs them");
  app->add_flag("--test_clock", c.test_clock, "Case time may be moved; never in production");
  app->add_option("--case_time_start", c.case_time_start,
                  "With --test_clock: case time at the very first start, RFC 3339");
  app->add_flag("--reflection", c.reflection, "Serve the schema to gRPC tools");
  app->add_option("--log_file", c.log_file, "JSON lines; standard error when empty");
  app->add_option("--log_level", c.log_level, "debug, info, warning or error")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app->add_option("--failpoint", c.failpoint,
                  "For tests: die by SIGKILL at this place, name or name:hit");
  app->add_option("--pool_threads", c.pool_threads, "Threads that run handlers")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app->add_option("--fetch_grace_ms", c.fetch_grace_ms,
                  "A gap older than this is fetched from its owner's log")
      ->capture_default_str()
      ->check(CLI::Range(50, 600000));
  app->add_option("--drain_seconds", c.drain_seconds, "Time running calls get at a stop")
      ->capture_default_str()
      ->check(CLI::Range(0, 300));
}

}  // namespace yikou::services
