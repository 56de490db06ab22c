#include "tests/support/invariants.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/casework/lifecycle.h"
#include "services/cli/day/driver.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::test {

namespace cw = casework::v1;
using day::Driver;

namespace {

using Findings = std::vector<std::string>;

std::map<std::string, intake::v1::CaseView> AllApplications(Driver& driver, Findings* findings) {
  std::map<std::string, intake::v1::CaseView> cases;
  intake::v1::ListCasesRequest request;
  request.set_page_size(1000);
  request.set_kind(cw::CASE_KIND_APPLICATION);
  do {
    auto page = driver.Call<intake::v1::ListCasesResponse>(request, Driver::Operator());
    if (!page.ok()) {
      findings->push_back(absl::StrCat("cases cannot be listed: ", page.status().ToString()));
      return cases;
    }
    for (const intake::v1::CaseView& view : page->views()) {
      if (!cases.emplace(view.case_record().case_id(), view).second) {
        findings->push_back(
            absl::StrCat("case ", view.case_record().case_id(), " is listed twice"));
      }
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return cases;
}

void CheckCase(Driver& driver, const intake::v1::CaseView& view, Findings* findings) {
  const cw::CaseRecord& record = view.case_record();
  routing::v1::GetCustodyRequest ask;
  ask.set_case_id(record.case_id());
  auto custody = driver.Call<routing::v1::GetCustodyResponse>(ask, Driver::Operator());
  if (!custody.ok() || custody->custody().holder_unit().empty()) {
    findings->push_back(absl::StrCat("case ", record.case_id(), " has no holder"));
    return;
  }
  if (custody->custody().holder_unit() != record.holder_unit()) {
    findings->push_back(absl::StrCat("case ", record.case_id(), " is held by ",
                                     custody->custody().holder_unit(), ", intake believes ",
                                     record.holder_unit()));
  }
  if (casework::IsOver(record.state(), record.has_accept_time())) return;
  bool ticking = false;
  for (const cw::ClockView& clock : view.clocks()) ticking = ticking || clock.status() != "stopped";
  if (!ticking) {
    findings->push_back(absl::StrCat("open case ", record.case_id(), " in ",
                                     cw::CaseState_Name(record.state()), " has no clock"));
  }
}

void CheckQueues(Suite& suite, Findings* findings) {
  for (const char* service : cli::kServices) {
    auto stats = suite.client()->Call<cw::GetQueueStatsResponse>(
        service, "yikou.casework.v1.OperationsService.GetQueueStats", cw::GetQueueStatsRequest(),
        Driver::Operator(), absl::Seconds(10));
    if (!stats.ok()) {
      findings->push_back(absl::StrCat(service, " does not tell of its queues"));
      continue;
    }
    for (const cw::QueueStats& queue : stats->queues()) {
      const bool in = queue.direction() == "in";
      if ((in && queue.backlog() > 0) || queue.dead() > 0 || queue.parked() > 0) {
        findings->push_back(absl::StrCat(service, " ", queue.stream(), ": backlog ",
                                         queue.backlog(), ", dead ", queue.dead(), ", parked ",
                                         queue.parked()));
      }
    }
  }
}

void CheckRecords(Suite& suite, Findings* findings) {
  for (const char* service : cli::kServices) {
    auto verified = suite.client()->Call<cw::VerifyLogResponse>(
        service, "yikou.casework.v1.EventLogService.VerifyLog", cw::VerifyLogRequest(),
        Driver::Operator(), absl::Seconds(60));
    if (!verified.ok()) {
      findings->push_back(
          absl::StrCat(service, " cannot be verified: ", verified.status().ToString()));
      continue;
    }
    for (const std::string& finding : verified->findings()) {
      findings->push_back(absl::StrCat(service, ": ", finding));
    }
  }
}

}  // namespace

Findings CheckInvariants(Suite& suite, const std::vector<std::string>& ledger) {
  Findings findings;
  if (!suite.Settle(absl::Seconds(60))) findings.push_back("the suite does not settle");
  Driver driver(suite.client());
  const auto cases = AllApplications(driver, &findings);
  const std::set<std::string> acknowledged(ledger.begin(), ledger.end());
  if (acknowledged.size() != ledger.size()) findings.push_back("a case id was given out twice");
  for (const std::string& id : acknowledged) {
    if (cases.count(id) == 0)
      findings.push_back(absl::StrCat("acknowledged case ", id, " is lost"));
  }
  int64_t closed = 0;
  for (const auto& [id, view] : cases) {
    if (acknowledged.count(id) == 0) {
      findings.push_back(
          absl::StrCat("case ", id, " was never acknowledged: a request counted twice"));
    }
    closed += view.case_record().state() == cw::CASE_STATE_CLOSED ? 1 : 0;
    CheckCase(driver, view, &findings);
  }
  CheckQueues(suite, &findings);
  CheckRecords(suite, &findings);
  auto summary = driver.Call<reporting::v1::GetSummaryResponse>(reporting::v1::GetSummaryRequest(),
                                                                Driver::Operator());
  if (!summary.ok() || summary->total().closed() != closed ||
      summary->total().received() - summary->total().grid_closed() <
          static_cast<int64_t>(cases.size())) {
    findings.push_back(absl::StrCat("the figures say ",
                                    summary.ok() ? summary->total().closed() : -1, " closed of ",
                                    summary.ok() ? summary->total().received() : -1,
                                    ", the cases say ", closed, " of ", cases.size()));
  }
  return findings;
}

}  // namespace yikou::test
