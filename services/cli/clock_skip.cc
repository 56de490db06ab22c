#include "services/cli/clock_skip.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status.h"
#include "libs/casework/clocks.h"

namespace yikou::cli {
namespace {

using casework::v1::GetClockResponse;

constexpr absl::Duration kFirstPoll = absl::Milliseconds(5);
constexpr absl::Duration kLongestPoll = absl::Milliseconds(200);
// Two readings in a row: what one service finished between two reads of one round may have given
// work to a service that was read before.
constexpr int kCalmReadings = 2;

absl::Time NowOf(const GetClockResponse& clock) { return casework::FromProto(clock.now()); }

absl::Time DueOf(const GetClockResponse& clock) {
  return clock.has_next_due() ? casework::FromProto(clock.next_due()) : absl::InfiniteFuture();
}

absl::StatusOr<absl::Duration> UnitOf(char letter) {
  switch (letter) {
    case 'w':
      return absl::Hours(7 * 24);
    case 'd':
      return absl::Hours(24);
    case 'h':
      return absl::Hours(1);
    case 'm':
      return absl::Minutes(1);
    case 's':
      return absl::Seconds(1);
    default:
      return absl::InvalidArgumentError("");
  }
}

absl::Status CheckAdjustable(const std::vector<ServiceReading>& readings) {
  std::vector<std::string> fixed;
  for (const ServiceReading& reading : readings) {
    if (!reading.clock.adjustable()) fixed.push_back(reading.service);
  }
  if (fixed.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("服务 ", absl::StrJoin(fixed, "、"),
                   " 的时钟不能调整，须以 --test_clock 启动；没有移动任何时钟。"));
}

// Names what does not come to rest.
std::string Restless(const std::vector<ServiceReading>& readings) {
  std::vector<std::string> names;
  for (const ServiceReading& reading : readings) {
    if (!Settled({reading})) names.push_back(reading.service);
  }
  return names.empty() ? "各服务" : absl::StrJoin(names, "、");
}

// Reads until nothing moves any more.
absl::StatusOr<std::vector<ServiceReading>> WaitSettled(const ClockPort& port,
                                                        const SkipOptions& options) {
  absl::Duration waited;
  absl::Duration pause = kFirstPoll;
  int calm = 0;
  while (true) {
    YK_ASSIGN_OR_RETURN(std::vector<ServiceReading> readings, port.read());
    calm = Settled(readings) ? calm + 1 : 0;
    if (!options.wait || calm == kCalmReadings) return readings;
    if (waited >= options.settle_bound) {
      return absl::DeadlineExceededError(
          absl::StrCat("等了 ", absl::FormatDuration(waited), "，", Restless(readings),
                       " 仍未排空；用 yikou queue stats 与 queue stuck 查看，或用 --no-wait。"));
    }
    port.sleep(pause);
    waited += pause;
    pause = calm > 0 ? kFirstPoll : std::min(pause * 2, kLongestPoll);
  }
}

// The offset that makes it `time` at the service now; never below the one in force anywhere.
absl::Duration OffsetFor(const std::vector<ServiceReading>& readings, absl::Time time) {
  absl::Duration offset = absl::Microseconds(readings.front().clock.offset_micros()) +
                          (time - NowOf(readings.front().clock));
  for (const ServiceReading& reading : readings) {
    offset = std::max(offset, absl::Microseconds(reading.clock.offset_micros()));
  }
  return offset;
}

// The earliest timer after which nothing has been fired yet, or the target.
absl::Time NextStop(const std::vector<ServiceReading>& readings, absl::Time target) {
  absl::Time stop = target;
  for (const ServiceReading& reading : readings) {
    stop = std::min(stop, std::max(DueOf(reading.clock), NowOf(reading.clock)));
  }
  return stop;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseSkip(absl::string_view text) {
  const auto bad = [text] {
    return absl::InvalidArgumentError(
        absl::StrCat("时长“", text, "”不正确，应如 8d、3h、30m 或 1d12h。"));
  };
  absl::Duration total;
  absl::string_view rest = text;
  while (!rest.empty()) {
    size_t digits = 0;
    while (digits < rest.size() && absl::ascii_isdigit(rest[digits])) ++digits;
    int32_t count;
    if (digits == rest.size() || !absl::SimpleAtoi(rest.substr(0, digits), &count)) return bad();
    const absl::StatusOr<absl::Duration> unit = UnitOf(rest[digits]);
    if (!unit.ok()) return bad();
    total += count * *unit;
    rest.remove_prefix(digits + 1);
  }
  if (total <= absl::ZeroDuration() || total > absl::Hours(24 * 366 * 20)) return bad();
  return total;
}

bool Settled(const std::vector<ServiceReading>& readings) {
  return std::all_of(readings.begin(), readings.end(), [](const ServiceReading& reading) {
    return reading.clock.drained() && DueOf(reading.clock) > NowOf(reading.clock);
  });
}

absl::StatusOr<absl::Time> SkipClock(const ClockPort& port, absl::Duration by,
                                     const SkipOptions& options) {
  YK_ASSIGN_OR_RETURN(std::vector<ServiceReading> readings, port.read());
  YK_RETURN_IF_ERROR(CheckAdjustable(readings));
  absl::Time target = absl::InfiniteFuture();
  for (const ServiceReading& reading : readings) {
    target = std::min(target, NowOf(reading.clock) + by);
  }
  while (true) {
    YK_ASSIGN_OR_RETURN(readings, WaitSettled(port, options));
    const absl::Time stop = options.wait ? NextStop(readings, target) : target;
    YK_RETURN_IF_ERROR(port.set(OffsetFor(readings, stop)));
    options.on_step(stop);
    if (stop >= target) break;
  }
  YK_ASSIGN_OR_RETURN(readings, WaitSettled(port, options));
  return NowOf(readings.front().clock);
}

ClockPort PortOf(Client* client, const Identity& as, absl::Duration timeout) {
  ClockPort port;
  port.read = [=]() -> absl::StatusOr<std::vector<ServiceReading>> {
    std::vector<ServiceReading> readings;
    for (const char* service : kServices) {
      ServiceReading reading;
      reading.service = service;
      YK_ASSIGN_OR_RETURN(
          reading.clock,
          client->Call<GetClockResponse>(service, "yikou.casework.v1.OperationsService.GetClock",
                                         casework::v1::GetClockRequest(), as, timeout));
      readings.push_back(std::move(reading));
    }
    return readings;
  };
  port.set = [=](absl::Duration offset) -> absl::Status {
    casework::v1::SetClockRequest request;
    // Up to the next microsecond: a timer at the instant must be due.
    request.set_offset_micros(absl::ToInt64Microseconds(absl::Ceil(offset, absl::Microseconds(1))));
    for (const char* service : kServices) {
      const auto moved = client->Call<casework::v1::SetClockResponse>(
          service, "yikou.casework.v1.OperationsService.SetClock", request, as, timeout);
      if (!moved.ok()) return moved.status();
    }
    return absl::OkStatus();
  };
  port.sleep = [](absl::Duration pause) { absl::SleepFor(pause); };
  return port;
}

}  // namespace yikou::cli
