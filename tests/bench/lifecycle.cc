// Grid events, from the report to the result.
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "services/cli/day/driver.h"
#include "tests/bench/flow_support.h"

namespace yikou::bench {

namespace cw = casework::v1;
namespace gt = gridtask::v1;
using day::Driver;

namespace {

constexpr int kGoing = 64;  // events at once, each with one call outstanding
constexpr char kDistrict[] = "230108";
constexpr char kCategory[] = "G0101";  // no water

// Workers of a district; each reports from the grid it is bound to.
struct Staff {
  std::vector<gt::Worker> workers;
  std::map<std::string, std::string> units;  // by worker
};

Staff StaffOf(test::Suite* suite) {
  Driver driver(suite->client());
  gt::ListWorkersRequest request;
  request.set_page_size(1000);
  request.set_unit_id(kDistrict);
  const auto page = Must(driver.Call<gt::ListWorkersResponse>(request, Driver::Operator()));
  Staff staff;
  for (const gt::Worker& worker : page.workers()) {
    staff.workers.push_back(worker);
    staff.units[worker.worker_id()] = worker.unit_id();
  }
  return staff;
}

// One event and the people who handle it: the worker of the grid, the dispatcher of the community.
class OneEvent : public std::enable_shared_from_this<OneEvent> {
 public:
  OneEvent(Load* load, const Staff& staff, size_t reporter, Latencies* latencies,
           std::function<void()> done)
      : load_(load),
        staff_(staff),
        reporter_(staff.workers[reporter]),
        latencies_(latencies),
        done_(std::move(done)) {}

  void Report() {
    gt::ReportEventRequest request;
    request.set_category(kCategory);
    request.set_grid_id(reporter_.grid_id());
    request.set_place("社区");
    request.set_description("停水");
    request.set_channel(cw::CHANNEL_GRID_WORKER);
    Write<gt::ReportEventResponse>(std::move(request),
                                   Driver::Worker(reporter_.unit_id(), reporter_.worker_id()),
                                   [self = shared_from_this()] { self->Dispatch(); });
  }

 private:
  void Dispatch() {
    Change<gt::DispatchEventResponse>(gt::DispatchEventRequest(),
                                      Driver::Dispatcher(reporter_.unit_id()),
                                      [self = shared_from_this()] { self->Sign(); });
  }
  void Sign() {
    Change<gt::SignTaskResponse>(gt::SignTaskRequest(), Assignee(),
                                 [self = shared_from_this()] { self->Handle(); });
  }
  void Handle() {
    gt::HandleTaskRequest request;
    request.set_result("已恢复供水");
    request.add_photo_digests(std::string(64, 'a'));
    Change<gt::HandleTaskResponse>(std::move(request), Assignee(),
                                   [self = shared_from_this()] { self->Read(); });
  }
  void Read() {
    gt::GetEventRequest request;
    request.set_case_id(case_id_);
    Call<gt::GetEventResponse>(request, Assignee(), [self = shared_from_this()] { self->done_(); });
  }

  cli::Identity Assignee() const { return Driver::Worker(staff_.units.at(assignee_), assignee_); }

  template <class Resp, class Req>
  void Change(Req request, const cli::Identity& as, std::function<void()> then) {
    request.set_case_id(case_id_);
    request.set_expected_version(version_);
    Write<Resp>(std::move(request), as, std::move(then));
  }
  template <class Resp, class Req>
  void Write(Req request, const cli::Identity& as, std::function<void()> then) {
    request.set_request_id(base::NewId(absl::Now()));
    Call<Resp>(request, as, std::move(then));
  }
  template <class Resp, class Req>
  void Call(const Req& request, const cli::Identity& as, std::function<void()> then) {
    load_->MustCall<Resp>("gridtask", request, as,
                          [self = shared_from_this(), begin = absl::Now(),
                           then = std::move(then)](const Resp& answer) {
                            self->latencies_->Add(absl::Now() - begin);
                            self->Learn(answer.view().event());
                            then();
                          });
  }
  void Learn(const gt::GridEvent& event) {
    case_id_ = event.case_id();
    version_ = event.version();
    assignee_ = event.worker_id();
  }

  Load* const load_;
  const Staff& staff_;
  const gt::Worker& reporter_;
  Latencies* const latencies_;
  const std::function<void()> done_;
  std::string case_id_;
  int64_t version_ = 0;
  std::string assignee_;
};

}  // namespace

Flow RunLifecycle(test::Suite* suite, absl::Duration span) {
  const Staff staff = StaffOf(suite);
  Latencies latencies;
  Load load(suite->client());
  FlowMeter meter(suite);
  size_t next = 0;
  const Ran ran = KeepGoing(&load, kGoing, span, [&](std::function<void()> done) {
    const size_t reporter = next++ % staff.workers.size();
    std::make_shared<OneEvent>(&load, staff, reporter, &latencies, std::move(done))->Report();
  });
  meter.Take(ran.count, ran.begin);
  meter.LoadEnded();
  FlowMeter::Drain(suite);
  Flow flow = meter.Finish();
  flow.calls = std::move(latencies);
  return flow;
}

}  // namespace yikou::bench
