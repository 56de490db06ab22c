// Tables for terminals, and answers as tables.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "services/cli/views.h"

namespace yikou::cli {

// Rows of cells, each column as wide as its widest cell; a cell may have several lines.
class Table {
 public:
  // `right` are the columns aligned at their right end.
  Table(std::vector<std::string> headers, std::vector<bool> right);
  void Add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // Headers, then rows; no line ends in a space.
  std::string Render() const;

 private:
  std::vector<std::string> headers_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// An answer and, for verbs that ask several services, who gave it.
struct Answer {
  std::string service;
  const google::protobuf::Message* message;
};

// The answers as people see them. Empty sections are left out. The paths have been checked by the
// test of the table of verbs; one that does not exist shows as an empty cell.
std::string RenderView(const View& view, const std::vector<Answer>& answers);

}  // namespace yikou::cli
