// From a handler to an answer: app::Commands, pages of lists, case numbers.
#include <future>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "libs/app/command.h"
#include "libs/base/executor.h"
#include "libs/casework/errors.h"
#include "tests/store/interposed_store.h"
#include "tests/store/record.h"
#include "yikou/casework/v1/log.pb.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::test {
namespace {

using casework::v1::CaseRecord;
// A command with a request id, and an answer with a text: what they are for does not matter here.
using Request = casework::v1::ResolveStuckRequest;
using Response = casework::v1::RetryStuckResponse;
using Outcome = store::Outcome<Response>;
using Handler = app::CommandHandler<Request, Response>;

constexpr absl::Duration kBound = absl::Seconds(20);
constexpr char kId[] = "0195d000-0000-7000-8000-000000000001";

Request RequestFor(const std::string& folder, const std::string& request_id = kId,
                   const std::string& title = "title") {
  Request request;
  request.set_stuck_id(folder);
  request.set_request_id(request_id);
  request.set_reason(title);
  return request;
}

rpc::CallContext CallerOf(const std::string& person = "officer") {
  rpc::CallContext context;
  context.principal.unit_id = "230108";
  context.principal.person_id = person;
  context.method = "/yikou.files.v1.Files/Change";
  return context;
}

// A record with the commands of a service.
class Desk {
 public:
  explicit Desk(InterposedStore::Before before = [](absl::string_view) { return absl::OkStatus(); })
      : store_(&record_.store(), std::move(before)),
        committer_(&store_, &executor_, {}),
        commands_(&store_, &committer_, &executor_) {}
  ~Desk() {
    committer_.Stop();
    executor_.Shutdown();
  }

  Record& record() { return record_; }
  InterposedStore& interposed() { return store_; }
  store::GroupCommitter& committer() { return committer_; }

  // Gives the folder a title, makes it when it is not there; answers its version.
  Outcome SetTitle(const Request& request) {
    store::Work work = record_.NewWork();
    const auto loaded = work.Load<CaseRecord>(kFolder, request.stuck_id());
    (loaded.ok() ? *loaded : work.Create<CaseRecord>(kFolder, request.stuck_id()))
        ->set_title(request.reason());
    work.Emit(kFolder, request.stuck_id(), "folder.changed", request.stuck_id());
    Outcome outcome;
    outcome.response.set_cause(
        absl::StrCat("version ", work.VersionOf(kFolder, request.stuck_id())));
    outcome.change = Must(work.Take());
    return outcome;
  }
  Handler Setting() {
    return [this](const rpc::CallContext&, const Request& request) { return SetTitle(request); };
  }

  template <class Req = Request>
  absl::StatusOr<Response> Call(const Req& request,
                                std::type_identity_t<app::CommandHandler<Req, Response>> handler,
                                const rpc::CallContext& context = CallerOf()) {
    auto answer = std::make_shared<std::promise<absl::StatusOr<Response>>>();
    auto future = answer->get_future();
    commands_.Run<Req, Response>(
        context, request, std::move(handler),
        [answer](absl::StatusOr<Response> response) { answer->set_value(std::move(response)); });
    if (future.wait_for(absl::ToChronoSeconds(kBound)) != std::future_status::ready) {
      return absl::DeadlineExceededError("never answered");
    }
    return future.get();
  }

 private:
  Record record_;
  base::ThreadExecutor executor_{2};
  InterposedStore store_;
  store::GroupCommitter committer_;
  app::Commands commands_;
};

int64_t VersionOf(Desk& desk, const std::string& id) {
  const auto stored = desk.record().store().Get(kFolder, id);
  return stored.ok() ? stored->version : 0;
}

}  // namespace

TEST_CASE("the same request again gets the stored answer and has no effect", "[app][command]") {
  Desk desk;
  const auto first = desk.Call(RequestFor("a"), desk.Setting());
  REQUIRE(first.status() == absl::OkStatus());
  CHECK(first->cause() == "version 1");
  int asked = 0;
  const Handler counted = [&](const rpc::CallContext&, const Request& request) {
    ++asked;
    return desk.SetTitle(request);
  };
  const auto again = desk.Call(RequestFor("a"), counted);
  REQUIRE(again.status() == absl::OkStatus());
  CHECK(again->SerializeAsString() == first->SerializeAsString());
  CHECK(asked == 0);
  CHECK(VersionOf(desk, "a") == 1);
  // Another id, another person, another method: another request.
  CHECK(desk.Call(RequestFor("a", std::string(32, 'b')), counted)->cause() == "version 2");
  CHECK(desk.Call(RequestFor("a"), counted, CallerOf("other"))->cause() == "version 3");
  rpc::CallContext other_method = CallerOf();
  other_method.method = "/yikou.files.v1.Files/Remove";
  CHECK(desk.Call(RequestFor("a"), counted, other_method)->cause() == "version 4");
}

