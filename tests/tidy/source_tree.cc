#include "tests/tidy/source_tree.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "catch2/catch.hpp"

namespace yikou::tidy {
namespace {

namespace fs = std::filesystem;

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Splits C++ text into code and literals, keeping every line where it is.
class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) {}

  void Run() {
    while (at_ < text_.size()) {
      if (Starts("//")) {
        BlankUntil("\n", false);
      } else if (Starts("/*")) {
        BlankUntil("*/", true);
      } else if (Starts("R\"") && (at_ == 0 || !IsWord(text_[at_ - 1]))) {
        RawString();
      } else if (text_[at_] == '"') {
        Quoted('"');
      } else if (text_[at_] == '\'' && (at_ == 0 || !IsWord(text_[at_ - 1]))) {
        Quoted('\'');
      } else {
        Keep();
      }
    }
  }

  std::string code;
  std::vector<Literal> literals;

 private:
  bool Starts(absl::string_view what) const { return absl::StartsWith(text_.substr(at_), what); }

  void Keep() {
    line_ += text_[at_] == '\n' ? 1 : 0;
    code.push_back(text_[at_++]);
  }
  void Blank() {
    line_ += text_[at_] == '\n' ? 1 : 0;
    code.push_back(text_[at_] == '\n' ? '\n' : ' ');
    ++at_;
  }
  // Blanks up to the mark; the mark too when `with_mark`.
  void BlankUntil(absl::string_view mark, bool with_mark) {
    while (at_ < text_.size() && !Starts(mark)) Blank();
    for (size_t i = 0; with_mark && i < mark.size() && at_ < text_.size(); ++i) Blank();
  }
  void RawString() {
    Keep();
    Keep();
    const size_t open = text_.find('(', at_);
    if (open == absl::string_view::npos) return;
    const std::string close = absl::StrCat(")", text_.substr(at_, open - at_), "\"");
    while (at_ <= open) Keep();
    const size_t begin = at_;
    const int line = line_;
    BlankUntil(close, false);
    literals.push_back({line, std::string(text_.substr(begin, at_ - begin))});
    for (size_t i = 0; i < close.size() && at_ < text_.size(); ++i) Keep();
  }
  void Quoted(char quote) {
    Keep();
    const int line = line_;
    std::string text;
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        text.push_back(text_[at_]);
        Blank();
      }
      text.push_back(text_[at_]);
      Blank();
    }
    if (quote == '"') literals.push_back({line, std::move(text)});
    if (at_ < text_.size() && text_[at_] == quote) Keep();
  }

  absl::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
};

// Macros are no functions, and their braces need not match.
void BlankMacros(std::vector<std::string>* code) {
  bool goes_on = false;
  for (std::string& line : *code) {
    const bool macro = goes_on || absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "#");
    goes_on = macro && absl::EndsWith(line, "\\");
    if (macro) line.assign(line.size(), ' ');
  }
}

// What stands before an opening brace: the head of a function, or of something else.
struct Head {
  std::string text;
  int line = 0;  // of its first character

  void Add(char c, int at) {
    if (text.empty()) {
      if (c == ' ' || c == '\n') return;
      line = at;
    }
    text.push_back(c == '\n' ? ' ' : c);
    if (text == "public:" || text == "private:" || text == "protected:") Clear();
  }
  void Clear() { text.clear(); }
};

// Position of the parenthesis that opens the parameters, npos when the head is no function's.
size_t ParametersOf(const std::string& head) {
  static const auto* const kOthers =
      new std::set<std::string>{"namespace", "class", "struct", "enum", "extern", "union"};
  const size_t end = std::find_if_not(head.begin(), head.end(), IsWord) - head.begin();
  if (kOthers->count(head.substr(0, end)) > 0) return std::string::npos;
  int angles = 0;
  size_t open = std::string::npos;
  int parentheses = 0;
  for (size_t i = 0; i < head.size(); ++i) {
    const bool arrow = i > 0 && head[i - 1] == '-';
    const bool named = i >= 8 && absl::StrContains(head.substr(i - 8, 8), "operator");
    if (head[i] == '<' && !named) ++angles;
    if (head[i] == '>' && !arrow && !named) --angles;
    if (head[i] == '(') {
      if (open == std::string::npos && angles <= 0) open = i;
      ++parentheses;
    }
    if (head[i] == ')') --parentheses;
    // A value, not a body, stands in the braces.
    if (head[i] == '=' && parentheses == 0 && open == std::string::npos && !named) {
      return std::string::npos;
    }
  }
  return open;
}

std::string NameBefore(const std::string& head, size_t parameters) {
  size_t begin = parameters;
  while (begin > 0 &&
         (IsWord(head[begin - 1]) || head[begin - 1] == ':' || head[begin - 1] == '~')) {
    --begin;
  }
  return std::string(absl::StripPrefix(head.substr(begin, parameters - begin), "::"));
}

