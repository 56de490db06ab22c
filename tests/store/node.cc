#include "tests/store/node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/app/reaction.h"
#include "libs/casework/clocks.h"
#include "tests/store/reader.h"

namespace yikou::test {

using casework::v1::CaseRecord;
using casework::v1::Event;

Node::Node(std::string name, const RedisServer& redis) : name_(std::move(name)) {
  options_.service = name_;
  options_.store_url = "sqlite:" + dir_.File(name_ + ".db");
  options_.calendar_path = YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv";
  options_.redis_unix_socket = redis.unix_socket();
  options_.fetch_grace = absl::Milliseconds(200);
}

Node::~Node() { Close(); }

void Node::Open() {
  std::unique_lock<std::shared_mutex> lock(mutex_);
  executor_ = std::make_unique<base::ThreadExecutor>(2);
  service_ = Must(app::Service::Open(options_, telemetry::Metrics::None(), executor_.get()));
}

absl::Status Node::TryStart(std::vector<Node*> peers) {
  Open();
  app::ServiceParts parts;
  parts.migrations = {TestMigrations().back()};
  parts.migrations[0].version = 1;
  parts.kinds = {&kFolder, &kShelf, &kLedger};
  parts.timed_kinds = {&kFolder};
  std::map<std::string, app::LogSource> sources;
  for (Node* peer : peers) {
    parts.inputs.push_back({app::EventsStream(peer->name_), peer->name_});
    sources[peer->name_] = peer->Source();
  }
  parts.reaction = [this](store::Work& work, const Event& event) { return React(work, event); };
  parts.on_due = [](store::Work& work, const store::AggregateKind& kind, const std::string& id) {
    YK_ASSIGN_OR_RETURN(CaseRecord * folder, work.Load<CaseRecord>(kind, id));
    folder->clear_create_time();
    work.Emit(kind, id, "clock.rung", id);
    return absl::OkStatus();
  };
  YK_RETURN_IF_ERROR(service_->Prepare(std::move(parts)));
  return service_->Start(std::move(sources));
}

void Node::Start(std::vector<Node*> peers) { Must(TryStart(std::move(peers))); }

void Node::Close() {
  if (service_) service_->Stop();
  std::unique_lock<std::shared_mutex> lock(mutex_);
  service_.reset();
  executor_.reset();
}

app::LogSource Node::Source() {
  const auto away = [this] { return absl::UnavailableError(name_ + " is away"); };
  return {.heads = [this, away]() -> absl::StatusOr<casework::v1::GetHeadsResponse> {
            std::shared_lock<std::shared_mutex> lock(mutex_);
            if (!service_) return away();
            return service_->GetHeads();
          },
          .read = [this, away](const casework::v1::ReadStreamRequest& request)
              -> absl::StatusOr<casework::v1::ReadStreamResponse> {
            std::shared_lock<std::shared_mutex> lock(mutex_);
            if (!service_) return away();
            return service_->ReadStream(request);
          }};
}

absl::Status Node::React(store::Work& work, const Event& event) {
  if (event.type() == "folder.folded") {
    // Heard back from a peer: "<own name>/<id>".
    if (event.aggregate_id().rfind(name_ + "/", 0) == 0) {
      work.Put(TallyRow(store::RowWrite::Mode::kAdd, event.source(),
                        event.aggregate_id().substr(name_.size() + 1), 1, 0));
    }
    return absl::OkStatus();
  }
  {
    std::lock_guard<std::mutex> lock(refused_mutex_);
    if (refused_.count(event.aggregate_id()) > 0) {
      return absl::FailedPreconditionError("this folder is refused");
    }
  }
  const std::string id = absl::StrCat(event.source(), "/", event.aggregate_id());
  const auto loaded = work.Load<CaseRecord>(kFolder, id);
  if (!loaded.ok() && !absl::IsNotFound(loaded.status())) return loaded.status();
  CaseRecord* folder = loaded.ok() ? *loaded : work.Create<CaseRecord>(kFolder, id);
  folder->set_title(FoldOnto(folder->title(), event.event_id()));
  folder->set_hops(folder->hops() + 1);
  work.Emit(kFolder, id, "folder.folded", event.case_id());
  return absl::OkStatus();
}

absl::Status Node::Write(const std::string& id) {
  std::shared_lock<std::shared_mutex> lock(mutex_);
  if (!service_) return absl::UnavailableError("closed");
  for (int attempt = 0; attempt < 100; ++attempt) {
    store::Work work = service_->env().WorkForTimer("test");
    const auto loaded = work.Load<CaseRecord>(kFolder, id);
    if (!loaded.ok()) work.Create<CaseRecord>(kFolder, id);
    work.Emit(kFolder, id, "folder.changed", id);
    YK_ASSIGN_OR_RETURN(store::Change change, work.Take());
    const absl::Status status = service_->env().committer->CommitOne(std::move(change));
    if (!absl::IsAborted(status)) return status;
  }
  return absl::AbortedError("a conflict without end");
}

std::map<std::string, std::vector<std::string>> Node::OwnChanges() {
  std::map<std::string, std::vector<std::string>> changes;
  for (const auto& entry :
       Must(service_->env().store->ReadStream(app::EventsStream(name_), 1, 1'000'000))) {
    if (entry.event.type() == "folder.folded") continue;
    changes[entry.event.aggregate_id()].push_back(entry.event.event_id());
  }
  return changes;
}

std::string Node::Behind(Node& peer) {
  std::map<std::string, int64_t> heard;
  for (const auto& row : Must(peer.service_->env().store->Select(kTally, {.limit = 1'000'000}))) {
    if (std::get<std::string>(row[0]) != name_) continue;
    heard[std::get<std::string>(row[1])] = std::get<int64_t>(row[2]);
  }
  for (const auto& [id, events] : peer.OwnChanges()) {
    const auto stored = service_->env().store->Get(kFolder, absl::StrCat(peer.name_, "/", id));
    CaseRecord folder;
    if (stored.ok()) folder.ParseFromString(stored->body);
    const auto changes = static_cast<int64_t>(events.size());
    if (folder.hops() != changes) {
      return absl::StrCat(name_, " has folded ", folder.hops(), " of ", changes, " changes of ",
                          peer.name_, "/", id);
    }
    if (folder.title() != FoldOf(events)) {
      return absl::StrCat(name_, " has folded ", peer.name_, "/", id, " in another order");
    }
    if (heard[id] != changes) {
      return absl::StrCat(peer.name_, " has heard of ", heard[id], " of ", changes,
                          " changes of its folder ", id);
    }
  }
  return "";
}

void Node::Refuse(const std::string& id) {
  std::lock_guard<std::mutex> lock(refused_mutex_);
  refused_.insert(id);
}

void Node::RefuseNothing() {
  std::lock_guard<std::mutex> lock(refused_mutex_);
  refused_.clear();
}

casework::v1::QueueStats Node::StatsOf(const std::string& stream, const std::string& direction) {
  const casework::v1::GetQueueStatsResponse all = Must(service_->GetQueueStats());
  for (const auto& stats : all.queues()) {
    if (stats.stream() == stream && stats.direction() == direction) return stats;
  }
  return {};
}

}  // namespace yikou::test
