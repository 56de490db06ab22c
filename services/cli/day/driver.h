// What a day of cases is made of: people, materials, and the calls each of them makes.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/base/status.h"
#include "services/cli/connect.h"
#include "yikou/approval/v1/approval.pb.h"
#include "yikou/gridtask/v1/gridtask.pb.h"
#include "yikou/intake/v1/intake.pb.h"
#include "yikou/reporting/v1/reporting.pb.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::day {

// A call is tried again for as long as a service may need to come back.
inline constexpr absl::Duration kCallPatience = absl::Seconds(60);

// What the summary says of one scenario.
struct Told {
  std::string key;   // "a" to "f"
  std::string name;  // for people
  std::string case_id;
  std::string case_no;
  std::string state;
  std::string outcome;
  int hops = 0;
  std::vector<std::string> lights;
  std::vector<std::string> streams;     // every stream the case crossed, in order of first use
  std::vector<std::string> hop_lines;   // every signed hand-off
  std::vector<std::string> notes;       // what a person should read
  std::map<std::string, double> dwell;  // seconds of case time by stage
};

class Driver {
 public:
  explicit Driver(cli::Client* client) : client_(client) {}

  cli::Client* client() { return client_; }

  // People of a unit, each with a role of their own.
  static cli::Identity Clerk(const std::string& unit) { return Person(unit, "clerk", "CLERK"); }
  static cli::Identity Officer(const std::string& unit) {
    return Person(unit, "officer", "OFFICER");
  }
  static cli::Identity Dispatcher(const std::string& unit) {
    return Person(unit, "dispatcher", "DISPATCHER");
  }
  static cli::Identity Worker(const std::string& unit, const std::string& worker_id);
  static cli::Identity Operator();

  // Full name of the method that takes this request; "" when there is none.
  static std::string MethodOf(const google::protobuf::Descriptor* request);

  // One call of the public API by its request; the method follows from the message's name.
  template <class Resp, class Req>
  absl::StatusOr<Resp> Call(const Req& request, const cli::Identity& as) {
    return client_->Call<Resp>(ServiceOf(Req::descriptor()), MethodOf(Req::descriptor()), request,
                               as, kCallPatience);
  }

  // Uploads a photograph, once for each counter; returns the material's id.
  absl::StatusOr<std::string> Photo(const cli::Identity& clerk, const std::string& name);

  // An applicant with an identity number that is valid and nobody's: `serial` makes it unique.
  static intake::v1::Application Applicant(const std::string& name, const std::string& home,
                                           int serial);
  // Hands in every material the item asks for but those in `without`.
  absl::Status HandIn(const cli::Identity& clerk, const casework::v1::Item& item,
                      const std::vector<std::string>& without,
                      intake::v1::Application* application);

  absl::StatusOr<casework::v1::Item> Item(const std::string& code);
  absl::StatusOr<casework::v1::CaseRecord> Case(const std::string& case_id);

  // Polls until `done` says true; DEADLINE_EXCEEDED, naming `what`, after 60 s.
  absl::Status Until(const std::string& what, const std::function<absl::StatusOr<bool>()>& done);
  absl::Status UntilState(const std::string& case_id, casework::v1::CaseState state);

  // Waits until a step of the case is at the unit, and returns it.
  absl::StatusOr<approval::v1::WorkItem> WaitWork(const std::string& case_id,
                                                  const std::string& unit);
  // Waits for the step, claims it and decides it.
  absl::Status Claim(const std::string& case_id, const std::string& unit);
  absl::Status Decide(const std::string& case_id, const std::string& unit,
                      casework::v1::Decision decision, const std::string& opinion);
  absl::StatusOr<int64_t> ProcessVersion(const std::string& case_id);

  // Hands the result over at the counter once it is there, and takes the citizen's stars.
  absl::Status Deliver(const std::string& case_id, const std::string& counter, int stars);

  // Moves case time to at least `to`, timer by timer.
  absl::Status SkipTo(absl::Time to);
  absl::StatusOr<absl::Time> Now();

  // Fills in what services know of a case by now: number, state, hops, lights, streams, dwell.
  absl::Status Tell(Told* told);

 private:
  static cli::Identity Person(const std::string& unit, const std::string& kind,
                              const std::string& role);
  absl::StatusOr<std::string> Upload(const cli::Identity& clerk, const std::string& name,
                                     const std::string& request_id);
  static std::string ServiceOf(const google::protobuf::Descriptor* request);

  cli::Client* client_;
  std::mutex mutex_;
  std::map<std::string, std::string> photos_;
};

// A request with a fresh id.
template <class Req>
Req New() {
  Req request;
  request.set_request_id(base::NewId(absl::Now()));
  return request;
}

}  // namespace yikou::day
