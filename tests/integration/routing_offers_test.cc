// Offers on a real record: made, offered again while nobody takes them, told of, redirected.
#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/app/mirror.h"
#include "libs/app/reaction.h"
#include "libs/app/schema.h"
#include "libs/base/ids.h"
#include "libs/casework/errors.h"
#include "libs/store/sqlite/sqlite_store.h"
#include "services/routing/offer_keeper.h"
#include "services/routing/offer_rules.h"
#include "services/routing/routing_consumer.h"
#include "services/routing/routing_schema.h"
#include "tests/support/temp_dir.h"

namespace yikou::routing {
namespace {

namespace cw = casework::v1;
using cw::Event;
using cw::Offer;
using Types = std::vector<std::string>;

constexpr char kCase[] = "case-1";
constexpr char kCommunity[] = "230108001004";
constexpr char kStreet[] = "230108001";
constexpr char kOtherStreet[] = "230108002";
constexpr char kBureau[] = "230108-hr";

class ManualClock final : public base::Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

// Routing on a file of its own, without threads: decisions are committed as they come.
class Bench {
 public:
  Bench() {
    auto opened = store::OpenSqliteStore(dir_.File("routing.db"));
    REQUIRE(opened.status() == absl::OkStatus());
    store = *std::move(opened);
    REQUIRE(store->Migrate(app::WholeSchema(RoutingMigrations())) == absl::OkStatus());
    reference_ = std::make_unique<app::Reference>(store.get());
    env_.service = "routing";
    env_.store = store.get();
    env_.system_clock = &clock;
    env_.case_clock = &clock;
    env_.reference = reference_.get();
    for (const char* unit : {kCommunity, kStreet, kOtherStreet, kBureau}) AddUnit(unit);
    Event received = EventOf("intake", "case", "intake.received");
    received.mutable_case_facts()->set_receiver_unit(kCommunity);
    React(received);
  }

  void AddUnit(const std::string& id) {
    Event event;
    event.set_type("routing.unit_changed");
    event.mutable_unit()->set_unit_id(id);
    event.mutable_unit()->set_tier(QueueTierOf(id));
    React(event);
  }

  static Event EventOf(const std::string& source, const std::string& kind,
                       const std::string& type) {
    Event event;
    event.set_event_id(absl::StrCat(source, " ", type));
    event.set_source(source);
    event.set_case_id(kCase);
    event.set_aggregate_kind(kind);
    event.set_aggregate_id(kCase);
    event.set_type(type);
    event.set_version(1);
    return event;
  }

  void React(const Event& event) {
    store::Work work = env_.WorkForTimer("event");
    REQUIRE(consumer_.React(work, event) == absl::OkStatus());
    REQUIRE(Commit(work.Take()) == absl::OkStatus());
  }

  // A step for `unit`, offered; returns the offer's id.
  std::string OfferStep(const std::string& unit) {
    Event event = EventOf("approval", "process", "approval.step_offered");
    event.mutable_step()->set_step_id("main-1");
    event.mutable_step()->set_unit_id(unit);
    React(event);
    return Queued(unit).back().offer_id();
  }
  // The case is accepted, and decided at this tier and body; returns the offer that opens it.
  std::string OfferOpening(cw::Tier tier, const std::string& body, const std::string& unit) {
    Event published;
    published.set_type("item.published");
    cw::Item* item = published.mutable_item();
    item->set_code("YK-1");
    item->set_version(1);
    cw::PlacementRule* rule = item->add_placements();
    rule->set_rule_id("p1");
    rule->set_effective_from("2015-01-01");
    rule->set_accept_tier(cw::TIER_COMMUNITY);
    cw::StepRule* step = rule->add_steps();
    step->set_branch_id("main");
    step->set_kind(cw::STEP_KIND_DECIDE);
    step->set_tier(tier);
    step->set_body(body);
    step->set_mandatory(true);
    React(published);
    Event accepted = EventOf("intake", "case", "intake.accepted");
    cw::CaseFacts* facts = accepted.mutable_case_facts();
    facts->set_item_code("YK-1");
    facts->set_item_version(1);
    facts->set_receiver_unit(kCommunity);
    facts->set_home_unit(kCommunity);
    facts->mutable_received_at()->set_seconds(absl::ToUnixSeconds(clock.Now()));
    React(accepted);
    return Queued(unit).back().offer_id();
  }
  std::string OfferField(const std::string& unit) {
    Event event = EventOf("approval", "process", "approval.field_requested");
    event.mutable_field()->set_field_id("f1");
    event.mutable_field()->set_unit_id(unit);
    React(event);
    return store->Find(kOffer, {})->back().id;
  }

