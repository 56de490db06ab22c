#include "tests/sim/world.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/app/rebuild.h"
#include "tests/sim/ground.h"
#include "tests/sim/hooks.h"

namespace yikou::sim {

namespace {

// Where the first run of all begins.
absl::Time FirstMorning() {
  return absl::FromCivil(
      absl::CivilHour(2025, 9, 24, 9),
      absl::FixedTimeZone(static_cast<int>(absl::ToInt64Seconds(absl::Hours(8)))));
}

// Causes that pass by themselves: nobody's fault but the weather's.
bool IsWeather(const std::string& fields) {
  return absl::StrContains(fields, "UNAVAILABLE") ||
         absl::StrContains(fields, "RESOURCE_EXHAUSTED");
}

// An answer on its way; when every copy goes unanswered, the caller hears of a broken connection.
struct Slot {
  Scheduler* scheduler;
  WaitTicket ticket;
  bool answered = false;
  absl::StatusOr<std::string> answer = absl::UnavailableError("the connection broke");
};

}  // namespace

World::World(const Ground* ground, Options options)
    : ground_(ground),
      options_(options),
      scheduler_(options.seed * 0x9e3779b97f4a7c15u + 1,
                 options.import ? FirstMorning() : ground->start()),
      redis_(&scheduler_),
      // Every third run has two of each.
      replicas_(options.seed % 3 == 2 ? 2 : 1) {
  for (const char* service : kServices) {
    auto& disk = disks_[service];
    disk = std::make_unique<SimDisk>(absl::StrCat(ground->path(), "/", service, "/"));
    disk->set_opener([this] {
      const Life* life = scheduler_.life();
      return life == nullptr ? std::string() : life->name();
    });
    if (!options.import) disk->Load(ground->disk(service));
    for (int i = 1; i <= replicas_; ++i) {
      nodes_.push_back(
          std::make_unique<Node>(this, service, absl::StrCat(service, "/", i), disk.get()));
    }
  }
  InstallHooks();
}

Node* World::Serving(const std::string& service_or_instance) {
  std::vector<Node*> serving;
  for (const auto& node : nodes_) {
    const bool meant =
        node->service() == service_or_instance || node->instance() == service_or_instance;
    if (meant && node->serving() != nullptr) serving.push_back(node.get());
  }
  if (serving.empty()) return nullptr;
  return serving.size() == 1 || checking_ ? serving[0] : serving[scheduler_.Below(serving.size())];
}

void World::CutPower(const std::string& service) {
  Trace(service, "loses power");
  disks_.at(service)->CutPower([this] { return scheduler_.Chance(0.5); });
  // Whoever calls from within is the last to go: its end is an exception.
  Node* own = nullptr;
  for (const auto& node : nodes_) {
    if (node->service() != service) continue;
    if (node->life() != nullptr && node->life().get() == scheduler_.life()) {
      own = node.get();
    } else {
      node->Crash();
    }
  }
  if (own != nullptr) own->Crash();
}

World::~World() {
  CurrentHooks().log = nullptr;
  CurrentHooks().failpoint = nullptr;
  over_ = true;
  scheduler_.Kill(outside_, [] {});
  for (const auto& node : nodes_) node->Crash();
  scheduler_.RunUntil(
      [this] {
        for (const auto& node : nodes_) {
          if (!node->down()) return false;
        }
        return true;
      },
      scheduler_.Now() + absl::Milliseconds(1));
  CurrentHooks().random_bytes = nullptr;
}

void World::InstallHooks() {
  CurrentHooks().random_bytes = [this](int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(scheduler_.random()()));
    return bytes;
  };
  CurrentHooks().log = [this](base::LogLevel level, absl::string_view event,
                              const std::string& fields) { OnLog(level, event, fields); };
  CurrentHooks().failpoint = [this](absl::string_view name) { OnFailpoint(name); };
  redis_.on_ack = [this](const std::string& stream, const std::string& group,
                         const std::string& payload) { OnAck(stream, group, payload); };
}

