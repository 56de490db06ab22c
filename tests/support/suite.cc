#include "tests/support/suite.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "libs/auth/token.h"
#include "services/cli/clock_skip.h"
#include "services/cli/day/driver.h"
#include "tests/support/eventually.h"
#include "tests/support/ports.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::test {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

std::string AddressOf(int port) { return absl::StrCat("127.0.0.1:", port); }

// "intake" of "intake#2".
std::string ServiceOf(const std::string& name) { return name.substr(0, name.find('#')); }

}  // namespace

Suite::Suite(SuiteOptions options)
    : options_(std::move(options)), redis_flags_(options_.redis_flags) {
  if (options_.postgres) {
    postgres_ =
        std::make_unique<PostgresServer>(PostgresServerOptions{.durable = options_.durable});
    store_url_ = postgres_->url(Linked("postgresql", postgres_->port()));
  }
  if (redis_flags_.empty()) {
    redis_ = std::make_unique<RedisServer>();
    redis_flags_ = {"--redis_port", absl::StrCat(Linked("redis", redis_->port()))};
  }
  auto keys = auth::GenerateKeyPair(dir_.path(), "dev");
  if (!keys.ok()) throw std::runtime_error(keys.status().ToString());
  for (const char* service : cli::kServices) {
    const bool many = options_.replicated.empty() || options_.replicated.count(service) > 0;
    for (int replica = 1; replica <= (many ? options_.replicas : 1); ++replica) {
      const std::string name = replica == 1 ? service : absl::StrCat(service, "#", replica);
      names_.push_back(name);
      const int port = FreePort();
      addresses_[name] = AddressOf(port);
      link_addresses_[name] = AddressOf(Linked(name, port));
      health_addresses_[name] = AddressOf(FreePort());
    }
  }
  client_ = ClientFor("context.json", "", "");
  for (const std::string& name : names_) Start(name);
  for (const std::string& name : names_) WaitServing(name);
  if (!Settle(kPatience)) throw std::runtime_error("The suite does not settle after its start.");
}

Suite::~Suite() = default;

int Suite::Linked(const std::string& name, int port) {
  if (!options_.proxied) return port;
  return (proxies_[name] = std::make_unique<FaultProxy>(port))->port();
}

// One address, or all replicas of a service as gRPC names them.
std::string Suite::TargetOf(const std::string& service) const {
  std::vector<std::string> replicas;
  for (const std::string& name : names_) {
    if (ServiceOf(name) == service) replicas.push_back(link_addresses_.at(name));
  }
  if (replicas.size() == 1) return replicas[0];
  return absl::StrCat("ipv4:", absl::StrJoin(replicas, ","));
}

// A client that calls `target` for `service`, and all replicas of the others.
std::unique_ptr<cli::Client> Suite::ClientFor(const std::string& name, const std::string& service,
                                              const std::string& target) {
  std::vector<std::string> services;
  for (const char* other : cli::kServices) {
    services.push_back(
        absl::StrCat("\"", other, "\": \"", other == service ? target : TargetOf(other), "\""));
  }
  const std::string path = dir_.Write(
      name, absl::StrCat("{\"services\": {", absl::StrJoin(services, ", "),
                         "}, \"signing_key\": \"", dir_.File("dev.key"), "\", \"kid\": \"dev\"}"));
  auto context = cli::LoadContext(path);
  if (!context.ok()) throw std::runtime_error(context.status().ToString());
  auto client = cli::Client::Create(*std::move(context));
  if (!client.ok()) throw std::runtime_error(client.status().ToString());
  return *std::move(client);
}

// Flags that differ from service to service.
std::vector<std::string> Suite::FlagsOf(const std::string& name) const {
  const std::string data = YIKOU_SOURCE_DIR "/deploy/data/";
  const std::string service = ServiceOf(name);
  if (service == "intake") return {"--catalogue", data + "catalogue/items.jsonl", "--reflection"};
  if (service == "routing") return {"--directory", data + "directory/units.jsonl"};
  if (service == "approval") {
    return {"--seals", data + "catalogue/seals.json", "--seal_dir", dir_.path(),
            "--make_seal_keys"};
  }
  if (service == "gridtask") {
    return {"--categories", data + "grid/categories.json", "--workers",
            data + "directory/workers.csv"};
  }
  return {};
}

