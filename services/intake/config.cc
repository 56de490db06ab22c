#include "services/intake/config.h"

#include "services/common/tiers.h"

namespace yikou::intake {

Config ReadConfig(int argc, char** argv) {
  Config config;
  CLI::App app("yikou intake 受理: receives cases at the counter and brings results back");
  services::AddCommonFlags(&app, &config.common);
  services::AddTiersFlag(&app, &config.tiers);
  app.add_option("--catalogue", config.catalogue,
                 "Items to import at start, one proto3-JSON Item a line; none when empty")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return config;
}

}  // namespace yikou::intake