TEST_CASE("16 parallel repeats have one effect and one answer", "[app][command]") {
  Desk desk;
  for (int round = 0; round < 10; ++round) {
    const std::string folder = absl::StrCat("f", round);
    const Request request =
        RequestFor(folder, absl::StrCat("0195d000-0000-7000-8000-00000000000", round));
    // As a handler that names the version it decided on: once changed, it refuses.
    const Handler strict = [&](const rpc::CallContext&,
                               const Request& asked) -> absl::StatusOr<Outcome> {
      if (desk.record().store().Get(kFolder, asked.stuck_id()).ok()) {
        return absl::FailedPreconditionError("done already");
      }
      return desk.SetTitle(asked);
    };
    std::vector<absl::StatusOr<Response>> answers(16, absl::UnknownError("none"));
    std::vector<std::thread> callers;
    for (int i = 0; i < 16; ++i) {
      callers.emplace_back([&, i] { answers[i] = desk.Call(request, strict); });
    }
    for (std::thread& caller : callers) caller.join();
    for (const auto& answer : answers) {
      REQUIRE(answer.status() == absl::OkStatus());
      CHECK(answer->cause() == "version 1");
    }
    CHECK(VersionOf(desk, folder) == 1);
  }
  CHECK(desk.record().LogFault() == "");
}

TEST_CASE("a repeat that overlaps the first is not told of the first's effect", "[app][command]") {
  Desk desk;
  // While the repeat decides, the first one commits; what it decides then is about its own effect.
  const bool refuses = GENERATE(true, false);
  bool first_done = false;
  const Handler repeat = [&](const rpc::CallContext&,
                             const Request& request) -> absl::StatusOr<Outcome> {
    if (!first_done) {
      first_done = true;
      Must(desk.Call(request, desk.Setting()).status());
    }
    // As a handler does that finds the thing done: an error, or nothing left to do.
    if (refuses) return absl::FailedPreconditionError("done already");
    return Outcome();
  };
  const auto answer = desk.Call(RequestFor("a"), repeat);
  REQUIRE(answer.status() == absl::OkStatus());
  CHECK(answer->cause() == "version 1");
  CHECK(VersionOf(desk, "a") == 1);
}

TEST_CASE("a request id used for something else is refused by name", "[app][command]") {
  Desk desk;
  Must(desk.Call(RequestFor("a"), desk.Setting()).status());
  for (const Request& other : {RequestFor("b"), RequestFor("a", kId, "another title")}) {
    const auto answer = desk.Call(other, desk.Setting());
    CHECK(absl::IsAlreadyExists(answer.status()));
    CHECK(casework::ReasonOf(answer.status()) == casework::v1::ERROR_REASON_REQUEST_ID_REUSED);
    CHECK(absl::StrContains(answer.status().message(), kId));
  }
  CHECK(VersionOf(desk, "a") == 1);
  CHECK(VersionOf(desk, "b") == 0);
}

TEST_CASE("a call that was forwarded is the same call when its forwarder knows a newer version",
          "[app][command]") {
  using Withdraw = intake::v1::WithdrawCaseRequest;
  Desk desk;
  rpc::CallContext context = CallerOf();
  context.forwarded = true;
  const app::CommandHandler<Withdraw, Response> handler = [&](const rpc::CallContext&,
                                                              const Withdraw& request) {
    return desk.SetTitle(RequestFor(request.case_id(), request.request_id()));
  };
  Withdraw request;
  request.set_request_id(kId);
  request.set_case_id("a");
  request.set_expected_version(3);
  const auto first = desk.Call(request, handler, context);
  REQUIRE(first.status() == absl::OkStatus());
  request.set_expected_version(5);
  const auto again = desk.Call(request, handler, context);
  REQUIRE(again.status() == absl::OkStatus());
  CHECK(again->SerializeAsString() == first->SerializeAsString());
  // From the caller itself the version is part of what is asked for.
  request.set_expected_version(6);
  context.forwarded = false;
  CHECK(absl::IsAlreadyExists(desk.Call(request, handler, context).status()));
}

TEST_CASE("without a request id nothing is decided", "[app][command]") {
  Desk desk;
  int asked = 0;
  const Handler counted = [&](const rpc::CallContext&, const Request& request) {
    ++asked;
    return desk.SetTitle(request);
  };
  for (const char* id : {"", "1", "0195d000-0000-7000-8000-00000000000", "no uuid at all, but long",
                         "0195d000-0000-7000-8000-00000000000g", "' OR '1'='1"}) {
    INFO(id);
    const auto answer = desk.Call(RequestFor("a", id), counted);
    CHECK(absl::IsInvalidArgument(answer.status()));
    CHECK(casework::ReasonOf(answer.status()) == casework::v1::ERROR_REASON_INVALID_FIELD);
  }
  CHECK(asked == 0);
  CHECK(VersionOf(desk, "a") == 0);
}

