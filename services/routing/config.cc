#include "services/routing/config.h"

namespace yikou::routing {

Config ReadConfig(int argc, char** argv) {
  Config config;
  CLI::App app("yikou routing 流转: the directory, the offers and the custody of every case");
  services::AddCommonFlags(&app, &config.common);
  app.add_option("--directory", config.directory,
                 "Units to import at start, one proto3-JSON Unit a line; none when empty")
      ->capture_default_str();
  app.add_option("--offer_lease_seconds", config.offer_lease_seconds,
                 "An offer nobody has received is offered again after this, then twice as long")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return config;
}

}  // namespace yikou::routing
