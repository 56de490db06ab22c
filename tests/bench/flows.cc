#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/cli/day/driver.h"
#include "tests/bench/bench.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::bench {

namespace cw = casework::v1;
using day::Driver;

namespace {

constexpr int kCallers = 16;
constexpr char kCommunity[] = "230108001004";
constexpr char kGrid[] = "230108001004-g01";
std::atomic<int> g_serial{0};

void Must(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

int64_t EventsStored(test::Suite& suite) {
  int64_t events = 0;
  for (const char* service : cli::kServices) {
    auto heads = suite.client()->Call<cw::GetHeadsResponse>(
        service, "yikou.casework.v1.EventLogService.GetHeads", cw::GetHeadsRequest(),
        Driver::Operator(), absl::Seconds(10));
    Must(heads.status());
    events += heads->position();
  }
  return events;
}

// Counters spread over the district, so that no case number block is hot.
std::vector<std::string> Counters(Driver& driver) {
  routing::v1::ListUnitsRequest request;
  request.set_page_size(1000);
  request.set_tier(cw::TIER_COMMUNITY);
  request.set_below("230108");
  auto page = driver.Call<routing::v1::ListUnitsResponse>(request, Driver::Operator());
  Must(page.status());
  std::vector<std::string> counters;
  for (const cw::Unit& unit : page->units()) {
    if (unit.kind() == cw::UNIT_KIND_DIVISION) counters.push_back(unit.unit_id());
  }
  return counters;
}

Pipeline RunPipeline(test::Suite& suite, int cases, const char* item, bool officers) {
  Driver driver(suite.client());
  const std::vector<std::string> counters = Counters(driver);
  const int64_t before = EventsStored(suite);
  const absl::Time begin = absl::Now();
  std::atomic<int> next{0};
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::string failed;
  for (int t = 0; t < kCallers; ++t) {
    threads.emplace_back([&] {
      for (int n = next++; n < cases; n = next++) {
        const std::string& counter = counters[static_cast<size_t>(n) % counters.size()];
        auto receive = day::New<intake::v1::ReceiveCaseRequest>();
        receive.set_item_code(item);
        *receive.mutable_application() = Driver::Applicant("压测", counter, g_serial++);
        auto received =
            driver.Call<intake::v1::ReceiveCaseResponse>(receive, Driver::Clerk(counter));
        absl::Status status = received.status();
        if (status.ok() && officers) {
          const std::string id = received->view().case_record().case_id();
          for (const char* unit : {"230108-civil", "230108-hr"}) {
            if (status.ok()) status = driver.Decide(id, unit, cw::DECISION_APPROVED, "同意");
          }
        }
        if (!status.ok()) {
          std::lock_guard<std::mutex> lock(mutex);
          failed = status.ToString();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (!failed.empty()) throw std::runtime_error(failed);
  if (!suite.Settle(absl::Seconds(120))) throw std::runtime_error("The pipeline does not drain.");
  Pipeline pipeline;
  pipeline.cases_a_second = cases / absl::ToDoubleSeconds(absl::Now() - begin);
  pipeline.events_a_case = static_cast<double>(EventsStored(suite) - before) / cases;
  return pipeline;
}

}  // namespace

double LifecycleRate(test::Suite& suite, absl::Duration span) {
  Driver driver(suite.client());
  const cli::Identity worker = Driver::Worker(kCommunity, absl::StrCat("w-", kGrid));
  return Rate(kCallers, span, [&](int) {
    auto report = day::New<gridtask::v1::ReportEventRequest>();
    report.set_category("G0101");
    report.set_grid_id(kGrid);
    report.set_place("社区");
    report.set_description("停水");
    report.set_channel(cw::CHANNEL_GRID_WORKER);
    auto reported = driver.Call<gridtask::v1::ReportEventResponse>(report, worker);
    Must(reported.status());
    const std::string id = reported->view().event().case_id();
    auto dispatch = day::New<gridtask::v1::DispatchEventRequest>();
    dispatch.set_case_id(id);
    dispatch.set_expected_version(reported->view().event().version());
    auto dispatched =
        driver.Call<gridtask::v1::DispatchEventResponse>(dispatch, Driver::Dispatcher(kCommunity));
    Must(dispatched.status());
    const cli::Identity assignee =
        Driver::Worker(kCommunity, dispatched->view().event().worker_id());
    auto sign = day::New<gridtask::v1::SignTaskRequest>();
    sign.set_case_id(id);
    sign.set_expected_version(dispatched->view().event().version());
    auto taken = driver.Call<gridtask::v1::SignTaskResponse>(sign, assignee);
    Must(taken.status());
    auto handle = day::New<gridtask::v1::HandleTaskRequest>();
    handle.set_case_id(id);
    handle.set_expected_version(taken->view().event().version());
    handle.set_result("已恢复供水");
    handle.add_photo_digests(std::string(64, 'a'));
    Must(driver.Call<gridtask::v1::HandleTaskResponse>(handle, assignee).status());
    gridtask::v1::GetEventRequest get;
    get.set_case_id(id);
    Must(driver.Call<gridtask::v1::GetEventResponse>(get, assignee).status());
  });
}

Pipeline PipelineByRule(test::Suite& suite, int cases) {
  return RunPipeline(suite, cases, "YK-B001", false);
}

Pipeline PipelineByOfficers(test::Suite& suite, int cases) {
  return RunPipeline(suite, cases, "YK-B002", true);
}

}  // namespace yikou::bench
