#include "services/cli/verbs.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/cli/special.h"

namespace yikou::cli {
namespace {

constexpr char kIntake[] = "intake";
constexpr char kRouting[] = "routing";
constexpr char kApproval[] = "approval";
constexpr char kGridtask[] = "gridtask";
constexpr char kReporting[] = "reporting";

constexpr char kIntakeRpcs[] = "yikou.intake.v1.IntakeService.";
constexpr char kCatalogueRpcs[] = "yikou.intake.v1.CatalogueService.";
constexpr char kRoutingRpcs[] = "yikou.routing.v1.RoutingService.";
constexpr char kDirectoryRpcs[] = "yikou.routing.v1.DirectoryService.";
constexpr char kApprovalRpcs[] = "yikou.approval.v1.ApprovalService.";
constexpr char kGridtaskRpcs[] = "yikou.gridtask.v1.GridTaskService.";
constexpr char kReportingRpcs[] = "yikou.reporting.v1.ReportingService.";
constexpr char kEventLogRpcs[] = "yikou.casework.v1.EventLogService.";
constexpr char kOperationsRpcs[] = "yikou.casework.v1.OperationsService.";

// ---- Reads that fill what the caller leaves out.

constexpr char kGetCase[] = "yikou.intake.v1.IntakeService.GetCase";
constexpr char kGetProcess[] = "yikou.approval.v1.ApprovalService.GetProcess";
constexpr char kGetEvent[] = "yikou.gridtask.v1.GridTaskService.GetEvent";
constexpr char kGetOffer[] = "yikou.routing.v1.RoutingService.GetOffer";
constexpr char kListFields[] = "yikou.gridtask.v1.GridTaskService.ListFields";

constexpr Lookup kCaseVersion = {kIntake, kGetCase, "case_id", "view.case_record.version"};
constexpr Lookup kCaseByNumber = {kIntake, kGetCase, "case_id", "view.case_record.case_id"};
constexpr Lookup kProcessVersion = {kApproval, kGetProcess, "case_id", "view.process.version"};
constexpr Lookup kEventVersion = {kGridtask, kGetEvent, "case_id", "view.event.version"};
constexpr Lookup kEventByNumber = {kGridtask, kGetEvent, "case_id", "view.event.case_id"};
constexpr Lookup kOfferVersion = {kRouting, kGetOffer, "offer_id", "offer.version"};
constexpr Lookup kFieldVersion = {kGridtask, kListFields, "case_id", "version", "tasks", "task_id"};

// ---- Arguments.

Arg Positional(const char* name, const char* field, const char* help) {
  return {.name = name, .field = field, .help = help, .required = true, .positional = true};
}
Arg Required(const char* name, const char* field, const char* help) {
  return {.name = name, .field = field, .help = help, .required = true};
}
Arg Optional(const char* name, const char* field, const char* help) {
  return {.name = name, .field = field, .help = help};
}
Arg ByNumber(Arg arg, const Lookup* lookup) {
  arg.resolve = lookup;
  return arg;
}
Arg Pairs(Arg arg, PairFields pair) {
  arg.pair = pair;
  return arg;
}

Arg AnyCase() { return Positional("case", "case_id", "办件编号或内部标识 case number or id"); }
Arg Case() { return ByNumber(AnyCase(), &kCaseByNumber); }
Arg OnlyCase() {
  return ByNumber(Optional("case", "case_id", "只看此办件 only this case"), &kCaseByNumber);
}
Arg AnyEvent() { return Positional("case", "case_id", "事件编号或内部标识 case number or id"); }
Arg Event() { return ByNumber(AnyEvent(), &kEventByNumber); }
Arg Step() { return Positional("step", "step_id", "环节 step id"); }
Arg FieldTask() { return Positional("task", "task_id", "核查任务，<办件>/<请求> task id"); }
Arg Material(const char* field) {
  return Pairs(Optional("material", field, "材料，代码=标识，可重复 CODE=MATERIAL_ID"),
               {"code", "material_id"});
}
Arg Form(const char* field) {
  return Optional("form", field, "表单项，名称=值，可重复 NAME=VALUE");
}
Arg State() { return Optional("state", "state", "状态 state"); }
Arg Below(const char* field) { return Optional("unit", field, "此单位及以下 this unit and below"); }
Arg WhyMust() { return Required("reason", "reason", "理由 reason"); }
Arg WhyMay() { return Optional("reason", "reason", "理由 reason"); }
Arg ValidateOnly() { return Optional("validate-only", "validate_only", "只检查 check only"); }
Arg JsonLines() { return Positional("file", "", "每行一个 JSON one JSON object a line"); }

// ---- The table, by noun.

// Rows that share their noun, their service and more.
struct Group {
  std::vector<Verb>* verbs;
  const char* noun;
  const char* service;
  const char* rpcs;                         // service part of the full method name
  std::optional<Arg> first = std::nullopt;  // first argument of every verb
  const Lookup* version = nullptr;
  View view = {};  // of verbs that name none