void World::Trace(const std::string& who, const std::string& what) {
  for (const char c :
       absl::StrCat(absl::ToInt64Microseconds(scheduler_.Now() - absl::UnixEpoch()), who, what)) {
    digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  if (!options_.trace || over_) return;
  const absl::Duration since =
      scheduler_.Now() - (options_.import ? FirstMorning() : ground_->start());
  absl::PrintF("%11.6f  %-10s %s\n", absl::ToDoubleSeconds(since), who, what);
}

void World::Finding(std::string sentence) {
  Trace("FINDING", sentence);
  findings_.push_back(std::move(sentence));
}

void World::OnLog(base::LogLevel level, absl::string_view event, const std::string& fields) {
  const Life* life = scheduler_.life();
  // A process that is taken down after its death has nothing to say.
  if (life == nullptr) return;
  const std::string& who = life->name();
  if (level >= base::LogLevel::kInfo) Trace(who, absl::StrCat(event, " ", fields));
  // In a healthy suite no entry is ever refused and no timer fails: nothing here is poisoned.
  const bool refused = event == "reader.entry_comes_again" || event == "timer.failed" ||
                       event == "timer.not_committed" || event == "fetcher.failed";
  if ((refused && !IsWeather(fields)) || event == "inbox.dead_letter" ||
      event == "inbox.unreadable") {
    Finding(absl::StrCat(who, ": ", event, " ", fields));
  }
}

void World::OnFailpoint(absl::string_view name) {
  Life* life = scheduler_.life();
  if (life == nullptr || life->dead() || checking_ || life == outside_.get()) return;
  if (scheduler_.Chance(weather_.death_at_failpoint)) {
    Trace(life->name(), absl::StrCat("dies at ", name));
    const bool power_cut = scheduler_.Chance(0.5);
    for (const auto& node : nodes_) {
      if (node->instance() != life->name()) continue;
      power_cut ? CutPower(node->service()) : node->Crash();
    }
  }
  // In the middle of a transaction nobody waits: others would find the writer taken.
  if (name == "commit.before") return;
  if (scheduler_.Chance(0.1)) {
    scheduler_.Sleep(scheduler_.Between(absl::ZeroDuration(), absl::Milliseconds(5)));
  }
  if (scheduler_.Chance(weather_.stall)) {
    scheduler_.Sleep(scheduler_.Between(absl::ZeroDuration(), absl::Seconds(4)));
  }
}

// What is acknowledged never comes again, so its effect must be in the record by now.
void World::OnAck(const std::string& stream, const std::string& group, const std::string& payload) {
  casework::v1::Envelope entry;
  Node* node = Serving(group);
  Process* process = node == nullptr ? nullptr : node->serving();
  if (process == nullptr || !entry.ParseFromString(payload)) return;
  checking_ = true;
  const auto inbox = process->core().env().store->Inbox(stream);
  const auto rebuild = app::LastRebuild(process->core().env().store);
  checking_ = false;
  if (!inbox.ok() || !rebuild.ok()) return;
  // What a rebuild has forgotten comes again from the log.
  if (rebuild->going_on()) return;
  if (entry.stream_seq() <= inbox->watermark || inbox->above.count(entry.stream_seq()) > 0) return;
  Finding(absl::StrCat(group, " acknowledged entry ", entry.stream_seq(), " of ", stream,
                       " before its effect was in the record"));
}

absl::StatusOr<std::string> World::Call(const std::string& from, const std::string& to,
                                        const rpc::CallContext& context, const std::string& request,
                                        const std::string& bytes) {
  const auto delay = [this] {
    scheduler_.Sleep(scheduler_.Between(absl::Microseconds(200), absl::Milliseconds(3)));
  };
  const auto lost = [this](const char* what) {
    scheduler_.Sleep(scheduler_.Between(absl::Milliseconds(50), absl::Seconds(2)));
    return absl::UnavailableError(what);
  };
  delay();
  const bool cut = weather_.cut.count({from, to}) > 0;
  if (cut || scheduler_.Chance(weather_.call_lost)) return lost("the call is lost");
  Node* const node = Serving(to);
  if (node == nullptr) return absl::UnavailableError(absl::StrCat(to, " is down"));
  Process* const process = node->serving();
  const Process::Handler* handler = process->Find(request);
  if (handler == nullptr) return absl::UnimplementedError(request);
  const auto slot = std::make_shared<Slot>(Slot{&scheduler_, scheduler_.Ticket()});
  {
    const std::shared_ptr<void> unanswered(nullptr, [slot](void*) {
      if (!slot->answered) slot->scheduler->Wake(slot->ticket);
    });
    const Process::Answer answer = [slot, unanswered,
                                    life = node->life()](absl::StatusOr<std::string> said) {
      // The dead say nothing, whatever is done while they are taken down.
      if (slot->answered || life->dead()) return;
      slot->answered = true;
      slot->answer = std::move(said);
      slot->scheduler->Wake(slot->ticket);
    };
    scheduler_.Spawn(node->life(), "call",
                     [handler, context, bytes, answer] { (*handler)(context, bytes, answer); });
  }
  scheduler_.Wait(slot->ticket, absl::Seconds(20));
  slot->answered = true;
  if (weather_.cut.count({to, from}) > 0 || scheduler_.Chance(weather_.answer_lost)) {
    return lost("the answer is lost");
  }
  delay();
  return slot->answer;
}

absl::StatusOr<std::string> World::Ask(const std::string& service, const std::string& request,
                                       const std::string& bytes) {
  Node* node = Serving(service);
  const Process::Handler* handler = node == nullptr ? nullptr : node->serving()->Find(request);
  if (handler == nullptr) return absl::UnavailableError(absl::StrCat(service, " is down"));
  rpc::CallContext context;
  context.principal.person_id = "operator";
  context.principal.roles = {"OPERATOR"};
  absl::StatusOr<std::string> answer = absl::InternalError("a read was not answered at once");
  checking_ = true;
  (*handler)(context, bytes,
             [&answer](absl::StatusOr<std::string> said) { answer = std::move(said); });
  checking_ = false;
  return answer;
}

std::string World::Pending() {
  for (const auto& node : nodes_) {
    if (node->serving() == nullptr) return absl::StrCat(node->instance(), " is down");
  }
  checking_ = true;
  std::string pending;
  for (const auto& node : nodes_) {
    const std::string& service = node->instance();
    store::Store* own = node->serving()->core().env().store;
    for (const app::InputStream& input : node->serving()->inputs()) {
      const auto inbox = own->Inbox(input.stream);
      const auto heads = Serving(input.owner)->serving()->core().env().store->StreamHeads();
      if (!inbox.ok() || !heads.ok()) {
        pending = absl::StrCat(service, " cannot be read");
        continue;
      }
      for (const store::StreamHeadRow& head : *heads) {
        if (head.stream != input.stream || head.seq <= inbox->watermark) continue;
        pending = absl::StrCat(service, " has applied ", input.stream, " up to ", inbox->watermark,
                               " of ", head.seq);
      }
    }
    const auto due = own->NextDue(node->serving()->timed_kinds());
    if (due.ok() && *due <= node->serving()->core().env().case_clock->Now()) {
      pending = absl::StrCat(service, " has a timer that is due");
    }
  }
  checking_ = false;
  return pending;
}

}  // namespace yikou::sim
