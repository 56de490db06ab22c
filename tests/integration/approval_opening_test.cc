// The approval service on a real SQLite file: how a process opens, and its steps after it.
#include <string>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/app/reaction.h"
#include "libs/casework/clocks.h"
#include "tests/integration/approval_desk.h"

namespace yikou::approval::test {
namespace {

TEST_CASE("An opening offer makes a process, starts its first step and is signed by the event") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  CHECK(bench.NewTypes() == Types{"approval.opened"});
  const v1::Process process = bench.Process();
  CHECK(process.state() == casework::v1::CASE_STATE_ACCEPTED);
  CHECK(process.placed());
  // One truth each: state and clocks are the process's own.
  CHECK(process.facts().clocks_size() == 0);
  CHECK(process.facts().state() == casework::v1::CASE_STATE_UNSPECIFIED);
  CHECK(process.version() == 1);
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_OPEN);
  CHECK(bench.StepOf("main-1").offer_id() == "offer-open");
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_WAITING);
  CHECK(bench.WorkRows() == Types{"main-1"});
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STATUTORY)));
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_PROMISED)));
  CHECK(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "main-1").budget() == 3);

  const Event opened = bench.LastEvent("approval.opened");
  CHECK(opened.aggregate_kind() == "process");
  CHECK(opened.offer().offer_id() == "offer-open");
  CHECK(opened.offer().state() == casework::v1::OFFER_STATE_SIGNED);
  CHECK(opened.case_facts().state() == casework::v1::CASE_STATE_ACCEPTED);
  CHECK(opened.case_facts().clocks_size() == 3);
  CHECK(opened.case_facts().case_no() == "23010800100120260302A0000010");
  REQUIRE(opened.visible_to_size() == 1);
  CHECK(opened.visible_to(0) == kCentre);
}

