#include "services/common/grpc_server.h"

#include "libs/app/service.h"
#include "libs/auth/roles.h"
#include "libs/rpc/adapter.h"
#include "services/common/bind.h"
#include "yikou/casework/v1/log.grpc.pb.h"

namespace yikou::services {

namespace v1 = casework::v1;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

namespace {

const rpc::MethodRule kServices{{auth::kService, auth::kAuditor, auth::kOperator}};
const rpc::MethodRule kOperators{{auth::kOperator, auth::kAdmin}};
const rpc::MethodRule kWatchers{{auth::kOperator, auth::kAdmin, auth::kAuditor, auth::kService}};
const rpc::MethodRule kAuditors{{auth::kAuditor, auth::kOperator}};

// Answers a read of the service at once; these do not pass through Commands.
template <class Req, class Resp, class Method>
ServerUnaryReactor* Answer(rpc::Adapter* adapter, CallbackServerContext* context,
                           const Req* request, Resp* response, const rpc::MethodRule& rule,
                           Method method) {
  return adapter->Unary<Req, Resp>(context, request, response, rule,
                                   [method](const rpc::CallContext&, const Req& req,
                                            rpc::Reply<Resp> reply) { reply(method(req)); });
}

class EventLogGrpc final : public v1::EventLogService::CallbackService {
 public:
  EventLogGrpc(rpc::Adapter* adapter, app::Service* service)
      : adapter_(adapter), service_(service) {}

  ServerUnaryReactor* ReadStream(CallbackServerContext* context,
                                 const v1::ReadStreamRequest* request,
                                 v1::ReadStreamResponse* response) override {
    return Answer(adapter_, context, request, response, kServices,
                  [this](const auto& req) { return service_->ReadStream(req); });
  }
  ServerUnaryReactor* GetHeads(CallbackServerContext* context, const v1::GetHeadsRequest* request,
                               v1::GetHeadsResponse* response) override {
    return Answer(adapter_, context, request, response, kServices,
                  [this](const auto&) { return service_->GetHeads(); });
  }
  ServerUnaryReactor* VerifyLog(CallbackServerContext* context, const v1::VerifyLogRequest* request,
                                v1::VerifyLogResponse* response) override {
    return Answer(adapter_, context, request, response, kAuditors,
                  [this](const auto&) { return service_->VerifyLog(); });
  }
  ServerUnaryReactor* SignHead(CallbackServerContext* context, const v1::SignHeadRequest* request,
                               v1::SignHeadResponse* response) override {
    return Answer(adapter_, context, request, response, kAuditors,
                  [this](const auto&) { return service_->SignHead(); });
  }

 private:
  rpc::Adapter* adapter_;
  app::Service* service_;
};

class OperationsGrpc final : public v1::OperationsService::CallbackService {
 public:
  OperationsGrpc(rpc::Adapter* adapter, app::Service* service)
      : adapter_(adapter), service_(service) {}

  ServerUnaryReactor* GetQueueStats(CallbackServerContext* context,
                                    const v1::GetQueueStatsRequest* request,
                                    v1::GetQueueStatsResponse* response) override {
    return Answer(adapter_, context, request, response, kWatchers,
                  [this](const auto&) { return service_->GetQueueStats(); });
  }
  ServerUnaryReactor* ListStuck(CallbackServerContext* context, const v1::ListStuckRequest* request,
                                v1::ListStuckResponse* response) override {
    return Answer(adapter_, context, request, response, kWatchers,
                  [this](const auto& req) { return service_->ListStuck(req); });
  }
  YK_COMMAND(RetryStuck, kOperators, service_)
  YK_COMMAND(ResolveStuck, kOperators, service_)
  ServerUnaryReactor* RepublishStream(CallbackServerContext* context,
                                      const v1::RepublishStreamRequest* request,
                                      v1::RepublishStreamResponse* response) override {
    return Answer(adapter_, context, request, response, kOperators,
                  [this](const auto& req) { return service_->RepublishStream(req); });
  }
  ServerUnaryReactor* GetClock(CallbackServerContext* context, const v1::GetClockRequest* request,
                               v1::GetClockResponse* response) override {
    return Answer(adapter_, context, request, response, kWatchers,
                  [this](const auto&) { return service_->GetClock(); });
  }
  ServerUnaryReactor* SetClock(CallbackServerContext* context, const v1::SetClockRequest* request,
                               v1::SetClockResponse* response) override {
    return Answer(adapter_, context, request, response, kOperators,
                  [this](const auto& req) { return service_->SetClock(req); });
  }

 private:
  rpc::Adapter* adapter_;
  app::Service* service_;
};

}  // namespace

std::vector<rpc::ServedService> CommonGrpcServices(rpc::Adapter* adapter, app::Service* service) {
  return {
      {v1::EventLogService::service_full_name(), std::make_shared<EventLogGrpc>(adapter, service)},
      {v1::OperationsService::service_full_name(),
       std::make_shared<OperationsGrpc>(adapter, service)}};
}

}  // namespace yikou::services
