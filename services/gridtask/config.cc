#include "services/gridtask/config.h"

#include "services/common/tiers.h"

namespace yikou::gridtask {

Config ReadConfig(int argc, char** argv) {
  Config config;
  CLI::App app("yikou gridtask 网格: grid events, looks on the spot and the workers who do both");
  services::AddCommonFlags(&app, &config.common);
  services::AddTiersFlag(&app, &config.tiers);
  app.add_option("--categories", config.categories, "JSON list of the categories of grid events")
      ->capture_default_str();
  app.add_option("--workers", config.workers,
                 "Workers to import at start, CSV with a header; none when empty")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return config;
}

}  // namespace yikou::gridtask
