#include "services/reporting/timeline_words.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "catch2/catch.hpp"

namespace yikou::reporting {
namespace {

namespace cw = casework::v1;

std::string Name(const std::string& unit_id) {
  if (unit_id == "230108001001") return "和平社区";
  if (unit_id == "230108-archives") return "平房区档案局";
  return unit_id;
}

cw::Event OfType(const std::string& type) {
  cw::Event event;
  event.set_type(type);
  return event;
}

cw::Event OfferEvent(const std::string& type) {
  cw::Event event = OfType(type);
  event.mutable_offer()->set_kind(cw::OFFER_KIND_CUSTODY);
  event.mutable_offer()->set_from_unit("230108001001");
  event.mutable_offer()->set_to_unit("230108-archives");
  return event;
}

}  // namespace

TEST_CASE("a timeline names units and says what became of an offer", "[reporting]") {
  cw::Event again = OfferEvent("routing.offered");
  CHECK(Describe(again, Name) == "移交 和平社区 → 平房区档案局（待接收）");
  again.mutable_offer()->set_attempts(3);
  CHECK(Describe(again, Name) == "移交 和平社区 → 平房区档案局（第 3 次，待接收）");
  again.set_reason("机构调整");
  CHECK(Describe(again, Name) == "移交 和平社区 → 平房区档案局（改派：机构调整，待接收）");
  again = OfferEvent("routing.offer_unanswered");
  again.mutable_offer()->set_attempts(6);
  CHECK(Describe(again, Name) == "移交 和平社区 → 平房区档案局（6 次无人接收）");
  cw::Event signed_offer = OfferEvent("routing.offer_signed");
  CHECK(Describe(signed_offer, Name) == "移交 和平社区 → 平房区档案局（已签收）");
  signed_offer.mutable_offer()->set_kind(cw::OFFER_KIND_ASSIGNMENT);
  CHECK(Describe(signed_offer, Name) == "协办 和平社区 → 平房区档案局（已签收）");
  cw::Event declined = OfferEvent("routing.offer_declined");
  declined.mutable_offer()->set_decline_reason("不属本单位职责");
  CHECK(Describe(declined, Name) == "移交 和平社区 → 平房区档案局（已退回：不属本单位职责）");
}

TEST_CASE("a timeline names the clock and its light", "[reporting]") {
  cw::Event event = OfType("clock.rung");
  event.mutable_rung()->set_purpose(cw::CLOCK_PURPOSE_PROMISED);
  event.mutable_rung()->set_light(cw::LIGHT_YELLOW);
  event.mutable_rung()->set_rung(cw::RUNG_REMIND);
  CHECK(Describe(event, Name) == "黄灯：承诺办结时限（催办）");
  event.mutable_rung()->set_purpose(cw::CLOCK_PURPOSE_STEP);
  event.mutable_rung()->set_subject("main-1");
  event.mutable_rung()->set_light(cw::LIGHT_RED);
  event.mutable_rung()->set_rung(cw::RUNG_SUPERVISE);
  CHECK(Describe(event, Name) == "红灯：环节办理时限 main-1（督办）");
}

TEST_CASE("a timeline tells steps, decisions and outcomes in words", "[reporting]") {
  cw::Event step = OfType("approval.step_offered");
  step.mutable_step()->set_step_id("main-1");
  step.mutable_step()->set_unit_id("230108-archives");
  CHECK(Describe(step, Name) == "环节 main-1 分派给 平房区档案局");
  cw::Event decided = OfType("approval.decided");
  decided.mutable_case_facts()->set_decision(cw::DECISION_REJECTED);
  CHECK(Describe(decided, Name) == "决定：不予");
  cw::Event closed = OfType("grid.closed");
  closed.mutable_case_facts()->set_outcome(cw::OUTCOME_PARTLY);
  CHECK(Describe(closed, Name) == "核查通过，结案：部分解决");
  cw::Event field = OfType("approval.field_requested");
  field.mutable_field()->set_field_id("f1");
  field.mutable_field()->set_unit_id("230108001001");
  CHECK(Describe(field, Name) == "请 和平社区 现场核查 f1");
}

TEST_CASE("text of an event that looks like a gap to fill stays as it is", "[reporting]") {
  cw::Event refused = OfType("intake.refused");
  refused.set_reason("{title}");
  refused.mutable_case_facts()->set_title("单身证明");
  CHECK(Describe(refused, Name) == "不予受理：{title}");
}

TEST_CASE("an event type nobody has words for yet is shown as it is", "[reporting]") {
  CHECK(Describe(OfType("grid.something_new"), Name) == "grid.something_new");
}

TEST_CASE("every event of a case in docs/EVENTS.md has words and no gap", "[reporting]") {
  std::ifstream file(YIKOU_SOURCE_DIR "/docs/EVENTS.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string contract = text.str();
  int found = 0;
  // Between backticks: types, and other words of the contract.
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(contract, '`'))) {
    const std::string prefix = name.substr(0, name.find('.'));
    const bool is_type =
        name.size() > prefix.size() && name.find_first_of(" /") == name.npos &&
        std::set<std::string>{"intake", "case", "routing", "approval", "grid", "clock"}.count(
            prefix);
    // About no case: the directory and the roster.
    if (!is_type || name == "routing.unit_changed" || name == "grid.worker_changed") continue;
    CAPTURE(name);
    const std::string words = Describe(OfType(name), Name);
    CHECK(words != name);
    CHECK(words.find('{') == std::string::npos);
    ++found;
  }
  CHECK(found > 50);
}

}  // namespace yikou::reporting
