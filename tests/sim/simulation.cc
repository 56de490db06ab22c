#include "tests/sim/simulation.h"

#include "absl/strings/str_cat.h"
#include "tests/sim/client.h"
#include "tests/sim/people.h"
#include "tests/sim/world.h"
#include "tests/support/invariants.h"
#include "yikou/approval/v1/approval.pb.h"
#include "yikou/intake/v1/intake.pb.h"
#include "yikou/reporting/v1/reporting.pb.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::sim {

namespace {

constexpr absl::Duration kFaults = absl::Seconds(25);
constexpr absl::Duration kPatience = absl::Minutes(15);

// Makes the weather of a run: each kind of trouble is there in some runs and not in others, so that
// none hides behind another.
class Weatherman {
 public:
  explicit Weatherman(World* world) : world_(world) {}

  void Live() {
    Scheduler& scheduler = world_->scheduler();
    Draw();
    const absl::Time end = scheduler.Now() + kFaults;
    while (scheduler.Now() < end) {
      scheduler.Sleep(scheduler.Between(absl::Milliseconds(200), absl::Seconds(4)));
      Strike();
    }
    world_->weather() = Weather();
    world_->Trace("weather", "is good from now on");
    for (const char* service : kServices) world_->disk(service).SetFull(false);
    for (const auto& node : world_->nodes()) node->clock().Set(absl::ZeroDuration());
    ended_ = true;
  }
  bool ended() const { return ended_; }

 private:
  bool Chance(double probability) { return world_->scheduler().Chance(probability); }
  Node& AnyNode() { return *world_->nodes()[world_->scheduler().Below(world_->nodes().size())]; }
  std::string AnyService() { return kServices[world_->scheduler().Below(kServices.size())]; }

  void Draw() {
    Weather& weather = world_->weather();
    if (Chance(0.5)) weather.death_at_failpoint = 0.005;
    if (Chance(0.5)) weather.call_lost = 0.03;
    if (Chance(0.5)) weather.answer_lost = 0.03;
    if (Chance(0.3)) weather.store_refuses = 0.002;
    if (Chance(0.3)) weather.store_forgets = 0.01;
    if (Chance(0.4)) weather.redis_lost = 0.02;
    if (Chance(0.4)) weather.redis_answer_lost = 0.03;
    if (Chance(0.4)) weather.stall = 0.01;
    if (Chance(0.3)) weather.redis_slow = absl::Milliseconds(800);
    crashes_ = Chance(0.7);
    redis_troubles_ = Chance(0.7);
    cuts_ = Chance(0.5);
    skips_ = Chance(0.6);
    fills_ = Chance(0.2);
    steps_clocks_ = Chance(0.2);
    edits_ = Chance(0.3);
    rebuilds_ = Chance(0.3);
  }

  void Strike() {
    Scheduler& scheduler = world_->scheduler();
    switch (scheduler.Below(12)) {
      case 0:
      case 1:
        if (crashes_) BringDown(&AnyNode());
        return;
      case 2:
      case 3:
        if (redis_troubles_) TroubleRedis();
        return;
      case 4:
        if (cuts_) Cut();
        return;
      case 5:
      case 6:
        if (skips_) {
          static constexpr int kHours[] = {1, 3, 9, 24, 24, 72, 200};
          SkipClock(world_, absl::Hours(kHours[scheduler.Below(std::size(kHours))]));
        }
        return;
      case 7:
        if (fills_) Fill(AnyService());
        return;
      case 8:
        if (steps_clocks_) StepClock(&AnyNode());
        return;
      case 9:
        if (edits_) EditReferences();
        return;
      case 10:
        if (rebuilds_) Rebuild();
        return;
      default:
        if (crashes_ && Chance(0.2)) BlackOut();
    }
  }

  // Ends a process in one of three ways; the keeper brings it up again.
  void BringDown(Node* node) {
    switch (world_->scheduler().Below(3)) {
      case 0:
        return node->Stop();
      case 1:
        return node->Crash();
      default:
        return world_->CutPower(node->service());
    }
  }

  void TroubleRedis() {
    Scheduler& scheduler = world_->scheduler();
    switch (scheduler.Below(4)) {
      case 0:
        world_->Trace("redis", "forgets everything");
        return world_->redis().FlushAll();
      case 1:
        world_->Trace("redis", "fails over and loses its tail");
        return world_->redis().LoseTail(static_cast<int>(1 + scheduler.Below(5)), Chance(0.7));
      case 2:
        world_->Trace("redis", "forgets the last acknowledgements");
        return world_->redis().ForgetAcks();
      default:
        world_->Trace("redis", "is away");
        world_->weather().redis_away_until =
            scheduler.Now() + scheduler.Between(absl::Milliseconds(200), absl::Seconds(8));
    }
  }

  void Cut() {
    Scheduler& scheduler = world_->scheduler();
    const std::pair<std::string, std::string> way = {AnyService(), AnyService()};
    world_->weather().cut.insert(way);
    scheduler.After(scheduler.Between(absl::Milliseconds(500), absl::Seconds(6)),
                    [world = world_, way] { world->weather().cut.erase(way); });
  }

  void Fill(const std::string& service) {
    Scheduler& scheduler = world_->scheduler();
    world_->Trace(service, "has a full disk");
    world_->disk(service).SetFull(true);
    scheduler.After(scheduler.Between(absl::Milliseconds(200), absl::Seconds(2)),
                    [world = world_, service] { world->disk(service).SetFull(false); });
  }