TEST_CASE("An opening offer waits for the hand-over and for the item, and changes nothing before") {
  Bench bench;
  const Event offered = Offered(Bench::Opening(Chain(kArchives)));
  std::string source;
  std::string aggregate;
  int64_t version = 0;
  REQUIRE(app::IsWait(bench.React({offered}), &source, &aggregate, &version));
  CHECK(source == "intake");
  CHECK(aggregate == absl::StrCat("case/", kCase));
  CHECK(version == 2);
  REQUIRE(bench.React({bench.Accepted(ItemOf("YK-S001"))}) == absl::OkStatus());
  REQUIRE(app::IsWait(bench.React({offered}), &source, &aggregate, &version));
  CHECK(aggregate == "item/YK-S001@1");
  CHECK(bench.Position() == 0);
  bench.Publish(ItemOf("YK-S001"));
  CHECK(bench.React({offered}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.opened"});
}

TEST_CASE("Item, hand-over and offer that share one Work open one process") {
  Bench bench;
  Event published;
  published.set_type("item.published");
  *published.mutable_item() = ItemOf("YK-S001");
  const Event offered = Offered(Bench::Opening(Chain(kArchives)));
  const Event accepted = bench.Accepted(ItemOf("YK-S001"));
  CHECK(bench.React({published, accepted, offered, offered}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.opened"});
}

TEST_CASE("An opening offer applied again has no effect; another one is declined, once") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  bench.NewTypes();
  CHECK(bench.React({Offered(Bench::Opening(Chain(kArchives)))}) == absl::OkStatus());
  CHECK(bench.NewTypes().empty());
  Offer other = Bench::Opening(Chain(kArchives));
  other.set_offer_id("offer-other");
  CHECK(bench.React({Offered(other), Offered(other)}) == absl::OkStatus());
  CHECK(bench.React({Offered(other)}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.offer_declined"});
  const Event declined = bench.LastEvent("approval.offer_declined");
  CHECK(declined.offer().state() == casework::v1::OFFER_STATE_DECLINED);
  CHECK_FALSE(declined.offer().decline_reason().empty());
}

TEST_CASE("Offers for other services and a route without a decision do not open anything") {
  Bench bench;
  bench.Publish(ItemOf("YK-S001"));
  REQUIRE(bench.React({bench.Accepted(ItemOf("YK-S001"))}) == absl::OkStatus());
  Offer foreign = Bench::Opening(Chain(kArchives));
  foreign.set_service("gridtask");
  CHECK(bench.React({Offered(foreign)}) == absl::OkStatus());
  Offer broken = Bench::Opening(casework::v1::Route());
  CHECK(bench.React({Offered(broken)}).code() == absl::StatusCode::kInvalidArgument);
  CHECK(bench.Position() == 0);
}

TEST_CASE("Parallel branches are offered to their units and open with their offers") {
  Bench bench;
  bench.OpenCase(RouteOf({{"archives", kArchives}, {"civil", kCivil}}));
  CHECK(bench.NewTypes() == Types{"approval.opened", "approval.step_offered"});
  const Event offered = bench.LastEvent("approval.step_offered");
  CHECK(offered.step().step_id() == "civil-1");
  CHECK(offered.step().unit_id() == kCivil);
  CHECK(offered.step().state() == casework::v1::STEP_STATE_OFFERED);
  CHECK(offered.visible_to(0) == kCivil);
  CHECK(bench.WorkRows() == Types{"archives-1"});

  const Event offer = Offered(OfferOf("o-civil", casework::v1::OFFER_PURPOSE_STEP, "civil-1"));
  CHECK(bench.React({offer, offer}) == absl::OkStatus());
  CHECK(bench.React({offer}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.step_placed"});
  const Event placed = bench.LastEvent("approval.step_placed");
  CHECK(placed.offer().offer_id() == "o-civil");
  CHECK(placed.offer().state() == casework::v1::OFFER_STATE_SIGNED);
  CHECK(placed.step().state() == casework::v1::STEP_STATE_OPEN);
  CHECK(bench.WorkRows() == Types{"archives-1", "civil-1"});
  CHECK(casework::IsRunning(bench.ClockOf(casework::v1::CLOCK_PURPOSE_STEP, "civil-1")));
}

TEST_CASE("An offer that comes again, however late, has no second effect") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  const Event opening = Offered(Bench::Opening(Chain(kArchives)));
  // Passed on, decided, sent back: the first step is offered anew and names another offer.
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  const Event second = Offered(OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2"));
  REQUIRE(bench.React({second}) == absl::OkStatus());
  REQUIRE(bench.Claim(kArchivist, "main-2").ok());
  auto back = bench.OnStep<v1::SendBackRequest>("main-2");
  back.set_reason("材料不清");
  REQUIRE(bench.Call(&ApprovalService::SendBack, kArchivist, back).ok());
  REQUIRE(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_OFFERED);
  bench.NewTypes();
  CHECK(bench.React({opening, second}) == absl::OkStatus());
  CHECK(bench.React({second, opening}) == absl::OkStatus());
  CHECK(bench.NewTypes().empty());
  CHECK(bench.StepOf("main-1").state() == casework::v1::STEP_STATE_OFFERED);
}

TEST_CASE("A step goes to the unit its offer was redirected to") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  REQUIRE(bench.Claim(kReviewer, "main-1").ok());
  REQUIRE(bench.Decide(kReviewer, "main-1").ok());
  Offer offer = OfferOf("o2", casework::v1::OFFER_PURPOSE_STEP, "main-2");
  offer.set_to_unit(kCivil);
  offer.set_tier(casework::v1::TIER_DISTRICT);
  REQUIRE(bench.React({Offered(offer)}) == absl::OkStatus());
  CHECK(bench.StepOf("main-2").unit_id() == kCivil);
  const Event placed = bench.LastEvent("approval.step_placed");
  CHECK(placed.step().unit_id() == kCivil);
  CHECK(placed.offer().to_unit() == kCivil);
  CHECK(absl::IsPermissionDenied(bench.Claim(kArchivist, "main-2").status()));
  CHECK(bench.Claim(kCivilOfficer, "main-2").ok());
}

TEST_CASE("A step offer that is stale is declined once and leaves the step alone") {
  Bench bench;
  bench.OpenCase(Chain(kArchives));
  bench.NewTypes();
  const Event early = Offered(OfferOf("o-early", casework::v1::OFFER_PURPOSE_STEP, "main-2"));
  CHECK(bench.React({early, early}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.offer_declined"});
  CHECK(bench.StepOf("main-2").state() == casework::v1::STEP_STATE_WAITING);
  REQUIRE(bench.Withdraw(kClerk).ok());
  bench.NewTypes();
  const Event late = Offered(OfferOf("o-late", casework::v1::OFFER_PURPOSE_STEP, "main-2"));
  CHECK(bench.React({late}) == absl::OkStatus());
  CHECK(bench.NewTypes() == Types{"approval.offer_declined"});
  // The case is intake's again: nothing may be said about its state.
  CHECK(bench.LastEvent("approval.offer_declined").aggregate_kind() == "declined_offer");
  CHECK_FALSE(bench.LastEvent("approval.offer_declined").has_case_facts());
}

}  // namespace
}  // namespace yikou::approval::test