  Verb& Add(const char* name, const char* help, const char* rpc, std::vector<Arg> args,
            View own_view = {}) const {
    if (first.has_value()) args.insert(args.begin(), *first);
    verbs->push_back({noun, name, help, service, absl::StrCat(rpcs, rpc), std::move(args),
                      own_view.empty() ? view : std::move(own_view), version});
    return verbs->back();
  }
};

// For calls that take longer than most.
Verb& Patient(Verb& verb, int seconds) {
  verb.timeout_s = seconds;
  return verb;
}

constexpr int kImportSeconds = 60;
constexpr int kFileSeconds = 120;
constexpr int kAuditSeconds = 600;

void AddItems(std::vector<Verb>* verbs) {
  const Group item = {verbs, "item", kIntake, kCatalogueRpcs};
  item.Add("list", "列出事项 List items", "ListItems",
           {Optional("name", "name_contains", "名称包含 name contains")}, ItemListView());
  item.Add("show", "查看事项 Show an item", "GetItem",
           {Positional("code", "code", "事项编码 item code"),
            Optional("version", "version", "版本，缺省为最新 version, newest by default")},
           ItemView());
  Patient(item.Add("import", "导入事项 Import items from a file", "ImportItems",
                   {JsonLines(), ValidateOnly()}, CountView()),
          kImportSeconds)
      .special = &ImportFile;
}

void AddUnits(std::vector<Verb>* verbs) {
  const Group unit = {verbs, "unit", kRouting, kDirectoryRpcs};
  unit.Add("list", "列出单位 List units", "ListUnits",
           {Optional("below", "below", "此单位及以下 this unit and below"),
            Optional("tier", "tier", "层级 tier")},
           UnitListView());
  unit.Add("show", "查看单位 Show a unit", "GetUnit",
           {Positional("unit", "unit_id", "单位 unit id")}, UnitView());
  Arg root = Positional("below", "below", "根单位，缺省为全部 root");
  root.required = false;
  unit.Add("tree", "单位树 Show units as a tree", "ListUnits", {root}).special = &UnitTree;
  Patient(unit.Add("import", "导入单位，上级在前 Import units from a file, parents first",
                   "ImportUnits", {JsonLines(), ValidateOnly()}, CountView()),
          kImportSeconds)
      .special = &ImportFile;
}

void AddCaseReads(std::vector<Verb>* verbs) {
  const Group read = {verbs, "case", kIntake, kIntakeRpcs};
  read.Add("list", "列出办件 List cases", "ListCases",
           {State(), Optional("item", "item_code", "事项编码 item code"),
            Optional("receiver", "receiver_unit", "收件单位及以下 received at or below"),
            Optional("kind", "kind", "类型 kind")},
           CaseListView());
  read.Add("get", "查看办件 Show a case", "GetCase",
           {AnyCase(), Optional("with-application", "with_application",
                                "包括申请内容 include what the applicant stated")},
           CaseView());
  read.Add("watch", "跟踪办件变化 Follow a case until it is over", "WatchCase",
           {Case(), Optional("after", "after_version", "此版本之后 after this version")})
      .special = &CaseWatch;
  const Group history = {verbs, "case", kReporting, kReportingRpcs};
  history.Add("history", "办件全过程 Every event of a case", "GetTimeline", {Case()},
              TimelineView());
  const Group custody = {verbs, "case", kRouting, kRoutingRpcs};
  custody.Add("custody", "办件由谁持有 Who holds a case, and every hop", "GetCustody", {Case()},
              CustodyView());
}

std::vector<Arg> ReceiveArgs() {
  return {Required("item", "item_code", "事项编码 item code"),
          Optional("receiver", "receiver_unit", "收件单位，缺省为本单位 counter"),
          // A file keeps personal data out of the list of processes and shell histories.
          Optional("application", "application", "申请内容的 JSON 文件 application as JSON"),
          Optional("name", "application.applicant_name", "姓名 applicant"),
          Optional("id-number", "application.id_number", "身份证号 identity number"),
          Optional("phone", "application.phone", "手机号 mobile number"),
          Optional("address", "application.address", "住址 address"),
          Optional("home", "application.home_unit", "居住社区 community of residence"),
          Form("application.form"), Material("application.materials"),
          Optional("agent", "application.agent_person", "代办员 agent"),
          Optional("channel", "channel", "渠道 channel"),
          Optional("receive-incomplete", "receive_incomplete",
                   "材料不全也收件 receive although materials are missing"),
          Optional("accept-tolerant", "accept_tolerant",
                   "容缺受理，已签承诺 accept on a signed promise"),
          ValidateOnly()};
}

void AddCaseCommands(std::vector<Verb>* verbs) {
  const Group open = {verbs, "case", kIntake, kIntakeRpcs};
  open.Add("receive", "收件 Receive an application", "ReceiveCase", ReceiveArgs(), ReceiptView());
  const Group change = {verbs, "case", kIntake, kIntakeRpcs, Case(), &kCaseVersion, CaseView()};
  change.Add("accept", "受理 Accept a received case", "AcceptCase",
             {Optional("promise-signed", "promise_signed", "已签容缺承诺 the promise is signed")});
  change.Add("request-correction", "一次性告知补正 Ask for everything missing", "RequestCorrection",
             {Optional("note", "note", "其他需更正之处 what else is wrong")}, CorrectionView());
  change.Add("correct", "提交补正 Hand in a correction", "SubmitCorrection",
             {Material("materials"), Form("form")});
  change.Add("refuse", "不予受理 Refuse a case", "RefuseCase",
             {Required("reason", "reason",
                       "NOT_IN_SCOPE, NOT_REQUIRED, MATERIALS_MISSING, FALSE_MATERIALS"),
              Required("remedy", "remedy", "请群众补什么、去哪里 what to bring or where to go")});
  change.Add("withdraw", "撤回 Withdraw for the applicant", "WithdrawCase", {WhyMay()});
  change.Add("deliver", "送达 Hand over the result", "DeliverCase",
             {Required("proof", "proof", "送达凭据，如“本人签收” proof")});
  change.Add("close", "办结 Close a case", "CloseCase", {});
  change.Add("rate", "好差评 Take the citizen's stars", "RateCase",
             {Required("stars", "stars", "1 很差至 5 很好 1 to 5")});
}

void AddCaseFiles(std::vector<Verb>* verbs) {
  const Group file = {verbs, "case", kIntake, kIntakeRpcs};
  Patient(file.Add("upload", "上传材料 Store a material", "UploadMaterial",
                   {Positional("file", "", "文件，至多 20 MiB file"),
                    Optional("type", "", "媒体类型，缺省看扩展名 media type"),
                    Optional("name", "", "显示的文件名 file name to show")},
                   MaterialView()),
          kFileSeconds)
      .special = &CaseUpload;
  Patient(file.Add("download", "下载材料 Fetch a material", "ReadMaterial",
                   {Case(), Positional("material", "material_id", "材料标识 material id"),
                    Required("save", "", "写入的文件，“-”为标准输出 file to write")}),
          kFileSeconds)
      .special = &CaseDownload;
}

void AddWork(std::vector<Verb>* verbs) {
  const Group read = {verbs, "work", kApproval, kApprovalRpcs};
  read.Add("list", "待办环节 List steps to work on", "ListWork",
           {Optional("unit", "unit_id", "只看此单位 only this unit"), OnlyCase()}, WorkListView());
  read.Add("show", "查看审批过程 Show a process", "GetProcess", {Case()}, ProcessView());
  const Group change = {verbs,  "work",           kApproval,    kApprovalRpcs,
                        Case(), &kProcessVersion, ProcessView()};
  change.Add("claim", "认领环节 Claim a step", "ClaimStep", {Step()});
  change.Add("decide", "办结环节 Decide a step", "DecideStep",
             {Step(), Required("decision", "decision", "决定 decision"),
              Optional("opinion", "opinion", "意见，不予时必填 opinion")});
  change.Add("send-back", "退回上一环节 Send back to the step before", "SendBack",
             {Step(), WhyMust()});
  change.Add("field", "要求现场核查 Ask a unit below for a look", "RequestField",
             {Required("unit", "unit_id", "社区或网格 community or grid"),
              Required("subject", "subject", "核查内容 what to look at")});
  change.Add("cancel-field", "取消现场核查 Take a field request back", "CancelField",
             {Positional("field", "field_id", "核查请求 field request")});
  change.Add("suspend", "中止 Suspend for a special procedure", "SuspendProcess",
             {WhyMust(), Required("until", "planned_end", "计划恢复日 planned end, YYYY-MM-DD")});
  change.Add("resume", "恢复 Resume", "ResumeProcess", {});
  change.Add("extend", "延期 Extend the limits", "ExtendProcess",
             {Required("add", "add", "增加多少 units to add"), WhyMust()});
  change.Add("supply", "补齐容缺材料 Take promised materials", "SupplyMissing",
             {Required("code", "codes", "材料代码，可重复 material code")});
  change.Add("withdraw", "撤回 Withdraw for the applicant", "WithdrawProcess", {WhyMay()});
  change.Add("terminate", "终止 End a process", "TerminateProcess", {WhyMust()});
}

void AddTasks(std::vector<Verb>* verbs) {
  const Group read = {verbs, "task", kGridtask, kGridtaskRpcs};
  read.Add("report", "采集事件 Report an event", "ReportEvent",
           {Required("category", "category", "类别 category code"),
            Required("grid", "grid_id", "网格 grid"), Optional("place", "place", "地点 place"),
            Required("description", "description", "描述 what was seen"),
            Optional("channel", "channel", "渠道 channel"),
            Optional("households", "households", "涉及户数 households affected"),
            Optional("photo", "photo_digests", "照片摘要，可重复 SHA-256 of a photograph")},
           EventView());
  read.Add("list", "列出事件 List events", "ListEvents",
           {State(), Optional("worker", "worker_id", "网格员 assignee")}, EventListView());
  read.Add("show", "查看事件 Show an event", "GetEvent", {AnyEvent()}, EventView());
  const Group change = {verbs,   "task",         kGridtask,  kGridtaskRpcs,
                        Event(), &kEventVersion, EventView()};
  change.Add("register", "立案或不予立案 Register or turn down", "RegisterEvent",
             {Required("accept", "register", "是否立案 yes or no"), WhyMay()});
  change.Add(
      "dispatch", "派遣 Dispatch", "DispatchEvent",
      {Optional("worker", "worker_id", "网格员，缺省按规则 worker, by rule when empty"),
       Optional("override-reason", "override_reason", "不按规则派遣的理由 why another worker")});
  change.Add("sign", "签收 Sign", "SignTask", {});
  change.Add("return", "退单 Ask for another assignee", "ReturnTask", {WhyMust()});
  change.Add("handle", "处理反馈 Feed the result back", "HandleTask",
             {Required("result", "result", "处理情况 what was done"),
              Optional("photo", "photo_digests", "处理后照片摘要，可重复 SHA-256")});
  change.Add("check", "核查 Check the result", "CheckEvent",
             {Required("passed", "passed", "是否通过 yes or no"),
              Optional("outcome", "outcome", "结果，通过时必填 outcome"), WhyMay()});
}

void AddOffers(std::vector<Verb>* verbs) {
  const Group read = {verbs, "offer", kRouting, kRoutingRpcs};
  read.Add("list", "列出移交 List hand-offs", "ListOffers",
           {OnlyCase(), State(), Optional("to", "to_unit", "移入单位及以下 to this unit or below")},
           OfferListView());
  read.Add("show", "查看移交 Show a hand-off", "GetOffer",
           {Positional("offer", "offer_id", "移交 offer id")}, OfferView());
  // Offers are signed and declined where they arrive; those that people sign are field requests.
  const Group change = {verbs,       "offer",        kGridtask,  kGridtaskRpcs,
                        FieldTask(), &kFieldVersion, FieldView()};
  change.Add("sign", "签收移交的核查 Sign a field request", "SignField", {});
  change.Add("decline", "退回移交的核查 Decline a field request", "DeclineField", {WhyMust()});
}

void AddFields(std::vector<Verb>* verbs) {
  const Group read = {verbs, "field", kGridtask, kGridtaskRpcs};
  read.Add("list", "列出现场核查 List field requests", "ListFields", {State(), OnlyCase()},
           FieldListView());
  const Group change = {verbs,       "field",        kGridtask,  kGridtaskRpcs,
                        FieldTask(), &kFieldVersion, FieldView()};
  change.Add("sign", "签收 Sign a field request", "SignField", {});
  change.Add("decline", "退回 Decline a field request", "DeclineField", {WhyMust()});
  change.Add("report", "反馈核查结果 Answer a field request", "ReportField",
             {Required("finding", "finding", "核查情况 what was found"),
              Required("favourable", "favourable", "是否支持申请 yes or no")});
  const Group worker = {verbs, "worker", kGridtask, kGridtaskRpcs};
  worker.Add("list", "列出网格员 List grid workers", "ListWorkers", {Below("unit_id")},
             WorkerListView());
  Patient(worker.Add("import", "导入网格员 Import workers from a file", "ImportWorkers",
                     {Positional("file", "", "CSV 或每行一个 JSON CSV or one JSON object a line")},
                     CountView()),
          kImportSeconds)
      .special = &ImportFile;
}

void AddExplanations(std::vector<Verb>* verbs) {
  const Group route = {verbs, "route", kRouting, kRoutingRpcs};
  route.Add("explain", "试算流转 Where an application would go, and why", "ExplainRoute",
            {Positional("item", "item_code", "事项编码 item code"),
             Required("receiver", "receiver_unit", "收件单位 counter"),
             Optional("date", "date", "日期，缺省为今天 day, YYYY-MM-DD")},
            RouteView());
  const Group deadline = {verbs, "deadline", kIntake, kIntakeRpcs};
  deadline.Add("explain", "解释时限 Explain every clock of a case", "ExplainDeadline", {AnyCase()},
               DeadlineView());
  const Group licence = {verbs, "licence", kApproval, kApprovalRpcs,
                         Positional("licence", "licence_id", "证照标识 licence id")};
  licence.Add("show", "查看证照 Show a licence", "GetLicence", {}, LicenceView()).save =
      "licence.document";
  licence
      .Add("verify", "验证证照 Check a document against the register", "VerifyLicence",
           {Required("file", "document", "证照文件 the document")}, VerdictView())
      .must = "state=VALID";
  const Group report = {verbs, "report", kReporting, kReportingRpcs};
  report.Add("summary", "统计总表 Figures by district", "GetSummary", {Below("unit_id")},
             SummaryView());
  report.Add("rebuild", "重建统计 Make all figures anew from the logs", "RebuildFigures", {},
             RebuildView());
  const Group metric = {verbs, "metric", kReporting, kReportingRpcs};
  metric.Add("list", "指标与公式 Metrics and their formulas", "ListMetrics", {}, MetricListView());
}

void AddQueues(std::vector<Verb>* verbs) {
  const Group every = {verbs, "queue", kEvery, kOperationsRpcs};
  every.Add("stats", "队列深度 Depth of every stream", "GetQueueStats", {}, QueueView());
  every.Add("stuck", "死信、等待与无人接收 Dead letters, parked entries, unanswered offers",
            "ListStuck", {}, StuckView());
  const Arg id = Positional("id", "stuck_id", "标识 id");
  const Group given = {verbs, "queue", kGiven, kOperationsRpcs,
                       Positional("service", "", "服务，如 intake service")};
  given.Add("retry", "重试死信 Apply a dead letter again", "RetryStuck", {id}, RetryView()).must =
      "applied=true";
  given.Add("resolve", "人工了结死信 Settle a dead letter by hand", "ResolveStuck",
            {id, WhyMust()});
  given.Add("republish", "重新发布 Publish a stream to Redis again", "RepublishStream",
            {Positional("stream", "stream", "流，如 yikou:events:intake:{0} stream"),
             Optional("from", "from_seq", "从第几条起，缺省为第一条 first entry")},
            RepublishView());
  const Group offers = {verbs,
                        "queue",
                        kRouting,
                        kRoutingRpcs,
                        Positional("offer", "offer_id", "移交标识 offer id"),
                        &kOfferVersion,
                        OfferView()};
  offers.Add("redirect", "改派移交 Offer again, to this unit", "RedirectOffer",
             {Required("to", "to_unit", "移入单位 unit that is to take it"), WhyMust()});
}

void AddOperations(std::vector<Verb>* verbs) {
  const Group audit = {verbs, "audit", kEvery, kEventLogRpcs};
  Patient(audit.Add("verify", "校验日志 Check every log: chain, aggregates, signed heads",
                    "VerifyLog", {}, AuditView()),
          kAuditSeconds)
      .must = "ok=true";
  audit.Add("sign", "签署日志头 Sign the head of every log", "SignHead", {}, SignedHeadView());
  audit.Add("heads", "日志头 Head of every log", "GetHeads", {}, HeadsView());
  const Group clock = {verbs, "clock", kEvery, kOperationsRpcs};
  clock.Add("show", "办件时钟 Case time of every service", "GetClock", {}, ClockListView());
  Arg no_wait = Optional("no-wait", "", "不等各服务排空 do not wait until all is drained");
  no_wait.toggle = true;
  clock
      .Add("skip", "时钟快进（开发用） Move case time forward (dev mode)", "SetClock",
           {Positional("duration", "", "时长，如 8d、1d12h、30m duration"), no_wait})
      .special = &ClockSkip;
  const Group token = {verbs, "token", kNobody, ""};
  token
      .Add("mint", "签发令牌（开发用） Print a token for --as (dev mode)", "",
           {Optional("ttl", "", "有效期，缺省 1h，至多 24h lifetime")})
      .special = &TokenMint;
  const Group health = {verbs, "health", kEvery, "grpc.health.v1.Health."};
  health.Add("", "健康检查 Health of every service", "Check", {}, HealthView()).must =
      "status=SERVING";
}

struct Noun {
  absl::string_view noun;
  absl::string_view help;
};

constexpr Noun kNouns[] = {
    {"item", "事项 items of the catalogue"},
    {"unit", "单位 units of the directory"},
    {"case", "办件 cases at the counter"},
    {"work", "审批 steps of applications"},
    {"task", "网格事件 grid events"},
    {"offer", "移交 hand-offs between units"},
    {"field", "现场核查 looks on the spot"},
    {"worker", "网格员 grid workers"},
    {"route", "流转规则 placement"},
    {"deadline", "时限 legal clocks"},
    {"licence", "证照 licences"},
    {"report", "统计 figures"},
    {"metric", "指标 metrics"},
    {"queue", "队列 streams and dead letters"},
    {"audit", "审计 logs and their chains"},
    {"clock", "时钟 case time"},
    {"token", "令牌 tokens"},
    {"health", "健康检查 health of every service"},
};

}  // namespace

const std::vector<Verb>& Verbs() {
  static const auto* const verbs = [] {
    auto* all = new std::vector<Verb>;
    for (const auto add :
         {&AddItems, &AddUnits, &AddCaseReads, &AddCaseCommands, &AddCaseFiles, &AddWork, &AddTasks,
          &AddOffers, &AddFields, &AddExplanations, &AddQueues, &AddOperations}) {
      add(all);
    }
    return all;
  }();
  return *verbs;
}

absl::string_view NounHelp(absl::string_view noun) {
  const auto* found = std::find_if(std::begin(kNouns), std::end(kNouns),
                                   [noun](const Noun& entry) { return entry.noun == noun; });
  return found == std::end(kNouns) ? absl::string_view() : found->help;
}

const std::vector<Unreached>& UnreachedMethods() {
  static const auto* const methods = new std::vector<Unreached>{
      {absl::StrCat(kIntakeRpcs, "BatchGetCases"),
       "for services that show many cases; people use case list"},
      {absl::StrCat(kEventLogRpcs, "ReadStream"), "between services only, role SERVICE"}};
  return *methods;
}

}  // namespace yikou::cli