  // The receiver says what became of the offer; taken at `unit`, when it tells.
  void Answer(const std::string& id, cw::OfferState state, const std::string& unit = "") {
    Event event = EventOf("approval", "process", "approval.step_placed");
    event.mutable_offer()->set_offer_id(id);
    event.mutable_offer()->set_state(state);
    event.mutable_offer()->set_to_unit(unit);
    React(event);
  }

  // Applies every lease that is over, as the loop of the service does; returns how many.
  int Ring() {
    const auto due = store->Due({&kOffer}, clock.Now(), 100);
    REQUIRE(due.status() == absl::OkStatus());
    for (const store::DueAggregate& offer : *due) {
      store::Work work = env_.WorkForTimer("timer");
      REQUIRE(keeper.OnDue(work, offer.id) == absl::OkStatus());
      REQUIRE(Commit(work.Take()) == absl::OkStatus());
    }
    return static_cast<int>(due->size());
  }
  int RingAfter(absl::Duration duration) {
    clock.now += duration;
    return Ring();
  }
  // Until nobody offers it again; returns how often it was due.
  int RingOut() {
    int rung = 0;
    for (int i = 0; i < 100; ++i) rung += RingAfter(absl::Hours(1));
    return rung;
  }

  absl::StatusOr<v1::RedirectOfferResponse> Redirect(const std::string& id, const std::string& unit,
                                                     int64_t version = 0,
                                                     const std::string& reason = "机构调整") {
    v1::RedirectOfferRequest request;
    request.set_request_id(base::NewId(clock.Now()));
    request.set_offer_id(id);
    request.set_to_unit(unit);
    request.set_reason(reason);
    const absl::StatusOr<store::Stored> stored = store->Get(kOffer, id);
    request.set_expected_version(version != 0 ? version : stored.ok() ? stored->version : 1);
    rpc::CallContext context;
    context.principal.person_id = "operator-1";
    YK_ASSIGN_OR_RETURN(auto outcome, keeper.RedirectOffer(context, request));
    YK_RETURN_IF_ERROR(Commit(std::move(outcome.change)));
    return outcome.response;
  }

  // Offers as they lie in the queue of approval at the unit's tier, in order.
  std::vector<Offer> Queued(const std::string& unit) {
    std::vector<Offer> offers;
    const auto entries =
        store->ReadStream(app::QueueStream(QueueTierOf(unit), "approval"), 1, 1000);
    REQUIRE(entries.status() == absl::OkStatus());
    for (const store::StreamEntry& entry : *entries) offers.push_back(entry.event.offer());
    return offers;
  }
  Offer OfferNow(const std::string& id) {
    Offer offer;
    REQUIRE(offer.ParseFromString(store->Get(kOffer, id)->body));
    return offer;
  }
  std::string Holder() {
    v1::Custody custody;
    REQUIRE(custody.ParseFromString(store->Get(kCustody, kCase)->body));
    return custody.holder_unit();
  }
  Types EventTypes() {
    Types types;
    const auto log = store->ReadStream(app::EventsStream("routing"), 1, 1000);
    REQUIRE(log.status() == absl::OkStatus());
    for (const store::StreamEntry& entry : *log) {
      if (entry.event.aggregate_kind() == "offer") types.push_back(entry.event.type());
    }
    return types;
  }

  std::unique_ptr<store::Store> store;
  ManualClock clock;
  const OfferKeeper keeper{&env_, absl::Minutes(1)};

 private:
  absl::Status Commit(absl::StatusOr<store::Change> change) {
    YK_RETURN_IF_ERROR(change.status());
    if (change->empty()) return absl::OkStatus();
    return store->Commit({&*change})[0];
  }

