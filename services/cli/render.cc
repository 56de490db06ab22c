#include "services/cli/render.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/cli/fields.h"

namespace yikou::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char32_t kReplacement = 0xFFFD;
constexpr absl::string_view kGap = "  ";

struct Range {
  char32_t first, last;
};

// Unicode 15 East_Asian_Width W and F, neighbouring blocks joined; the ambiguous ones are narrow,
// as terminals show them by default.
constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x23F0, 0x23F0},   {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267F, 0x267F},   {0x2693, 0x2693},   {0x26A1, 0x26A1},
    {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26CE, 0x26CE},
    {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},
    {0x2728, 0x2728},   {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27B0, 0x27B0},   {0x27BF, 0x27BF},
    {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},   {0x2E80, 0x303E},
    {0x3041, 0x3247},   {0x3250, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},
    {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18D08}, {0x1AFF0, 0x1B2FB},
    {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A},
    {0x1F200, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393},
    {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4},
    {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D},
    {0x1F54B, 0x1F54E}, {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596},
    {0x1F5A4, 0x1F5A4}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC},
    {0x1F6D0, 0x1F6D2}, {0x1F6D5, 0x1F6DF}, {0x1F6EB, 0x1F6EF}, {0x1F6F4, 0x1F6FF},
    {0x1F7E0, 0x1F7F0}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945}, {0x1F947, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

// Combining marks and other characters that take no column.
constexpr Range kZero[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
    {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0x302A, 0x302D},   {0x3099, 0x309A}, {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};

// Control characters and bidirectional marks; never printed.
constexpr Range kForbidden[] = {
    {0x00, 0x08},     {0x0B, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C},
    {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069},
};

template <size_t N>
bool In(const Range (&ranges)[N], char32_t c) {
  const Range* found =
      std::lower_bound(std::begin(ranges), std::end(ranges), c,
                       [](const Range& range, char32_t value) { return range.last < value; });
  return found != std::end(ranges) && found->first <= c;
}

// Takes one character off the front; what is not UTF-8 counts one byte at a time.
char32_t TakeCharacter(absl::string_view* text) {
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<unsigned char>(text->front());
  const size_t length = lead < 0x80           ? 1
                        : (lead >> 5) == 0x06 ? 2
                        : (lead >> 4) == 0x0E ? 3
                        : (lead >> 3) == 0x1E ? 4
                                              : 0;
  if (length == 1) {
    text->remove_prefix(1);
    return lead;
  }
  char32_t value = lead & (0x7F >> length);
  bool valid = length != 0 && length <= text->size();
  for (size_t i = 1; valid && i < length; ++i) {
    const auto next = static_cast<unsigned char>((*text)[i]);
    valid = (next & 0xC0) == 0x80;
    value = (value << 6) | (next & 0x3F);
  }
  valid =
      valid && value >= kLeast[length] && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
  text->remove_prefix(valid ? length : 1);
  return valid ? value : kReplacement;
}

int WidthOf(char32_t c) {
  if (In(kZero, c) || In(kForbidden, c)) return 0;
  return In(kWide, c) ? 2 : 1;
}

// Pads to a width in columns.
std::string Padded(absl::string_view text, int width, bool right) {
  const std::string fill(std::max(0, width - DisplayWidth(text)), ' ');
  return right ? absl::StrCat(fill, text) : absl::StrCat(text, fill);
}

std::vector<std::string> LinesOf(absl::string_view cell) { return absl::StrSplit(cell, '\n'); }

// One row of a section and the message it is listed in.
struct Row {
  const Message* message;
  const Message* parent;
};

// Every message at the path; repeated parts are walked in order.
void CollectRows(const Row& at, absl::Span<const FieldDescriptor* const> path,
                 std::vector<Row>* rows) {
  if (path.empty()) {
    rows->push_back(at);
    return;
  }
  const FieldDescriptor* field = path.front();
  const auto* reflection = at.message->GetReflection();
  if (!field->is_repeated()) {
    if (!reflection->HasField(*at.message, field)) return;
    CollectRows({&reflection->GetMessage(*at.message, field), at.message}, path.subspan(1), rows);
    return;
  }
  for (int i = 0; i < reflection->FieldSize(*at.message, field); ++i) {
    CollectRows({&reflection->GetRepeatedMessage(*at.message, field, i), at.message},
                path.subspan(1), rows);
  }
}

std::string CellText(const Row& row, const Column& column) {
  absl::string_view dotted = column.path;
  const Message* message = absl::ConsumePrefix(&dotted, "../") ? row.parent : row.message;
  const absl::StatusOr<Path> path = Resolve(message->GetDescriptor(), dotted);
  if (!path.ok() || path->empty()) return "";
  std::string text = Printable(TextAt(*message, *path, column.show));
  if (column.show != Show::kLines) std::replace(text.begin(), text.end(), '\n', ' ');
  return std::string(absl::StripTrailingAsciiWhitespace(text));
}

bool IsNumber(const Message& row, const Column& column) {
  const absl::StatusOr<Path> path = Resolve(row.GetDescriptor(), column.path);
  if (!path.ok() || path->empty() || path->back()->is_repeated()) return false;
  switch (path->back()->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return true;
    default:
      return false;
  }
}

struct OwnedRow {
  std::string service;
  Row row;
};

std::vector<OwnedRow> RowsOf(const Section& section, const std::vector<Answer>& answers) {
  std::vector<OwnedRow> all;
  for (const Answer& answer : answers) {
    const absl::StatusOr<Path> path = Resolve(answer.message->GetDescriptor(), section.rows);
    if (!path.ok()) continue;
    std::vector<Row> rows;
    CollectRows({answer.message, answer.message}, *path, &rows);
    for (const Row& row : rows) all.push_back({answer.service, row});
  }
  return all;
}

// True when the section lists rows; otherwise it shows one object.
bool IsList(const Section& section, const Message& answer) {
  const absl::StatusOr<Path> path = Resolve(answer.GetDescriptor(), section.rows);
  return path.ok() && std::any_of(path->begin(), path->end(), [](const FieldDescriptor* field) {
           return field->is_repeated();
         });
}

std::string RenderTable(const Section& section, const std::vector<OwnedRow>& rows,
                        bool with_service) {
  std::vector<std::string> headers;
  std::vector<bool> right;
  if (with_service) {
    headers.push_back("服务");
    right.push_back(false);
  }
  for (const Column& column : section.columns) {
    headers.push_back(column.header);
    right.push_back(IsNumber(*rows.front().row.message, column));
  }
  Table table(std::move(headers), std::move(right));
  for (const OwnedRow& row : rows) {
    std::vector<std::string> cells;
    if (with_service) cells.push_back(row.service);
    for (const Column& column : section.columns) cells.push_back(CellText(row.row, column));
    table.Add(std::move(cells));
  }
  return table.Render();
}

// One object: a line for each field that has a value.
std::string RenderObject(const Section& section, const Row& row) {
  int width = 0;
  for (const Column& column : section.columns) {
    width = std::max(width, DisplayWidth(column.header));
  }
  std::string text;
  for (const Column& column : section.columns) {
    const std::string value = CellText(row, column);
    if (value.empty()) continue;
    std::string label = column.header;
    for (const std::string& line : LinesOf(value)) {
      absl::StrAppend(
          &text,
          absl::StripTrailingAsciiWhitespace(absl::StrCat(Padded(label, width, false), kGap, line)),
          "\n");
      label.clear();
    }
  }
  return text;
}

}  // namespace

int DisplayWidth(absl::string_view text) {
  int width = 0;
  while (!text.empty()) width += WidthOf(TakeCharacter(&text));
  return width;
}

std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const absl::string_view before = text;
    const char32_t c = TakeCharacter(&text);
    const absl::string_view bytes = before.substr(0, before.size() - text.size());
    if (c == '\t') {
      out += ' ';
    } else if (c == kReplacement) {
      out += "\xEF\xBF\xBD";
    } else if (!In(kForbidden, c)) {
      absl::StrAppend(&out, bytes);
    }
  }
  return out;
}

