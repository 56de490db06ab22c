// Load from one thread: many calls outstanding on one completion queue, so that the driver takes as
// little as can be of the cores it shares with what it measures.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "libs/rpc/method.h"
#include "libs/rpc/status.h"
#include "services/cli/connect.h"

namespace yikou::bench {

// Threads: one, that of the constructor, but for Post. Answers are given to callbacks inside Run…;
// what a callback throws, Run… throws.
class Load {
 public:
  // Calls the services of `client`, each over one connection, with tokens made once an identity.
  explicit Load(cli::Client* client);
  // Calls one server, named "", without a token.
  explicit Load(const std::string& address);
  // Cancels what is outstanding; its callbacks are not run.
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Begins a call. The method is the one of the request's file that has these messages.
  template <class Resp, class Req>
  void Call(const std::string& service, const Req& request, const cli::Identity& as,
            std::function<void(absl::StatusOr<Resp>)> done) {
    auto* call = new Unary<Req, Resp>(channels_.at(service), std::move(done));
    Prepare(&call->context, as);
    outstanding_.insert(call);
    call->reader = call->stub.PrepareUnaryCall(
        &call->context, rpc::MethodFor<Req, Resp>(rpc::MethodKind::kUnary).path, request, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->response, &call->status, call);
  }

  // As Call, for calls that may not fail: any error ends the run.
  template <class Resp, class Req>
  void MustCall(const std::string& service, const Req& request, const cli::Identity& as,
                std::function<void(const Resp&)> done) {
    Call<Resp>(service, request, as, [done = std::move(done)](absl::StatusOr<Resp> answer) {
      if (!answer.ok()) Fail(answer.status());
      done(*answer);
    });
  }

  // Runs `work` on the thread that is inside Run…, or the next to be. Threads: any.
  void Post(std::function<void()> work);

  // Takes answers until the time has come.
  void RunUntil(absl::Time until);
  // Takes answers until `done` says true, asked after each; throws after `bound`.
  void RunUntilDone(absl::Duration bound, const std::function<bool()>& done);

 private:
  struct Pending {
    virtual ~Pending() = default;
    virtual void Finish() = 0;
    grpc::ClientContext context;
  };
  template <class Req, class Resp>
  struct Unary : Pending {
    Unary(const std::shared_ptr<grpc::Channel>& channel,
          std::function<void(absl::StatusOr<Resp>)> then)
        : stub(channel), done(std::move(then)) {}
    void Finish() override {
      if (!status.ok()) return done(rpc::FromGrpc(status));
      done(std::move(response));
    }
    grpc::TemplatedGenericStub<Req, Resp> stub;
    std::function<void(absl::StatusOr<Resp>)> done;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Resp>> reader;
    Resp response;
    grpc::Status status;
  };

  [[noreturn]] static void Fail(const absl::Status& status);
  void Prepare(grpc::ClientContext* context, const cli::Identity& as);
  // Takes one answer, or what was posted; false when none came in time.
  bool Step(absl::Time until);

  cli::Client* const client_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;  // by service
  std::map<std::string, std::string> tokens_;                       // by person and unit
  grpc::CompletionQueue queue_;
  std::set<Pending*> outstanding_;
  std::mutex mutex_;
  grpc::Alarm bell_;  // wakes the thread that waits for answers
  bool ringing_ = false;
  std::vector<std::function<void()>> posted_;
};

struct Ran {
  int64_t count = 0;
  absl::Time begin;
};

// Keeps `width` pieces of work going for `span`; each calls its `done` at its end, which begins the
// next. Returns when the last one has ended.
Ran KeepGoing(Load* load, int width, absl::Duration span,
              const std::function<void(std::function<void()> done)>& work);

}  // namespace yikou::bench
