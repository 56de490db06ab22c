#include "libs/casework/placement.h"

#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "libs/casework/units.h"
#include "rapidcheck/catch.h"

namespace yikou::casework {
namespace {

const absl::CivilDay kDay(2015, 7, 1);

// 单身证明 of Pingfang: taken at communities, accepted anywhere in the street, decided by the
// district's archives after the street's review.
v1::Item SingleCertificate() {
  v1::Item item;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        code: "YK-S001"
        version: 1
        name: "单身证明"
        kind: ITEM_KIND_COMMITMENT
        materials { code: "ID_CARD" name: "身份证" required: true }
        materials { code: "BOOK" name: "户口本" required: true tolerable: true }
        materials { code: "JOBLESS" name: "失业登记证明" required: true tolerable: true }
        materials { code: "PHOTO" name: "照片" }
        statutory { value: 20 unit: TIME_UNIT_WORKING_DAY }
        promised { value: 8 unit: TIME_UNIT_WORKING_DAY }
        placements {
          rule_id: "p1"
          unit_id: "230108"
          effective_from: "2015-01-01"
          accept_tier: TIER_COMMUNITY
          accept_scope: ACCEPT_SCOPE_STREET
          steps { branch_id: "main" branch_name: "主办" kind: STEP_KIND_REVIEW tier: TIER_STREET }
          steps {
            branch_id: "main"
            branch_name: "主办"
            kind: STEP_KIND_DECIDE
            tier: TIER_DISTRICT
            body: "archives"
            mandatory: true
          }
        }
        licence { title: "单身证明" seal_id: "archives" }
        admission { state: ADMISSION_STATE_ADMITTED date: "2015-01-01" }
      )pb",
      &item));
  return item;
}

v1::PlacementRule* AddRule(v1::Item* item, const std::string& id, const std::string& unit,
                           const std::string& from, int32_t priority = 0) {
  v1::PlacementRule rule = item->placements(0);
  rule.set_rule_id(id);
  rule.set_unit_id(unit);
  rule.set_effective_from(from);
  rule.set_priority(priority);
  *item->add_placements() = rule;
  return item->mutable_placements(item->placements_size() - 1);
}

std::string RuleIn(const v1::Item& item, absl::string_view unit, absl::CivilDay day = kDay) {
  const auto rule = FindRule(item, unit, day);
  return rule.ok() ? (*rule)->rule_id() : "";
}

google::rpc::ErrorInfo InfoOf(const absl::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  REQUIRE(DetailsOf(status, &details));
  REQUIRE(details.details(0).UnpackTo(&info));
  return info;
}

// "counter" of a WRONG_COUNTER, else what was answered instead.
std::string CounterNamed(const absl::Status& status) {
  if (status.ok()) return "OK";
  const google::rpc::ErrorInfo info = InfoOf(status);
  return info.reason() == "WRONG_COUNTER" ? info.metadata().at("counter") : info.reason();
}

// Fields named by CheckItem after `spoil` has changed a good item.
std::set<std::string> Wrong(const std::function<void(v1::Item*)>& spoil) {
  v1::Item item = SingleCertificate();
  spoil(&item);
  google::rpc::Status details;
  google::rpc::BadRequest bad_request;
  std::set<std::string> fields;
  if (!DetailsOf(CheckItem(item), &details)) return fields;
  REQUIRE(details.details_size() == 2);
  REQUIRE(details.details(1).UnpackTo(&bad_request));
  for (const auto& violation : bad_request.field_violations()) fields.insert(violation.field());
  return fields;
}

using Fields = std::set<std::string>;

}  // namespace

TEST_CASE("the most specific rule wins, whatever its date and priority") {
  v1::Item item = SingleCertificate();
  AddRule(&item, "all", "", "2015-06-01", 9);
  AddRule(&item, "street", "230108001", "2015-01-02");
  AddRule(&item, "station", "230108001001-station", "2015-01-01");
  CHECK(RuleIn(item, "230109001001") == "all");
  CHECK(RuleIn(item, "230108002001") == "p1");
  CHECK(RuleIn(item, "230108001001") == "street");
  CHECK(RuleIn(item, "230108001-centre") == "street");
  CHECK(RuleIn(item, "230108001001-station") == "station");
}

