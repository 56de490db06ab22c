#include "services/reporting/config.h"

namespace yikou::reporting {

Config ReadConfig(int argc, char** argv) {
  Config config;
  CLI::App app("yikou reporting 统计: folds the events of all services into figures and timelines");
  services::AddCommonFlags(&app, &config.common);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return config;
}

}  // namespace yikou::reporting