  test::TempDir dir_;
  std::unique_ptr<app::Reference> reference_;
  app::ServiceEnv env_;
  const RoutingConsumer consumer_{&env_, &keeper};
};

}  // namespace

TEST_CASE("an offer nobody takes is offered again with growing patience, and never dropped",
          "[routing]") {
  Bench bench;
  const std::string id = bench.OfferStep(kStreet);
  CHECK(bench.Ring() == 0);
  CHECK(bench.RingAfter(absl::Seconds(59)) == 0);
  CHECK(bench.RingAfter(absl::Seconds(1)) == 1);
  CHECK(bench.RingAfter(absl::Seconds(119)) == 0);
  CHECK(bench.RingAfter(absl::Seconds(1)) == 1);

  // Each time it is the same offer, whole, in the same queue.
  const std::vector<Offer> queued = bench.Queued(kStreet);
  REQUIRE(queued.size() == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(queued[i].offer_id() == id);
    CHECK(queued[i].attempts() == i + 1);
    CHECK(queued[i].version() == i + 1);
    CHECK(queued[i].rests_on().aggregate_kind() == "process");
    CHECK(queued[i].subject() == "main-1");
  }
  CHECK(*bench.keeper.CountUnanswered() == 0);

  bench.RingOut();
  CHECK(bench.Queued(kStreet).size() == kAttemptsMax);
  CHECK(bench.EventTypes().back() == "routing.offer_unanswered");
  CHECK(bench.OfferNow(id).state() == cw::OFFER_STATE_OFFERED);
  CHECK(bench.Holder() == kCommunity);
}

TEST_CASE("operators are told of an offer nobody takes, page by page, until somebody does",
          "[routing]") {
  Bench bench;
  const std::string id = bench.OfferOpening(cw::TIER_STREET, "", kStreet);
  bench.RingOut();
  CHECK(*bench.keeper.CountUnanswered() == 1);
  const auto listed = bench.keeper.ListUnanswered("", 10);
  REQUIRE(listed.ok());
  REQUIRE(listed->size() == 1);
  const cw::StuckEntry& entry = listed->front();
  CHECK(entry.stuck_id() == "offer/" + id);
  CHECK(entry.kind() == "unanswered");
  CHECK(entry.stream() == "yikou:queue:street:approval:{0}");
  CHECK(entry.offer_id() == id);
  CHECK(entry.case_id() == kCase);
  CHECK(entry.attempts() == kAttemptsMax);
  CHECK(absl::StrContains(entry.cause(), kStreet));
  CHECK(bench.keeper.ListUnanswered(entry.stuck_id(), 10)->empty());
  CHECK(bench.keeper.ListUnanswered("yikou:events:intake:{0}/1", 10)->empty());
  CHECK(bench.keeper.ListUnanswered("a", 10)->size() == 1);

  // However late it is signed, it is signed.
  bench.Answer(id, cw::OFFER_STATE_SIGNED, kStreet);
  CHECK(*bench.keeper.CountUnanswered() == 0);
  CHECK(bench.Holder() == kStreet);
}

TEST_CASE("an offer that was received, signed or declined is not offered again", "[routing]") {
  for (const cw::OfferState state :
       {cw::OFFER_STATE_RECEIVED, cw::OFFER_STATE_SIGNED, cw::OFFER_STATE_DECLINED}) {
    Bench bench;
    const std::string id = bench.OfferStep(kStreet);
    bench.Answer(id, state);
    CHECK(bench.RingOut() == 0);
    CHECK(bench.Queued(kStreet).size() == 1);
    CHECK_FALSE(bench.OfferNow(id).has_lease_until());
    CHECK(*bench.keeper.CountUnanswered() == 0);
  }
}

TEST_CASE("a look that is taken back before anybody took it is revoked and not offered again",
          "[routing]") {
  Bench bench;
  const std::string id = bench.OfferField(kCommunity);
  REQUIRE(bench.OfferNow(id).purpose() == cw::OFFER_PURPOSE_FIELD);
  Event cancelled = Bench::EventOf("approval", "process", "approval.field_cancelled");
  cancelled.mutable_field()->set_field_id("another");
  bench.React(cancelled);
  CHECK(bench.OfferNow(id).state() == cw::OFFER_STATE_OFFERED);
  cancelled.mutable_field()->set_field_id("f1");
  bench.React(cancelled);
  CHECK(bench.OfferNow(id).state() == cw::OFFER_STATE_REVOKED);
  CHECK(bench.RingOut() == 0);
}

TEST_CASE("an operator sends an offer to another unit, and whoever takes it first holds the case",
          "[routing]") {
  Bench bench;
  const std::string id = bench.OfferOpening(cw::TIER_DISTRICT, "hr", kBureau);
  bench.RingOut();
  REQUIRE(*bench.keeper.CountUnanswered() == 1);
  const auto redirected = bench.Redirect(id, kOtherStreet);
  REQUIRE(redirected.status() == absl::OkStatus());
  CHECK(redirected->offer().to_unit() == kOtherStreet);
  CHECK(*bench.keeper.CountUnanswered() == 0);
  // The same offer, now in the queue of the street's tier, with a lease of its own.
  REQUIRE(bench.Queued(kStreet).size() == 1);
  const Offer queued = bench.Queued(kStreet).front();
  CHECK(queued.offer_id() == id);
  CHECK(queued.to_unit() == kOtherStreet);
  CHECK(queued.attempts() == 1);
  CHECK(queued.route().lead_unit() == kOtherStreet);
  CHECK(queued.route().branches(0).steps(0).unit_id() == kOtherStreet);
  CHECK(bench.RingAfter(absl::Minutes(1)) == 1);
  CHECK(bench.Queued(kStreet).size() == 2);
  // Who did it and why stands in the log, without telephone numbers.
  const auto log = *bench.store->ReadStream(app::EventsStream("routing"), 1, 1000);
  const auto said = std::find_if(log.begin(), log.end(), [](const store::StreamEntry& entry) {
    return entry.event.actor().person_id() == "operator-1";
  });
  REQUIRE(said != log.end());
  CHECK(said->event.type() == "routing.offered");
  CHECK(said->event.reason() == "机构调整");
  CHECK(bench.Holder() == kCommunity);

  SECTION("by the new unit") {
    bench.Answer(id, cw::OFFER_STATE_SIGNED, kOtherStreet);
    CHECK(bench.Holder() == kOtherStreet);
  }
  SECTION("by the old one, which had it all the time") {
    bench.Answer(id, cw::OFFER_STATE_SIGNED, kBureau);
    CHECK(bench.Holder() == kBureau);
    CHECK(bench.OfferNow(id).to_unit() == kBureau);
    CHECK(bench.OfferNow(id).tier() == cw::TIER_DISTRICT);
  }
}

TEST_CASE("a redirection that cannot be is refused by a sentence and changes nothing",
          "[routing]") {
  Bench bench;
  const std::string id = bench.OfferStep(kStreet);
  const int64_t version = bench.OfferNow(id).version();
  CHECK(absl::IsNotFound(bench.Redirect("nobody", kOtherStreet).status()));
  CHECK(absl::IsNotFound(bench.Redirect(id, "230108777").status()));
  CHECK(absl::IsInvalidArgument(bench.Redirect(id, "no unit").status()));
  CHECK(absl::IsInvalidArgument(bench.Redirect(id, kOtherStreet, 0, "").status()));
  CHECK(absl::IsInvalidArgument(bench.Redirect(id, kOtherStreet, -1).status()));
  CHECK(absl::IsAborted(bench.Redirect(id, kOtherStreet, version + 1).status()));
  CHECK(bench.Queued(kStreet).size() == 1);
  bench.Answer(id, cw::OFFER_STATE_SIGNED);
  const absl::Status taken = bench.Redirect(id, kOtherStreet).status();
  CHECK(casework::ReasonOf(taken) == cw::ERROR_REASON_STATE_FORBIDS);
  CHECK(bench.OfferNow(id).version() == version + 1);
}

}  // namespace yikou::routing