TEST_CASE("of one unit's rules the latest in force wins, then the higher priority") {
  v1::Item item = SingleCertificate();
  AddRule(&item, "later", "230108", "2015-06-30", -5);
  AddRule(&item, "preferred", "230108", "2015-06-30", 3);
  AddRule(&item, "tomorrow", "230108", "2015-07-02", 9);
  CHECK(RuleIn(item, "230108001001", absl::CivilDay(2015, 6, 29)) == "p1");
  CHECK(RuleIn(item, "230108001001", absl::CivilDay(2015, 6, 30)) == "preferred");
  CHECK(RuleIn(item, "230108001001", kDay) == "preferred");
  CHECK(RuleIn(item, "230108001001", absl::CivilDay(2015, 7, 2)) == "tomorrow");
}

TEST_CASE("no rule before the first day, and none outside the subtree") {
  const v1::Item item = SingleCertificate();
  CHECK(RuleIn(item, "230108001001", absl::CivilDay(2014, 12, 31)).empty());
  CHECK(RuleIn(item, "230108001001", absl::CivilDay(2015, 1, 1)) == "p1");
  const absl::Status status = FindRule(item, "230110001001", kDay).status();
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK(ReasonOf(status) == v1::ERROR_REASON_NOT_FOUND);
  CHECK(absl::StrContains(status.message(), "2015-07-01"));
}

TEST_CASE("the order of an item's rules changes nothing") {
  rc::prop("any order", [] {
    v1::Item item = SingleCertificate();
    item.clear_placements();
    std::vector<v1::PlacementRule> rules;
    for (const char* unit : {"", "230108", "230108001", "230108001001"}) {
      for (const char* from : {"2015-01-01", "2015-06-01", "2015-12-01"}) {
        for (const int priority : {0, 1}) {
          v1::PlacementRule rule;
          rule.set_rule_id(absl::StrCat(unit, "/", from, "/", priority));
          rule.set_unit_id(unit);
          rule.set_effective_from(from);
          rule.set_priority(priority);
          if (*rc::gen::arbitrary<bool>()) rules.push_back(rule);
        }
      }
    }
    for (const auto& rule : rules) *item.add_placements() = rule;
    const std::string unit =
        *rc::gen::element<std::string>("230108001001", "230108001002", "230108", "230110");
    const std::string forwards = RuleIn(item, unit);
    for (size_t i = rules.size(); i > 1; --i) {
      std::swap(rules[i - 1], rules[*rc::gen::inRange<size_t>(0, i)]);
    }
    item.clear_placements();
    for (const auto& rule : rules) *item.add_placements() = rule;
    RC_ASSERT(RuleIn(item, unit) == forwards);
  });
}

TEST_CASE("a counter of the right tier in the right street takes the case") {
  const v1::Item item = SingleCertificate();
  CHECK(CheckCounter(item, "230108001001", "230108001001", kDay).ok());
  CHECK(CheckCounter(item, "230108001002", "230108001001", kDay).ok());
  CHECK(CheckCounter(item, "230108001002-station", "230108001001", kDay).ok());
  CHECK(CheckCounter(item, "230108001002-g01", "230108001001", kDay).ok());
}

TEST_CASE("a community sends a street's item to its street") {
  v1::Item item = SingleCertificate();
  item.mutable_placements(0)->set_accept_tier(v1::TIER_STREET);
  const absl::Status status = CheckCounter(item, "230108001001", "230108001002", kDay);
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(status) == v1::ERROR_REASON_WRONG_COUNTER);
  CHECK(InfoOf(status).metadata().at("counter") == "230108001");
  CHECK(InfoOf(status).metadata().at("item") == "YK-S001");
  CHECK(status.message() ==
        "事项“单身证明”（YK-S001）由街道受理，不在 230108001001（社区）办理，请到 230108001 "
        "的窗口办理。");
  CHECK(CheckCounter(item, "230108001-centre", "230108001002", kDay).ok());
}

TEST_CASE("a street sends a community's item to the home community") {
  const v1::Item item = SingleCertificate();
  CHECK(CounterNamed(CheckCounter(item, "230108001", "230108001002", kDay)) == "230108001002");
  CHECK(CounterNamed(CheckCounter(item, "230108001-centre", "230108001002", kDay)) ==
        "230108001002");
}

