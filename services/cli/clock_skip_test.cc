#include "services/cli/clock_skip.h"

#include <algorithm>
#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "libs/casework/clocks.h"

namespace yikou::cli {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1709254800);  // 2024-03-01 09:00 in China

// Two services on one system clock that moves only when somebody sleeps. A timer of the first
// service puts an entry on a stream; the second applies it a little later.
class FakeSuite {
 public:
  std::vector<absl::Duration> timers_first;  // due times after kStart
  std::vector<absl::Duration> timers_second;
  bool adjustable = true;
  bool stuck = false;                    // the second service never applies anything
  std::vector<absl::Duration> fired_at;  // case time less kStart when each timer was seen to be due

  ClockPort Port() {
    return {[this] { return Read(); }, [this](absl::Duration offset) { return Set(offset); },
            [this](absl::Duration pause) { Sleep(pause); }};
  }
  absl::Duration offset() const { return offset_; }
  absl::Time CaseTime() const { return system_ + offset_; }

 private:
  absl::StatusOr<std::vector<ServiceReading>> Read() {
    return std::vector<ServiceReading>{Reading("intake", timers_first, true),
                                       Reading("routing", timers_second, applied_ == head_)};
  }

  ServiceReading Reading(const std::string& name, const std::vector<absl::Duration>& timers,
                         bool drained) {
    ServiceReading reading;
    reading.service = name;
    *reading.clock.mutable_now() = casework::ToProto(CaseTime());
    reading.clock.set_offset_micros(absl::ToInt64Microseconds(offset_));
    reading.clock.set_adjustable(adjustable);
    reading.clock.set_drained(drained);
    if (!timers.empty()) {
      *reading.clock.mutable_next_due() =
          casework::ToProto(kStart + *std::min_element(timers.begin(), timers.end()));
    }
    return reading;
  }

  absl::Status Set(absl::Duration offset) {
    if (offset < offset_) return absl::InvalidArgumentError("back");
    offset_ = offset;
    return absl::OkStatus();
  }

  void Sleep(absl::Duration pause) {
    system_ += pause;
    if (applied_ < head_ && !stuck) ++applied_;
    for (auto* timers : {&timers_first, &timers_second}) {
      const auto due = [this](absl::Duration at) { return kStart + at <= CaseTime(); };
      for (const absl::Duration at : *timers) {
        if (due(at)) fired_at.push_back(at);
        if (due(at) && timers == &timers_first) ++head_;
      }
      timers->erase(std::remove_if(timers->begin(), timers->end(), due), timers->end());
    }
  }

  absl::Time system_ = kStart;
  absl::Duration offset_;
  int64_t head_ = 0;
  int64_t applied_ = 0;
};

TEST_CASE("durations for skip are counts with units") {
  CHECK(*ParseSkip("8d") == absl::Hours(192));
  CHECK(*ParseSkip("3h") == absl::Hours(3));
  CHECK(*ParseSkip("30m") == absl::Minutes(30));
  CHECK(*ParseSkip("1d12h") == absl::Hours(36));
  CHECK(*ParseSkip("2w") == absl::Hours(336));
  CHECK(*ParseSkip("90s") == absl::Seconds(90));
  for (const char* bad : {"", "8", "d", "-1d", "1.5d", "8 d", "8x", "0d", "9999999999d", "8000d"}) {
    INFO(bad);
    CHECK_FALSE(ParseSkip(bad).ok());
  }
}

TEST_CASE("a skip stops at every timer of every service, in order, and ends at the target") {
  FakeSuite suite;
  suite.timers_first = {absl::Hours(30), absl::Hours(5)};
  suite.timers_second = {absl::Hours(7), absl::Hours(500)};
  std::vector<absl::Time> steps;
  SkipOptions options;
  options.on_step = [&steps](absl::Time at) { steps.push_back(at); };
  const auto now = SkipClock(suite.Port(), absl::Hours(48), options);
  REQUIRE(now.ok());
  CHECK(*now >= kStart + absl::Hours(48));
  CHECK(*now < kStart + absl::Hours(49));
  REQUIRE(steps.size() == 4);
  CHECK(steps[0] == kStart + absl::Hours(5));
  CHECK(steps[1] == kStart + absl::Hours(7));
  CHECK(steps[2] == kStart + absl::Hours(30));
  CHECK(suite.fired_at ==
        std::vector<absl::Duration>{absl::Hours(5), absl::Hours(7), absl::Hours(30)});
  CHECK(suite.timers_second.size() == 1);
}

TEST_CASE("nothing moves while an entry is on its way between two services") {
  FakeSuite suite;
  suite.timers_first = {absl::Hours(5)};
  suite.stuck = true;
  SkipOptions options;
  options.settle_bound = absl::Seconds(2);
  const auto now = SkipClock(suite.Port(), absl::Hours(48), options);
  CHECK(absl::IsDeadlineExceeded(now.status()));
  CHECK(suite.CaseTime() < kStart + absl::Hours(6));  // it stopped behind the timer
}

TEST_CASE("without waiting the clock goes to the target in one step") {
  FakeSuite suite;
  suite.timers_first = {absl::Hours(5)};
  int steps = 0;
  SkipOptions options;
  options.wait = false;
  options.on_step = [&steps](absl::Time) { ++steps; };
  REQUIRE(SkipClock(suite.Port(), absl::Hours(48), options).ok());
  CHECK(steps == 1);
  CHECK(suite.offset() == absl::Hours(48));
}

TEST_CASE("one clock that cannot be moved stops the skip before any is moved") {
  FakeSuite suite;
  suite.adjustable = false;
  const auto now = SkipClock(suite.Port(), absl::Hours(1), SkipOptions());
  CHECK(absl::IsFailedPrecondition(now.status()));
  CHECK(std::string(now.status().message()).find("routing") != std::string::npos);
  CHECK(suite.offset() == absl::ZeroDuration());
}

TEST_CASE("a timer that is due but has not fired is waited for") {
  ServiceReading reading;
  reading.clock.set_drained(true);
  *reading.clock.mutable_now() = casework::ToProto(kStart);
  *reading.clock.mutable_next_due() = casework::ToProto(kStart);
  CHECK_FALSE(Settled({reading}));
  *reading.clock.mutable_next_due() = casework::ToProto(kStart + absl::Seconds(1));
  CHECK(Settled({reading}));
  reading.clock.set_drained(false);
  CHECK_FALSE(Settled({reading}));
}

}  // namespace
}  // namespace yikou::cli
