#include "tests/sim/people.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/lifecycle.h"
#include "tests/sim/client.h"
#include "tests/sim/ground.h"
#include "yikou/approval/v1/approval.pb.h"
#include "yikou/casework/v1/log.pb.h"
#include "yikou/gridtask/v1/gridtask.pb.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::sim {

namespace cw = casework::v1;
namespace in = intake::v1;
namespace ap = approval::v1;
namespace gr = gridtask::v1;

namespace {

constexpr char kStreet[] = "230108001";
constexpr const char* kCounters[] = {"230108001002", "230108001004"};

auth::Principal Person(const std::string& kind, const std::string& unit,
                       std::vector<std::string> roles) {
  return {absl::StrCat(kind, "-", unit), unit, std::move(roles), ""};
}

// Counts somebody as busy for as long as it lives.
struct Busy {
  explicit Busy(Ledger* ledger) : ledger(ledger) { ++ledger->busy; }
  ~Busy() { --ledger->busy; }
  Ledger* ledger;
};

void Pause(Scheduler& scheduler, const Ledger& ledger) {
  const absl::Duration most = ledger.closing ? absl::Milliseconds(600) : absl::Seconds(3);
  scheduler.Sleep(scheduler.Between(absl::Milliseconds(100), most));
}

// ---------------------------------------------------------------- applicants

class Applicant {
 public:
  Applicant(World* world, Ledger* ledger, int serial)
      : ledger_(ledger),
        counter_(kCounters[world->scheduler().Below(2)]),
        client_(world, Person("clerk", counter_, {"CLERK", "SUPERVISOR"})),
        serial_(serial) {}

  void Live() {
    const Busy busy(ledger_);
    scheduler().Sleep(scheduler().Between(absl::ZeroDuration(), absl::Seconds(12)));
    if (!Apply()) return;
    int looks = 0;
    while (!Step()) {
      Pause(scheduler(), *ledger_);
      if (++looks > 2000) {
        client_.world().Finding(
            absl::StrCat("case ", case_id_, " comes to no end: ", cw::CaseState_Name(state_)));
        return;
      }
    }
  }

 private:
  Scheduler& scheduler() { return client_.scheduler(); }
  bool Chance(double probability) { return scheduler().Chance(probability); }

  void HandIn(const std::string& code, in::Application* application) {
    in::MaterialRef* ref = application->add_materials();
    ref->set_code(code);
    ref->set_material_id(client_.world().ground().material());
  }

  in::Application Statement(const std::string& item, bool incomplete) {
    in::Application application;
    application.set_applicant_name(absl::StrCat("申请人", serial_));
    application.set_home_unit(kCounters[scheduler().Below(2)]);
    application.set_address("网格内住址");
    const std::string stem =
        absl::StrFormat("23010819%02d0101%03d", 50 + serial_ % 45, serial_ % 1000);
    for (const char check : std::string("0123456789X")) {
      if (casework::CheckIdNumber(stem + check, absl::CivilDay(2100, 1, 1)).empty()) {
        application.set_id_number(stem + check);
      }
    }
    if (absl::StartsWith(item, "YK-S")) {
      HandIn("ID_CARD", &application);
      if (!incomplete) HandIn("HOUSEHOLD_BOOK", &application);
    }
    if (item == "YK-S004") {
      HandIn("GUARANTEE", &application);
      if (!tolerant_) HandIn("UNEMPLOYMENT_CERT", &application);
      (*application.mutable_form())["amount"] = "80000";
      (*application.mutable_form())["purpose"] = "经营";
    }
    return application;
  }

