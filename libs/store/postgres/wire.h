// Values as PostgreSQL sends and takes them in its binary format, arrays included.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/sql/connection.h"

namespace yikou::store::wire {

using Oid = unsigned int;

// Numbers of the types the record uses, as in PostgreSQL's pg_type catalogue.
inline constexpr Oid kBytes = 17;
inline constexpr Oid kInt8 = 20;
inline constexpr Oid kInt4 = 23;
inline constexpr Oid kText = 25;
inline constexpr Oid kFloat8 = 701;

// The type a value has by itself; 0 for NULL.
Oid TypeOf(const Value& value);

// The type of an array of these; 0 for a type the record does not use.
Oid ArrayOf(Oid element);
// The same as it is written in SQL.
const char* NameOf(Oid element);

// A value that is not NULL.
std::string Encode(const Value& value);

// Column `column` of the rows as a one-dimensional array. INTERNAL when a value is of another type.
absl::StatusOr<std::string> EncodeArray(const std::vector<Row>& rows, size_t column, Oid element);

// A value that is not NULL. INTERNAL for a type the record does not use.
absl::StatusOr<Value> Decode(Oid type, const char* bytes, int length);

}  // namespace yikou::store::wire
