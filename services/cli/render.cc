#include "services/cli/render.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/cli/fields.h"
#include "services/cli/text.h"

namespace yikou::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr absl::string_view kGap = "  ";
// Wider cells of tables are broken, so that the columns behind them stay in sight.
constexpr int kCellWidth = 60;

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
    std::vector<Row> rows;
    for (absl::string_view dotted : absl::StrSplit(section.rows, ',')) {
      const absl::StatusOr<Path> path = Resolve(answer.message->GetDescriptor(), dotted);
      if (path.ok()) CollectRows({answer.message, answer.message}, *path, &rows);
    }
    for (const Row& row : rows) all.push_back({answer.service, row});
  }
  return all;
}

// True when the section lists rows; otherwise it shows one object.
bool IsList(const Section& section, const Message& answer) {
  for (absl::string_view dotted : absl::StrSplit(section.rows, ',')) {
    const absl::StatusOr<Path> path = Resolve(answer.GetDescriptor(), dotted);
    if (!path.ok()) continue;
    for (const FieldDescriptor* field : *path) {
      if (field->is_repeated()) return true;
    }
  }
  return false;
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
    for (const Column& column : section.columns) {
      cells.push_back(Wrapped(CellText(row.row, column), kCellWidth));
    }
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