std::vector<Function> FindFunctions(const std::vector<std::string>& code) {
  std::vector<Function> functions;
  Head head;
  int inside = 0;  // braces open in the current function
  Function current;
  for (size_t i = 0; i < code.size(); ++i) {
    const int line = static_cast<int>(i) + 1;
    for (const char c : code[i] + "\n") {
      if (inside > 0) {
        inside += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (inside > 0) continue;
        current.last_line = line;
        functions.push_back(current);
        head.Clear();
      } else if (c == '{') {
        const size_t parameters = ParametersOf(head.text);
        if (parameters != std::string::npos) {
          current = {NameBefore(head.text, parameters), head.line, 0};
          inside = 1;
        }
        head.Clear();
      } else if (c == ';' || c == '}') {
        head.Clear();
      } else {
        head.Add(c, line);
      }
    }
  }
  return functions;
}

bool IsCpp(const fs::path& path) { return path.extension() == ".cc" || path.extension() == ".h"; }

std::vector<std::string> SplitLines(absl::string_view text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

void AddFile(const fs::path& root, const fs::path& path, std::map<std::string, SourceFile>* tree) {
  std::ifstream stream(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  const std::string name = fs::relative(path, root).generic_string();
  if (IsCpp(path)) {
    tree->emplace(name, ReadCpp(name, text));
    return;
  }
  SourceFile file;
  file.path = name;
  file.lines = SplitLines(text);
  tree->emplace(name, std::move(file));
}

bool IsText(const fs::path& path) {
  static const auto* const kExtensions = new std::set<std::string>{
      "", ".cc", ".h", ".proto", ".md", ".txt", ".cmake", ".sql", ".py", ".sh", ".yaml"};
  return kExtensions->count(path.extension().string()) > 0;
}

std::map<std::string, SourceFile> ReadTree() {
  const fs::path root = YIKOU_SOURCE_DIR;
  std::map<std::string, SourceFile> tree;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.is_regular_file() && IsText(entry.path())) AddFile(root, entry.path(), &tree);
  }
  for (const char* folder : {"libs", "services", "protos", "cmake", "deploy", "docs", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string path = entry.path().generic_string();
      if (absl::StrContains(path, "/node_modules/") || absl::StrContains(path, "/sources/")) {
        continue;
      }
      if (entry.is_regular_file() && IsText(entry.path())) AddFile(root, entry.path(), &tree);
    }
  }
  return tree;
}

}  // namespace

bool SourceFile::Is(absl::string_view extension) const { return absl::EndsWith(path, extension); }

bool SourceFile::Below(absl::string_view folder) const {
  return absl::StartsWith(path, absl::StrCat(folder, "/"));
}

bool SourceFile::IsTest() const { return Below("tests") || Is("_test.cc") || Is("_test.h"); }

std::vector<Include> IncludesOf(const SourceFile& file) {
  std::vector<Include> includes;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    absl::string_view line = absl::StripLeadingAsciiWhitespace(file.lines[i]);
    if (!absl::ConsumePrefix(&line, "#include ")) continue;
    const size_t end = line.find_first_of("\">", 1);
    if (line.empty() || end == absl::string_view::npos) continue;
    includes.push_back({static_cast<int>(i) + 1, std::string(line.substr(1, end - 1))});
  }
  return includes;
}

SourceFile ReadCpp(std::string path, absl::string_view text) {
  SourceFile file;
  file.path = std::move(path);
  file.lines = SplitLines(text);
  Lexer lexer(text);
  lexer.Run();
  file.code = SplitLines(lexer.code);
  file.literals = std::move(lexer.literals);
  BlankMacros(&file.code);
  file.functions = FindFunctions(file.code);
  return file;
}

const std::map<std::string, SourceFile>& Tree() {
  static const auto* const tree = new std::map<std::string, SourceFile>(ReadTree());
  return *tree;
}

std::vector<const SourceFile*> Files(absl::string_view folder, absl::string_view extension) {
  std::vector<const SourceFile*> files;
  for (const auto& [path, file] : Tree()) {
    if (file.Below(folder) && file.Is(extension)) files.push_back(&file);
  }
  return files;
}

std::vector<const SourceFile*> CppFiles() {
  std::vector<const SourceFile*> files;
  for (const auto& [path, file] : Tree()) {
    if (file.Is(".cc") || file.Is(".h")) files.push_back(&file);
  }
  return files;
}

std::vector<const SourceFile*> ShippedFiles() {
  std::vector<const SourceFile*> files;
  for (const SourceFile* file : CppFiles()) {
    if (!file->IsTest()) files.push_back(file);
  }
  return files;
}

std::string TextOf(const std::string& path) {
  const auto found = Tree().find(path);
  if (found == Tree().end()) return "";
  std::string text;
  for (const std::string& line : found->second.lines) absl::StrAppend(&text, line, "\n");
  return text;
}

std::string At(const SourceFile& file, int line, absl::string_view what) {
  return absl::StrCat(file.path, ":", line, ": ", what);
}

void Expect(const std::vector<std::string>& violations) {
  for (const std::string& violation : violations) FAIL_CHECK(violation);
  SUCCEED();
}

std::vector<std::string> Between(absl::string_view line, absl::string_view mark) {
  std::vector<std::string> pieces;
  const std::vector<std::string> parts = absl::StrSplit(line, std::string(mark));
  for (size_t i = 1; i + 1 < parts.size(); i += 2) pieces.push_back(parts[i]);
  return pieces;
}

}  // namespace yikou::tidy
