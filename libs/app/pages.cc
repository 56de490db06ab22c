#include "libs/app/pages.h"

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/casework/errors.h"
#include "libs/store/work.h"

namespace yikou::app {
namespace {

constexpr int kDefaultSize = 50;
constexpr int kSizeMax = 1000;

const google::protobuf::FieldDescriptor* FieldOf(const google::protobuf::Message& request,
                                                 const char* name) {
  return request.GetDescriptor()->FindFieldByName(name);
}

// Eight characters that change when the token or the filter does.
std::string ChecksumOf(const google::protobuf::Message& request, const std::string& last_id) {
  std::unique_ptr<google::protobuf::Message> filter(request.New());
  filter->CopyFrom(request);
  filter->GetReflection()->ClearField(filter.get(), FieldOf(request, "page_token"));
  filter->GetReflection()->ClearField(filter.get(), FieldOf(request, "page_size"));
  return base::ToHex(casework::Digest(absl::StrCat(request.GetDescriptor()->full_name(), "\n",
                                                   store::StableBytes(*filter), "\n", last_id)))
      .substr(0, 8);
}

}  // namespace

absl::StatusOr<Page> ReadPage(const google::protobuf::Message& request) {
  const auto* reflection = request.GetReflection();
  const int size = reflection->GetInt32(request, FieldOf(request, "page_size"));
  const std::string token = reflection->GetString(request, FieldOf(request, "page_token"));
  casework::Violations violations;
  if (size < 0) violations.Add("page_size", absl::StrCat("must not be negative, got ", size, "."));
  Page page;
  page.limit = size == 0 ? kDefaultSize : std::min(size, kSizeMax);
  std::string text;
  if (!token.empty()) {
    const bool decoded = absl::WebSafeBase64Unescape(token, &text) && text.size() > 8;
    if (!decoded || text.substr(0, 8) != ChecksumOf(request, text.substr(8))) {
      violations.Add("page_token",
                     "was not given for this filter; send it back unchanged, or leave it empty to "
                     "start from the first page.");
    } else {
      page.after = text.substr(8);
    }
  }
  YK_RETURN_IF_ERROR(violations.ToStatus());
  return page;
}

std::string NextPageToken(const google::protobuf::Message& request, const Page& page, int rows,
                          const std::string& last_id) {
  if (rows < page.limit) return "";
  return absl::WebSafeBase64Escape(absl::StrCat(ChecksumOf(request, last_id), last_id));
}

std::string NextPageToken(const google::protobuf::Message& request, const Page& page,
                          const std::vector<store::Stored>& rows) {
  return NextPageToken(request, page, static_cast<int>(rows.size()),
                       rows.empty() ? "" : rows.back().id);
}

}  // namespace yikou::app
