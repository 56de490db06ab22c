#include "libs/casework/placement.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"

namespace yikou::casework {
namespace {

constexpr int32_t kLargestLimit = 100000;
constexpr int kMostMaterials = 50;
constexpr int kMostFormFields = 100;
constexpr int64_t kLongestCode = 100;
constexpr int64_t kLongestName = 200;

std::string Label(const v1::Item& item) {
  return absl::StrCat("事项“", item.name(), "”（", item.code(), "）");
}

absl::string_view TierName(v1::Tier tier) {
  switch (tier) {
    case v1::TIER_DISTRICT:
      return "区";
    case v1::TIER_STREET:
      return "街道";
    case v1::TIER_COMMUNITY:
      return "社区";
    case v1::TIER_GRID:
      return "网格";
    default:
      return "未知层级";
  }
}

absl::string_view ScopeName(v1::AcceptScope scope) {
  switch (scope) {
    case v1::ACCEPT_SCOPE_STREET:
      return "居住地所在街道";
    case v1::ACCEPT_SCOPE_DISTRICT:
      return "居住地所在区";
    default:
      return "居住地";
  }
}

v1::Tier ScopeTier(v1::AcceptScope scope) {
  switch (scope) {
    case v1::ACCEPT_SCOPE_DISTRICT:
      return v1::TIER_DISTRICT;
    case v1::ACCEPT_SCOPE_STREET:
      return v1::TIER_STREET;
    default:
      return v1::TIER_COMMUNITY;
  }
}

bool HasDivisions(v1::Tier tier) { return tier >= v1::TIER_DISTRICT && tier <= v1::TIER_COMMUNITY; }

bool IsForReceiver(const v1::PlacementRule& rule, absl::string_view receiver) {
  return rule.unit_id().empty() || Covers(rule.unit_id(), receiver);
}

bool AtAcceptTier(const v1::PlacementRule& rule, absl::string_view receiver) {
  return TierOf(DivisionOf(receiver)) == rule.accept_tier();
}

bool InScope(const v1::PlacementRule& rule, absl::string_view receiver, absl::string_view home) {
  // Tiers grow downwards, so the smaller one is the wider one.
  const v1::Tier tier = std::min(ScopeTier(rule.accept_scope()), rule.accept_tier());
  const std::string division = DivisionAt(receiver, tier);
  return !division.empty() && division == DivisionAt(home, tier);
}

bool Takes(const v1::Item& item, absl::string_view receiver, absl::string_view home,
           absl::CivilDay day) {
  const auto rule = FindRule(item, receiver, day);
  return rule.ok() && AtAcceptTier(**rule, receiver) && InScope(**rule, receiver, home);
}

// The counter a wrong counter sends the applicant to: nearest first, and only one that takes the
// case, so that nobody is sent on twice; "" when there is none.
std::string CounterFor(const v1::Item& item, const v1::PlacementRule* rule,
                       absl::string_view receiver, absl::string_view home, absl::CivilDay day) {
  std::vector<std::string> candidates;
  if (rule != nullptr) candidates.push_back(DivisionAt(receiver, rule->accept_tier()));
  const auto at_home = FindRule(item, home, day);
  if (at_home.ok()) candidates.push_back(DivisionAt(home, (*at_home)->accept_tier()));
  if (rule != nullptr) candidates.push_back(DivisionAt(home, rule->accept_tier()));
  for (const std::string& candidate : candidates) {
    if (Takes(item, candidate, home, day)) return candidate;
  }
  return "";
}

absl::Status Closed(const v1::Item& item, absl::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_ITEM_CLOSED,
               absl::StrCat(Label(item), why, "，不能收件。"))
      .With("item", item.code());
}

absl::Status CheckAdmission(const v1::Item& item) {
  if (item.list_kind() == v1::LIST_KIND_FORBIDDEN) return Closed(item, "属于禁止办理的事项");
  switch (item.admission().state()) {
    case v1::ADMISSION_STATE_ADMITTED:
    case v1::ADMISSION_STATE_ADJUSTING:
      return absl::OkStatus();
    case v1::ADMISSION_STATE_PAUSED:
      return Closed(item, "已暂停办理");
    case v1::ADMISSION_STATE_EXITING:
    case v1::ADMISSION_STATE_EXITED:
      return Closed(item, "已退出目录");
    case v1::ADMISSION_STATE_REJECTED:
      return Closed(item, "未获准入");
    default:
      return Closed(item, "尚未准入");
  }
}

// First day a rule for a receiver comes into force for whom none is yet; "" when none will.
std::string OpensOn(const v1::Item& item, absl::string_view receiver) {
  std::string first;
  for (const v1::PlacementRule& rule : item.placements()) {
    if (!IsForReceiver(rule, receiver)) continue;
    if (first.empty() || rule.effective_from() < first) first = rule.effective_from();
  }
  return first;
}

Error WrongCounter(const v1::Item& item, absl::string_view why, const std::string& counter) {
  const std::string where =
      counter.empty() ? "。" : absl::StrCat("，请到 ", counter, " 的窗口办理。");
  return Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_WRONG_COUNTER,
               absl::StrCat(Label(item), why, where))
      .With("item", item.code())
      .With("counter", counter);
}