TEST_CASE("out of scope the applicant is sent home") {
  v1::Item item = SingleCertificate();
  const absl::Status status = CheckCounter(item, "230108001001", "230108002003", kDay);
  CHECK(CounterNamed(status) == "230108002003");
  CHECK(absl::StrContains(status.message(), "居住地所在街道"));
  item.mutable_placements(0)->set_accept_scope(v1::ACCEPT_SCOPE_DISTRICT);
  CHECK(CheckCounter(item, "230108001001", "230108002003", kDay).ok());
  CHECK(CounterNamed(CheckCounter(item, "230108001001", "230110001001", kDay)).empty());
  item.mutable_placements(0)->set_accept_scope(v1::ACCEPT_SCOPE_COMMUNITY);
  CHECK(CounterNamed(CheckCounter(item, "230108001001", "230108001002", kDay)) == "230108001002");
}

TEST_CASE("a scope narrower than the accepting tier means the counter at home") {
  v1::Item item = SingleCertificate();
  item.mutable_placements(0)->set_accept_tier(v1::TIER_STREET);
  item.mutable_placements(0)->set_accept_scope(v1::ACCEPT_SCOPE_COMMUNITY);
  CHECK(CheckCounter(item, "230108001", "230108001002", kDay).ok());
  CHECK(CounterNamed(CheckCounter(item, "230108002", "230108001002", kDay)) == "230108001");
}

TEST_CASE("nobody is sent to a counter that would send them on") {
  v1::Item item = SingleCertificate();
  item.mutable_placements(0)->set_accept_tier(v1::TIER_STREET);
  // Filed in the wrong community of the wrong street: the own street at once.
  CHECK(CounterNamed(CheckCounter(item, "230108001001", "230108002003", kDay)) == "230108002");
  rc::prop("the counter named takes the case", [] {
    v1::Item item = SingleCertificate();
    item.clear_placements();
    const int rules = *rc::gen::inRange(1, 4);
    for (int i = 0; i < rules; ++i) {
      v1::PlacementRule* rule = item.add_placements();
      rule->set_rule_id(absl::StrCat("r", i));
      rule->set_unit_id(*rc::gen::element<std::string>("", "230108", "230108001", "230108002"));
      rule->set_effective_from(*rc::gen::element<std::string>("2015-01-01", "2015-07-02"));
      rule->set_priority(i);
      rule->set_accept_tier(
          *rc::gen::element(v1::TIER_DISTRICT, v1::TIER_STREET, v1::TIER_COMMUNITY));
      rule->set_accept_scope(*rc::gen::element(v1::ACCEPT_SCOPE_COMMUNITY, v1::ACCEPT_SCOPE_STREET,
                                               v1::ACCEPT_SCOPE_DISTRICT));
    }
    const std::string receiver =
        *rc::gen::element<std::string>("230108", "230108-archives", "230108001", "230108001001",
                                       "230108001001-station", "230108002001", "230110001001");
    const std::string home = *rc::gen::element<std::string>("230108001001", "230108001002",
                                                            "230108002001", "230110001001");
    const absl::Status status = CheckCounter(item, receiver, home, kDay);
    const std::string counter = CounterNamed(status);
    if (ReasonOf(status) == v1::ERROR_REASON_WRONG_COUNTER && !counter.empty()) {
      RC_ASSERT(CheckCounter(item, counter, home, kDay).ok());
      RC_ASSERT(absl::StrContains(status.message(), counter));
    }
  });
}

TEST_CASE("a rule without a tier, a receiver or a home that is no unit: nothing is taken") {
  v1::Item item = SingleCertificate();
  CHECK_FALSE(CheckCounter(item, "230108001001", "", kDay).ok());
  item.mutable_placements(0)->clear_unit_id();
  CHECK_FALSE(CheckCounter(item, "", "", kDay).ok());
  item.mutable_placements(0)->clear_accept_tier();
  CHECK_FALSE(CheckCounter(item, "", "", kDay).ok());
  CHECK_FALSE(CheckCounter(item, "230108001001", "230108001001", kDay).ok());
}

