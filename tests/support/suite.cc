#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/auth/token.h"
#include "services/cli/clock_skip.h"
#include "services/cli/day/driver.h"
#include "tests/support/eventually.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::test {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!bound) throw std::runtime_error("No free port could be found.");
  return ntohs(address.sin_port);
}

std::string FreeAddress() { return absl::StrCat("127.0.0.1:", FreePort()); }

}  // namespace

Suite::Suite(std::vector<std::string> redis_flags) : redis_flags_(std::move(redis_flags)) {
  if (redis_flags_.empty()) {
    redis_ = std::make_unique<RedisServer>();
    redis_flags_ = {"--redis_port", absl::StrCat(redis_->port())};
  }
  auto keys = auth::GenerateKeyPair(dir_.path(), "dev");
  if (!keys.ok()) throw std::runtime_error(keys.status().ToString());
  std::string services;
  for (const char* service : cli::kServices) {
    addresses_[service] = FreeAddress();
    health_addresses_[service] = FreeAddress();
    absl::StrAppend(&services, services.empty() ? "" : ", ", "\"", service, "\": \"",
                    addresses_[service], "\"");
  }
  dir_.Write("context.json", absl::StrCat("{\"services\": {", services, "}, \"signing_key\": \"",
                                          keys->private_path, "\", \"kid\": \"dev\"}"));
  auto context = cli::LoadContext(context_path());
  if (!context.ok()) throw std::runtime_error(context.status().ToString());
  auto client = cli::Client::Create(*std::move(context));
  if (!client.ok()) throw std::runtime_error(client.status().ToString());
  client_ = *std::move(client);
  for (const char* service : cli::kServices) Start(service);
  for (const char* service : cli::kServices) WaitServing(service);
  if (!Settle(kPatience)) throw std::runtime_error("The suite does not settle after its start.");
}

Suite::~Suite() = default;

void Suite::Start(const std::string& service, const std::vector<std::string>& flags) {
  if (Running(service)) return;
  std::vector<std::string> args = {
      absl::StrCat(YIKOU_BINARY_DIR, "/services/", service, "/yikou-", service),
      "--listen",
      addresses_[service],
      "--health_listen",
      health_addresses_[service],
      "--store",
      "sqlite:" + StorePath(service),
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
      "300",
      "--log_file",
      LogPath(service),
      "--calendar",
      YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv"};
  for (const char* peer : cli::kServices) {
    args.push_back("--peer");
    args.push_back(absl::StrCat(peer, "=", addresses_[peer]));
  }
  const std::string data = YIKOU_SOURCE_DIR "/deploy/data/";
  if (service == "intake") {
    args.insert(args.end(), {"--catalogue", data + "catalogue/items.jsonl", "--reflection"});
  } else if (service == "routing") {
    args.insert(args.end(), {"--directory", data + "directory/units.jsonl"});
  } else if (service == "approval") {
    args.insert(args.end(), {"--seals", data + "catalogue/seals.json", "--seal_dir", dir_.path(),
                             "--make_seal_keys"});
  } else if (service == "gridtask") {
    args.insert(args.end(), {"--categories", data + "grid/categories.json", "--workers",
                             data + "directory/workers.csv"});
  }
  args.insert(args.end(), redis_flags_.begin(), redis_flags_.end());
  args.insert(args.end(), flags.begin(), flags.end());
  processes_[service] = std::make_unique<Process>(args, dir_.File(service + ".err"));
}

bool Suite::Running(const std::string& service) {
  auto found = processes_.find(service);
  return found != processes_.end() && found->second->Running();
}

void Suite::Kill(const std::string& service) {
  processes_.at(service)->Kill();
  processes_.at(service)->Wait();
}

int Suite::Terminate(const std::string& service) {
  processes_.at(service)->Kill(SIGTERM);
  auto code = processes_.at(service)->WaitFor(absl::Seconds(20));
  if (!code) throw std::runtime_error(service + " does not end on SIGTERM.");
  return *code;
}

bool Suite::WaitForDeath(const std::string& service, absl::Duration bound) {
  return processes_.at(service)->WaitFor(bound).has_value();
}

void Suite::WaitServing(const std::string& service) {
  const bool serving = Eventually(kPatience, [&] {
    if (!Running(service)) {
      throw std::runtime_error(
          absl::StrCat(service, " ended by itself: ", processes_.at(service)->Output()));
    }
    return client_
        ->Call<casework::v1::GetClockResponse>(
            service, "yikou.casework.v1.OperationsService.GetClock",
            casework::v1::GetClockRequest(), day::Driver::Operator(), absl::Seconds(2))
        .ok();
  });
  if (!serving) throw std::runtime_error(service + " does not serve.");
}

bool Suite::Settle(absl::Duration bound) {
  const cli::ClockPort port = cli::PortOf(client_.get(), day::Driver::Operator(), absl::Seconds(5));
  return Eventually(bound, [&] {
    auto readings = port.read();
    return readings.ok() && cli::Settled(*readings);
  });
}

Suite& SharedSuite() {
  static Suite suite;
  return suite;
}

}  // namespace yikou::test
