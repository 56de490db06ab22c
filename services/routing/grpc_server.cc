#include "services/routing/grpc_server.h"

#include "services/common/bind.h"
#include "services/routing/offer_keeper.h"
#include "services/routing/routing_service.h"
#include "yikou/routing/v1/routing.grpc.pb.h"

namespace yikou::routing {
namespace {

const rpc::MethodRule kAdmins{{auth::kAdmin}};
const rpc::MethodRule kOperators{{auth::kOperator, auth::kAdmin}};
const rpc::MethodRule kAnyone{};

}  // namespace

class RoutingGrpc final : public v1::RoutingService::CallbackService {
 public:
  RoutingGrpc(rpc::Adapter* adapter, app::Service* service, RoutingService* routing,
              const OfferKeeper* keeper)
      : adapter_(adapter), service_(service), routing_(routing), keeper_(keeper) {}

  YK_QUERY(ListOffers, kAnyone, routing_)
  YK_QUERY(GetOffer, kAnyone, routing_)
  YK_COMMAND(RedirectOffer, kOperators, keeper_)
  YK_QUERY(GetCustody, kAnyone, routing_)
  YK_QUERY(ExplainRoute, kAnyone, routing_)

 private:
  rpc::Adapter* adapter_;
  app::Service* service_;
  RoutingService* routing_;
  const OfferKeeper* keeper_;
};

class DirectoryGrpc final : public v1::DirectoryService::CallbackService {
 public:
  DirectoryGrpc(rpc::Adapter* adapter, app::Service* service, DirectoryService* directory)
      : adapter_(adapter), service_(service), directory_(directory) {}

  YK_COMMAND(ImportUnits, kAdmins, directory_)
  YK_QUERY(GetUnit, kAnyone, directory_)
  YK_QUERY(ListUnits, kAnyone, directory_)

 private:
  rpc::Adapter* adapter_;
  app::Service* service_;
  DirectoryService* directory_;
};

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, app::Service* service,
                                             RoutingService* routing, const OfferKeeper* keeper,
                                             DirectoryService* directory) {
  return {{v1::RoutingService::service_full_name(),
           std::make_shared<RoutingGrpc>(adapter, service, routing, keeper)},
          {v1::DirectoryService::service_full_name(),
           std::make_shared<DirectoryGrpc>(adapter, service, directory)}};
}

}  // namespace yikou::routing
