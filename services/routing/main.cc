// yikou-routing: wired by hand, in order; each failure is a sentence and an exit code.
#include "libs/app/service.h"
#include "services/common/migrate.h"
#include "services/common/process.h"
#include "services/routing/config.h"
#include "services/routing/grpc_server.h"
#include "services/routing/offer_keeper.h"
#include "services/routing/routing_consumer.h"
#include "services/routing/routing_schema.h"
#include "services/routing/routing_service.h"

namespace yikou::routing {
namespace {

absl::Status Main(const Config& config) {
  YK_ASSIGN_OR_RETURN(auto process, services::Process::Open(config.common, "routing"));
  const app::ServiceEnv* env = &process->env();
  const OfferKeeper keeper(env, absl::Seconds(config.offer_lease_seconds));
  RoutingConsumer consumer(env, &keeper);
  RoutingService routing(env);
  DirectoryService directory(env);

  app::ServiceParts parts;
  parts.migrations = RoutingMigrations();
  parts.kinds = {&kOffer, &kCustody, &kItinerary, &app::kOwnUnitKind};
  parts.inputs = {{app::EventsStream("intake"), "intake"},
                  {app::EventsStream("approval"), "approval"},
                  {app::EventsStream("gridtask"), "gridtask"}};
  parts.reaction = [&consumer](store::Work& work, const casework::v1::Event& event) {
    return consumer.React(work, event);
  };
  parts.leased_kinds = {&kOffer};
  parts.on_due = [&keeper](store::Work& work, const store::AggregateKind&, const std::string& id) {
    return keeper.OnDue(work, id);
  };
  parts.list_unanswered = [&keeper](const std::string& after, int limit) {
    return keeper.ListUnanswered(after, limit);
  };
  parts.count_unanswered = [&keeper] { return keeper.CountUnanswered(); };
  YK_RETURN_IF_ERROR(process->service().Prepare(std::move(parts)));
  if (!config.directory.empty()) {
    YK_RETURN_IF_ERROR(process->Import([&] { return directory.ImportFile(config.directory); }));
  }
  return process->Run(
      GrpcServices(process->adapter(), &process->service(), &routing, &keeper, &directory));
}

}  // namespace
}  // namespace yikou::routing

int main(int argc, char** argv) {
  const auto migrated =
      yikou::services::RunMigrate(argc, argv, "routing", yikou::routing::RoutingMigrations());
  if (migrated) return *migrated;
  return yikou::services::ExitCode(yikou::routing::Main(yikou::routing::ReadConfig(argc, argv)));
}