absl::Status NoRule(const v1::Item& item, absl::string_view receiver, absl::string_view home,
                    absl::CivilDay day) {
  const std::string counter = CounterFor(item, nullptr, receiver, home, day);
  if (!counter.empty()) {
    return WrongCounter(item, absl::StrCat("不在 ", receiver, " 办理"), counter);
  }
  const std::string opens_on = OpensOn(item, receiver);
  if (opens_on.empty()) return Closed(item, absl::StrCat("在 ", receiver, " 没有开办"));
  return Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_ITEM_CLOSED,
               absl::StrCat(Label(item), "自 ", opens_on, " 起在 ", receiver,
                            " 开办，现在不能收件。"))
      .With("item", item.code())
      .With("opens_on", opens_on);
}

absl::StatusOr<v1::RouteStep> ResolveStep(const v1::StepRule& step, absl::string_view receiver,
                                          absl::string_view home, const std::string& step_id) {
  std::string division = DivisionAt(receiver, step.tier());
  if (division.empty()) division = DivisionAt(home, step.tier());
  if (division.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_GUARD_FAILED,
                 absl::StrCat("环节 ", step_id, " 应由", TierName(step.tier()),
                              "办理，但从收件单位 ", receiver, " 找不到对应的单位。"))
        .With("step", step_id);
  }
  v1::RouteStep resolved;
  resolved.set_step_id(step_id);
  resolved.set_kind(step.kind());
  resolved.set_tier(step.tier());
  resolved.set_unit_id(UnitWithBody(division, step.body()));
  return resolved;
}

v1::RouteBranch* BranchOf(const v1::StepRule& step, v1::Route* route) {
  for (v1::RouteBranch& branch : *route->mutable_branches()) {
    if (branch.branch_id() == step.branch_id()) return &branch;
  }
  v1::RouteBranch* branch = route->add_branches();
  branch->set_branch_id(step.branch_id());
  return branch;
}

absl::Status AddBranches(const v1::PlacementRule& rule, absl::string_view receiver,
                         absl::string_view home, v1::Route* route) {
  for (const v1::StepRule& step : rule.steps()) {
    v1::RouteBranch* branch = BranchOf(step, route);
    const std::string step_id = absl::StrCat(step.branch_id(), "-", branch->steps_size() + 1);
    YK_ASSIGN_OR_RETURN(*branch->add_steps(), ResolveStep(step, receiver, home, step_id));
    branch->set_mandatory(branch->mandatory() || step.mandatory());
    if (branch->name().empty()) branch->set_name(step.branch_name());
  }
  return absl::OkStatus();
}

