#include "services/common/tiers.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/app/reaction.h"
#include "libs/base/status.h"

namespace yikou::services {

using casework::v1::Tier;

namespace {

struct NamedTier {
  const char* name;
  Tier tier;
};
constexpr NamedTier kTiers[] = {{"district", casework::v1::TIER_DISTRICT},
                                {"street", casework::v1::TIER_STREET},
                                {"community", casework::v1::TIER_COMMUNITY}};

}  // namespace

absl::StatusOr<std::vector<Tier>> ParseTiers(const std::string& text) {
  std::vector<Tier> tiers;
  if (text.empty()) {
    for (const NamedTier& named : kTiers) tiers.push_back(named.tier);
    return tiers;
  }
  const std::vector<std::string> words = absl::StrSplit(text, ',');
  for (const std::string& word : words) {
    const auto* named = std::find_if(std::begin(kTiers), std::end(kTiers),
                                     [&](const NamedTier& one) { return word == one.name; });
    if (named == std::end(kTiers)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", word, "\" is no tier that has queues: name some of district, street, ",
                       "community, with commas between them."));
    }
    if (std::find(tiers.begin(), tiers.end(), named->tier) == tiers.end()) {
      tiers.push_back(named->tier);
    }
  }
  return tiers;
}

void AddTiersFlag(CLI::App* app, std::string* tiers) {
  app->add_option("--tiers", *tiers,
                  "Tiers whose queues this deployment reads, such as street,district; all when "
                  "left out")
      ->check(
          [](const std::string& text) { return std::string(ParseTiers(text).status().message()); },
          "TIERS");
}

absl::Status AddQueues(const std::string& service, const std::string& tiers,
                       const std::string& store_url, std::vector<app::InputStream>* inputs) {
  YK_ASSIGN_OR_RETURN(const std::vector<Tier> served, ParseTiers(tiers));
  if (served.size() < std::size(kTiers) && absl::StartsWith(store_url, "sqlite:")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tiers ", tiers, " leaves the other tiers to other deployments of the same record, and ",
        "a SQLite file serves one process: what is offered there would wait for ever. Leave ",
        "--tiers out, or keep the record in PostgreSQL."));
  }
  for (const Tier tier : served) {
    inputs->push_back({app::QueueStream(tier, service), "routing"});
  }
  return absl::OkStatus();
}

}  // namespace yikou::services