  bool Apply() {
    static constexpr const char* kItems[] = {"YK-S001", "YK-S002", "YK-S004", "YK-S004",
                                             "YK-B001", "YK-B002", "YK-B002"};
    const std::string item = kItems[scheduler().Below(std::size(kItems))];
    const bool incomplete = absl::StartsWith(item, "YK-S") && Chance(0.3);
    tolerant_ = item == "YK-S004" && !incomplete && Chance(0.5);
    promises_ = tolerant_ && Chance(0.4);
    auto request = client_.New<in::ReceiveCaseRequest>();
    request.set_item_code(item);
    request.set_receiver_unit(counter_);
    *request.mutable_application() = Statement(item, incomplete);
    request.set_channel(cw::CHANNEL_WINDOW);
    request.set_receive_incomplete(incomplete || promises_);
    request.set_accept_tolerant(tolerant_ && !promises_);
    if (Chance(0.3)) SendAgain(request);
    const auto received = client_.Call<in::ReceiveCaseResponse>(request);
    if (!received.ok()) {
      client_.world().Finding(
          absl::StrCat("an application was refused: ", Said(received.status())));
      return false;
    }
    case_id_ = received->view().case_record().case_id();
    Note(received->view().case_record());
    ledger_->applications.push_back(case_id_);
    return true;
  }

  // Somebody impatient sends the same request a second time, about when the first is on its way.
  void SendAgain(const in::ReceiveCaseRequest& request) {
    scheduler().Spawn(
        client_.world().outside(), "impatient",
        [world = &client_.world(), who = client_.principal(), request, ledger = ledger_] {
          const Busy busy(ledger);
          Client client(world, who);
          const auto first = client.Call<in::ReceiveCaseResponse>(request);
          const auto again = client.Call<in::ReceiveCaseResponse>(request);
          if (first.ok() && again.ok() &&
              first->SerializeAsString() == again->SerializeAsString()) {
            return;
          }
          world->Finding("a request that was repeated has two answers");
        },
        scheduler().Between(absl::ZeroDuration(), absl::Milliseconds(20)));
  }

  // Looks at the case and does something about it; true when it is over.
  bool Step() {
    in::GetCaseRequest get;
    get.set_case_id(case_id_);
    const auto got = client_.Call<in::GetCaseResponse>(get);
    if (!got.ok()) {
      client_.world().Finding(
          absl::StrCat("acknowledged case ", case_id_, " cannot be read: ", Said(got.status())));
      return true;
    }
    const cw::CaseRecord& record = got->view().case_record();
    Note(record);
    state_ = record.state();
    switch (record.state()) {
      case cw::CASE_STATE_RECEIVED:
      case cw::CASE_STATE_CORRECTION:
        AtTheCounter(record);
        return false;
      case cw::CASE_STATE_ACCEPTED:
      case cw::CASE_STATE_REVIEW:
      case cw::CASE_STATE_SUSPENDED:
        WithTheOfficers(record);
        return false;
      case cw::CASE_STATE_READY:
        if (Chance(0.7)) Deliver(record);
        return false;
      case cw::CASE_STATE_DELIVERED:
        Delivered(record);
        return false;
      case cw::CASE_STATE_CLOSED:
        if (record.rating() == 0 && Chance(0.3)) Rate(record);
        return true;
      default:
        return casework::IsOver(record.state(), record.has_accept_time());
    }
  }

  // What was seen once is never unseen: no answer is older than one before it.
  void Note(const cw::CaseRecord& record) {
    if (record.version() < version_) {
      client_.world().Finding(absl::StrCat("case ", case_id_, " was at version ", version_,
                                           " and is shown at version ", record.version()));
    }
    version_ = std::max(version_, record.version());
  }
  template <class Resp, class Req>
  void Do(const Req& request) {
    const auto done = client_.Call<Resp>(request);
    if (done.ok()) Note(done->view().case_record());
  }

  template <class Req>
  Req On(const cw::CaseRecord& record) {
    auto request = client_.New<Req>();
    request.set_case_id(case_id_);
    request.set_expected_version(record.version());
    return request;
  }

