#include "tests/support/sentinel_cluster.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <map>
#include <stdexcept>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/support/eventually.h"
#include "tests/support/ports.h"

namespace yikou::test {
namespace {

constexpr char kServerSource[] = "127.0.0.2";
constexpr char kSentinelSource[] = "127.0.0.3";
constexpr char kPassword[] = "redis-horse";
constexpr char kSentinelPassword[] = "sentinel-horse";
constexpr char kEnd[] = "$7\r\nthe-end\r\n";
constexpr int kSentinels = 3;
constexpr absl::Duration kStartBound = absl::Seconds(20);

// Sends the lines and returns everything that is answered to them. A sentinel knows no QUIT: the
// echo of a last word tells where the answers end.
std::string Ask(int port, const std::string& password, absl::string_view lines) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout = {2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string text = absl::StrCat("AUTH ", password, "\r\n", lines, "\r\nPING the-end\r\n");
    send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    char buffer[4096];
    ssize_t got;
    while (!absl::EndsWith(answer, kEnd) && (got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      answer.append(buffer, got);
    }
  }
  close(fd);
  absl::string_view rest = answer;
  if (!absl::ConsumePrefix(&rest, "+OK\r\n") || !absl::ConsumeSuffix(&rest, kEnd)) return "";
  return std::string(rest);
}

// The value of a "name:value" line of INFO.
std::string Field(const std::string& info, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(info, "\r\n")) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (parts.first == name) return std::string(parts.second);
  }
  return "";
}

void Require(bool held, const std::string& what) {
  if (!held) throw std::runtime_error(what);
}

}  // namespace

SentinelCluster::SentinelCluster() {
  dir_.Write("redis-password", absl::StrCat(kPassword, "\n"));
  dir_.Write("sentinel-password", absl::StrCat(kSentinelPassword, "\n"));
  StartServer("");
  StartServer(absl::StrCat(proxy(0).port()));
  const bool in_step = Eventually(kStartBound, [&] {
    return Field(AskServer(1, "INFO replication"), "master_link_status") == "up";
  });
  Require(in_step,
          absl::StrCat("the replica does not catch up: ", AskServer(1, "INFO replication")));
  for (int i = 0; i < kSentinels; ++i) sentinel_ports_.push_back(StartSentinel());
  Require(WaitForReplica(0, kStartBound),
          absl::StrCat("the sentinels do not find each other: ", AskSentinel(0, "INFO sentinel"),
                       sentinels_[0]->Output()));
}

// A server with a proxy before it; a master when `master_port` is empty.
void SentinelCluster::StartServer(const std::string& master_port) {
  Node node;
  node.proxy = std::make_unique<FaultProxy>();
  std::vector<std::string> args = {"--requirepass",
                                   kPassword,
                                   "--masterauth",
                                   kPassword,
                                   "--bind-source-addr",
                                   kServerSource,
                                   "--replica-announce-ip",
                                   "127.0.0.1",
                                   "--replica-announce-port",
                                   absl::StrCat(node.proxy->port()),
                                   "--repl-diskless-sync-delay",
                                   "0",
                                   "--repl-ping-replica-period",
                                   "1"};
  if (!master_port.empty()) args.insert(args.end(), {"--replicaof", "127.0.0.1", master_port});
  node.server = std::make_unique<RedisServer>(std::move(args));
  node.proxy->ForwardTo(node.server->port());
  nodes_.push_back(std::move(node));
}

int SentinelCluster::StartStranger() { return StartSentinel(); }

int SentinelCluster::StartSentinel() {
  const std::string name = absl::StrCat("sentinel-", sentinels_.size());
  // Somebody else may take the port between our look and the sentinel's.
  for (int i = 0; i < 5; ++i) {
    const int port = FreePort();
    const std::string config = dir_.Write(
        name + ".conf",
        absl::StrJoin(
            std::vector<std::string>{
                absl::StrCat("port ", port), "bind 127.0.0.1",
                absl::StrCat("bind-source-addr ", kSentinelSource),
                absl::StrCat("dir ", dir_.path()), absl::StrCat("requirepass ", kSentinelPassword),
                absl::StrCat("sentinel sentinel-pass ", kSentinelPassword),
                "sentinel announce-ip 127.0.0.1", absl::StrCat("sentinel announce-port ", port),
                absl::StrCat("sentinel monitor ", master_name(), " 127.0.0.1 ", proxy(0).port(),
                             " 2"),
                absl::StrCat("sentinel auth-pass ", master_name(), " ", kPassword),
                absl::StrCat("sentinel down-after-milliseconds ", master_name(), " 700"),
                absl::StrCat("sentinel failover-timeout ", master_name(), " 2000"), ""},
            "\n"));
    auto process = std::make_unique<Process>(
        std::vector<std::string>{"redis-server", config, "--sentinel"}, dir_.File(name + ".log"));
    const bool answers = Eventually(kStartBound, [&] {
      return !process->Running() || Ask(port, kSentinelPassword, "PING") == "+PONG\r\n";
    });
    if (!answers || !process->Running()) continue;
    sentinels_.push_back(std::move(process));
    return port;
  }
  throw std::runtime_error(absl::StrCat(name, " does not start"));
}

