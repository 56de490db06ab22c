// Between gRPC and the handlers: the one place where identity, deadline, record and status
// conversion live. A grpc_server.cc has one line a method:
//
//   grpc::ServerUnaryReactor* GetCase(grpc::CallbackServerContext* context,
//                                     const GetCaseRequest* request,
//                                     GetCaseResponse* response) override {
//     return adapter_->Unary<GetCaseRequest, GetCaseResponse>(context, request, response,
//                                                             {{auth::kClerk}}, get_case_);
//   }
//
// A call passes, in order: metadata size, deadline, calls in flight; then, on the pool: deadline
// again, token, role; then the handler. A call that is refused never reaches the handler.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "libs/rpc/call.h"
#include "libs/rpc/method.h"
#include "libs/rpc/reactors.h"
#include "libs/rpc/server_call.h"
#include "libs/rpc/write_stream.h"

namespace yikou::rpc {

// Runs on the pool; replies once, on any thread. Context and request live until the reply.
template <class Req, class Resp>
using UnaryHandler = std::function<void(const CallContext&, const Req&, Reply<Resp>)>;

// Runs on the pool; may keep the writer. Context lives as long as the writer, the request until
// the handler returns.
template <class Req, class Resp>
using StreamHandler =
    std::function<void(const CallContext&, const Req&, std::shared_ptr<StreamWriter<Resp>>)>;

// Runs on the pool. Context lives until the reply.
template <class Req, class Resp>
using UploadFactory = std::function<std::unique_ptr<UploadSink<Req, Resp>>(const CallContext&)>;

// Must outlive the server whose calls it takes. Threads: any.
class Adapter {
 public:
  explicit Adapter(AdapterOptions options);

  template <class Req, class Resp>
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const Req* request,
                                  Resp* response, MethodRule rule,
                                  UnaryHandler<Req, Resp> handler) {
    auto* reactor = new internal::UnaryReactor;
    reactor->set_call(internal::ServerCall::Start(
        &state_, *context, MethodFor<Req, Resp>(MethodKind::kUnary), MethodKind::kUnary,
        std::move(rule), [reactor](const grpc::Status& status) { reactor->Finish(status); },
        [request, response,
         handler = std::move(handler)](const std::shared_ptr<internal::ServerCall>& call) {
          handler(call->context(), *request, internal::ReplyTo(call, response));
        }));
    return reactor;
  }

  template <class Req, class Resp>
  grpc::ServerWriteReactor<Resp>* Stream(grpc::CallbackServerContext* context, const Req* request,
                                         MethodRule rule, StreamHandler<Req, Resp> handler) {
    auto* reactor = new internal::WriteReactor<Resp>;
    std::weak_ptr<internal::ServerCall> call = internal::ServerCall::Start(
        &state_, *context, MethodFor<Req, Resp>(MethodKind::kServerStream),
        MethodKind::kServerStream, std::move(rule),
        [stream = reactor->stream()](const grpc::Status& status) { stream->Close(status); },
        // A copy of the request: gRPC's own goes as soon as the caller goes.
        [request = *request, stream = reactor->stream(),
         handler = std::move(handler)](const std::shared_ptr<internal::ServerCall>& call) {
          handler(call->context(), request,
                  std::make_shared<internal::CallWriter<Resp>>(call, stream));
        });
    reactor->set_on_cancel([call = std::move(call)] {
      if (const auto live = call.lock()) live->OnCancel();
    });
    return reactor;
  }

  template <class Req, class Resp>
  grpc::ServerReadReactor<Req>* Upload(grpc::CallbackServerContext* context, Resp* response,
                                       MethodRule rule, UploadFactory<Req, Resp> factory) {
    auto* reactor = new internal::UploadReactor<Req, Resp>(response);
    reactor->set_call(internal::ServerCall::Start(
        &state_, *context, MethodFor<Req, Resp>(MethodKind::kClientStream),
        MethodKind::kClientStream, std::move(rule),
        [reactor](const grpc::Status& status) { reactor->Finish(status); },
        [reactor, factory = std::move(factory)](const std::shared_ptr<internal::ServerCall>& call) {
          reactor->Begin(call, factory(call->context()));
        }));
    return reactor;
  }

  // Answers every new call with UNAVAILABLE and RetryInfo from now on; running ones go on. A server
  // can then be shut down without waiting for connections whose clients are asleep.
  void StartDraining() { state_.draining = true; }
  // Calls that wait or run.
  int in_flight() const { return state_.in_flight; }

  // Ends every open stream with UNAVAILABLE and refuses new ones. Called before the server is shut
  // down, which otherwise waits for them until its own deadline.
  void CloseStreams();

 private:
  internal::AdapterState state_;
};

}  // namespace yikou::rpc
