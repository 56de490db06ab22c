// The gRPC face of intake: one line a method.
#pragma once

#include <vector>

#include "libs/rpc/server.h"

namespace yikou::rpc {
class Adapter;
}  // namespace yikou::rpc

namespace yikou::app {
class Service;
}  // namespace yikou::app

namespace yikou::intake {

class CaseWatcher;
class CatalogueService;
class IntakeService;
class MaterialService;

struct Handlers {
  IntakeService* intake;
  CatalogueService* catalogue;
  MaterialService* materials;
  CaseWatcher* watcher;
};

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, app::Service* service,
                                             const Handlers& handlers);

}  // namespace yikou::intake