std::vector<std::string> SentinelCluster::ServiceFlags() const {
  const std::string addresses = absl::StrJoin(sentinel_ports_, ",", [](std::string* out, int port) {
    absl::StrAppend(out, "127.0.0.1:", port);
  });
  return {"--redis_sentinels",
          addresses,
          "--redis_master",
          master_name(),
          "--redis_password_file",
          password_file(),
          "--redis_sentinel_password_file",
          sentinel_password_file()};
}

std::string SentinelCluster::AskServer(int index, absl::string_view lines) const {
  return Ask(nodes_.at(index).server->port(), kPassword, lines);
}

std::string SentinelCluster::AskSentinel(int index, absl::string_view lines) const {
  return Ask(sentinel_ports_.at(index), kSentinelPassword, lines);
}

int64_t SentinelCluster::ReplicationOffset(int index) const {
  const std::string info = AskServer(index, "INFO replication");
  const bool is_replica = Field(info, "role") == "slave";
  int64_t offset = -1;
  (void)absl::SimpleAtoi(Field(info, is_replica ? "slave_repl_offset" : "master_repl_offset"),
                         &offset);
  return offset;
}

int SentinelCluster::Master() const {
  std::map<int, int> votes;
  for (int i = 0; i < kSentinels; ++i) {
    const std::string answer =
        AskSentinel(i, absl::StrCat("SENTINEL GET-MASTER-ADDR-BY-NAME ", master_name()));
    for (int node = 0; node < static_cast<int>(nodes_.size()); ++node) {
      const std::string port = absl::StrCat("\r\n", nodes_[node].proxy->port(), "\r\n");
      if (absl::StrContains(answer, port) && ++votes[node] == 2) return node;
    }
  }
  return -1;
}

bool SentinelCluster::WaitForMaster(int index, absl::Duration bound) const {
  const std::string wanted = absl::StrCat("address=127.0.0.1:", nodes_.at(index).proxy->port());
  return Eventually(bound, [&] {
    for (int i = 0; i < kSentinels; ++i) {
      if (!absl::StrContains(AskSentinel(i, "INFO sentinel"), wanted)) return false;
    }
    return Field(AskServer(index, "INFO replication"), "role") == "master";
  });
}

bool SentinelCluster::WaitForReplica(int index, absl::Duration bound) const {
  return Eventually(bound, [&] {
    const std::string info = AskServer(1 - index, "INFO replication");
    if (Field(info, "role") != "slave" || Field(info, "master_link_status") != "up") return false;
    for (int i = 0; i < kSentinels; ++i) {
      const std::string said =
          AskSentinel(i, absl::StrCat("INFO sentinel\r\nSENTINEL REPLICAS ", master_name()));
      // Of the replica: reached, and its link to the master is whole.
      if (!absl::StrContains(said, "status=ok") ||
          !absl::StrContains(said, "slaves=1,sentinels=3") ||
          !absl::StrContains(said, "\r\nflags\r\n$5\r\nslave\r\n") ||
          !absl::StrContains(said, "\r\nmaster-link-status\r\n$2\r\nok\r\n")) {
        return false;
      }
    }
    return true;
  });
}

void SentinelCluster::CutReplication() {
  for (Node& node : nodes_) node.proxy->Refuse(kServerSource);
}

void SentinelCluster::Isolate(int index) {
  proxy(index).Refuse(kServerSource);
  proxy(index).Refuse(kSentinelSource);
  proxy(1 - index).Refuse(kServerSource);
}

void SentinelCluster::Heal() {
  for (Node& node : nodes_) {
    node.server->Start();
    node.proxy->Heal();
  }
}

}  // namespace yikou::test
