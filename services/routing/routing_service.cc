#include "services/routing/routing_service.h"

#include "absl/strings/str_cat.h"
#include "libs/app/pages.h"
#include "libs/casework/errors.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/placement.h"
#include "libs/casework/units.h"
#include "services/routing/routing_schema.h"

namespace yikou::routing {

namespace cw = casework::v1;

absl::StatusOr<v1::ListOffersResponse> RoutingService::ListOffers(
    const rpc::CallContext& context, const v1::ListOffersRequest& request) {
  YK_ASSIGN_OR_RETURN(app::Page page, app::ReadPage(request));
  using Op = store::Filter::Op;
  store::Query query{.filters = {},
                     .scope = env_->ScopeOf(context),
                     .descending = true,
                     .after = page.after,
                     .limit = page.limit};
  if (!request.case_id().empty()) query.filters.push_back({"case_id", Op::kEq, request.case_id()});
  if (request.state() != 0) query.filters.push_back({"state", Op::kEq, int64_t{request.state()}});
  if (!request.to_unit().empty()) {
    const auto [first, last] = casework::CoveredRange(request.to_unit());
    query.filters.push_back({"to_unit", Op::kGe, first});
    query.filters.push_back({"to_unit", Op::kLt, last});
  }
  YK_ASSIGN_OR_RETURN(std::vector<store::Stored> found, env_->store->Find(kOffer, query));
  v1::ListOffersResponse response;
  for (const store::Stored& stored : found) {
    cw::Offer* offer = response.add_offers();
    offer->ParseFromString(stored.body);
    offer->clear_route();
  }
  response.set_next_page_token(app::NextPageToken(request, page, found));
  return response;
}

absl::StatusOr<v1::GetOfferResponse> RoutingService::GetOffer(const rpc::CallContext& context,
                                                              const v1::GetOfferRequest& request) {
  absl::StatusOr<store::Stored> stored =
      env_->store->Get(kOffer, request.offer_id(), env_->ScopeOf(context));
  if (absl::IsNotFound(stored.status())) return casework::NotFound("移交", request.offer_id());
  YK_RETURN_IF_ERROR(stored.status());
  v1::GetOfferResponse response;
  response.mutable_offer()->ParseFromString(stored->body);
  return response;
}

absl::StatusOr<v1::GetCustodyResponse> RoutingService::GetCustody(
    const rpc::CallContext& context, const v1::GetCustodyRequest& request) {
  absl::StatusOr<store::Stored> stored =
      env_->store->Get(kCustody, request.case_id(), env_->ScopeOf(context));
  if (absl::IsNotFound(stored.status())) return casework::NotFound("办件", request.case_id());
  YK_RETURN_IF_ERROR(stored.status());
  YK_ASSIGN_OR_RETURN(store::Stored itinerary, env_->store->Get(kItinerary, request.case_id()));
  v1::GetCustodyResponse response;
  response.mutable_custody()->ParseFromString(itinerary.body);
  response.mutable_custody()->MergeFromString(stored->body);
  return response;
}

absl::StatusOr<v1::ExplainRouteResponse> RoutingService::ExplainRoute(
    const rpc::CallContext& context, const v1::ExplainRouteRequest& request) {
  YK_ASSIGN_OR_RETURN(const cw::Item item, env_->reference->GetItem(request.item_code(), 0));
  YK_RETURN_IF_ERROR(env_->reference->GetUnit(request.receiver_unit()).status());
  absl::CivilDay day = casework::Calendar::DayOf(env_->case_clock->Now());
  if (!request.date().empty() && !casework::ParseDay(request.date(), &day)) {
    casework::Violations violations;
    violations.Add("date", "应为 YYYY-MM-DD，1900-01-01 至 2100-12-31。");
    return violations.ToStatus();
  }
  v1::ExplainRouteResponse response;
  YK_ASSIGN_OR_RETURN(
      *response.mutable_route(),
      casework::ResolveRoute(item, request.receiver_unit(), request.receiver_unit(), day));
  return response;
}

}  // namespace yikou::routing
