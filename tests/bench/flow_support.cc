#include "tests/bench/flow_support.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/cli/day/driver.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::bench {

namespace cw = casework::v1;
using day::Driver;

namespace {

constexpr char kDistrict[] = "230108";
constexpr absl::Duration kDrainBound = absl::Minutes(5);
constexpr size_t kSamples = 20;

int64_t EventsStored(test::Suite* suite) {
  int64_t events = 0;
  for (const char* service : cli::kServices) {
    events += Must(suite->client()->Call<cw::GetHeadsResponse>(
                       service, "yikou.casework.v1.EventLogService.GetHeads", cw::GetHeadsRequest(),
                       Driver::Operator(), absl::Seconds(10)))
                  .position();
  }
  return events;
}

std::vector<std::string> Communities(test::Suite* suite) {
  Driver driver(suite->client());
  routing::v1::ListUnitsRequest request;
  request.set_page_size(1000);
  request.set_tier(cw::TIER_COMMUNITY);
  request.set_below(kDistrict);
  std::vector<std::string> communities;
  const auto page = Must(driver.Call<routing::v1::ListUnitsResponse>(request, Driver::Operator()));
  for (const cw::Unit& unit : page.units()) {
    if (unit.kind() == cw::UNIT_KIND_DIVISION) communities.push_back(unit.unit_id());
  }
  return communities;
}

}  // namespace

Receiving::Receiving(test::Suite* suite, Load* load, const std::string& item) : load_(load) {
  int serial = 0;
  for (const std::string& community : Communities(suite)) {
    Counter counter;
    counter.clerk = Driver::Clerk(community);
    counter.request.set_item_code(item);
    *counter.request.mutable_application() = Driver::Applicant("压测", community, serial++);
    counters_.push_back(std::move(counter));
  }
}

void Receiving::Next(absl::Time from, std::function<void(const std::string& case_id)> done) {
  Counter& counter = counters_[next_++ % counters_.size()];
  counter.request.set_request_id(base::NewId(absl::Now()));
  load_->MustCall<intake::v1::ReceiveCaseResponse>(
      "intake", counter.request, counter.clerk,
      [this, from, done = std::move(done)](const intake::v1::ReceiveCaseResponse& answer) {
        latencies_.Add(absl::Now() - from);
        case_ids_.push_back(answer.view().case_record().case_id());
        done(case_ids_.back());
      });
}

FlowMeter::FlowMeter(test::Suite* suite)
    : suite_(suite), events_before_(EventsStored(suite)), cpu_(suite) {}

void FlowMeter::LoadEnded() { flow_.memory_mb = MemoryOf(*suite_); }

void FlowMeter::Drain(test::Suite* suite) {
  // Twice: what one service finished while another was asked may have given it work again.
  for (int i = 0; i < 2; ++i) {
    if (!suite->Settle(kDrainBound)) throw std::runtime_error("The suite does not drain.");
  }
}

void FlowMeter::Take(int64_t cases, absl::Time begin) {
  flow_.cases = cases;
  flow_.cases_a_second = static_cast<double>(cases) / absl::ToDoubleSeconds(absl::Now() - begin);
  flow_.cores = cpu_.Cores();
}

Flow FlowMeter::Finish() {
  flow_.events_a_case = static_cast<double>(EventsStored(suite_) - events_before_) /
                        static_cast<double>(std::max<int64_t>(flow_.cases, 1));
  return std::move(flow_);
}

void ExpectReady(test::Suite* suite, const std::vector<std::string>& case_ids) {
  Driver driver(suite->client());
  for (size_t i = 0; i < std::min(kSamples, case_ids.size()); ++i) {
    const size_t at = i * (case_ids.size() - 1) / std::max<size_t>(kSamples - 1, 1);
    const cw::CaseRecord record = Must(driver.Case(case_ids[std::min(at, case_ids.size() - 1)]));
    if (record.state() == cw::CASE_STATE_READY) continue;
    throw std::runtime_error(absl::StrCat("All is drained, but the case ", record.case_id(), " is ",
                                          cw::CaseState_Name(record.state()), "."));
  }
}

}  // namespace yikou::bench
