// The text of statements both databases take, values bound to "?".
#pragma once

#include <string>

#include "libs/store/sql/connection.h"

namespace yikou::store {

// "?, ?, ?"
std::string Marks(size_t count);

// "<kind>/<id>" as seen_version has it, "<id>/<kind>", and back. A kind has no slash in it.
std::string IdFirst(const std::string& aggregate);
std::string KindFirst(const std::string& stored);

// " ON CONFLICT (…) DO …", or "" when a row that exists is an error.
std::string OnConflict(const RowBatch& batch);

}  // namespace yikou::store