TEST_CASE("an item is taken only when it is admitted") {
  v1::Item item = SingleCertificate();
  for (int state = v1::AdmissionState_MIN; state <= v1::AdmissionState_MAX; ++state) {
    CAPTURE(state);
    item.mutable_admission()->set_state(static_cast<v1::AdmissionState>(state));
    const bool open =
        state == v1::ADMISSION_STATE_ADMITTED || state == v1::ADMISSION_STATE_ADJUSTING;
    const absl::Status status = CheckCounter(item, "230108001001", "230108001001", kDay);
    CHECK(status.ok() == open);
    if (!open) {
      CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
      CHECK(ReasonOf(status) == v1::ERROR_REASON_ITEM_CLOSED);
      CHECK(InfoOf(status).metadata().at("item") == "YK-S001");
    }
  }
  item.mutable_admission()->set_state(v1::ADMISSION_STATE_PAUSED);
  CHECK(CheckCounter(item, "230108001001", "230108001001", kDay).message() ==
        "事项“单身证明”（YK-S001）已暂停办理，不能收件。");
  item.clear_admission();
  CHECK(ReasonOf(CheckCounter(item, "230108001001", "230108001001", kDay)) ==
        v1::ERROR_REASON_ITEM_CLOSED);
}

TEST_CASE("a forbidden item is refused at every counter, admitted or not") {
  v1::Item item = SingleCertificate();
  item.set_list_kind(v1::LIST_KIND_FORBIDDEN);
  for (const char* receiver : {"230108001001", "230108001", "230108"}) {
    CHECK(ReasonOf(CheckCounter(item, receiver, "230108001001", kDay)) ==
          v1::ERROR_REASON_ITEM_CLOSED);
  }
}

TEST_CASE("an item that is not open yet tells from which day it is") {
  v1::Item item = SingleCertificate();
  item.mutable_placements(0)->set_effective_from("2015-09-01");
  AddRule(&item, "even later", "230108", "2016-01-01");
  const absl::Status status = CheckCounter(item, "230108001001", "230108001001", kDay);
  CHECK(ReasonOf(status) == v1::ERROR_REASON_ITEM_CLOSED);
  CHECK(InfoOf(status).metadata().at("opens_on") == "2015-09-01");
  CHECK(absl::StrContains(status.message(), "自 2015-09-01 起"));
  CHECK(CheckCounter(item, "230108001001", "230108001001", absl::CivilDay(2015, 9, 1)).ok());
}

TEST_CASE("where an item is not offered at all the counter at home is named, if it is there") {
  const v1::Item item = SingleCertificate();
  CHECK(CounterNamed(CheckCounter(item, "230110001001", "230108001001", kDay)) == "230108001001");
  CHECK(CounterNamed(CheckCounter(item, "230110001001", "230110001001", kDay)) == "ITEM_CLOSED");
}

TEST_CASE("a route names the unit of every step in the receiver's line") {
  const auto route =
      ResolveRoute(SingleCertificate(), "230108001001-station", "230108001002", kDay);
  REQUIRE(route.ok());
  v1::Route expected;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        branches {
          branch_id: "main"
          name: "主办"
          mandatory: true
          steps { step_id: "main-1" kind: STEP_KIND_REVIEW tier: TIER_STREET unit_id: "230108001" }
          steps {
            step_id: "main-2"
            kind: STEP_KIND_DECIDE
            tier: TIER_DISTRICT
            unit_id: "230108-archives"
          }
        }
        lead_unit: "230108001"
        deliver_unit: "230108001001-station"
        join: JOIN_POLICY_ALL
        reasons: "收件单位 230108001001-station 适用设置规则 p1（适用于 230108，自 2015-01-01 起施行）。"
        reasons: "环节 main-1（主办，审查）由规则 p1 定在街道，单位为 230108001。"
        reasons: "环节 main-2（主办，决定）由规则 p1 定在区，单位为 230108-archives。"
        reasons: "结果由收件窗口 230108001001-station 送达。"
      )pb",
      &expected));
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  const bool same = differencer.Compare(expected, *route);
  CAPTURE(difference);
  CHECK(same);
}