  void AtTheCounter(const cw::CaseRecord& record) {
    const bool correction = record.state() == cw::CASE_STATE_CORRECTION;
    const uint64_t choice = scheduler().Below(ledger_->closing ? 5 : 10);
    if (choice == 0) return Withdraw(record);
    if (choice > 5) return;
    if (correction) {
      auto request = On<in::SubmitCorrectionRequest>(record);
      in::MaterialRef* ref = request.add_materials();
      ref->set_code("HOUSEHOLD_BOOK");
      ref->set_material_id(client_.world().ground().material());
      Do<in::SubmitCorrectionResponse>(request);
    } else if (promises_ && choice < 5) {
      auto request = On<in::AcceptCaseRequest>(record);
      request.set_promise_signed(true);
      Do<in::AcceptCaseResponse>(request);
    } else if (choice == 1) {
      auto request = On<in::RefuseCaseRequest>(record);
      request.set_reason("MATERIALS_MISSING");
      request.set_remedy("请带齐材料");
      Do<in::RefuseCaseResponse>(request);
    } else {
      Do<in::RequestCorrectionResponse>(On<in::RequestCorrectionRequest>(record));
    }
  }

  void Withdraw(const cw::CaseRecord& record) {
    auto request = On<in::WithdrawCaseRequest>(record);
    request.set_reason("不办了");
    (void)client_.Call<in::WithdrawCaseResponse>(request);
  }

  void WithTheOfficers(const cw::CaseRecord& record) {
    if (Chance(0.03)) return Withdraw(record);
    if (!tolerant_ || !Chance(0.3)) return;
    ap::GetProcessRequest get;
    get.set_case_id(case_id_);
    const auto process = client_.Call<ap::GetProcessResponse>(get);
    if (!process.ok()) return;
    auto supply = client_.New<ap::SupplyMissingRequest>();
    supply.set_case_id(case_id_);
    supply.set_expected_version(process->view().process().version());
    supply.add_codes("UNEMPLOYMENT_CERT");
    (void)client_.Call<ap::SupplyMissingResponse>(supply);
  }

  void Deliver(const cw::CaseRecord& record) {
    auto request = On<in::DeliverCaseRequest>(record);
    request.set_proof("本人签收");
    Do<in::DeliverCaseResponse>(request);
  }

  void Delivered(const cw::CaseRecord& record) {
    const uint64_t choice = scheduler().Below(ledger_->closing ? 3 : 8);
    if (choice == 0 && record.rating() == 0) Rate(record);
    if (choice == 1) Do<in::CloseCaseResponse>(On<in::CloseCaseRequest>(record));
  }

  void Rate(const cw::CaseRecord& record) {
    auto request = On<in::RateCaseRequest>(record);
    request.set_stars(static_cast<int>(1 + scheduler().Below(5)));
    Do<in::RateCaseResponse>(request);
  }

  Ledger* ledger_;
  const std::string counter_;
  Client client_;
  const int serial_;
  std::string case_id_;
  bool tolerant_ = false;  // brings a certificate later
  bool promises_ = false;  // the same, and says so only when asked
  int64_t version_ = 0;    // newest seen
  cw::CaseState state_ = cw::CASE_STATE_UNSPECIFIED;
};

// ---------------------------------------------------------------- officers

// An officer works for as long as anybody wants something.
class Officer {
 public:
  Officer(World* world, Ledger* ledger, const std::string& unit)
      : ledger_(ledger), client_(world, Person("officer", unit, {"OFFICER", "SUPERVISOR"})) {}

  void Live() {
    while (!ledger_->closing || ledger_->busy > 0) {
      Pause(scheduler(), *ledger_);
      ap::ListWorkRequest list;
      const auto work = client_.Call<ap::ListWorkResponse>(list);
      if (work.ok() && work->items_size() > 0) {
        WorkOn(work->items(static_cast<int>(scheduler().Below(work->items_size()))));
      }
    }
  }

 private:
  Scheduler& scheduler() { return client_.scheduler(); }

  template <class Req>
  Req On(const ap::WorkItem& item) {
    auto request = client_.New<Req>();
    request.set_case_id(item.case_id());
    request.set_expected_version(item.process_version());
    return request;
  }