void Suite::Start(const std::string& name, const std::vector<std::string>& flags) {
  if (Running(name)) return;
  const std::string service = ServiceOf(name);
  std::vector<std::string> args = {
      absl::StrCat(YIKOU_BINARY_DIR, "/services/", service, "/yikou-", service),
      "--listen",
      addresses_[name],
      "--health_listen",
      health_addresses_[name],
      "--store",
      postgres_ ? store_url_ : "sqlite:" + StorePath(service),
      "--key_dir",
      dir_.path(),
      "--token_key",
      dir_.File("dev.key"),
      "--token_kid",
      "dev",
      "--heads_dir",
      dir_.path(),
      "--signing_key",
      dir_.File(service + "-heads.key"),
      "--test_clock",
      "--case_time_start",
      "2025-09-24T09:00:00+08:00",
      "--fetch_grace_ms",
      absl::StrCat(absl::ToInt64Milliseconds(options_.fetch_grace)),
      "--log_file",
      LogPath(name),
      "--calendar",
      YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv"};
  for (const char* peer : cli::kServices) {
    args.push_back("--peer");
    args.push_back(absl::StrCat(peer, "=", TargetOf(peer)));
  }
  const std::vector<std::string> own = FlagsOf(name);
  args.insert(args.end(), own.begin(), own.end());
  args.insert(args.end(), redis_flags_.begin(), redis_flags_.end());
  if (const auto always = options_.flags.find(name); always != options_.flags.end()) {
    args.insert(args.end(), always->second.begin(), always->second.end());
  }
  args.insert(args.end(), flags.begin(), flags.end());
  processes_[name] = std::make_unique<Process>(args, dir_.File(name + ".err"));
}

void Suite::AcknowledgeCase(const std::string& case_id) {
  std::lock_guard<std::mutex> lock(ledger_mutex_);
  ledger_.applications.push_back(case_id);
}

void Suite::AcknowledgeDelivery(const std::string& case_id) {
  std::lock_guard<std::mutex> lock(ledger_mutex_);
  ledger_.delivered.push_back(case_id);
}

void Suite::AcknowledgeGridEvent(const std::string& case_id) {
  std::lock_guard<std::mutex> lock(ledger_mutex_);
  ledger_.grid_events.push_back(case_id);
}

Acknowledged Suite::Ledger() {
  std::lock_guard<std::mutex> lock(ledger_mutex_);
  Acknowledged ledger = ledger_;
  ledger.count_grid_events = true;
  return ledger;
}

bool Suite::Running(const std::string& name) {
  auto found = processes_.find(name);
  return found != processes_.end() && found->second->Running();
}

void Suite::Kill(const std::string& name) {
  processes_.at(name)->Kill();
  processes_.at(name)->Wait();
}

int Suite::Terminate(const std::string& name) {
  processes_.at(name)->Kill(SIGTERM);
  auto code = processes_.at(name)->WaitFor(absl::Seconds(20));
  if (!code) throw std::runtime_error(name + " does not end on SIGTERM.");
  return *code;
}

void Suite::Freeze() {
  for (auto& [name, process] : processes_) process->Kill(SIGSTOP);
}

void Suite::Thaw() {
  for (auto& [name, process] : processes_) process->Kill(SIGCONT);
}

bool Suite::WaitForDeath(const std::string& name, absl::Duration bound) {
  return processes_.at(name)->WaitFor(bound).has_value();
}

casework::v1::GetQueueStatsResponse Suite::QueueStatsOf(const std::string& name) {
  const std::string service = ServiceOf(name);
  const auto stats =
      ClientFor(name + ".json", service, addresses_.at(name))
          ->Call<casework::v1::GetQueueStatsResponse>(
              service, "yikou.casework.v1.OperationsService.GetQueueStats",
              casework::v1::GetQueueStatsRequest(), day::Driver::Operator(), absl::Seconds(10));
  if (!stats.ok()) throw std::runtime_error(stats.status().ToString());
  return *stats;
}

bool Suite::Serves(const std::string& name) {
  const std::string service = ServiceOf(name);
  std::unique_ptr<cli::Client>& client = own_clients_[name];
  if (!client) client = ClientFor(name + ".json", service, addresses_.at(name));
  return client
      ->Call<casework::v1::GetClockResponse>(
          service, "yikou.casework.v1.OperationsService.GetClock", casework::v1::GetClockRequest(),
          day::Driver::Operator(), absl::Seconds(2))
      .ok();
}

void Suite::WaitServing(const std::string& name) {
  const bool serving = Eventually(kPatience, [&] {
    if (!Running(name)) {
      throw std::runtime_error(
          absl::StrCat(name, " ended by itself: ", processes_.at(name)->Output()));
    }
    return Serves(name);
  });
  if (!serving) throw std::runtime_error(name + " does not serve.");
}

bool Suite::Settle(absl::Duration bound) {
  const cli::ClockPort port = cli::PortOf(client_.get(), day::Driver::Operator(), absl::Seconds(5));
  return Eventually(bound, [&] {
    auto readings = port.read();
    return readings.ok() && cli::Settled(*readings);
  });
}

bool StoreIsPostgres() {
  const char* store = std::getenv("YIKOU_TEST_STORE");
  return store != nullptr && std::string(store) == "postgresql";
}

Suite& SharedSuite() {
  static Suite suite([] {
    SuiteOptions options;
    options.postgres = StoreIsPostgres();
    return options;
  }());
  return suite;
}

}  // namespace yikou::test