TEST_CASE("parallel branches keep their order, and the first department leads") {
  v1::Item item = SingleCertificate();
  v1::PlacementRule* rule = item.mutable_placements(0);
  rule->clear_steps();
  const auto add = [&](const char* branch, const char* name, v1::StepKind kind, bool mandatory) {
    v1::StepRule* step = rule->add_steps();
    step->set_branch_id(branch);
    step->set_branch_name(name);
    step->set_kind(kind);
    step->set_tier(v1::TIER_DISTRICT);
    step->set_body(branch);
    step->set_mandatory(mandatory);
  };
  add("civil", "民政", v1::STEP_KIND_REVIEW, true);
  add("land", "土地", v1::STEP_KIND_DECIDE, false);
  add("civil", "", v1::STEP_KIND_DECIDE, false);
  item.set_join(v1::JOIN_POLICY_ALL_MANDATORY);
  rule->set_counter_decides(true);
  rule->set_decided_by_rule(true);
  rule->set_deliver(v1::DELIVER_RULE_HOME);
  REQUIRE(CheckItem(item).ok());
  const auto route = ResolveRoute(item, "230108001001", "230108001002", kDay);
  REQUIRE(route.ok());
  REQUIRE(route->branches_size() == 2);
  CHECK(route->branches(0).branch_id() == "civil");
  CHECK(route->branches(0).name() == "民政");
  CHECK(route->branches(0).mandatory());
  REQUIRE(route->branches(0).steps_size() == 2);
  CHECK(route->branches(0).steps(1).step_id() == "civil-2");
  CHECK(route->branches(1).steps(0).step_id() == "land-1");
  CHECK_FALSE(route->branches(1).mandatory());
  CHECK(route->lead_unit() == "230108-civil");
  CHECK(route->deliver_unit() == "230108001002");
  CHECK(route->join() == v1::JOIN_POLICY_ALL_MANDATORY);
  CHECK(route->counter_decides());
  CHECK(route->decided_by_rule());
}

TEST_CASE("a step below the receiver stands where the applicant lives, or nowhere") {
  v1::Item item = SingleCertificate();
  item.mutable_placements(0)->mutable_steps(0)->set_tier(v1::TIER_COMMUNITY);
  const auto route = ResolveRoute(item, "230108001", "230108001002", kDay);
  REQUIRE(route.ok());
  CHECK(route->branches(0).steps(0).unit_id() == "230108001002");
  const absl::Status status = ResolveRoute(item, "230108001", "", kDay).status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(status) == v1::ERROR_REASON_GUARD_FAILED);
  CHECK(absl::StrContains(status.message(), "main-1"));
}

TEST_CASE("no rule, no route") {
  CHECK(ResolveRoute(SingleCertificate(), "230110001001", "230110001001", kDay).status().code() ==
        absl::StatusCode::kNotFound);
}

TEST_CASE("a good item has nothing wrong") { CHECK(CheckItem(SingleCertificate()).ok()); }

TEST_CASE("each wrong field of an item is named") {
  const auto rule = [](v1::Item* item) { return item->mutable_placements(0); };
  CHECK(Wrong([](auto* i) { i->clear_code(); }) == Fields{"code"});
  CHECK(Wrong([](auto* i) { i->set_code(std::string(101, 'A')); }) == Fields{"code"});
  CHECK(Wrong([](auto* i) { i->set_code("A\nB"); }) == Fields{"code"});
  CHECK(Wrong([](auto* i) { i->clear_name(); }) == Fields{"name"});
  CHECK(Wrong([](auto* i) {
          std::string name;
          for (int n = 0; n < 200; ++n) name += "事";
          i->set_name(name);
        }).empty());
  CHECK(Wrong([](auto* i) { i->set_name(std::string(201, 'x')); }) == Fields{"name"});
  CHECK(Wrong([](auto* i) { i->clear_kind(); }) == Fields{"kind"});
  CHECK(Wrong([](auto* i) { i->set_list_kind(static_cast<v1::ListKind>(99)); }) ==
        Fields{"list_kind"});
  CHECK(Wrong([](auto* i) { i->set_legal_basis("\x01"); }) == Fields{"legal_basis"});
  CHECK(Wrong([](auto* i) { i->set_visits(-1); }) == Fields{"visits"});
  CHECK(Wrong([](auto* i) { i->mutable_materials(1)->set_code("ID_CARD"); }) ==
        Fields{"materials[1].code"});
  CHECK(Wrong([](auto* i) { i->mutable_materials(3)->clear_name(); }) ==
        Fields{"materials[3].name"});
  CHECK(Wrong([](auto* i) { i->add_form()->set_label("金额"); }) == Fields{"form[0].name"});
  CHECK(Wrong([](auto* i) {
          i->add_suspension_reasons("HEARING");
          i->add_suspension_reasons("HEARING");
        }) == Fields{"suspension_reasons[1]"});
  CHECK(Wrong([](auto* i) { i->mutable_licence()->clear_seal_id(); }) == Fields{"licence.seal_id"});
  CHECK(Wrong([](auto* i) { i->mutable_admission()->set_date("2015-02-29"); }) ==
        Fields{"admission.date"});
  CHECK(Wrong([&](auto* i) { rule(i)->set_unit_id("2301"); }) == Fields{"placements[0].unit_id"});
  CHECK(Wrong([&](auto* i) { rule(i)->set_effective_from("2015-1-1"); }) ==
        Fields{"placements[0].effective_from"});
  CHECK(Wrong([&](auto* i) { rule(i)->set_accept_tier(v1::TIER_GRID); }) ==
        Fields{"placements[0].accept_tier"});
  CHECK(Wrong([&](auto* i) { rule(i)->clear_accept_scope(); }) ==
        Fields{"placements[0].accept_scope"});
  CHECK(Wrong([](auto* i) { i->clear_placements(); }) == Fields{"placements"});
  CHECK(Wrong([](auto* i) {
          i->clear_placements();
          i->mutable_admission()->set_state(v1::ADMISSION_STATE_DRAFT);
        }).empty());
}

