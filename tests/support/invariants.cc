#include "tests/support/invariants.h"

#include <map>
#include <set>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status.h"
#include "libs/casework/clocks.h"
#include "libs/casework/lifecycle.h"
#include "yikou/approval/v1/approval.pb.h"
#include "yikou/casework/v1/log.pb.h"
#include "yikou/gridtask/v1/gridtask.pb.h"
#include "yikou/intake/v1/intake.pb.h"
#include "yikou/reporting/v1/reporting.pb.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::test {

namespace cw = casework::v1;

namespace {

using Findings = std::vector<std::string>;
using Cases = std::map<std::string, intake::v1::CaseView>;

constexpr const char* kServices[] = {"intake", "routing", "approval", "gridtask", "reporting"};

// One check of one suite.
class Checker {
 public:
  Checker(const AskService& ask, const Acknowledged& acknowledged)
      : ask_(ask), acknowledged_(acknowledged) {}

  Findings Run() {
    const Cases applications = List(cw::CASE_KIND_APPLICATION);
    const Cases grid_events = List(cw::CASE_KIND_GRID_EVENT);
    CheckLedger("application", applications, acknowledged_.applications);
    CheckDelivered(applications);
    if (acknowledged_.count_grid_events) {
      CheckLedger("grid event", grid_events, acknowledged_.grid_events);
    }
    for (const auto& [id, view] : applications) CheckCase(view);
    for (const auto& [id, view] : grid_events) CheckMirror(view);
    CheckQueues();
    CheckRecords();
    for (const char* service : kServices) CheckLog(service);
    CheckFigures(applications, grid_events);
    return std::move(findings_);
  }

 private:
  template <class Resp>
  absl::StatusOr<Resp> Ask(const std::string& service, const google::protobuf::Message& request) {
    Resp response;
    YK_RETURN_IF_ERROR(ask_(service, request, &response));
    return response;
  }
  template <class... Parts>
  void Find(const Parts&... parts) {
    findings_.push_back(absl::StrCat(parts...));
  }