  void WorkOn(const ap::WorkItem& item) {
    if (item.step().state() == cw::STEP_STATE_OPEN) {
      auto claim = On<ap::ClaimStepRequest>(item);
      claim.set_step_id(item.step().step_id());
      (void)client_.Call<ap::ClaimStepResponse>(claim);
      return;
    }
    const uint64_t choice = scheduler().Below(ledger_->closing ? 60 : 100);
    if (choice < 60) return Decide(item, choice < 8);
    if (choice < 70) return Suspend(item);
    if (choice < 76) return SendBack(item);
    if (choice < 90) return AskForVisit(item);
    if (choice < 93) return Extend(item);
    if (choice < 95) return Terminate(item);
  }

  void Decide(const ap::WorkItem& item, bool reject) {
    auto decide = On<ap::DecideStepRequest>(item);
    decide.set_step_id(item.step().step_id());
    decide.set_decision(reject ? cw::DECISION_REJECTED : cw::DECISION_APPROVED);
    decide.set_opinion(reject ? "不符合条件" : "符合条件");
    const auto decided = client_.Call<ap::DecideStepResponse>(decide);
    // A suspended process is resumed before it is decided.
    if (absl::IsFailedPrecondition(decided.status())) {
      (void)client_.Call<ap::ResumeProcessResponse>(On<ap::ResumeProcessRequest>(item));
    }
  }

  void Suspend(const ap::WorkItem& item) {
    auto suspend = On<ap::SuspendProcessRequest>(item);
    suspend.set_reason("INSPECTION");
    suspend.set_planned_end("2025-12-31");
    (void)client_.Call<ap::SuspendProcessResponse>(suspend);
  }

  void SendBack(const ap::WorkItem& item) {
    auto back = On<ap::SendBackRequest>(item);
    back.set_step_id(item.step().step_id());
    back.set_reason("请再核实");
    (void)client_.Call<ap::SendBackResponse>(back);
  }

  void Extend(const ap::WorkItem& item) {
    auto extend = On<ap::ExtendProcessRequest>(item);
    extend.set_add(2);
    extend.set_reason("情况复杂");
    (void)client_.Call<ap::ExtendProcessResponse>(extend);
  }

  void Terminate(const ap::WorkItem& item) {
    auto terminate = On<ap::TerminateProcessRequest>(item);
    terminate.set_reason("申请人失联");
    (void)client_.Call<ap::TerminateProcessResponse>(terminate);
  }

  void AskForVisit(const ap::WorkItem& item) {
    auto ask = On<ap::RequestFieldRequest>(item);
    ask.set_unit_id(kCounters[scheduler().Below(2)]);
    ask.set_subject("入户核实");
    const auto asked = client_.Call<ap::RequestFieldResponse>(ask);
    if (!asked.ok() || !scheduler().Chance(0.3)) return;
    Pause(scheduler(), *ledger_);
    auto cancel = client_.New<ap::CancelFieldRequest>();
    cancel.set_case_id(item.case_id());
    cancel.set_field_id(asked->field_id());
    cancel.set_expected_version(asked->view().process().version());
    (void)client_.Call<ap::CancelFieldResponse>(cancel);
  }