TEST_CASE("limits that contradict each other are refused") {
  CHECK(Wrong([](auto* i) { i->mutable_promised()->set_value(21); }) == Fields{"promised.value"});
  CHECK(Wrong([](auto* i) { i->mutable_promised()->set_value(20); }).empty());
  CHECK(Wrong([](auto* i) {
          i->mutable_promised()->set_value(21);
          i->mutable_promised()->set_unit(v1::TIME_UNIT_NATURAL_DAY);
        }).empty());
  CHECK(Wrong([](auto* i) { i->mutable_statutory()->set_value(100001); }) ==
        Fields{"statutory.value"});
  CHECK(Wrong([](auto* i) { i->mutable_promised()->set_value(-1); }) == Fields{"promised.value"});
  CHECK(Wrong([](auto* i) { i->mutable_promised()->clear_unit(); }) == Fields{"promised.unit"});
  CHECK(Wrong([](auto* i) { i->mutable_correction()->set_unit(v1::TIME_UNIT_WORKING_DAY); }) ==
        Fields{"correction.value"});
  CHECK(Wrong([](auto* i) {
          i->mutable_extension_cap()->set_value(10);
          i->mutable_extension_cap()->set_unit(v1::TIME_UNIT_NATURAL_DAY);
        }) == Fields{"extension_cap.unit"});
  CHECK(Wrong([](auto* i) {
          i->mutable_extension_cap()->set_value(10);
          i->mutable_extension_cap()->set_unit(v1::TIME_UNIT_WORKING_DAY);
          i->mutable_statutory()->set_unit(v1::TIME_UNIT_NATURAL_DAY);
        }).empty());
}

TEST_CASE("a branch ends with its decision and decides nowhere else") {
  const auto steps = [](v1::Item* item) { return item->mutable_placements(0)->mutable_steps(); };
  const std::string at = "placements[0].steps";
  CHECK(Wrong([&](auto* i) { steps(i)->RemoveLast(); }) == Fields{at + "[0].kind"});
  CHECK(Wrong([&](auto* i) { steps(i)->Mutable(0)->set_kind(v1::STEP_KIND_DECIDE); }) ==
        Fields{at + "[0].kind"});
  CHECK(Wrong([&](auto* i) { steps(i)->Mutable(0)->clear_kind(); }) == Fields{at + "[0].kind"});
  CHECK(Wrong([&](auto* i) { steps(i)->Mutable(0)->set_branch_id("other"); }) ==
        Fields{at + "[0].kind"});
  CHECK(Wrong([&](auto* i) { steps(i)->Clear(); }) == Fields{at});
  CHECK(Wrong([&](auto* i) { steps(i)->Mutable(0)->clear_branch_name(); }) ==
        Fields{at + "[0].branch_name", at + "[1].branch_name"});
  CHECK(Wrong([&](auto* i) { steps(i)->Mutable(1)->set_branch_name("另一"); }) ==
        Fields{at + "[1].branch_name"});
  CHECK(Wrong([&](auto* i) { steps(i)->Mutable(1)->set_tier(v1::TIER_GRID); }) ==
        Fields{at + "[1].tier"});
  for (const char* body : {"Archives", "局", "g01", "-a"}) {
    CHECK(Wrong([&](auto* i) { steps(i)->Mutable(1)->set_body(body); }) == Fields{at + "[1].body"});
  }
  CHECK(Wrong([&](auto* i) {
          i->set_join(v1::JOIN_POLICY_ALL_MANDATORY);
          steps(i)->Mutable(1)->set_mandatory(false);
        }) == Fields{at});
}