  Cases List(cw::CaseKind kind) {
    Cases cases;
    intake::v1::ListCasesRequest request;
    request.set_page_size(1000);
    request.set_kind(kind);
    do {
      const auto page = Ask<intake::v1::ListCasesResponse>("intake", request);
      if (!page.ok()) {
        Find("cases cannot be listed: ", page.status().ToString());
        return cases;
      }
      for (const intake::v1::CaseView& view : page->views()) {
        const std::string& id = view.case_record().case_id();
        if (!cases.emplace(id, view).second) Find("case ", id, " is listed twice");
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return cases;
  }

  void CheckLedger(const std::string& what, const Cases& cases,
                   const std::vector<std::string>& ledger) {
    const std::set<std::string> promised(ledger.begin(), ledger.end());
    if (promised.size() != ledger.size()) Find("an id of an ", what, " was given out twice");
    for (const std::string& id : promised) {
      if (cases.count(id) == 0) Find("acknowledged ", what, " ", id, " is lost");
    }
    for (const auto& [id, view] : cases) {
      if (promised.count(id) > 0) continue;
      Find(what, " ", id, " was never acknowledged: a request counted twice");
    }
  }

  void CheckDelivered(const Cases& applications) {
    for (const std::string& id : acknowledged_.delivered) {
      const auto found = applications.find(id);
      if (found == applications.end()) continue;
      const cw::CaseState state = found->second.case_record().state();
      if (state == cw::CASE_STATE_DELIVERED || state == cw::CASE_STATE_CLOSED) continue;
      Find("case ", id, " was acknowledged as delivered and is in ", cw::CaseState_Name(state));
    }
  }

  void CheckCase(const intake::v1::CaseView& view) {
    const cw::CaseRecord& record = view.case_record();
    routing::v1::GetCustodyRequest request;
    request.set_case_id(record.case_id());
    const auto custody = Ask<routing::v1::GetCustodyResponse>("routing", request);
    if (!custody.ok() || custody->custody().holder_unit().empty()) {
      Find("case ", record.case_id(), " has no holder");
      return;
    }
    if (custody->custody().holder_unit() != record.holder_unit()) {
      Find("case ", record.case_id(), " is held by ", custody->custody().holder_unit(),
           ", intake believes ", record.holder_unit());
    }
    CheckMirror(view);
    CheckOffers(record, custody->custody().hops_size());
    if (casework::IsOver(record.state(), record.has_accept_time())) return;
    bool ticking = false;
    for (const cw::ClockView& clock : view.clocks()) {
      ticking = ticking || clock.status() != "stopped";
    }
    if (!ticking) {
      Find("open case ", record.case_id(), " in ", cw::CaseState_Name(record.state()),
           " has no clock");
    }
  }

  // Nothing that was offered is lost on the way, all of it is settled once the case is back at the
  // counter, and reporting has counted the same hand-offs that custody has.
  void CheckOffers(const cw::CaseRecord& record, int hops) {
    reporting::v1::GetTimelineRequest timeline;
    timeline.set_case_id(record.case_id());
    const auto told = Ask<reporting::v1::GetTimelineResponse>("reporting", timeline);
    if (!told.ok()) return Find("reporting has no timeline of case ", record.case_id());
    if (told->figures().hops() != hops || told->figures().state() != record.state()) {
      Find("case ", record.case_id(), " has ", hops, " hops and is in ",
           cw::CaseState_Name(record.state()), ", reporting says ", told->figures().hops(), " and ",
           cw::CaseState_Name(told->figures().state()));
    }
    routing::v1::ListOffersRequest request;
    request.set_case_id(record.case_id());
    request.set_page_size(1000);
    const auto offers = Ask<routing::v1::ListOffersResponse>("routing", request);
    if (!offers.ok()) return Find("the offers of case ", record.case_id(), " cannot be listed");
    for (const cw::Offer& offer : offers->offers()) {
      if (offer.state() == cw::OFFER_STATE_OFFERED) {
        Find("offer ", offer.offer_id(), " of case ", record.case_id(), " was taken by nobody");
      } else if (offer.state() == cw::OFFER_STATE_RECEIVED && record.owner() != "approval") {
        Find("offer ", offer.offer_id(), " of case ", record.case_id(),
             " is open though the case is back at the counter");
      }
    }
  }

  // Intake's envelope says what the owner says.
  void CheckMirror(const intake::v1::CaseView& view) {
    const cw::CaseRecord& record = view.case_record();
    cw::CaseState own = record.state();
    if (record.owner() == "approval") {
      approval::v1::GetProcessRequest request;
      request.set_case_id(record.case_id());
      const auto process = Ask<approval::v1::GetProcessResponse>("approval", request);
      if (!process.ok()) return Find("accepted case ", record.case_id(), " has no process");
      own = process->view().process().state();
    } else if (record.owner() == "gridtask") {
      gridtask::v1::GetEventRequest request;
      request.set_case_id(record.case_id());
      const auto event = Ask<gridtask::v1::GetEventResponse>("gridtask", request);
      if (!event.ok()) return Find("grid event ", record.case_id(), " is not with gridtask");
      own = event->view().event().state();
    }
    if (own == record.state()) return;
    Find("case ", record.case_id(), " is in ", cw::CaseState_Name(own), ", intake believes ",
         cw::CaseState_Name(record.state()));
  }

  void CheckQueues() {
    for (const char* service : kServices) {
      const auto stats = Ask<cw::GetQueueStatsResponse>(service, cw::GetQueueStatsRequest());
      if (!stats.ok()) {
        Find(service, " does not tell of its queues");
        continue;
      }
      for (const cw::QueueStats& queue : stats->queues()) {
        const bool in = queue.direction() == "in";
        if ((in && queue.backlog() > 0) || queue.dead() > 0 || queue.parked() > 0) {
          Find(service, " ", queue.stream(), ": backlog ", queue.backlog(), ", dead ", queue.dead(),
               ", parked ", queue.parked());
        }
      }
    }
  }

  void CheckRecords() {
    for (const char* service : kServices) {
      const auto verified = Ask<cw::VerifyLogResponse>(service, cw::VerifyLogRequest());
      if (!verified.ok()) {
        Find(service, " cannot be verified: ", verified.status().ToString());
        continue;
      }
      for (const std::string& finding : verified->findings()) Find(service, ": ", finding);
    }
  }

  void CheckLog(const std::string& service) {
    std::map<std::string, int64_t> versions;
    cw::ReadStreamRequest request;
    request.set_stream(absl::StrCat("yikou:events:", service, ":{0}"));
    request.set_limit(500);
    for (int64_t next = 1;;) {
      request.set_from_seq(next);
      const auto page = Ask<cw::ReadStreamResponse>(service, request);
      // A service that never said anything has no stream.
      if (!page.ok() || page->entries().empty()) return;
      for (const cw::Envelope& entry : page->entries()) {
        if (entry.stream_seq() != next) {
          Find(service, ": entry ", next, " of its events is missing");
        }
        next = entry.stream_seq() + 1;
        CheckEvent(service, entry.event(), &versions);
      }
    }
  }

  void CheckEvent(const std::string& service, const cw::Event& event,
                  std::map<std::string, int64_t>* versions) {
    const std::string aggregate = absl::StrCat(event.aggregate_kind(), " ", event.aggregate_id());
    int64_t& version = (*versions)[aggregate];
    if (event.version() != version + 1) {
      Find(service, ": event ", event.position(), " is version ", event.version(), " of ",
           aggregate, ", after version ", version);
    }
    version = event.version();
    if (event.has_rung()) {
      const auto rung =
          std::make_tuple(aggregate, int{event.rung().purpose()}, event.rung().subject(),
                          int{event.rung().rung()}, casework::FromProto(event.occurred_at()));
      if (!rungs_.insert(rung).second) {
        Find(service, ": rung ", cw::Rung_Name(event.rung().rung()), " of the ",
             cw::ClockPurpose_Name(event.rung().purpose()), " clock of ", aggregate,
             " was rung twice");
      }
    }
    if (service == "routing") return CheckCustody(event);
    const cw::OfferState settled = event.offer().state();
    if (settled != cw::OFFER_STATE_SIGNED && settled != cw::OFFER_STATE_DECLINED) return;
    const auto [known, is_new] = settled_.emplace(event.offer().offer_id(), settled);
    if (!is_new) {
      Find("offer ", event.offer().offer_id(), " was ", cw::OfferState_Name(known->second),
           " and then ", cw::OfferState_Name(settled));
    }
  }

  // As routing tells it: one custody offer at a time, and the holder changes hands only by one.
  void CheckCustody(const cw::Event& event) {
    if (event.aggregate_kind() == "custody") {
      holders_[event.case_id()] = event.holder_unit();
      return;
    }
    if (event.offer().kind() != cw::OFFER_KIND_CUSTODY) return;
    std::string& open = open_custody_[event.case_id()];
    const std::string& id = event.offer().offer_id();
    if (event.type() == "routing.offered") {
      if (!open.empty() && open != id) {
        Find("case ", event.case_id(), " is offered for custody twice at once: ", open, " and ",
             id);
      }
      if (event.offer().from_unit() != holders_[event.case_id()]) {
        Find("case ", event.case_id(), " is offered by ", event.offer().from_unit(),
             " while it is held by ", holders_[event.case_id()]);
      }
      open = id;
      return;
    }
    const bool settled =
        event.type() != "routing.offer_received" && event.type() != "routing.offer_unanswered";
    if (settled && open == id) open.clear();
  }

  static int64_t CountIn(cw::CaseState state, const Cases& cases) {
    int64_t count = 0;
    for (const auto& [id, view] : cases) count += view.case_record().state() == state ? 1 : 0;
    return count;
  }

  void CheckFigures(const Cases& applications, const Cases& grid_events) {
    const auto received = static_cast<int64_t>(applications.size());
    const int64_t closed = CountIn(cw::CASE_STATE_CLOSED, applications);
    const int64_t grid_closed = CountIn(cw::CASE_STATE_GRID_CLOSED, grid_events);
    const auto summary =
        Ask<reporting::v1::GetSummaryResponse>("reporting", reporting::v1::GetSummaryRequest());
    if (!summary.ok()) return Find("the figures cannot be read: ", summary.status().ToString());
    const reporting::v1::SummaryRow& total = summary->total();
    if (total.received() == received && total.closed() == closed &&
        total.grid_closed() == grid_closed) {
      return;
    }
    Find("the figures say ", total.closed(), " closed of ", total.received(), " and ",
         total.grid_closed(), " grid events closed; the cases say ", closed, " of ", received,
         " and ", grid_closed);
  }

  const AskService& ask_;
  const Acknowledged& acknowledged_;
  Findings findings_;
  std::set<std::tuple<std::string, int, std::string, int, absl::Time>> rungs_;
  std::map<std::string, cw::OfferState> settled_;    // by offer, as its receiver said
  std::map<std::string, std::string> open_custody_;  // offer by case
  std::map<std::string, std::string> holders_;       // by case, in the order of the log
};

}  // namespace

Findings CheckInvariants(const AskService& ask, const Acknowledged& acknowledged) {
  return Checker(ask, acknowledged).Run();
}

}  // namespace yikou::test
