#include "tests/fault/load.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace yikou::test {

namespace cw = casework::v1;
using day::Driver;

namespace {

constexpr char kCounter[] = "230108001004";
constexpr char kStreet[] = "230108001";
constexpr char kDistrict[] = "230108-hr";
std::atomic<int> g_serial{5000};

}  // namespace

Load::Load(Suite* suite, int threads) : suite_(suite), driver_(suite->client()), next_serial_(0) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { Run(i); });
}

Load::~Load() { Finish(); }

void Load::Run(int) {
  while (!stop_) {
    const absl::Status lived = LiveOne(g_serial++);
    if (lived.ok()) continue;
    std::lock_guard<std::mutex> lock(mutex_);
    failures_.push_back(lived.ToString());
    return;
  }
}

// The loan: two tiers, two custody steps, two decisions, a seal; and a grid event beside it.
absl::Status Load::LiveOne(int serial) {
  YK_ASSIGN_OR_RETURN(const cw::Item item, driver_.Item("YK-S004"));
  const cli::Identity clerk = Driver::Clerk(kCounter);
  intake::v1::Application application =
      Driver::Applicant(absl::StrCat("申请人", serial), kCounter, serial);
  YK_RETURN_IF_ERROR(driver_.HandIn(clerk, item, {}, &application));
  auto receive = day::New<intake::v1::ReceiveCaseRequest>();
  receive.set_item_code(item.code());
  *receive.mutable_application() = application;
  YK_ASSIGN_OR_RETURN(auto received, driver_.Call<intake::v1::ReceiveCaseResponse>(receive, clerk));
  const std::string case_id = received.view().case_record().case_id();
  suite_->AcknowledgeCase(case_id);
  auto report = day::New<gridtask::v1::ReportEventRequest>();
  report.set_category("G0101");
  report.set_grid_id(absl::StrCat(kCounter, "-g01"));
  report.set_place("社区");
  report.set_description("停水");
  report.set_channel(cw::CHANNEL_GRID_WORKER);
  YK_ASSIGN_OR_RETURN(auto reported,
                      driver_.Call<gridtask::v1::ReportEventResponse>(
                          report, Driver::Worker(kCounter, absl::StrCat("w-", kCounter, "-g01"))));
  suite_->AcknowledgeGridEvent(reported.view().event().case_id());
  YK_RETURN_IF_ERROR(driver_.Decide(case_id, kStreet, cw::DECISION_APPROVED, "同意上报"));
  YK_RETURN_IF_ERROR(driver_.Decide(case_id, kDistrict, cw::DECISION_APPROVED, "准予"));
  YK_RETURN_IF_ERROR(driver_.Deliver(case_id, kCounter, 0));
  suite_->AcknowledgeDelivery(case_id);
  ++delivered_;
  return absl::OkStatus();
}

std::vector<std::string> Load::Finish() {
  stop_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  std::lock_guard<std::mutex> lock(mutex_);
  return std::move(failures_);
}

}  // namespace yikou::test
