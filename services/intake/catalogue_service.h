// The item catalogue: immutable versions, published as events.
#pragma once

#include <string>
#include <vector>

#include "libs/app/service_env.h"
#include "libs/rpc/call.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::intake {

class CatalogueService {
 public:
  explicit CatalogueService(const app::ServiceEnv* env) : env_(env) {}

  absl::StatusOr<store::Outcome<v1::ImportItemsResponse>> ImportItems(
      const rpc::CallContext& context, const v1::ImportItemsRequest& request);
  absl::StatusOr<v1::GetItemResponse> GetItem(const rpc::CallContext& context,
                                              const v1::GetItemRequest& request);
  absl::StatusOr<v1::ListItemsResponse> ListItems(const rpc::CallContext& context,
                                                  const v1::ListItemsRequest& request);

  // Imports a file of one proto3-JSON Item a line at start; commits in batches. INVALID_ARGUMENT
  // names the line.
  absl::Status ImportFile(const std::string& path);

 private:
  absl::Status Import(store::Work& work, const casework::v1::Item& item,
                      v1::ImportItemsResponse* response);

  const app::ServiceEnv* env_;
};

}  // namespace yikou::intake
