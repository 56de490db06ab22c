#include "services/reporting/timeline_words.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace yikou::reporting {
namespace {

using casework::v1::Event;

struct Sentence {
  absl::string_view type;
  absl::string_view words;  // names in braces are filled in from the event
};

constexpr Sentence kSentences[] = {
    {"intake.received", "{receiver} 收件：{title}"},
    {"intake.accepted", "受理"},
    {"intake.accepted_tolerant", "容缺受理，{missing} 项材料待补"},
    {"intake.deemed_accepted", "逾期未告知申请人，视为受理"},
    {"intake.correction_requested", "一次性告知补正"},
    {"intake.corrected", "申请人已补正"},
    {"intake.refused", "不予受理{why}"},
    {"intake.withdrawn", "撤回{why}"},
    {"intake.ready", "结果已到窗口，待领取"},
    {"intake.delivered", "结果已送达申请人"},
    {"case.closed", "办结"},
    {"case.rated", "群众评价 {stars} 星"},
    {"case.rectify_opened", "差评，开始整改"},
    {"clock.rung", "{light}：{clock}（{rung}）"},
    {"approval.offer_declined", "审批退回移交"},
    {"intake.material_stored", "材料已存"},
    {"routing.offered", "{offer} {from} → {to}（{again}待接收）"},
    {"routing.offer_unanswered", "{offer} {from} → {to}（{attempts} 次无人接收）"},
    {"routing.offer_received", "{offer} {from} → {to}（已接收）"},
    {"routing.offer_signed", "{offer} {from} → {to}（已签收）"},
    {"routing.offer_declined", "{offer} {from} → {to}（已退回{declined}）"},
    {"routing.offer_revoked", "{offer} {from} → {to}（已撤销）"},
    {"routing.custody_opened", "办件由 {holder} 持有"},
    {"routing.custody_moved", "办件转由 {holder} 持有"},
    {"routing.custody_ended", "流转结束"},
    {"approval.opened", "审批开始"},
    {"approval.step_offered", "环节 {step} 分派给 {unit}"},
    {"approval.step_placed", "环节 {step} 已到 {unit}"},
    {"approval.step_claimed", "环节 {step} 由 {unit} 认领"},
    {"approval.review_started", "开始审查"},
    {"approval.step_completed", "环节 {step} 由 {unit} 办理完毕"},
    {"approval.sent_back", "环节 {step} 退回上一环节{why}"},
    {"approval.field_requested", "请 {unit} 现场核查 {field}"},
    {"approval.field_answered", "{unit} 的现场核查 {field} 已答复"},
    {"approval.field_cancelled", "撤回对 {unit} 的现场核查 {field}"},
    {"approval.suspended", "中止，暂停计时{why}"},
    {"approval.resumed", "恢复计时"},
    {"approval.extended", "延长时限{why}"},
    {"approval.supplemented", "补交容缺材料"},
    {"approval.decided", "决定：{decision}"},
    {"approval.issued", "制发证照"},
    {"approval.sealed", "证照用印"},
    {"approval.returned_incomplete", "承诺的材料逾期未补，退件"},
    {"approval.withdrawn", "申请人撤回{why}"},
    {"approval.terminated", "终止办理{why}"},
    {"approval.returned", "结果交回窗口"},
    {"grid.reported", "{receiver} 采集上报：{title}"},
    {"grid.registered", "立案"},
    {"grid.not_registered", "不予立案{why}"},
    {"grid.dispatched", "派遣{why}"},
    {"grid.signed", "网格员签收"},
    {"grid.return_requested", "申请退单{why}"},
    {"grid.fed_back", "处理结果已反馈"},
    {"grid.closed", "核查通过，结案：{outcome}"},
    {"grid.reworked", "核查未通过，返工{why}"},
    {"grid.field_received", "现场核查 {field} 已到 {unit}"},
    {"grid.field_signed", "{unit} 签收现场核查 {field}"},
    {"grid.field_declined", "{unit} 退回现场核查 {field}{declined}"},
    {"grid.field_reported", "{unit} 反馈现场核查 {field} 的结果"},
    {"grid.field_cancelled", "对 {unit} 的现场核查 {field} 已撤回"},
};

std::string LightWords(casework::v1::Light light) {
  switch (light) {
    case casework::v1::LIGHT_GREEN:
      return "绿灯";
    case casework::v1::LIGHT_YELLOW:
      return "黄灯";
    case casework::v1::LIGHT_RED:
      return "红灯";
    default:
      return "时限提醒";
  }
}

std::string RungWords(casework::v1::Rung rung) {
  switch (rung) {
    case casework::v1::RUNG_REMIND:
      return "催办";
    case casework::v1::RUNG_SUPERVISE:
      return "督办";
    case casework::v1::RUNG_ESCALATE_UNIT:
      return "报单位负责人";
    case casework::v1::RUNG_ESCALATE_STREET:
      return "报街道指挥台";
    case casework::v1::RUNG_ESCALATE_DISTRICT:
      return "报区";
    default:
      return "到期";
  }
}

// The words ExplainDeadline uses for the same clocks.
std::string ClockWords(casework::v1::ClockPurpose purpose) {
  switch (purpose) {
    case casework::v1::CLOCK_PURPOSE_NOTICE:
      return "受理告知时限";
    case casework::v1::CLOCK_PURPOSE_STATUTORY:
      return "法定办结时限";
    case casework::v1::CLOCK_PURPOSE_PROMISED:
      return "承诺办结时限";
    case casework::v1::CLOCK_PURPOSE_STEP:
      return "环节办理时限";
    case casework::v1::CLOCK_PURPOSE_CORRECTION:
      return "补正时限";
    case casework::v1::CLOCK_PURPOSE_SUPPLEMENT:
      return "容缺补交时限";
    case casework::v1::CLOCK_PURPOSE_DELIVERY:
      return "送达时限";
    case casework::v1::CLOCK_PURPOSE_CLOSE:
      return "结案时限";
    case casework::v1::CLOCK_PURPOSE_RECTIFY:
      return "差评整改时限";
    case casework::v1::CLOCK_PURPOSE_HANDOVER:
      return "移交接收时限";
    case casework::v1::CLOCK_PURPOSE_SIGN:
      return "签收时限";
    case casework::v1::CLOCK_PURPOSE_CONTACT:
      return "联系时限";
    case casework::v1::CLOCK_PURPOSE_HANDLE:
      return "处置时限";
    case casework::v1::CLOCK_PURPOSE_CHECK:
      return "核查时限";
    case casework::v1::CLOCK_PURPOSE_FIELD:
      return "现场核实时限";
    default:
      return "时限";
  }
}

std::string OutcomeWords(casework::v1::Outcome outcome) {
  switch (outcome) {
    case casework::v1::OUTCOME_SOLVED:
      return "已解决";
    case casework::v1::OUTCOME_PARTLY:
      return "部分解决";
    case casework::v1::OUTCOME_EXPLAINED:
      return "已解释";
    case casework::v1::OUTCOME_UNSOLVED:
      return "未解决";
    default:
      return "结果未记";
  }
}

std::string DecisionWords(casework::v1::Decision decision) {
  switch (decision) {
    case casework::v1::DECISION_APPROVED:
      return "准予";
    case casework::v1::DECISION_REJECTED:
      return "不予";
    default:
      return "未记";
  }
}

// "：reason", or nothing.
std::string Because(const std::string& reason) {
  return reason.empty() ? "" : absl::StrCat("：", reason);
}

std::string ClockOf(const casework::v1::RungFacts& rung) {
  const std::string words = ClockWords(rung.purpose());
  return rung.subject().empty() ? words : absl::StrCat(words, " ", rung.subject());
}

// Before "waits to be taken": that it was redirected, or offered again.
std::string Again(const Event& event) {
  if (!event.reason().empty()) return absl::StrCat("改派", Because(event.reason()), "，");
  const int attempts = event.offer().attempts();
  return attempts > 1 ? absl::StrCat("第 ", attempts, " 次，") : "";
}

std::vector<std::pair<std::string, std::string>> Fillings(const Event& event,
                                                          const NameOf& name_of) {
  const auto& facts = event.case_facts();
  const auto& offer = event.offer();
  const std::string& declined =
      event.has_offer() ? offer.decline_reason() : event.field().decline_reason();
  return {
      {"{receiver}", name_of(facts.receiver_unit())},
      {"{title}", facts.title()},
      {"{missing}", absl::StrCat(facts.missing_size())},
      {"{why}", Because(event.reason())},
      {"{declined}", Because(declined.empty() ? event.reason() : declined)},
      {"{stars}", absl::StrCat(facts.rating())},
      {"{light}", LightWords(event.rung().light())},
      {"{clock}", ClockOf(event.rung())},
      {"{rung}", RungWords(event.rung().rung())},
      {"{offer}", offer.kind() == casework::v1::OFFER_KIND_ASSIGNMENT ? "协办" : "移交"},
      {"{from}", name_of(offer.from_unit())},
      {"{to}", name_of(offer.to_unit())},
      {"{again}", Again(event)},
      {"{attempts}", absl::StrCat(offer.attempts())},
      {"{holder}", name_of(event.holder_unit())},
      {"{step}", event.step().step_id()},
      {"{field}", event.field().field_id()},
      {"{unit}", name_of(event.has_step() ? event.step().unit_id() : event.field().unit_id())},
      {"{decision}", DecisionWords(facts.decision())},
      {"{outcome}", OutcomeWords(facts.outcome())},
  };
}

}  // namespace

std::string Describe(const Event& event, const NameOf& name_of) {
  const auto* found =
      std::find_if(std::begin(kSentences), std::end(kSentences),
                   [&](const Sentence& sentence) { return sentence.type == event.type(); });
  if (found == std::end(kSentences)) return event.type();
  return absl::StrReplaceAll(found->words, Fillings(event, name_of));
}

}  // namespace yikou::reporting