void AddReasons(const v1::PlacementRule& rule, absl::string_view receiver, v1::Route* route) {
  const std::string subtree =
      rule.unit_id().empty() ? "适用于所有单位" : absl::StrCat("适用于 ", rule.unit_id());
  route->add_reasons(absl::StrCat("收件单位 ", receiver, " 适用设置规则 ", rule.rule_id(), "（",
                                  subtree, "，自 ", rule.effective_from(), " 起施行）。"));
  for (const v1::RouteBranch& branch : route->branches()) {
    for (const v1::RouteStep& step : branch.steps()) {
      route->add_reasons(absl::StrCat("环节 ", step.step_id(), "（", branch.name(), "，",
                                      step.kind() == v1::STEP_KIND_DECIDE ? "决定" : "审查",
                                      "）由规则 ", rule.rule_id(), " 定在", TierName(step.tier()),
                                      "，单位为 ", step.unit_id(), "。"));
    }
  }
  route->add_reasons(
      absl::StrCat("结果由", rule.deliver() == v1::DELIVER_RULE_HOME ? "居住地社区 " : "收件窗口 ",
                   route->deliver_unit(), " 送达。"));
}

// Checks one item as it is imported; see CheckItem.
class ItemCheck {
 public:
  ItemCheck(const v1::Item& item, absl::string_view field, Violations* violations)
      : item_(item),
        prefix_(field.empty() ? "" : absl::StrCat(field, ".")),
        violations_(violations) {}

  void Run() {
    Name("code", item_.code(), kLongestCode);
    Name("name", item_.name(), kLongestName);
    Enumerations();
    for (const auto& [field, text] :
         {std::pair("legal_basis", &item_.legal_basis()),
          std::pair("department", &item_.department()),
          std::pair("service_line", &item_.service_line()),
          std::pair("item_type", &item_.item_type()), std::pair("source", &item_.source())}) {
      if (!IsCleanText(*text)) Add(field, "含有控制字符或不是 UTF-8 文字");
    }
    Materials();
    Form();
    Limits();
    ExtensionCap();
    SuspensionReasons();
    Placements();
    Licence();
    Admission();
  }

 private:
  using Seen = std::set<std::string>;

  void Add(absl::string_view field, absl::string_view what) {
    violations_->Add(absl::StrCat(prefix_, field), what);
  }

  // One line of text of 1 to `longest` characters.
  void Name(const std::string& field, const std::string& text, int64_t longest) {
    if (text.empty()) return Add(field, "不能为空");
    if (!IsCleanText(text) || text.find_first_of("\t\n") != std::string::npos) {
      return Add(field, "含有控制字符或不是 UTF-8 文字");
    }
    const int64_t length = CountCharacters(text);
    if (length > longest)
      Add(field, absl::StrCat("最多 ", longest, " 个字符，现为 ", length, " 个"));
  }

  void UniqueName(const std::string& field, const std::string& text, Seen* seen) {
    Name(field, text, kLongestCode);
    if (!seen->insert(text).second) Add(field, absl::StrCat("“", text, "”重复"));
  }

  void AtMost(absl::string_view field, int count, int most) {
    if (count > most) Add(field, absl::StrCat("最多 ", most, " 项，现为 ", count, " 项"));
  }

  void Enumerations() {
    if (item_.kind() == v1::ITEM_KIND_UNSPECIFIED || !v1::ItemKind_IsValid(item_.kind())) {
      Add("kind", "应为 ITEM_KIND_INSTANT 或 ITEM_KIND_COMMITMENT");
    }
    if (!v1::ListKind_IsValid(item_.list_kind())) Add("list_kind", "取值不存在");
    if (!v1::JoinPolicy_IsValid(item_.join())) Add("join", "取值不存在");
    if (!v1::HandlingMode_IsValid(item_.handling())) Add("handling", "取值不存在");
    if (item_.visits() < 0) Add("visits", "不能为负数");
  }

  void Materials() {
    AtMost("materials", item_.materials_size(), kMostMaterials);
    Seen codes;
    for (int i = 0; i < item_.materials_size(); ++i) {
      const std::string field = absl::StrCat("materials[", i, "]");
      UniqueName(field + ".code", item_.materials(i).code(), &codes);
      Name(field + ".name", item_.materials(i).name(), kLongestName);
    }
  }

