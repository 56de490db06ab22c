// From a handler to an answer: request id, decide, commit, answer. The only way a call writes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "libs/base/executor.h"
#include "libs/rpc/call.h"
#include "libs/store/group_committer.h"
#include "libs/store/store.h"

namespace yikou::app {

// INVALID_ARGUMENT unless it is a UUID.
absl::Status CheckRequestId(const std::string& request_id);

// Decides one command. Reads what it needs, writes nothing; see store::Outcome.
template <class Request, class Response>
using CommandHandler = std::function<absl::StatusOr<store::Outcome<Response>>(
    const rpc::CallContext&, const Request&)>;

class Commands {
 public:
  Commands(store::Store* store, store::GroupCommitter* committer, base::Executor* executor)
      : store_(store), committer_(committer), executor_(executor) {}

  // Runs one command and replies exactly once, on any thread:
  //  1. a request id seen before answers as before, or ALREADY_EXISTS for another payload;
  //  2. the handler decides; when due timers come first they are committed and it decides again;
  //  3. the change and the request id commit together; on a conflict the handler decides again on
  //     what is there now, so a caller with a stale version is told by the handler.
  template <class Request, class Response>
  void Run(const rpc::CallContext& context, const Request& request,
           CommandHandler<Request, Response> handler, rpc::Reply<Response> reply) {
    auto shared = std::make_shared<Request>(request);
    RunErased(
        context, request,
        [context, shared, handler](store::Change* change,
                                   bool* again) -> absl::StatusOr<std::string> {
          absl::StatusOr<store::Outcome<Response>> outcome = handler(context, *shared);
          if (!outcome.ok()) return outcome.status();
          *change = std::move(outcome->change);
          *again = outcome->decide_again;
          return outcome->response.SerializeAsString();
        },
        [reply = std::move(reply)](absl::StatusOr<std::string> bytes) {
          if (!bytes.ok()) return reply(bytes.status());
          Response response;
          response.ParseFromString(*bytes);
          reply(std::move(response));
        });
  }

  // Binds a handler for the adapter.
  template <class Request, class Response>
  auto Bind(CommandHandler<Request, Response> handler) {
    return
        [this, handler = std::move(handler)](const rpc::CallContext& context,
                                             const Request& request, rpc::Reply<Response> reply) {
          Run<Request, Response>(context, request, handler, std::move(reply));
        };
  }

 private:
  using Decide = std::function<absl::StatusOr<std::string>(store::Change*, bool* again)>;
  using Answer = std::function<void(absl::StatusOr<std::string>)>;
  struct Call;
  void RunErased(const rpc::CallContext& context, const google::protobuf::Message& request,
                 Decide decide, Answer answer);
  void Attempt(std::shared_ptr<Call> call);
  void Answered(const std::shared_ptr<Call>& call, std::string response, absl::Status committed);
  // Looks a request id up. True when `call` has been answered from it.
  bool AnswerFromRecord(const Call& call);

  store::Store* store_;
  store::GroupCommitter* committer_;
  base::Executor* executor_;
};

// Binds a read: decides nothing, answers at once.
template <class Request, class Response>
auto BindQuery(
    std::function<absl::StatusOr<Response>(const rpc::CallContext&, const Request&)> handler) {
  return [handler = std::move(handler)](const rpc::CallContext& context, const Request& request,
                                        rpc::Reply<Response> reply) {
    reply(handler(context, request));
  };
}

}  // namespace yikou::app
