// A whole app::Service on the test's schema: it writes folders, and folds those of its peers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "libs/app/service.h"
#include "libs/base/executor.h"
#include "tests/store/record.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {

// Reads the events of its peers: a change of a peer's own folder is folded into the folder
// "<peer>/<id>", with an event of its own; that event, come back, adds 1 to the peer's tally of its
// own id. So every change is heard in one place and answered in the other. Threads: Write, Versions
// and the log from any, everything else from one.
class Node {
 public:
  Node(std::string name, const RedisServer& redis);
  ~Node();

  app::ServiceOptions& options() { return options_; }
  app::Service& service() { return *service_; }

  // Opens and starts it, reading the logs of these peers in process. Peers that are closed answer
  // UNAVAILABLE.
  void Start(std::vector<Node*> peers);
  absl::Status TryStart(std::vector<Node*> peers);
  // Opens it and starts no loop.
  void Open();
  // Stops it and closes the record.
  void Close();

  // Changes one of its own folders, as a command does.
  absl::Status Write(const std::string& id);

  // Event ids of the changes of its own folders, in their order.
  std::map<std::string, std::vector<std::string>> OwnChanges();
  // "" when this node has folded every change of the peer's folders once and in order, and the peer
  // has heard of it; else what is missing.
  std::string Behind(Node& peer);

  // Ids of folders (of a peer) whose changes the reaction refuses.
  void Refuse(const std::string& id);
  void RefuseNothing();

  // As the service tells it.
  casework::v1::QueueStats StatsOf(const std::string& stream, const std::string& direction);

 private:
  absl::Status React(store::Work& work, const casework::v1::Event& event);
  app::LogSource Source();

  const std::string name_;
  TempDir dir_;
  app::ServiceOptions options_;
  std::mutex refused_mutex_;
  std::set<std::string> refused_;
  std::shared_mutex mutex_;  // shared: somebody reads the log; exclusive: it opens or closes
  std::unique_ptr<base::ThreadExecutor> executor_;
  std::unique_ptr<app::Service> service_;
};

}  // namespace yikou::test
