#include "services/intake/intake_rules.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/casework/clocks.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/units.h"

namespace yikou::intake {

namespace cw = casework::v1;
using casework::Violations;

namespace {

constexpr int kNameMax = 200;
constexpr int kFormValueMax = 2000;
constexpr int kMaterialsMax = 50;
constexpr int kFormFieldsMax = 100;

cw::Limit MakeLimit(int value, cw::TimeUnit unit) {
  cw::Limit limit;
  limit.set_value(value);
  limit.set_unit(unit);
  return limit;
}

void CheckText(const std::string& text, int least, int most, const std::string& field,
               Violations* violations) {
  if (!casework::IsCleanText(text)) {
    violations->Add(field, "含有无效的字符；请重新输入。");
    return;
  }
  const int64_t length = casework::CountCharacters(text);
  if (length < least || length > most) {
    violations->Add(
        field, absl::StrCat("长度应为 ", least, " 至 ", most, " 个字，现为 ", length, " 个。"));
  }
}

bool IsMobile(const std::string& text) {
  return text.size() == 11 && text[0] == '1' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string CheckValue(const std::string& value, cw::FormFieldType type) {
  absl::CivilDay day;
  double number = 0;
  switch (type) {
    case cw::FORM_FIELD_TYPE_NUMBER:
      return absl::SimpleAtod(value, &number) && number > -1e15 && number < 1e15 ? ""
                                                                                 : "应为数字。";
    case cw::FORM_FIELD_TYPE_DATE:
      return casework::ParseDay(value, &day)
                 ? ""
                 : "应为 1900-01-01 至 2100-12-31 之间的日期，写作 YYYY-MM-DD。";
    case cw::FORM_FIELD_TYPE_PHONE:
      return IsMobile(value) ? "" : "应为 11 位手机号码。";
    default:
      return "";
  }
}

}  // namespace

cw::Limit NoticeLimit() { return MakeLimit(5, cw::TIME_UNIT_WORKING_DAY); }
cw::Limit CorrectionLimit(const cw::Item& item) {
  return item.has_correction() ? item.correction() : MakeLimit(10, cw::TIME_UNIT_WORKING_DAY);
}
cw::Limit SupplementLimit(const cw::Item& item) {
  return item.has_supplement() ? item.supplement() : MakeLimit(5, cw::TIME_UNIT_WORKING_DAY);
}
cw::Limit CloseLimit() { return MakeLimit(1, cw::TIME_UNIT_WORKING_DAY); }
cw::Limit RectifyLimit() { return MakeLimit(15, cw::TIME_UNIT_WORKING_DAY); }
cw::Limit HandoverLimit() { return MakeLimit(2, cw::TIME_UNIT_HOUR); }

void CheckForm(const google::protobuf::Map<std::string, std::string>& form, const cw::Item& item,
               bool complete, const std::string& prefix, Violations* violations) {
  if (form.size() > kFormFieldsMax) {
    violations->Add(prefix,
                    absl::StrCat("最多 ", kFormFieldsMax, " 项，现有 ", form.size(), " 项。"));
  }
  std::set<std::string> known;
  for (const cw::FormField& field : item.form()) {
    known.insert(field.name());
    const std::string path = absl::StrCat(prefix, ".", field.name());
    auto given = form.find(field.name());
    if (given == form.end() || given->second.empty()) {
      if (complete && field.required()) {
        violations->Add(path, absl::StrCat("请填写“", field.label(), "”。"));
      }
      continue;
    }
    CheckText(given->second, 1, kFormValueMax, path, violations);
    const std::string fault = CheckValue(given->second, field.type());
    if (!fault.empty()) violations->Add(path, absl::StrCat("“", field.label(), "”", fault));
  }
  for (const auto& [name, value] : form) {
    if (known.count(name) == 0) {
      violations->Add(absl::StrCat(prefix, ".", name), "该事项没有这一填报项；请删去。");
    }
  }
}

void CheckApplication(const v1::Application& application, const cw::Item& item,
                      absl::CivilDay today, const std::string& prefix, Violations* violations) {
  CheckText(application.applicant_name(), 1, kNameMax, prefix + ".applicant_name", violations);
  const std::string id_fault = casework::CheckIdNumber(application.id_number(), today);
  if (!id_fault.empty()) violations->Add(prefix + ".id_number", id_fault);
  if (!application.phone().empty() && !IsMobile(application.phone())) {
    violations->Add(prefix + ".phone", "应为 11 位手机号码，或留空。");
  }
  CheckText(application.address(), 0, kNameMax, prefix + ".address", violations);
  if (casework::TierOf(application.home_unit()) != cw::TIER_COMMUNITY ||
      casework::DivisionOf(application.home_unit()) != application.home_unit()) {
    violations->Add(prefix + ".home_unit", "应为居住社区的 12 位代码。");
  }
  CheckForm(application.form(), item, true, prefix + ".form", violations);
  if (application.materials_size() > kMaterialsMax) {
    violations->Add(prefix + ".materials", absl::StrCat("最多 ", kMaterialsMax, " 份，现有 ",
                                                        application.materials_size(), " 份。"));
  }
  std::set<std::string> codes;
  for (const cw::MaterialRule& rule : item.materials()) codes.insert(rule.code());
  for (int i = 0; i < application.materials_size(); ++i) {
    const v1::MaterialRef& ref = application.materials(i);
    if (codes.count(ref.code()) == 0) {
      violations->Add(absl::StrCat(prefix, ".materials[", i, "].code"),
                      absl::StrCat("该事项不收“", ref.code(), "”这种材料。"));
    }
  }
}

void CheckMaterialHeader(const v1::MaterialHeader& header, Violations* violations) {
  static const auto* const kTypes =
      new std::set<std::string>{"image/jpeg", "image/png", "application/pdf", "text/plain"};
  CheckText(header.file_name(), 1, kNameMax, "header.file_name", violations);
  if (kTypes->count(header.media_type()) == 0) {
    violations->Add("header.media_type",
                    "must be image/jpeg, image/png, application/pdf or text/plain.");
  }
  if (header.size_bytes() < 1) {
    violations->Add("header.size_bytes", absl::StrCat("must be 1 to ", kMaterialBytesMax, ", got ",
                                                      header.size_bytes(), "."));
  }
  const std::string& digest = header.sha256();
  const bool hex = digest.size() == 64 && std::all_of(digest.begin(), digest.end(), [](char c) {
                     return isxdigit(static_cast<unsigned char>(c)) && !isupper(c);
                   });
  if (!hex) violations->Add("header.sha256", "must be 64 lower-case hex digits.");
}

std::vector<std::string> CodesOf(const v1::Application& application) {
  std::vector<std::string> codes;
  for (const v1::MaterialRef& ref : application.materials()) codes.push_back(ref.code());
  return codes;
}

cw::CaseFacts FactsOf(const cw::CaseRecord& record) {
  cw::CaseFacts facts;
  facts.set_kind(record.kind());
  facts.set_state(record.state());
  facts.set_case_no(record.case_no());
  facts.set_item_code(record.item_code());
  facts.set_item_version(record.item_version());
  facts.set_title(record.title());
  facts.set_receiver_unit(record.receiver_unit());
  facts.set_home_unit(record.home_unit());
  facts.set_deliver_unit(record.deliver_unit());
  *facts.mutable_clocks() = record.clocks();
  facts.set_outcome(record.outcome());
  facts.set_tolerant(record.tolerant());
  facts.set_deemed(record.deemed());
  *facts.mutable_missing() = record.missing();
  facts.set_decision(record.decision());
  facts.set_licence_id(record.licence_id());
  facts.set_acceptor_person(record.acceptor_person());
  facts.set_channel(record.channel());
  facts.set_rating(record.rating());
  *facts.mutable_received_at() = record.create_time();
  if (record.has_accept_time()) *facts.mutable_accepted_at() = record.accept_time();
  return facts;
}

void StartAcceptedClocks(const cw::Item& item, const casework::Calendar& calendar, absl::Time from,
                         cw::CaseRecord* record) {
  auto* clocks = record->mutable_clocks();
  if (item.has_statutory()) {
    casework::StartClock(clocks, cw::CLOCK_PURPOSE_STATUTORY, "", item.statutory(), calendar, from);
  }
  if (item.has_promised()) {
    casework::StartClock(clocks, cw::CLOCK_PURPOSE_PROMISED, "", item.promised(), calendar, from);
  }
  if (record->tolerant()) {
    casework::StartClock(clocks, cw::CLOCK_PURPOSE_SUPPLEMENT, "", SupplementLimit(item), calendar,
                         from);
  }
}

void CopyOwn(const cw::CaseRecord& own, cw::CaseRecord* view) {
  const std::string holder = view->holder_unit();
  const int32_t hops = view->hops();
  const int64_t owner_version = view->owner_version();
  const cw::Light worst = std::max(view->worst_light(), own.worst_light());
  *view = own;
  view->set_holder_unit(holder.empty() ? own.receiver_unit() : holder);
  view->set_hops(hops);
  view->set_owner_version(owner_version);
  view->set_worst_light(worst);
}

bool FoldOwner(const cw::Event& event, cw::CaseRecord* view) {
  const cw::CaseFacts& facts = event.case_facts();
  if (event.version() <= view->owner_version()) return false;
  view->set_owner_version(event.version());
  view->set_state(facts.state());
  *view->mutable_clocks() = facts.clocks();
  view->set_outcome(facts.outcome());
  *view->mutable_missing() = facts.missing();
  view->set_decision(facts.decision());
  view->set_licence_id(facts.licence_id());
  *view->mutable_update_time() = event.occurred_at();
  if (event.has_rung()) {
    view->set_worst_light(std::max(view->worst_light(), event.rung().light()));
  }
  return true;
}

}  // namespace yikou::intake