  void StepClock(Node* node) {
    Scheduler& scheduler = world_->scheduler();
    const absl::Duration off = scheduler.Between(-absl::Seconds(3), absl::Seconds(3));
    world_->Trace(node->instance(),
                  absl::StrCat("has its clock set ", absl::FormatDuration(off), " off"));
    node->clock().Set(off);
  }

  // Everything is dark at once, Redis too.
  void BlackOut() {
    world_->Trace("weather", "there is no power anywhere");
    world_->redis().FlushAll();
    for (const char* service : kServices) world_->CutPower(service);
  }

  // All figures are made anew while everything else goes on.
  void Rebuild() {
    Client operator_(world_, {"operator", "", {"OPERATOR"}, ""});
    const auto asked = operator_.New<reporting::v1::RebuildFiguresRequest>();
    const auto begun = operator_.Call<reporting::v1::RebuildFiguresResponse>(asked);
    world_->Trace("reporting", begun.ok() ? "makes its figures anew" : "is asked for new figures");
  }

  // An item gets a new version and a unit a new name, in the middle of the day.
  void EditReferences() {
    Client editor(world_, {"editor", "", {"ADMIN"}, ""});
    intake::v1::GetItemRequest get;
    get.set_code(Chance(0.5) ? "YK-S004" : "YK-B002");
    const auto item = editor.Call<intake::v1::GetItemResponse>(get);
    if (!item.ok()) return;
    auto import = editor.New<intake::v1::ImportItemsRequest>();
    *import.add_items() = item->item();
    import.mutable_items(0)->set_name(absl::StrCat(item->item().name(), "新"));
    (void)editor.Call<intake::v1::ImportItemsResponse>(import);
    routing::v1::GetUnitRequest ask;
    ask.set_unit_id("230108001004");
    const auto unit = editor.Call<routing::v1::GetUnitResponse>(ask);
    if (!unit.ok()) return;
    auto rename = editor.New<routing::v1::ImportUnitsRequest>();
    *rename.add_units() = unit->unit();
    rename.mutable_units(0)->set_name(absl::StrCat(unit->unit().name(), "新"));
    (void)editor.Call<routing::v1::ImportUnitsResponse>(rename);
  }

  World* world_;
  bool crashes_ = false;
  bool redis_troubles_ = false;
  bool cuts_ = false;
  bool skips_ = false;
  bool fills_ = false;
  bool steps_clocks_ = false;
  bool edits_ = false;
  bool rebuilds_ = false;
  bool ended_ = false;
};

// Starts what is down, a while after it went down.
void KeepUp(World* world) {
  Scheduler& scheduler = world->scheduler();
  while (true) {
    scheduler.Sleep(scheduler.Between(absl::Milliseconds(100), absl::Seconds(3)));
    for (const auto& node : world->nodes()) {
      if (node->down()) node->Start();
    }
  }
}

// Lets everything come to rest; "" when it does.
std::string Settle(World* world) {
  Scheduler& scheduler = world->scheduler();
  const absl::Time bound = scheduler.Now() + absl::Minutes(2);
  std::string pending = world->Pending();
  while (!pending.empty() && scheduler.Now() < bound) {
    scheduler.RunUntil([] { return false; }, scheduler.Now() + absl::Milliseconds(500));
    pending = world->Pending();
  }
  return pending;
}

void Check(World* world, const Ledger& ledger) {
  const test::AskService ask = [world](const std::string& service,
                                       const google::protobuf::Message& request,
                                       google::protobuf::Message* response) {
    const auto bytes =
        world->Ask(service, request.GetDescriptor()->full_name(), request.SerializeAsString());
    if (bytes.ok()) response->ParseFromString(*bytes);
    return bytes.status();
  };
  const test::Acknowledged acknowledged{.applications = ledger.applications,
                                        .grid_events = ledger.grid_events,
                                        .count_grid_events = true};
  for (std::string& finding : test::CheckInvariants(ask, acknowledged)) {
    world->Finding(std::move(finding));
  }
  approval::v1::ListWorkResponse work;
  if (!ask("approval", approval::v1::ListWorkRequest(), &work).ok()) return;
  for (const approval::v1::WorkItem& item : work.items()) {
    world->Finding(absl::StrCat("case ", item.case_id(), " is over and still on the work list of ",
                                item.step().unit_id()));
  }
}

}  // namespace

Outcome Simulate(const Ground& ground, uint64_t seed, bool trace) {
  World world(&ground, {.seed = seed, .trace = trace});
  Scheduler& scheduler = world.scheduler();
  const absl::Time begin = scheduler.Now();
  Ledger ledger;
  Weatherman weatherman(&world);
  for (const auto& node : world.nodes()) node->Start();
  scheduler.Spawn(world.outside(), "keeper", [&world] { KeepUp(&world); });
  SendPeople(&world, &ledger, static_cast<int>(4 + scheduler.Below(7)),
             static_cast<int>(scheduler.Below(3)));
  scheduler.Spawn(world.outside(), "weather", [&weatherman] { weatherman.Live(); });
  scheduler.RunUntil([&] { return weatherman.ended(); }, begin + kPatience);
  ledger.closing = true;
  if (!scheduler.RunUntil([&] { return ledger.busy == 0; }, begin + kPatience)) {
    world.Finding("people wait for ever");
  }
  const std::string pending = Settle(&world);
  if (!pending.empty()) world.Finding(absl::StrCat("the suite does not settle: ", pending));
  Check(&world, ledger);
  return {.findings = world.findings(),
          .digest = world.digest(),
          .cases = static_cast<int>(ledger.applications.size() + ledger.grid_events.size()),
          .lived = scheduler.Now() - begin};
}

}  // namespace yikou::sim