  void Form() {
    AtMost("form", item_.form_size(), kMostFormFields);
    Seen names;
    for (int i = 0; i < item_.form_size(); ++i) {
      const std::string field = absl::StrCat("form[", i, "]");
      UniqueName(field + ".name", item_.form(i).name(), &names);
      Name(field + ".label", item_.form(i).label(), kLongestName);
      if (!v1::FormFieldType_IsValid(item_.form(i).type())) Add(field + ".type", "取值不存在");
    }
  }

  void OneLimit(const std::string& field, const v1::Limit& limit, int32_t least) {
    if (limit.value() < least || limit.value() > kLargestLimit) {
      Add(field + ".value",
          absl::StrCat("应在 ", least, " 到 ", kLargestLimit, " 之间，现为 ", limit.value()));
    }
    if (limit.unit() == v1::TIME_UNIT_UNSPECIFIED || !v1::TimeUnit_IsValid(limit.unit())) {
      Add(field + ".unit", "没有时间单位");
    }
  }

  void Limits() {
    const v1::Limit& statutory = item_.statutory();
    if (item_.has_statutory()) OneLimit("statutory", statutory, 0);
    if (item_.has_promised()) OneLimit("promised", item_.promised(), 0);
    // Without a day of its own such a clock would fire as soon as it is started.
    if (item_.has_step()) OneLimit("step", item_.step(), 1);
    if (item_.has_correction()) OneLimit("correction", item_.correction(), 1);
    if (item_.has_supplement()) OneLimit("supplement", item_.supplement(), 1);
    if (item_.has_statutory() && item_.has_promised() &&
        item_.promised().unit() == statutory.unit() &&
        item_.promised().value() > statutory.value()) {
      Add("promised.value", absl::StrCat("承诺时限 ", item_.promised().value(),
                                         " 不能长于法定时限 ", statutory.value()));
    }
  }

  // An extension adds units to the budget of a clock, so one of the two has to count in its unit.
  void ExtensionCap() {
    if (!item_.has_extension_cap()) return;
    OneLimit("extension_cap", item_.extension_cap(), 1);
    const v1::TimeUnit unit = item_.extension_cap().unit();
    if (unit != item_.statutory().unit() && unit != item_.promised().unit()) {
      Add("extension_cap.unit", "应与法定时限或承诺时限的时间单位相同");
    }
  }

  void SuspensionReasons() {
    Seen reasons;
    for (int i = 0; i < item_.suspension_reasons_size(); ++i) {
      UniqueName(absl::StrCat("suspension_reasons[", i, "]"), item_.suspension_reasons(i),
                 &reasons);
    }
  }

  void Placements() {
    const bool open = item_.admission().state() == v1::ADMISSION_STATE_ADMITTED ||
                      item_.admission().state() == v1::ADMISSION_STATE_ADJUSTING;
    if (open && item_.placements().empty()) Add("placements", "已准入的事项至少要有一条设置规则");
    Seen ids;
    std::map<std::tuple<std::string, std::string, int32_t>, std::string> decided;
    for (int i = 0; i < item_.placements_size(); ++i) {
      const v1::PlacementRule& rule = item_.placements(i);
      const std::string field = absl::StrCat("placements[", i, "]");
      UniqueName(field + ".rule_id", rule.rule_id(), &ids);
      RuleFields(field, rule);
      Steps(field, rule);
      const auto [other, first] = decided.emplace(
          std::tuple(rule.unit_id(), rule.effective_from(), rule.priority()), rule.rule_id());
      if (!first) {
        Add(field, absl::StrCat("与规则 ", other->second,
                                " 的单位、施行日期和优先级都相同，无法确定适用哪一条"));
      }
    }
  }

  void RuleFields(const std::string& field, const v1::PlacementRule& rule) {
    absl::CivilDay from;
    if (!rule.unit_id().empty() && !IsUnitId(rule.unit_id())) {
      Add(field + ".unit_id", absl::StrCat("“", rule.unit_id(), "”不是单位编码"));
    }
    if (!ParseDay(rule.effective_from(), &from)) {
      Add(field + ".effective_from", "应为 1900-01-01 至 2100-12-31 之间的日期，格式 YYYY-MM-DD");
    }
    if (!HasDivisions(rule.accept_tier())) Add(field + ".accept_tier", "应为区、街道或社区");
    if (rule.accept_scope() == v1::ACCEPT_SCOPE_UNSPECIFIED ||
        !v1::AcceptScope_IsValid(rule.accept_scope())) {
      Add(field + ".accept_scope", "没有通办范围");
    }
    if (!v1::DeliverRule_IsValid(rule.deliver())) Add(field + ".deliver", "取值不存在");
  }

