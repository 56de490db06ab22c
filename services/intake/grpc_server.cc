#include "services/intake/grpc_server.h"

#include "services/common/bind.h"
#include "services/intake/case_watcher.h"
#include "services/intake/catalogue_service.h"
#include "services/intake/intake_service.h"
#include "services/intake/material_service.h"
#include "yikou/intake/v1/intake.grpc.pb.h"

namespace yikou::intake {

using grpc::CallbackServerContext;

namespace {

const rpc::MethodRule kCounter{{auth::kClerk}};
const rpc::MethodRule kUploaders{{auth::kClerk, auth::kGridWorker}};
const rpc::MethodRule kCorrections{{auth::kClerk, auth::kSupervisor}};
const rpc::MethodRule kAdmins{{auth::kAdmin}};
const rpc::MethodRule kAnyone{};

}  // namespace

class IntakeGrpc final : public v1::IntakeService::CallbackService {
 public:
  IntakeGrpc(rpc::Adapter* adapter, app::Service* service, const Handlers& handlers)
      : adapter_(adapter), service_(service), handlers_(handlers) {}

  YK_COMMAND(ReceiveCase, kCounter, handlers_.intake)
  YK_COMMAND(AcceptCase, kCounter, handlers_.intake)
  YK_COMMAND(RequestCorrection, kCorrections, handlers_.intake)
  YK_COMMAND(SubmitCorrection, kCounter, handlers_.intake)
  YK_COMMAND(RefuseCase, kCounter, handlers_.intake)
  YK_COMMAND(WithdrawCase, kCounter, handlers_.intake)
  YK_COMMAND(DeliverCase, kCounter, handlers_.intake)
  YK_COMMAND(CloseCase, kCounter, handlers_.intake)
  YK_COMMAND(RateCase, kCounter, handlers_.intake)
  YK_QUERY(GetCase, kAnyone, handlers_.intake)
  YK_QUERY(BatchGetCases, kAnyone, handlers_.intake)
  YK_QUERY(ListCases, kAnyone, handlers_.intake)
  YK_QUERY(ExplainDeadline, kAnyone, handlers_.intake)

  grpc::ServerReadReactor<v1::UploadMaterialRequest>* UploadMaterial(
      CallbackServerContext* context, v1::UploadMaterialResponse* response) override {
    return adapter_->Upload<v1::UploadMaterialRequest, v1::UploadMaterialResponse>(
        context, response, kUploaders,
        [this](const rpc::CallContext& call) { return handlers_.materials->Upload(call); });
  }
  grpc::ServerWriteReactor<v1::ReadMaterialResponse>* ReadMaterial(
      CallbackServerContext* context, const v1::ReadMaterialRequest* request) override {
    return adapter_->Stream<v1::ReadMaterialRequest, v1::ReadMaterialResponse>(
        context, request, kAnyone,
        [this](const rpc::CallContext& call, const v1::ReadMaterialRequest& req, auto writer) {
          handlers_.materials->Read(call, req, std::move(writer));
        });
  }
  grpc::ServerWriteReactor<v1::WatchCaseResponse>* WatchCase(
      CallbackServerContext* context, const v1::WatchCaseRequest* request) override {
    return adapter_->Stream<v1::WatchCaseRequest, v1::WatchCaseResponse>(
        context, request, kAnyone,
        [this](const rpc::CallContext& call, const v1::WatchCaseRequest& req, auto writer) {
          handlers_.watcher->Watch(call, req, std::move(writer));
        });
  }

 private:
  rpc::Adapter* adapter_;
  app::Service* service_;
  Handlers handlers_;
};

class CatalogueGrpc final : public v1::CatalogueService::CallbackService {
 public:
  CatalogueGrpc(rpc::Adapter* adapter, app::Service* service, const Handlers& handlers)
      : adapter_(adapter), service_(service), handlers_(handlers) {}

  YK_COMMAND(ImportItems, kAdmins, handlers_.catalogue)
  YK_QUERY(GetItem, kAnyone, handlers_.catalogue)
  YK_QUERY(ListItems, kAnyone, handlers_.catalogue)

 private:
  rpc::Adapter* adapter_;
  app::Service* service_;
  Handlers handlers_;
};

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, app::Service* service,
                                             const Handlers& handlers) {
  return {{v1::IntakeService::service_full_name(),
           std::make_shared<IntakeGrpc>(adapter, service, handlers)},
          {v1::CatalogueService::service_full_name(),
           std::make_shared<CatalogueGrpc>(adapter, service, handlers)}};
}

}  // namespace yikou::intake
