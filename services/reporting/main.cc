// yikou-reporting: wired by hand, in order; each failure is a sentence and an exit code.
#include "libs/app/service.h"
#include "services/common/migrate.h"
#include "services/common/process.h"
#include "services/reporting/config.h"
#include "services/reporting/grpc_server.h"
#include "services/reporting/reporting_schema.h"
#include "services/reporting/reporting_service.h"

namespace yikou::reporting {
namespace {

absl::Status Main(const Config& config) {
  YK_ASSIGN_OR_RETURN(auto process, services::Process::Open(config.common, "reporting"));
  ReportingService reporting(&process->env(), [&process](const std::string& request_id) {
    return process->service().StartRebuild(request_id);
  });

  app::ServiceParts parts;
  parts.migrations = Migrations();
  parts.kinds = {&kCaseFigures};
  parts.derived_tables = DerivedTables();
  parts.inputs = {{app::EventsStream("intake"), "intake"},
                  {app::EventsStream("routing"), "routing"},
                  {app::EventsStream("approval"), "approval"},
                  {app::EventsStream("gridtask"), "gridtask"}};
  parts.reaction = [&reporting](store::Work& work, const casework::v1::Event& event) {
    return reporting.React(work, event);
  };
  YK_RETURN_IF_ERROR(process->service().Prepare(std::move(parts)));
  return process->Run(GrpcServices(process->adapter(), &reporting));
}

}  // namespace
}  // namespace yikou::reporting

int main(int argc, char** argv) {
  const auto migrated =
      yikou::services::RunMigrate(argc, argv, "reporting", yikou::reporting::Migrations());
  if (migrated) return *migrated;
  return yikou::services::ExitCode(
      yikou::reporting::Main(yikou::reporting::ReadConfig(argc, argv)));
}