  void Steps(const std::string& field, const v1::PlacementRule& rule) {
    if (rule.steps().empty()) Add(field + ".steps", "至少要有一个环节");
    std::map<std::string, int> last;  // of each branch
    std::map<std::string, std::string> names;
    bool mandatory = false;
    for (int i = 0; i < rule.steps_size(); ++i) {
      last[rule.steps(i).branch_id()] = i;
      mandatory = mandatory || rule.steps(i).mandatory();
    }
    for (int i = 0; i < rule.steps_size(); ++i) {
      const v1::StepRule& step = rule.steps(i);
      const std::string at = absl::StrCat(field, ".steps[", i, "]");
      StepFields(at, step, last[step.branch_id()] == i);
      const auto [name, first] = names.emplace(step.branch_id(), step.branch_name());
      if (first) Name(at + ".branch_name", step.branch_name(), kLongestName);
      if (!first && !step.branch_name().empty() && step.branch_name() != name->second) {
        Add(at + ".branch_name", absl::StrCat("与同一分支的名称“", name->second, "”不一致"));
      }
    }
    if (item_.join() == v1::JOIN_POLICY_ALL_MANDATORY && !mandatory) {
      Add(field + ".steps", "汇合方式为 ALL_MANDATORY，但没有必经分支");
    }
  }

  void StepFields(const std::string& at, const v1::StepRule& step, bool ends_branch) {
    Name(at + ".branch_id", step.branch_id(), kLongestCode);
    if (ends_branch && step.kind() != v1::STEP_KIND_DECIDE) {
      Add(at + ".kind", "分支的最后一个环节应为 STEP_KIND_DECIDE");
    } else if (!ends_branch && step.kind() != v1::STEP_KIND_REVIEW) {
      Add(at + ".kind", "分支最后一个环节之前应为 STEP_KIND_REVIEW");
    }
    if (!HasDivisions(step.tier())) Add(at + ".tier", "应为区、街道或社区");
    // Tried on a community, where a grid's slug is well formed and shows itself as a grid.
    if (TierOf(UnitWithBody("230108001001", step.body())) != v1::TIER_COMMUNITY) {
      Add(at + ".body", absl::StrCat("“", step.body(), "”不是机构代号"));
    }
  }

  void Licence() {
    if (!item_.has_licence()) return;
    Name("licence.title", item_.licence().title(), kLongestName);
    Name("licence.seal_id", item_.licence().seal_id(), kLongestCode);
  }

  void Admission() {
    absl::CivilDay day;
    if (!v1::AdmissionState_IsValid(item_.admission().state())) {
      Add("admission.state", "取值不存在");
    }
    if (!item_.admission().date().empty() && !ParseDay(item_.admission().date(), &day)) {
      Add("admission.date", "应为 1900-01-01 至 2100-12-31 之间的日期，格式 YYYY-MM-DD");
    }
    if (!IsCleanText(item_.admission().basis())) {
      Add("admission.basis", "含有控制字符或不是 UTF-8 文字");
    }
  }

  const v1::Item& item_;
  const std::string prefix_;
  Violations* const violations_;
};

}  // namespace