TEST_CASE("a handler that meets a conflict decides again on what is there", "[app][command]") {
  Desk desk;
  Must(desk.Call(RequestFor("a", std::string(32, 'a')), desk.Setting()).status());
  int asked = 0;
  const int conflicts = GENERATE(1, 5, 1000);
  const Handler disturbed = [&](const rpc::CallContext&,
                                const Request& request) -> absl::StatusOr<Outcome> {
    Outcome outcome = desk.SetTitle(request);
    if (asked++ < conflicts) {
      // Somebody else changes the folder between the decision and its commit.
      Must(desk.committer().CommitOne(desk.SetTitle(RequestFor("a", kId, "in between")).change));
    }
    return outcome;
  };
  const auto answer = desk.Call(RequestFor("a"), disturbed);
  if (conflicts == 1000) {
    // It does not go on for ever, and the caller learns why.
    CHECK(absl::IsAborted(answer.status()));
    CHECK(asked < 50);
    return;
  }
  REQUIRE(answer.status() == absl::OkStatus());
  CHECK(asked == conflicts + 1);
  CHECK(answer->cause() == absl::StrCat("version ", conflicts + 2));
  CHECK(VersionOf(desk, "a") == conflicts + 2);
}

TEST_CASE("due timers are committed before the command is decided", "[app][command]") {
  Desk desk;
  int asked = 0;
  const Handler timers_first = [&](const rpc::CallContext&,
                                   const Request& request) -> absl::StatusOr<Outcome> {
    Outcome outcome = desk.SetTitle(++asked == 1 ? RequestFor("timer") : request);
    outcome.decide_again = asked == 1;
    // What the timer did is there to be seen.
    if (asked == 2) CHECK(VersionOf(desk, "timer") == 1);
    return outcome;
  };
  CHECK(desk.Call(RequestFor("a"), timers_first)->cause() == "version 1");
  CHECK(asked == 2);
  // A timer that is due for ever does not keep the caller for ever.
  const Handler for_ever = [&](const rpc::CallContext&, const Request&) -> absl::StatusOr<Outcome> {
    Outcome outcome = desk.SetTitle(RequestFor("timer"));
    outcome.decide_again = true;
    return outcome;
  };
  CHECK(absl::IsUnavailable(desk.Call(RequestFor("b", std::string(32, 'b')), for_ever).status()));
}

TEST_CASE("a command that changes nothing is answered and not recorded", "[app][command]") {
  Desk desk;
  const std::string before = desk.record().Dump();
  const Handler validated = [&](const rpc::CallContext&,
                                const Request&) -> absl::StatusOr<Outcome> {
    Outcome outcome;
    outcome.response.set_cause("would do");
    return outcome;
  };
  CHECK(desk.Call(RequestFor("a"), validated)->cause() == "would do");
  CHECK(desk.record().Dump() == before);
  // So the same id is free for the real thing.
  CHECK(desk.Call(RequestFor("a"), desk.Setting())->cause() == "version 1");
}

TEST_CASE("an error of the handler is the answer and records nothing", "[app][command]") {
  Desk desk;
  const std::string before = desk.record().Dump();
  const Handler refusing = [](const rpc::CallContext&, const Request&) -> absl::StatusOr<Outcome> {
    return casework::NotFound("办件", "a");
  };
  const auto answer = desk.Call(RequestFor("a"), refusing);
  CHECK(absl::IsNotFound(answer.status()));
  CHECK(desk.record().Dump() == before);
}

TEST_CASE("a record that does not answer is UNAVAILABLE to the caller", "[app][command]") {
  std::string away;
  Desk desk([&away](absl::string_view method) {
    return method == away ? absl::UnavailableError("no answer") : absl::OkStatus();
  });
  for (const char* method : {"FindRequest", "Commit"}) {
    away = method;
    CHECK(absl::IsUnavailable(desk.Call(RequestFor("a"), desk.Setting()).status()));
  }
  away = "";
  CHECK(desk.Call(RequestFor("a"), desk.Setting())->cause() == "version 1");
}

TEST_CASE("a commit that happened and was reported as failed is answered to the retry",
          "[app][command]") {
  Desk desk;
  desk.interposed().LoseAnswers(true);
  CHECK(absl::IsUnavailable(desk.Call(RequestFor("a"), desk.Setting()).status()));
  CHECK(VersionOf(desk, "a") == 1);
  desk.interposed().LoseAnswers(false);
  CHECK(desk.Call(RequestFor("a"), desk.Setting())->cause() == "version 1");
  CHECK(VersionOf(desk, "a") == 1);
}

}  // namespace yikou::test