  Ledger* ledger_;
  Client client_;
};

// ---------------------------------------------------------------- on the spot

// A clerk of a community who sees to the field requests.
void VisitHomes(World* world, Ledger* ledger, const std::string& unit) {
  Client client(world, Person("visitor", unit, {"CLERK"}));
  Scheduler& scheduler = world->scheduler();
  while (!ledger->closing || ledger->busy > 0) {
    Pause(scheduler, *ledger);
    gr::ListFieldsRequest list;
    const auto fields = client.Call<gr::ListFieldsResponse>(list);
    if (!fields.ok()) continue;
    for (const gr::FieldTask& task : fields->tasks()) {
      const cw::FieldState state = task.field().state();
      if (state == cw::FIELD_STATE_RECEIVED && scheduler.Chance(0.25)) {
        auto decline = client.New<gr::DeclineFieldRequest>();
        decline.set_task_id(task.task_id());
        decline.set_expected_version(task.version());
        decline.set_reason("网格员外出");
        (void)client.Call<gr::DeclineFieldResponse>(decline);
      } else if (state == cw::FIELD_STATE_RECEIVED) {
        auto sign = client.New<gr::SignFieldRequest>();
        sign.set_task_id(task.task_id());
        sign.set_expected_version(task.version());
        (void)client.Call<gr::SignFieldResponse>(sign);
      } else if (state == cw::FIELD_STATE_SIGNED) {
        auto report = client.New<gr::ReportFieldRequest>();
        report.set_task_id(task.task_id());
        report.set_expected_version(task.version());
        report.set_finding("属实");
        report.set_favourable(true);
        (void)client.Call<gr::ReportFieldResponse>(report);
      }
    }
  }
}

// One grid event from its report to its end.
class GridEvent {
 public:
  GridEvent(World* world, Ledger* ledger)
      : ledger_(ledger),
        reporter_(world,
                  world->scheduler().Chance(0.3)
                      ? Person("clerk", "230108001004", {"CLERK"})
                      : auth::Principal{"w-230108001004-g01", "230108001004", {"GRID_WORKER"}, ""}),
        dispatcher_(world, Person("dispatcher", kStreet, {"DISPATCHER"})) {}

  void Live() {
    const Busy busy(ledger_);
    scheduler().Sleep(scheduler().Between(absl::ZeroDuration(), absl::Seconds(12)));
    auto report = reporter_.New<gr::ReportEventRequest>();
    report.set_category("G0101");
    report.set_grid_id("230108001004-g01");
    report.set_place("居民楼");
    report.set_description("整栋停水");
    report.set_households(12);
    const auto reported = reporter_.Call<gr::ReportEventResponse>(report);
    if (!reported.ok()) {
      reporter_.world().Finding(
          absl::StrCat("a grid event was refused: ", Said(reported.status())));
      return;
    }
    event_ = reported->view().event();
    ledger_->grid_events.push_back(event_.case_id());
    for (int looks = 0; looks < 500 && !IsOver(); ++looks) {
      Pause(scheduler(), *ledger_);
      Look();
      Step();
    }
    if (!IsOver()) {
      reporter_.world().Finding(absl::StrCat("grid event ", event_.case_id(), " comes to no end: ",
                                             cw::CaseState_Name(event_.state())));
    }
  }

 private:
  Scheduler& scheduler() { return reporter_.scheduler(); }

  bool IsOver() const {
    return event_.state() == cw::CASE_STATE_GRID_CLOSED ||
           event_.state() == cw::CASE_STATE_NOT_REGISTERED;
  }

  void Look() {
    gr::GetEventRequest get;
    get.set_case_id(event_.case_id());
    const auto got = dispatcher_.Call<gr::GetEventResponse>(get);
    if (got.ok()) event_ = got->view().event();
  }

  template <class Req>
  Req On(Client& client) {
    auto request = client.New<Req>();
    request.set_case_id(event_.case_id());
    request.set_expected_version(event_.version());
    return request;
  }