absl::StatusOr<const v1::PlacementRule*> FindRule(const v1::Item& item, absl::string_view receiver,
                                                  absl::CivilDay day) {
  const v1::PlacementRule* best = nullptr;
  // A longer id of two that cover the same unit lies below the shorter one.
  std::tuple<size_t, absl::CivilDay, int32_t> best_rank;
  for (const v1::PlacementRule& rule : item.placements()) {
    absl::CivilDay from;
    if (!IsForReceiver(rule, receiver) || !ParseDay(rule.effective_from(), &from) || from > day) {
      continue;
    }
    const std::tuple<size_t, absl::CivilDay, int32_t> rank(rule.unit_id().size(), from,
                                                           rule.priority());
    if (best == nullptr || rank > best_rank) {
      best = &rule;
      best_rank = rank;
    }
  }
  if (best != nullptr) return best;
  return Error(absl::StatusCode::kNotFound, v1::ERROR_REASON_NOT_FOUND,
               absl::StrCat(Label(item), "在 ", absl::FormatCivilTime(day), " 没有适用于 ",
                            receiver, " 的设置规则。"))
      .With("item", item.code());
}

absl::Status CheckCounter(const v1::Item& item, absl::string_view receiver, absl::string_view home,
                          absl::CivilDay day) {
  YK_RETURN_IF_ERROR(CheckAdmission(item));
  const auto found = FindRule(item, receiver, day);
  if (!found.ok()) return NoRule(item, receiver, home, day);
  const v1::PlacementRule& rule = **found;
  if (!AtAcceptTier(rule, receiver)) {
    return WrongCounter(item,
                        absl::StrCat("由", TierName(rule.accept_tier()), "受理，不在 ", receiver,
                                     "（", TierName(TierOf(DivisionOf(receiver))), "）办理"),
                        CounterFor(item, &rule, receiver, home, day));
  }
  if (!InScope(rule, receiver, home)) {
    return WrongCounter(item,
                        absl::StrCat("只在申请人", ScopeName(rule.accept_scope()), "的窗口办理"),
                        CounterFor(item, &rule, receiver, home, day));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Route> ResolveRoute(const v1::Item& item, absl::string_view receiver,
                                       absl::string_view home, absl::CivilDay day) {
  YK_ASSIGN_OR_RETURN(const v1::PlacementRule* rule, FindRule(item, receiver, day));
  v1::Route route;
  YK_RETURN_IF_ERROR(AddBranches(*rule, receiver, home, &route));
  if (route.branches().empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_GUARD_FAILED,
                 absl::StrCat(Label(item), "的设置规则 ", rule->rule_id(), " 没有环节。"))
        .With("rule", rule->rule_id());
  }
  route.set_lead_unit(route.branches(0).steps(0).unit_id());
  route.set_deliver_unit(std::string(rule->deliver() == v1::DELIVER_RULE_HOME ? home : receiver));
  route.set_join(item.join() == v1::JOIN_POLICY_UNSPECIFIED ? v1::JOIN_POLICY_ALL : item.join());
  route.set_counter_decides(rule->counter_decides());
  route.set_decided_by_rule(rule->decided_by_rule());
  AddReasons(*rule, receiver, &route);
  return route;
}

void CheckItem(const v1::Item& item, absl::string_view field, Violations* violations) {
  ItemCheck(item, field, violations).Run();
}

absl::Status CheckItem(const v1::Item& item) {
  Violations violations;
  CheckItem(item, "", &violations);
  return violations.ToStatus();
}

Gaps FindGaps(const v1::Item& item, const std::vector<std::string>& given) {
  Gaps gaps;
  bool tolerable = true;
  for (const v1::MaterialRule& material : item.materials()) {
    const bool there = std::find(given.begin(), given.end(), material.code()) != given.end();
    if (!material.required() || there) continue;
    gaps.missing.push_back(material.code());
    tolerable = tolerable && material.tolerable();
  }
  gaps.tolerable_only = tolerable && !gaps.missing.empty();
  return gaps;
}

std::string WhatToBring(const v1::Item& item, const std::vector<std::string>& codes) {
  if (codes.empty()) return "";
  std::vector<std::string> names;
  for (const std::string& code : codes) {
    const auto material =
        std::find_if(item.materials().begin(), item.materials().end(),
                     [&](const v1::MaterialRule& rule) { return rule.code() == code; });
    names.push_back(material == item.materials().end() ? code : material->name());
  }
  return absl::StrCat("请携带：", absl::StrJoin(names, "、"));
}

}  // namespace yikou::casework
