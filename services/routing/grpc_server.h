// The gRPC face of routing: one line a method.
#pragma once

#include <vector>

#include "libs/rpc/server.h"

namespace yikou::rpc {
class Adapter;
}  // namespace yikou::rpc

namespace yikou::app {
class Service;
}  // namespace yikou::app

namespace yikou::routing {

class DirectoryService;
class OfferKeeper;
class RoutingService;

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, app::Service* service,
                                             RoutingService* routing, const OfferKeeper* keeper,
                                             DirectoryService* directory);

}  // namespace yikou::routing