  void Step() {
    Client assignee(&reporter_.world(), {event_.worker_id(), "230108001004", {"GRID_WORKER"}, ""});
    switch (event_.state()) {
      case cw::CASE_STATE_VERIFYING: {
        auto decide = On<gr::RegisterEventRequest>(dispatcher_);
        decide.set_register_(scheduler().Chance(0.7));
        decide.set_reason("已核实");
        (void)dispatcher_.Call<gr::RegisterEventResponse>(decide);
        return;
      }
      case cw::CASE_STATE_REGISTERED:
      case cw::CASE_STATE_RETURN_REQUESTED:
      case cw::CASE_STATE_REWORK: {
        auto dispatch = On<gr::DispatchEventRequest>(dispatcher_);
        // At night there is nobody on duty to be chosen by rule.
        dispatch.set_worker_id("w-230108001004-g01");
        dispatch.set_override_reason("夜间值守");
        (void)dispatcher_.Call<gr::DispatchEventResponse>(dispatch);
        return;
      }
      case cw::CASE_STATE_DISPATCHED:
        if (scheduler().Chance(0.2)) {
          auto back = On<gr::ReturnTaskRequest>(assignee);
          back.set_reason("不在本网格");
          (void)assignee.Call<gr::ReturnTaskResponse>(back);
        } else {
          (void)assignee.Call<gr::SignTaskResponse>(On<gr::SignTaskRequest>(assignee));
        }
        return;
      case cw::CASE_STATE_SIGNED:
      case cw::CASE_STATE_HANDLING: {
        auto handle = On<gr::HandleTaskRequest>(assignee);
        handle.set_result("已处理");
        (void)assignee.Call<gr::HandleTaskResponse>(handle);
        return;
      }
      case cw::CASE_STATE_FEEDBACK: {
        auto check = On<gr::CheckEventRequest>(dispatcher_);
        check.set_passed(scheduler().Chance(0.8));
        check.set_outcome(check.passed() ? cw::OUTCOME_SOLVED : cw::OUTCOME_UNSPECIFIED);
        check.set_reason("核查");
        (void)dispatcher_.Call<gr::CheckEventResponse>(check);
        return;
      }
      default:
        return;
    }
  }

  Ledger* ledger_;
  Client reporter_;
  Client dispatcher_;
  gr::GridEvent event_;
};

// A fibre that owns somebody and lets them live.
template <class Someone, class... Args>
void Send(World* world, Ledger* ledger, const std::string& name, Args... args) {
  auto someone = std::make_shared<Someone>(world, ledger, args...);
  world->scheduler().Spawn(world->outside(), name, [someone] { someone->Live(); });
}

}  // namespace

void SendPeople(World* world, Ledger* ledger, int applications, int grid_events) {
  for (int i = 0; i < applications; ++i) {
    Send<Applicant>(world, ledger, absl::StrCat("applicant-", i), i);
  }
  for (int i = 0; i < grid_events; ++i) {
    Send<GridEvent>(world, ledger, absl::StrCat("grid-event-", i));
  }
  for (const char* unit :
       {"230108-archives", "230108-hr", "230108-civil", "230108001", "230108001-centre"}) {
    Send<Officer>(world, ledger, absl::StrCat("officer-", unit), std::string(unit));
  }
  for (const char* unit : kCounters) {
    world->scheduler().Spawn(world->outside(), "visitor",
                             [world, ledger, unit] { VisitHomes(world, ledger, unit); });
  }
}

void SkipClock(World* world, absl::Duration by) {
  Client client(world, {"operator", "", {"OPERATOR"}, ""});
  absl::Duration offset;
  for (const auto& node : world->nodes()) {
    if (node->serving() == nullptr) continue;
    const app::ServiceEnv& env = node->serving()->core().env();
    offset = std::max(offset, env.case_clock->Now() - env.system_clock->Now());
  }
  cw::SetClockRequest request;
  request.set_offset_micros(absl::ToInt64Microseconds(offset + by));
  world->Trace("operator", absl::StrCat("skips case time by ", absl::FormatDuration(by)));
  for (const auto& node : world->nodes()) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      rpc::CallContext context;
      context.principal = client.principal();
      const auto moved =
          world->Call("outside", node->instance(), context, request.GetDescriptor()->full_name(),
                      request.SerializeAsString());
      // Moved further meanwhile: by whom the answer was lost to.
      if (moved.ok() || absl::IsInvalidArgument(moved.status())) break;
      world->scheduler().Sleep(absl::Milliseconds(200));
    }
  }
}

}  // namespace yikou::sim
