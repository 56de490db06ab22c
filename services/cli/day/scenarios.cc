#include "services/cli/day/scenarios.h"

#include "absl/strings/str_cat.h"
#include "libs/casework/clocks.h"

namespace yikou::day {

namespace cw = casework::v1;

namespace {

constexpr char kPingfang[] = "230108";
constexpr char kXingjian[] = "230108001";      // 兴建街道
constexpr char kHeping[] = "230108001004";     // 和平社区
constexpr char kNeighbour[] = "230108001002";  // another community of 兴建街道
constexpr char kArchives[] = "230108-archives";
constexpr char kHr[] = "230108-hr";
constexpr char kShuangfeng[] = "230112008-centre";  // 双丰街道社会管理服务中心
constexpr char kDongguang[] = "230112008207";       // 东光村
constexpr char kLongxin[] = "230110019003";         // 龙鑫社区

Told Tale(const char* key, const char* name) {
  Told told;
  told.key = key;
  told.name = name;
  return told;
}

absl::StatusOr<intake::v1::CaseView> Receive(Driver& driver, const std::string& item_code,
                                             const std::string& counter,
                                             intake::v1::Application application,
                                             const std::vector<std::string>& without,
                                             bool incomplete) {
  YK_ASSIGN_OR_RETURN(const cw::Item item, driver.Item(item_code));
  YK_RETURN_IF_ERROR(driver.HandIn(Driver::Clerk(counter), item, without, &application));
  auto receive = New<intake::v1::ReceiveCaseRequest>();
  receive.set_item_code(item_code);
  receive.set_receiver_unit(counter);
  *receive.mutable_application() = std::move(application);
  receive.set_channel(cw::CHANNEL_WINDOW);
  receive.set_receive_incomplete(incomplete);
  YK_ASSIGN_OR_RETURN(
      auto received, driver.Call<intake::v1::ReceiveCaseResponse>(receive, Driver::Clerk(counter)));
  return received.view();
}

// Reads the clerk sees the licence is genuine before it is handed over.
absl::Status CheckLicence(Driver& driver, const std::string& case_id, Told* told) {
  YK_ASSIGN_OR_RETURN(const cw::CaseRecord record, driver.Case(case_id));
  approval::v1::GetLicenceRequest get;
  get.set_licence_id(record.licence_id());
  YK_ASSIGN_OR_RETURN(auto licence,
                      driver.Call<approval::v1::GetLicenceResponse>(get, Driver::Operator()));
  approval::v1::VerifyLicenceRequest verify;
  verify.set_licence_id(record.licence_id());
  verify.set_document(licence.licence().document());
  YK_ASSIGN_OR_RETURN(auto verified,
                      driver.Call<approval::v1::VerifyLicenceResponse>(verify, Driver::Operator()));
  if (verified.state() != cw::LICENCE_STATE_VALID) {
    return absl::InternalError(absl::StrCat("The licence is not valid: ", verified.explanation()));
  }
  told->notes.push_back(absl::StrCat("电子印章 ", licence.licence().algorithm(), " 验证有效"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Told> SingleStatus(Driver& driver, const Say& say) {
  Told told = Tale("a", "单身证明");
  say("和平社区窗口：身份证、户口本拍照上传，收件");
  YK_ASSIGN_OR_RETURN(auto view, Receive(driver, "YK-S001", kHeping,
                                         Driver::Applicant("白爽", kHeping, 1), {}, false));
  told.case_id = view.case_record().case_id();
  say("区档案局网上审核，加盖电子公章");
  YK_RETURN_IF_ERROR(driver.Decide(told.case_id, kArchives, cw::DECISION_APPROVED, "档案相符"));
  YK_RETURN_IF_ERROR(driver.UntilState(told.case_id, cw::CASE_STATE_READY));
  YK_RETURN_IF_ERROR(CheckLicence(driver, told.case_id, &told));
  say("社区窗口送达纸件");
  YK_RETURN_IF_ERROR(driver.Deliver(told.case_id, kHeping, 5));
  return told;
}

// ---------------------------------------------------------------- b

absl::Status GuaranteedLoan::AskForVisit(std::string* task_id) {
  YK_ASSIGN_OR_RETURN(const int64_t version, driver_->ProcessVersion(told_.case_id));
  auto ask = New<approval::v1::RequestFieldRequest>();
  ask.set_case_id(told_.case_id);
  ask.set_expected_version(version);
  ask.set_unit_id(kHeping);
  ask.set_subject("入户核实经营场所");
  YK_ASSIGN_OR_RETURN(auto asked, driver_->Call<approval::v1::RequestFieldResponse>(
                                      ask, Driver::Officer(kXingjian)));
  *task_id = absl::StrCat(told_.case_id, "/", asked.field_id());
  return driver_->Until("入户任务到达和平社区", [&]() -> absl::StatusOr<bool> {
    gridtask::v1::ListFieldsRequest list;
    list.set_case_id(told_.case_id);
    list.set_state(cw::FIELD_STATE_RECEIVED);
    YK_ASSIGN_OR_RETURN(
        auto fields, driver_->Call<gridtask::v1::ListFieldsResponse>(list, Driver::Clerk(kHeping)));
    return fields.tasks_size() > 0;
  });
}

absl::Status GuaranteedLoan::Begin(const Say& say) {
  told_ = Tale("b", "小额担保贷款");
  say("和平社区窗口收件，缺担保材料，一次性告知补正");
  YK_ASSIGN_OR_RETURN(auto view,
                      Receive(*driver_, "YK-S004", kHeping, Driver::Applicant("李建国", kHeping, 2),
                              {"GUARANTEE"}, true));
  told_.case_id = view.case_record().case_id();
  auto correction = New<intake::v1::RequestCorrectionRequest>();
  correction.set_case_id(told_.case_id);
  correction.set_expected_version(view.case_record().version());
  YK_ASSIGN_OR_RETURN(auto asked, driver_->Call<intake::v1::RequestCorrectionResponse>(
                                      correction, Driver::Clerk(kHeping)));
  told_.notes.push_back(absl::StrCat("补正告知：", asked.what_to_bring()));
  auto submit = New<intake::v1::SubmitCorrectionRequest>();
  submit.set_case_id(told_.case_id);
  submit.set_expected_version(asked.view().case_record().version());
  intake::v1::MaterialRef* ref = submit.add_materials();
  ref->set_code("GUARANTEE");
  YK_ASSIGN_OR_RETURN(*ref->mutable_material_id(),
                      driver_->Photo(Driver::Clerk(kHeping), "GUARANTEE"));
  YK_RETURN_IF_ERROR(
      driver_->Call<intake::v1::SubmitCorrectionResponse>(submit, Driver::Clerk(kHeping)).status());
  say("兴建街道初审，派社区入户；社区先退回、后签收");
  YK_RETURN_IF_ERROR(driver_->Claim(told_.case_id, kXingjian));
  std::string task_id;
  YK_RETURN_IF_ERROR(AskForVisit(&task_id));
  auto decline = New<gridtask::v1::DeclineFieldRequest>();
  decline.set_task_id(task_id);
  decline.set_expected_version(1);
  decline.set_reason("网格员外出培训，次日可派");
  YK_RETURN_IF_ERROR(
      driver_->Call<gridtask::v1::DeclineFieldResponse>(decline, Driver::Clerk(kHeping)).status());
  YK_RETURN_IF_ERROR(driver_->Until("街道得知退回", [&]() -> absl::StatusOr<bool> {
    approval::v1::GetProcessRequest get;
    get.set_case_id(told_.case_id);
    YK_ASSIGN_OR_RETURN(auto process, driver_->Call<approval::v1::GetProcessResponse>(
                                          get, Driver::Officer(kXingjian)));
    return process.view().process().fields(0).state() == cw::FIELD_STATE_DECLINED;
  }));
  YK_RETURN_IF_ERROR(AskForVisit(&task_id));
  auto sign = New<gridtask::v1::SignFieldRequest>();
  sign.set_task_id(task_id);
  sign.set_expected_version(1);
  YK_ASSIGN_OR_RETURN(auto signed_task,
                      driver_->Call<gridtask::v1::SignFieldResponse>(sign, Driver::Clerk(kHeping)));
  auto report = New<gridtask::v1::ReportFieldRequest>();
  report.set_task_id(task_id);
  report.set_expected_version(signed_task.task().version());
  report.set_finding("经营场所属实，设备在位");
  report.set_favourable(true);
  YK_RETURN_IF_ERROR(
      driver_->Call<gridtask::v1::ReportFieldResponse>(report, Driver::Clerk(kHeping)).status());
  YK_RETURN_IF_ERROR(driver_->Until("街道得知入户结果", [&]() -> absl::StatusOr<bool> {
    approval::v1::GetProcessRequest get;
    get.set_case_id(told_.case_id);
    YK_ASSIGN_OR_RETURN(auto process, driver_->Call<approval::v1::GetProcessResponse>(
                                          get, Driver::Officer(kXingjian)));
    return process.view().process().fields(1).state() == cw::FIELD_STATE_REPORTED;
  }));
  return driver_->Decide(told_.case_id, kXingjian, cw::DECISION_APPROVED, "入户属实，同意上报");
}

absl::Status GuaranteedLoan::Suspend(const Say& say) {
  say("区人社局受理后现场勘验，中止计时");
  YK_RETURN_IF_ERROR(driver_->Claim(told_.case_id, kHr));
  YK_ASSIGN_OR_RETURN(const int64_t version, driver_->ProcessVersion(told_.case_id));
  auto suspend = New<approval::v1::SuspendProcessRequest>();
  suspend.set_case_id(told_.case_id);
  suspend.set_expected_version(version);
  suspend.set_reason("INSPECTION");
  suspend.set_planned_end("2025-09-29");
  return driver_->Call<approval::v1::SuspendProcessResponse>(suspend, Driver::Officer(kHr))
      .status();
}

absl::Status GuaranteedLoan::Resume(const Say& say) {
  say("勘验结束，恢复计时");
  YK_ASSIGN_OR_RETURN(const int64_t version, driver_->ProcessVersion(told_.case_id));
  auto resume = New<approval::v1::ResumeProcessRequest>();
  resume.set_case_id(told_.case_id);
  resume.set_expected_version(version);
  return driver_->Call<approval::v1::ResumeProcessResponse>(resume, Driver::Officer(kHr)).status();
}

absl::StatusOr<Told> GuaranteedLoan::Finish(const Say& say) {
  say("国庆长假与调休之后亮黄灯，解释期限，区人社局决定，回到社区窗口");
  YK_RETURN_IF_ERROR(driver_->Until("黄灯", [&]() -> absl::StatusOr<bool> {
    YK_ASSIGN_OR_RETURN(const cw::CaseRecord record, driver_->Case(told_.case_id));
    return record.worst_light() >= cw::LIGHT_YELLOW;
  }));
  intake::v1::ExplainDeadlineRequest explain;
  explain.set_case_id(told_.case_id);
  YK_ASSIGN_OR_RETURN(auto explained, driver_->Call<intake::v1::ExplainDeadlineResponse>(
                                          explain, Driver::Clerk(kHeping)));
  for (const intake::v1::ClockExplanation& clock : explained.clocks()) {
    if (clock.clock().purpose() != cw::CLOCK_PURPOSE_PROMISED) continue;
    told_.notes.insert(told_.notes.end(), clock.lines().begin(), clock.lines().end());
  }
  YK_RETURN_IF_ERROR(
      driver_->Decide(told_.case_id, kHr, cw::DECISION_APPROVED, "符合条件，准予担保"));
  YK_RETURN_IF_ERROR(driver_->UntilState(told_.case_id, cw::CASE_STATE_READY));
  YK_RETURN_IF_ERROR(CheckLicence(*driver_, told_.case_id, &told_));
  YK_RETURN_IF_ERROR(driver_->Deliver(told_.case_id, kHeping, 4));
  return told_;
}

// ---------------------------------------------------------------- c

absl::Status House::Begin(const Say& say) {
  told_ = Tale("c", "金龙熙建房手续");
  say("双丰街社会管理服务中心收件，民政、城建、土地、司法并联");
  YK_ASSIGN_OR_RETURN(auto view, Receive(*driver_, "YK-S005", kShuangfeng,
                                         Driver::Applicant("金龙熙", kDongguang, 3), {}, false));
  told_.case_id = view.case_record().case_id();
  for (const char* body : {"230112-civil", "230112-construction", "230112-land"}) {
    YK_RETURN_IF_ERROR(driver_->Decide(told_.case_id, body, cw::DECISION_APPROVED, "同意"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Told> House::Finish(const Say& say) {
  approval::v1::GetProcessRequest get;
  get.set_case_id(told_.case_id);
  YK_ASSIGN_OR_RETURN(auto process, driver_->Call<approval::v1::GetProcessResponse>(
                                        get, Driver::Officer("230112-civil")));
  std::string late;
  for (const std::string& name : process.view().late_branches()) absl::StrAppend(&late, name, " ");
  if (late.empty()) return absl::InternalError("The late branch is not named.");
  told_.notes.push_back(absl::StrCat("迟到的分支：", late));
  say(absl::StrCat("迟到的分支是 ", late, "，补办后四家同时办结"));
  YK_RETURN_IF_ERROR(
      driver_->Decide(told_.case_id, "230112-justice", cw::DECISION_APPROVED, "同意"));
  YK_RETURN_IF_ERROR(driver_->UntilState(told_.case_id, cw::CASE_STATE_READY));
  YK_RETURN_IF_ERROR(CheckLicence(*driver_, told_.case_id, &told_));
  YK_RETURN_IF_ERROR(driver_->Deliver(told_.case_id, kShuangfeng, 5));
  return told_;
}

// ---------------------------------------------------------------- d, e

absl::StatusOr<Told> WaterCut(Driver& driver, const Say& say) {
  Told told = Tale("d", "居民楼停水");
  const std::string grid = absl::StrCat(kLongxin, "-g01");
  const cli::Identity worker = Driver::Worker(kLongxin, absl::StrCat("w-", grid));
  say("龙鑫社区网格员上报停水，百余户受影响");
  auto report = New<gridtask::v1::ReportEventRequest>();
  report.set_category("G0101");
  report.set_grid_id(grid);
  report.set_place("龙鑫社区居民楼");
  report.set_description("昨晚起整栋停水，未见通知");
  report.set_channel(cw::CHANNEL_GRID_WORKER);
  report.set_households(112);
  report.add_photo_digests(std::string(64, 'a'));
  YK_ASSIGN_OR_RETURN(auto reported,
                      driver.Call<gridtask::v1::ReportEventResponse>(report, worker));
  told.case_id = reported.view().event().case_id();
  say("指挥台派遣，签收、处理、反馈、核查、结案");
  auto dispatch = New<gridtask::v1::DispatchEventRequest>();
  dispatch.set_case_id(told.case_id);
  dispatch.set_expected_version(reported.view().event().version());
  YK_ASSIGN_OR_RETURN(auto dispatched, driver.Call<gridtask::v1::DispatchEventResponse>(
                                           dispatch, Driver::Dispatcher("230110019")));
  told.notes.push_back(absl::StrCat("派遣理由：", dispatched.view().event().dispatch_reason()));
  const cli::Identity assignee = Driver::Worker(kLongxin, dispatched.view().event().worker_id());
  auto sign = New<gridtask::v1::SignTaskRequest>();
  sign.set_case_id(told.case_id);
  sign.set_expected_version(dispatched.view().event().version());
  YK_ASSIGN_OR_RETURN(auto signed_event,
                      driver.Call<gridtask::v1::SignTaskResponse>(sign, assignee));
  auto handle = New<gridtask::v1::HandleTaskRequest>();
  handle.set_case_id(told.case_id);
  handle.set_expected_version(signed_event.view().event().version());
  handle.set_result("查明一户房顶漏水关了总闸，劝说后已开闸供水");
  handle.add_photo_digests(std::string(64, 'b'));
  YK_ASSIGN_OR_RETURN(auto handled,
                      driver.Call<gridtask::v1::HandleTaskResponse>(handle, assignee));
  auto check = New<gridtask::v1::CheckEventRequest>();
  check.set_case_id(told.case_id);
  check.set_expected_version(handled.view().event().version());
  check.set_passed(true);
  check.set_outcome(cw::OUTCOME_SOLVED);
  YK_RETURN_IF_ERROR(
      driver.Call<gridtask::v1::CheckEventResponse>(check, Driver::Dispatcher("230110019"))
          .status());
  YK_RETURN_IF_ERROR(driver.UntilState(told.case_id, cw::CASE_STATE_GRID_CLOSED));
  return told;
}

absl::StatusOr<Told> Anywhere(Driver& driver, const Say& say) {
  Told told = Tale("e", "全街通办");
  say("和平社区居民在同街另一社区窗口申请");
  YK_ASSIGN_OR_RETURN(auto view, Receive(driver, "YK-S001", kNeighbour,
                                         Driver::Applicant("王淑芬", kHeping, 4), {}, false));
  told.case_id = view.case_record().case_id();
  told.notes.push_back(absl::StrCat("受理点 ", kNeighbour, "，居住地 ", kHeping));
  YK_RETURN_IF_ERROR(driver.Decide(told.case_id, kArchives, cw::DECISION_APPROVED, "档案相符"));
  YK_RETURN_IF_ERROR(driver.Deliver(told.case_id, kNeighbour, 0));
  return told;
}

absl::StatusOr<Told> Refused(Driver& driver, const Say& say) {
  Told told = Tale("e2", "不予受理并告知");
  say("材料不齐的申请：不予受理，告知带什么来");
  YK_ASSIGN_OR_RETURN(auto view,
                      Receive(driver, "YK-S001", kHeping, Driver::Applicant("赵强", kHeping, 5),
                              {"HOUSEHOLD_BOOK"}, true));
  told.case_id = view.case_record().case_id();
  auto refuse = New<intake::v1::RefuseCaseRequest>();
  refuse.set_case_id(told.case_id);
  refuse.set_expected_version(view.case_record().version());
  refuse.set_reason("MATERIALS_MISSING");
  refuse.set_remedy("请携带户口本原件到和平社区窗口重新申请");
  YK_ASSIGN_OR_RETURN(auto refused,
                      driver.Call<intake::v1::RefuseCaseResponse>(refuse, Driver::Clerk(kHeping)));
  told.notes.push_back(absl::StrCat("告知：", refused.view().case_record().remedy()));
  return told;
}

}  // namespace yikou::day
