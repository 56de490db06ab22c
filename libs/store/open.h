// The record a URL names.
#pragma once

#include <memory>
#include <string>

#include "libs/store/store.h"

namespace yikou::store {

// Opens the record at `url`: "sqlite:PATH", a file that one process may have open, or
// "postgresql://…" as libpq takes it, whose tables are in `schema`. Returns INVALID_ARGUMENT for
// another kind of URL or a schema that is no lower-case name, FAILED_PRECONDITION when another
// process has the file open, UNAVAILABLE when the database does not answer.
absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& url, const std::string& schema);
// The same to look at only: beside a process that serves the record, and of a file that is there.
absl::StatusOr<std::unique_ptr<Store>> OpenStoreToRead(const std::string& url,
                                                       const std::string& schema);

}  // namespace yikou::store
