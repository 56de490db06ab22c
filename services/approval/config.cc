#include "services/approval/config.h"

#include "services/common/tiers.h"

namespace yikou::approval {

Config ReadConfig(int argc, char** argv) {
  Config config;
  CLI::App app("yikou approval 审批: works on applications, decides, seals and returns them");
  services::AddCommonFlags(&app, &config.common);
  services::AddTiersFlag(&app, &config.tiers);
  app.add_option("--seals", config.seals, "JSON list of seals: scope and forbidden items of each")
      ->capture_default_str();
  app.add_option("--seal_dir", config.seal_dir, "Folder of seal keys, <seal_id>.pem each")
      ->required();
  app.add_flag("--make_seal_keys", config.make_seal_keys,
               "Make keys that are missing; implied by --test_clock (such seals bind nobody)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return config;
}

}  // namespace yikou::approval
