// Pages of a list: sizes, and opaque tokens bound to the filter they were made for.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "libs/store/store.h"

namespace yikou::app {

// A list request, decoded.
struct Page {
  int limit = 50;
  std::string after;  // last id of the page before; empty at the start
};

// Reads page_size and page_token of a list request. INVALID_ARGUMENT: a negative size, a token that
// was altered or made for another filter. Sizes above 1000 count as 1000.
absl::StatusOr<Page> ReadPage(const google::protobuf::Message& request);

// Token for the page after `last_id`; "" when `rows` is less than the limit.
std::string NextPageToken(const google::protobuf::Message& request, const Page& page, int rows,
                          const std::string& last_id);
// The same where the rows are aggregates, listed by their ids.
std::string NextPageToken(const google::protobuf::Message& request, const Page& page,
                          const std::vector<store::Stored>& rows);

}  // namespace yikou::app
