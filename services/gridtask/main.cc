// yikou-gridtask: wired by hand, in order; each failure is a sentence and an exit code.
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "libs/app/service.h"
#include "libs/base/log.h"
#include "services/common/migrate.h"
#include "services/common/process.h"
#include "services/common/tiers.h"
#include "services/gridtask/config.h"
#include "services/gridtask/gridtask_schema.h"
#include "services/gridtask/gridtask_service.h"
#include "services/gridtask/grpc_server.h"

namespace yikou::gridtask {
namespace {

namespace cw = casework::v1;

absl::StatusOr<std::string> ReadFile(const std::string& path, absl::string_view flag) {
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat("The file ", path, " cannot be read. Check ", flag, "."));
  }
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

absl::StatusOr<CategoryList> OpenCategories(const std::string& path) {
  YK_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, "--categories"));
  return CategoryList::Parse(text);
}

absl::Status ImportWorkers(const std::string& path, GridTaskService* grid,
                           const app::ServiceEnv& env) {
  YK_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, "--workers"));
  YK_ASSIGN_OR_RETURN(auto outcome, grid->ImportWorkersFromCsv(text));
  base::LogInfo("gridtask.workers_imported",
                {{"changed", absl::StrCat(outcome.response.changed())},
                 {"unchanged", absl::StrCat(outcome.response.unchanged())}});
  if (outcome.change.empty()) return absl::OkStatus();
  return env.committer->CommitOne(std::move(outcome.change));
}

absl::Status Main(const Config& config) {
  YK_ASSIGN_OR_RETURN(auto process, services::Process::Open(config.common, "gridtask"));
  YK_ASSIGN_OR_RETURN(CategoryList categories, OpenCategories(config.categories));
  GridTaskService grid(process->env(), &process->service().case_numbers(), std::move(categories));
  const Kinds& kinds = grid.kinds();
  const GridTaskConsumer& consumer = grid.consumer();

  app::ServiceParts parts;
  parts.migrations = Migrations();
  parts.kinds = {&kinds.grid_event, &kinds.field_task, &kinds.worker};
  parts.timed_kinds = {&kinds.grid_event, &kinds.field_task};
  parts.inputs = {{app::EventsStream("routing"), "routing"},
                  {app::EventsStream("approval"), "approval"}};
  YK_RETURN_IF_ERROR(
      services::AddQueues("gridtask", config.tiers, config.common.store, &parts.inputs));
  parts.followed = GridTaskConsumer::Follows();
  parts.reaction = [&consumer](store::Work& work, const cw::Event& event) {
    return consumer.React(work, event);
  };
  parts.on_due = [&consumer](store::Work& work, const store::AggregateKind& kind,
                             const std::string& id) { return consumer.OnDue(work, kind, id); };
  YK_RETURN_IF_ERROR(process->service().Prepare(std::move(parts)));
  if (!config.workers.empty()) {
    YK_RETURN_IF_ERROR(
        process->Import([&] { return ImportWorkers(config.workers, &grid, process->env()); }));
  }
  return process->Run(GrpcServices(process->adapter(), &process->service(), &grid));
}

}  // namespace
}  // namespace yikou::gridtask

int main(int argc, char** argv) {
  const auto migrated =
      yikou::services::RunMigrate(argc, argv, "gridtask", yikou::gridtask::Migrations());
  if (migrated) return *migrated;
  return yikou::services::ExitCode(yikou::gridtask::Main(yikou::gridtask::ReadConfig(argc, argv)));
}
