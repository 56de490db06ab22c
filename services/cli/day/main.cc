// yikou-day: lives one real day of cases through the public API and shows what came of it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/casework/calendar.h"
#include "services/cli/clock_skip.h"
#include "services/cli/day/report.h"

namespace yikou::day {
namespace {

namespace cw = casework::v1;

constexpr int kCrowd = 200;

absl::Time At(int month, int day, int hour) {
  return absl::FromCivil(absl::CivilHour(2025, month, day, hour), casework::Calendar::Zone());
}

void SayAloud(const std::string& text) { std::cerr << "  · " << text << std::endl; }

void Title(const std::string& text) { std::cerr << text << std::endl; }

absl::StatusOr<int> LiveCrowd(Driver& driver, DayResult* result,
                              std::vector<std::string>* case_ids) {
  Title(absl::StrCat("f 另外 ", kCrowd, " 件申请，遍及七个区县"));
  std::mutex mutex;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  YK_ASSIGN_OR_RETURN(*case_ids, Crowd(driver, kCrowd, [&](int done) {
    std::lock_guard<std::mutex> lock(mutex);
    if (terminal) {
      const int filled = done * 40 / kCrowd;
      std::cerr << "\r  [" << std::string(filled, '#') << std::string(40 - filled, '.') << "] "
                << done << "/" << kCrowd << (done == kCrowd ? "\n" : "") << std::flush;
    } else if (done % 50 == 0) {
      SayAloud(absl::StrCat(done, "/", kCrowd));
    }
  }));
  result->crowd = static_cast<int>(case_ids->size());
  return result->crowd;
}

absl::Status LiveScenarios(Driver& driver, DayResult* result) {
  auto add = [&](absl::StatusOr<Told> told) -> absl::Status {
    YK_RETURN_IF_ERROR(told.status());
    result->told.push_back(*std::move(told));
    return absl::OkStatus();
  };
  Title("a 单身证明");
  YK_RETURN_IF_ERROR(add(SingleStatus(driver, SayAloud)));
  Title("d 停水");
  YK_RETURN_IF_ERROR(add(WaterCut(driver, SayAloud)));
  Title("e 全街通办，与一次不予受理");
  YK_RETURN_IF_ERROR(add(Anywhere(driver, SayAloud)));
  YK_RETURN_IF_ERROR(add(Refused(driver, SayAloud)));
  GuaranteedLoan loan(&driver);
  House house(&driver);
  Title("b 小额担保贷款");
  YK_RETURN_IF_ERROR(loan.Begin(SayAloud));
  Title("c 金龙熙的房子");
  YK_RETURN_IF_ERROR(house.Begin(SayAloud));
  Title("时间走到 9 月 26 日");
  YK_RETURN_IF_ERROR(driver.SkipTo(At(9, 26, 10)));
  YK_RETURN_IF_ERROR(loan.Suspend(SayAloud));
  Title("9 月 28 日（周日，调休上班）");
  YK_RETURN_IF_ERROR(driver.SkipTo(At(9, 28, 10)));
  YK_RETURN_IF_ERROR(loan.Resume(SayAloud));
  Title("9 月 30 日");
  YK_RETURN_IF_ERROR(driver.SkipTo(At(9, 30, 10)));
  YK_RETURN_IF_ERROR(add(house.Finish(SayAloud)));
  Title("国庆长假过去，10 月 11 日（周六，调休上班）");
  YK_RETURN_IF_ERROR(driver.SkipTo(At(10, 11, 10)));
  return add(loan.Finish(SayAloud));
}

absl::Status CloseAndReport(Driver& driver, const std::vector<std::string>& crowd,
                            DayResult* result) {
  Title("再过几天，送达的办件自行办结");
  YK_RETURN_IF_ERROR(driver.SkipTo(At(10, 15, 10)));
  for (Told& told : result->told) {
    const bool ends_here = told.key == "d" || told.key == "e2";
    if (!ends_here) YK_RETURN_IF_ERROR(driver.UntilState(told.case_id, cw::CASE_STATE_CLOSED));
    YK_RETURN_IF_ERROR(driver.Tell(&told));
  }
  for (const std::string& case_id : crowd) {
    YK_ASSIGN_OR_RETURN(const cw::CaseRecord record, driver.Case(case_id));
    result->crowd_closed += record.state() == cw::CASE_STATE_CLOSED ? 1 : 0;
  }
  YK_ASSIGN_OR_RETURN(result->summary, driver.Call<reporting::v1::GetSummaryResponse>(
                                           reporting::v1::GetSummaryRequest(), Driver::Operator()));
  result->audit_ok = true;
  for (const char* service : cli::kServices) {
    YK_RETURN_IF_ERROR(driver.client()
                           ->Call<cw::SignHeadResponse>(
                               service, "yikou.casework.v1.EventLogService.SignHead",
                               cw::SignHeadRequest(), Driver::Operator(), absl::Seconds(20))
                           .status());
    YK_ASSIGN_OR_RETURN(auto verified,
                        driver.client()->Call<cw::VerifyLogResponse>(
                            service, "yikou.casework.v1.EventLogService.VerifyLog",
                            cw::VerifyLogRequest(), Driver::Operator(), absl::Seconds(60)));
    result->audit_ok = result->audit_ok && verified.ok();
    result->events_verified += verified.events();
    for (const std::string& finding : verified.findings()) {
      result->findings.push_back(absl::StrCat(service, ": ", finding));
    }
  }
  return absl::OkStatus();
}

// Every scenario in its final state, every application closed, the audit clean.
absl::Status CheckDay(const DayResult& result) {
  for (const Told& told : result.told) {
    const std::string wanted = told.key == "d"    ? "GRID_CLOSED"
                               : told.key == "e2" ? "NOT_ACCEPTED"
                                                  : "CLOSED";
    if (told.state != wanted) {
      return absl::InternalError(
          absl::StrCat("Scenario ", told.key, " ended in ", told.state, ", not in ", wanted, "."));
    }
  }
  if (result.crowd_closed != result.crowd) {
    return absl::InternalError(
        absl::StrCat("Of ", result.crowd, " applications ", result.crowd_closed, " were closed."));
  }
  if (!result.audit_ok) return absl::DataLossError("The audit found something; see above.");
  return absl::OkStatus();
}

absl::Status Main(const std::string& context_path, const std::string& json_path) {
  const absl::Time begin = absl::Now();
  YK_ASSIGN_OR_RETURN(cli::Context context, cli::LoadContext(context_path));
  YK_ASSIGN_OR_RETURN(auto client, cli::Client::Create(std::move(context)));
  Driver driver(client.get());
  DayResult result;
  YK_RETURN_IF_ERROR(driver.Until(
      "the catalogue and the directory reach every service", [&]() -> absl::StatusOr<bool> {
        const cli::ClockPort port = cli::PortOf(client.get(), Driver::Operator(), absl::Seconds(2));
        auto readings = port.read();
        return readings.ok() && cli::Settled(*readings);
      }));
  std::vector<std::string> crowd;
  YK_RETURN_IF_ERROR(LiveCrowd(driver, &result, &crowd).status());
  YK_RETURN_IF_ERROR(LiveScenarios(driver, &result));
  YK_RETURN_IF_ERROR(CloseAndReport(driver, crowd, &result));
  result.seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  std::cout << RenderDay(result) << std::flush;
  if (!json_path.empty()) {
    std::ofstream file(json_path);
    if (!(file << JsonOf(result))) {
      return absl::UnavailableError(absl::StrCat("The summary cannot be written to ", json_path));
    }
  }
  return CheckDay(result);
}

}  // namespace
}  // namespace yikou::day

int main(int argc, char** argv) {
  CLI::App app("yikou-day: lives one real day of cases through the public API");
  std::string context = "build/run/context.json";
  std::string json;
  app.add_option("--context", context, "Where the services are")->capture_default_str();
  app.add_option("--json", json, "Write a summary to this file");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = yikou::day::Main(context, json);
  if (status.ok()) return 0;
  std::cerr << "yikou-day: " << status.message() << std::endl;
  return 1;
}
