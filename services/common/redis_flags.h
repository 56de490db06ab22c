// Where Redis is, by the flags.
#pragma once

#include "absl/status/status.h"
#include "libs/app/service.h"
#include "services/common/config.h"

namespace yikou::services {

// Puts what the flags say of Redis into `options`. INVALID_ARGUMENT, a sentence that says what to
// give or leave out, when they do not fit together.
absl::Status SetRedis(const CommonConfig& config, app::ServiceOptions* options);

}  // namespace yikou::services
