// Which tiers a deployment serves: the queues it reads of those that routing fills for its service.
// Several deployments of a service share one record and split the tiers among them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/app/service.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::services {

// Tiers that have queues, of "street,district"; all of them when the text is empty.
// INVALID_ARGUMENT names the word that is none.
absl::StatusOr<std::vector<casework::v1::Tier>> ParseTiers(const std::string& text);

// Adds --tiers, which is checked as it is read.
void AddTiersFlag(CLI::App* app, std::string* tiers);

// Adds the queues of `service` at these tiers. INVALID_ARGUMENT when some are left out and the
// record is one that no other deployment can share: nobody would ever read them.
absl::Status AddQueues(const std::string& service, const std::string& tiers,
                       const std::string& store_url, std::vector<app::InputStream>* inputs);

}  // namespace yikou::services