TEST_CASE("two rules that nothing sets apart are refused, and which two is told") {
  v1::Item item = SingleCertificate();
  AddRule(&item, "p2", "230108", "2015-01-01", 1);
  CHECK(CheckItem(item).ok());
  AddRule(&item, "p3", "230108", "2015-01-01", 1);
  const absl::Status status = CheckItem(item);
  CHECK(absl::StrContains(status.message(), "placements[2]"));
  CHECK(absl::StrContains(status.message(), "p2"));
  item.mutable_placements(2)->set_priority(2);
  CHECK(CheckItem(item).ok());
  item.mutable_placements(2)->set_rule_id("p2");
  CHECK(absl::StrContains(CheckItem(item).message(), "placements[2].rule_id"));
}

TEST_CASE("everything wrong is told at once, below the field the caller names") {
  v1::Item item = SingleCertificate();
  item.clear_code();
  item.clear_name();
  Violations violations;
  CheckItem(item, "items[3]", &violations);
  CheckItem(SingleCertificate(), "items[4]", &violations);
  google::rpc::Status details;
  google::rpc::BadRequest bad_request;
  REQUIRE(DetailsOf(violations.ToStatus(), &details));
  REQUIRE(details.details(1).UnpackTo(&bad_request));
  REQUIRE(bad_request.field_violations_size() == 2);
  CHECK(bad_request.field_violations(0).field() == "items[3].code");
  CHECK(bad_request.field_violations(1).field() == "items[3].name");
}

TEST_CASE("gaps are the required materials that were not given") {
  const v1::Item item = SingleCertificate();
  CHECK(FindGaps(item, {"ID_CARD", "BOOK", "JOBLESS"}).missing.empty());
  CHECK_FALSE(FindGaps(item, {"ID_CARD", "BOOK", "JOBLESS"}).tolerable_only);
  const Gaps some = FindGaps(item, {"ID_CARD", "OTHER"});
  CHECK(some.missing == std::vector<std::string>{"BOOK", "JOBLESS"});
  CHECK(some.tolerable_only);
  const Gaps all = FindGaps(item, {"PHOTO"});
  CHECK(all.missing == std::vector<std::string>{"ID_CARD", "BOOK", "JOBLESS"});
  CHECK_FALSE(all.tolerable_only);
}

TEST_CASE("the citizen is told what to bring by name") {
  const v1::Item item = SingleCertificate();
  CHECK(WhatToBring(item, {"BOOK", "JOBLESS"}) == "请携带：户口本、失业登记证明");
  CHECK(WhatToBring(item, {"GONE"}) == "请携带：GONE");
  CHECK(WhatToBring(item, {}).empty());
}

TEST_CASE("every item of the shipped catalogue is good and has a route from a counter") {
  std::ifstream file(YIKOU_SOURCE_DIR "/deploy/data/catalogue/items.jsonl");
  std::string line;
  int count = 0, wrong = 0;
  for (; std::getline(file, line); ++count) {
    v1::Item item;
    REQUIRE(google::protobuf::util::JsonStringToMessage(line, &item).ok());
    absl::Status status = CheckItem(item);
    const std::string& unit = item.placements(0).unit_id();
    const std::string home = absl::StrCat(unit, std::string("230108001001").substr(unit.size()));
    const std::string counter = DivisionAt(home, item.placements(0).accept_tier());
    status.Update(CheckCounter(item, counter, home, absl::CivilDay(2020, 1, 6)));
    const bool refused = item.list_kind() == v1::LIST_KIND_FORBIDDEN ||
                         item.admission().state() == v1::ADMISSION_STATE_PAUSED;
    if (status.ok() == refused || (refused && ReasonOf(status) != v1::ERROR_REASON_ITEM_CLOSED) ||
        !ResolveRoute(item, counter, home, absl::CivilDay(2020, 1, 6)).ok()) {
      ++wrong;
      WARN(item.code() << ": " << status);
    }
  }
  CHECK(count > 1000);
  CHECK(wrong == 0);
}

}  // namespace yikou::casework
