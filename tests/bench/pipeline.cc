// Applications from the counter until READY.
#include <deque>
#include <map>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/cli/day/driver.h"
#include "tests/bench/flow_support.h"
#include "tests/bench/hearing.h"

namespace yikou::bench {

namespace cw = casework::v1;
using day::Driver;

namespace {

constexpr int kReceiving = 64;     // calls outstanding
constexpr int kUnderReview = 192;  // cases between receipt and last decision
constexpr absl::Duration kReadyBound = absl::Seconds(60);

// The officers of both departments. The step of the lead is open from the start, and when the other
// one is placed all work is there. One case is claimed and decided by one of them after the other:
// the version of a process is one for both branches, and who comes second would look again.
class Officers {
 public:
  Officers(Load* load, std::function<void()> finished)
      : load_(load), finished_(std::move(finished)) {}

  void Hear(const cw::Event& event) {
    if (event.type() != "approval.step_placed") return;
    Review& review = reviews_[event.case_id()];
    review.steps = {{event.step().step_id(), event.step().unit_id()}};
    review.version = event.version();
    Claim(event.case_id());
  }

  const Latencies& latencies() const { return latencies_; }

 private:
  struct Place {
    std::string step_id;
    std::string unit_id;
  };
  struct Review {
    std::vector<Place> steps;
    size_t at = 0;
    int64_t version = 0;
  };

  // What a claim and a decision have in common. The answer's version is the next one's.
  template <class Resp, class Req>
  void Act(const std::string& case_id, Req request, std::function<void()> then) {
    Review& review = reviews_.at(case_id);
    const Place& step = review.steps[review.at];
    const absl::Time begin = absl::Now();
    request.set_request_id(base::NewId(begin));
    request.set_case_id(case_id);
    request.set_step_id(step.step_id);
    request.set_expected_version(review.version);
    load_->MustCall<Resp>("approval", request, Driver::Officer(step.unit_id),
                          [this, begin, &review, then = std::move(then)](const Resp& answer) {
                            latencies_.Add(absl::Now() - begin);
                            Learn(answer.view().process(), &review);
                            then();
                          });
  }

  // The officers see the whole process, so the first answer says where else there is work.
  static void Learn(const approval::v1::Process& process, Review* review) {
    review->version = process.version();
    for (const approval::v1::Branch& branch : process.branches()) {
      for (const approval::v1::Step& step : branch.steps()) {
        if (step.state() != cw::STEP_STATE_OPEN || review->steps.size() > 1) continue;
        review->steps.push_back({step.step_id(), step.unit_id()});
      }
    }
  }

  void Claim(const std::string& case_id) {
    Act<approval::v1::ClaimStepResponse>(case_id, approval::v1::ClaimStepRequest(),
                                         [this, case_id] { Decide(case_id); });
  }

  void Decide(const std::string& case_id) {
    approval::v1::DecideStepRequest request;
    request.set_decision(cw::DECISION_APPROVED);
    request.set_opinion("同意");
    Act<approval::v1::DecideStepResponse>(case_id, request, [this, case_id] {
      Review& review = reviews_.at(case_id);
      if (++review.at < review.steps.size()) return Claim(case_id);
      reviews_.erase(case_id);
      finished_();
    });
  }

  Load* const load_;
  const std::function<void()> finished_;
  std::map<std::string, Review> reviews_;  // by case
  Latencies latencies_;
};

}  // namespace

Flow RunByRule(test::Suite* suite, absl::Duration span) {
  Load load(suite->client());
  Receiving receiving(suite, &load, kByRule);
  FlowMeter meter(suite);
  const Ran ran = KeepGoing(&load, kReceiving, span, [&](std::function<void()> done) {
    receiving.Next(absl::Now(), [done](const std::string&) { done(); });
  });
  meter.LoadEnded();
  FlowMeter::Drain(suite);
  meter.Take(ran.count, ran.begin);
  Flow flow = meter.Finish();
  flow.calls = receiving.latencies();
  ExpectReady(suite, receiving.case_ids());
  return flow;
}

Flow RunByOfficers(test::Suite* suite, absl::Duration span) {
  Load load(suite->client());
  Receiving receiving(suite, &load, kByOfficers);
  std::deque<std::function<void()>> waiting;  // each ends one case, whichever
  Officers officers(&load, [&] {
    const std::function<void()> done = std::move(waiting.front());
    waiting.pop_front();
    done();
  });
  const Hearing hearing(&suite->redis(), "approval", &load,
                        [&](const cw::Event& event, absl::Time) { officers.Hear(event); });
  FlowMeter meter(suite);
  const Ran ran = KeepGoing(&load, kUnderReview, span, [&](std::function<void()> done) {
    waiting.push_back(std::move(done));
    receiving.Next(absl::Now(), [](const std::string&) {});
  });
  meter.LoadEnded();
  FlowMeter::Drain(suite);
  meter.Take(ran.count, ran.begin);
  Flow flow = meter.Finish();
  flow.calls = officers.latencies();
  ExpectReady(suite, receiving.case_ids());
  return flow;
}

Paced RunPaced(test::Suite* suite, double cases_a_second, absl::Duration span) {
  Load load(suite->client());
  Receiving receiving(suite, &load, kByRule);
  std::map<std::string, absl::Time> ready;
  const Hearing hearing(&suite->redis(), "intake", &load,
                        [&](const cw::Event& event, absl::Time heard) {
                          if (event.type() == "intake.ready") ready[event.case_id()] = heard;
                        });
  std::map<std::string, absl::Time> sent;
  const absl::Time begin = absl::Now();
  int64_t count = 0;
  for (absl::Time due = begin; due < begin + span;
       due = begin + absl::Seconds(static_cast<double>(count) / cases_a_second)) {
    load.RunUntil(due);
    receiving.Next(due, [&sent, due](const std::string& case_id) { sent[case_id] = due; });
    ++count;
  }
  load.RunUntilDone(kReadyBound, [&] {
    return static_cast<int64_t>(sent.size()) == count && ready.size() >= sent.size();
  });
  Paced paced;
  paced.receive = receiving.latencies();
  for (const auto& [case_id, due] : sent) paced.ready.Add(ready.at(case_id) - due);
  FlowMeter::Drain(suite);
  return paced;
}

}  // namespace yikou::bench
