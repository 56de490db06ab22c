// Reads of offers and custody, dry runs, and the directory.
#pragma once

#include <string>

#include "libs/app/service_env.h"
#include "libs/rpc/call.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::routing {

class RoutingService {
 public:
  explicit RoutingService(const app::ServiceEnv* env) : env_(env) {}

  absl::StatusOr<v1::ListOffersResponse> ListOffers(const rpc::CallContext& context,
                                                    const v1::ListOffersRequest& request);
  absl::StatusOr<v1::GetOfferResponse> GetOffer(const rpc::CallContext& context,
                                                const v1::GetOfferRequest& request);
  absl::StatusOr<v1::GetCustodyResponse> GetCustody(const rpc::CallContext& context,
                                                    const v1::GetCustodyRequest& request);
  absl::StatusOr<v1::ExplainRouteResponse> ExplainRoute(const rpc::CallContext& context,
                                                        const v1::ExplainRouteRequest& request);

 private:
  const app::ServiceEnv* env_;
};

class DirectoryService {
 public:
  explicit DirectoryService(const app::ServiceEnv* env) : env_(env) {}

  absl::StatusOr<store::Outcome<v1::ImportUnitsResponse>> ImportUnits(
      const rpc::CallContext& context, const v1::ImportUnitsRequest& request);
  absl::StatusOr<v1::GetUnitResponse> GetUnit(const rpc::CallContext& context,
                                              const v1::GetUnitRequest& request);
  absl::StatusOr<v1::ListUnitsResponse> ListUnits(const rpc::CallContext& context,
                                                  const v1::ListUnitsRequest& request);

  // Imports a file of one proto3-JSON Unit a line at start; commits in batches.
  absl::Status ImportFile(const std::string& path);

 private:
  absl::Status Import(store::Work& work, const casework::v1::Unit& unit,
                      v1::ImportUnitsResponse* response);

  const app::ServiceEnv* env_;
};

}  // namespace yikou::routing