Table::Table(std::vector<std::string> headers, std::vector<bool> right)
    : headers_(std::move(headers)), right_(std::move(right)) {}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(headers_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::Render() const {
  std::vector<std::vector<std::string>> rows = {headers_};
  rows.insert(rows.end(), rows_.begin(), rows_.end());
  std::vector<int> widths(headers_.size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      for (const std::string& line : LinesOf(row[i])) {
        widths[i] = std::max(widths[i], DisplayWidth(line));
      }
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::vector<std::vector<std::string>> cells;
    size_t height = 0;
    for (const std::string& cell : row) {
      cells.push_back(LinesOf(cell));
      height = std::max(height, cells.back().size());
    }
    for (size_t y = 0; y < height; ++y) {
      std::vector<std::string> line;
      for (size_t i = 0; i < cells.size(); ++i) {
        line.push_back(Padded(y < cells[i].size() ? cells[i][y] : "", widths[i], right_[i]));
      }
      absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(absl::StrJoin(line, kGap)), "\n");
    }
  }
  return text;
}

std::string RenderView(const View& view, const std::vector<Answer>& answers) {
  std::string text;
  const bool with_service = !answers.empty() && !answers.front().service.empty();
  for (const Section& section : view) {
    const std::vector<OwnedRow> rows = RowsOf(section, answers);
    if (rows.empty()) continue;
    const bool one_object = !with_service && !IsList(section, *answers.front().message);
    const std::string body = one_object ? RenderObject(section, rows.front().row)
                                        : RenderTable(section, rows, with_service);
    if (body.empty()) continue;
    if (!text.empty()) text += "\n";
    if (section.title[0] != '\0') absl::StrAppend(&text, section.title, "\n");
    text += body;
  }
  return text;
}

}  // namespace yikou::cli
