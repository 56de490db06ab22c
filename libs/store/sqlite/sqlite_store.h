// The record in one SQLite file: WAL, synchronous=FULL, one writer, a reader a thread.
#pragma once

#include <memory>
#include <string>

#include "libs/store/store.h"

namespace yikou::store {

// Opens or creates the file. FAILED_PRECONDITION when another process has it open: two writers of
// one file would each keep a committer of their own.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path);
// A file that is there, to look at beside whoever has it open.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStoreToRead(const std::string& path);

}  // namespace yikou::store
