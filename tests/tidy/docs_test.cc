// What the documents say of the code is so.
#include <cstring>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "catch2/catch.hpp"
#include "tests/tidy/source_tree.h"

namespace yikou::tidy {
namespace {

using Names = std::set<std::string>;

// Every document a reader may meet first.
std::vector<const SourceFile*> Documents() {
  std::vector<const SourceFile*> documents = Files("docs", ".md");
  for (const char* name : {"README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md"}) {
    const auto found = Tree().find(name);
    if (found != Tree().end()) documents.push_back(&found->second);
  }
  return documents;
}

// First groups of every match in a text.
Names AllMatches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  Names found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    found.insert((*it)[1]);
  }
  return found;
}

// A piece of code in a document: a line of a fenced block, or what stands in back quotes.
struct Snippet {
  const SourceFile* file;
  int line;
  std::string text;
};

std::vector<Snippet> SnippetsOf(const SourceFile& file) {
  std::vector<Snippet> snippets;
  bool fenced = false;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const int line = static_cast<int>(i) + 1;
    if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(file.lines[i]), "```")) {
      fenced = !fenced;
    } else if (fenced) {
      snippets.push_back({&file, line, file.lines[i]});
    } else {
      for (std::string& text : Between(file.lines[i], "`")) {
        snippets.push_back({&file, line, std::move(text)});
      }
    }
  }
  return snippets;
}

std::vector<Snippet> AllSnippets() {
  std::vector<Snippet> all;
  for (const SourceFile* file : Documents()) {
    for (Snippet& snippet : SnippetsOf(*file)) all.push_back(std::move(snippet));
  }
  return all;
}

// Words of a command line up to a comment.
std::vector<std::string> WordsOf(const std::string& line) {
  std::vector<std::string> words;
  for (const auto& word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    if (absl::StartsWith(word, "#")) break;
    words.emplace_back(word);
  }
  return words;
}

TEST_CASE("every ./dev command the documents show is one") {
  const Names verbs = AllMatches(TextOf("dev"), R"(cmd_([a-z]+)\(\) \{)");
  REQUIRE(verbs.count("run") == 1);
  REQUIRE(verbs.count("test") == 1);
  std::vector<std::string> violations;
  int seen = 0;
  for (const Snippet& snippet : AllSnippets()) {
    const std::vector<std::string> words = WordsOf(snippet.text);
    for (size_t i = 0; i + 1 < words.size(); ++i) {
      if (words[i] != "./dev") continue;
      ++seen;
      if (verbs.count(words[i + 1]) > 0) continue;
      violations.push_back(
          At(*snippet.file, snippet.line, absl::StrCat("./dev has no verb ", words[i + 1])));
    }
  }
  CHECK(seen > 4);
  Expect(violations);
}

TEST_CASE("the first screen of both READMEs shows how to run and test") {
  for (const char* name : {"README.md", "README.zh-CN.md"}) {
    const std::vector<std::string>& lines = Tree().at(name).lines;
    std::string screen;
    for (size_t i = 0; i < lines.size() && i < 24; ++i) absl::StrAppend(&screen, lines[i], "\n");
    INFO(name);
    CHECK(absl::StrContains(screen, "./dev run"));
    CHECK(absl::StrContains(screen, "./dev test"));
  }
}

// Verbs of the client by noun, from the rows that make its table.
std::map<std::string, Names> ClientVerbs() {
  const std::string text = TextOf("services/cli/verbs.cc");
  const std::regex row(R"re(Group (\w+) = \{verbs,\s*"(\w+)"|(\w+)\s*\.Add\(\s*"([\w-]*)")re");
  std::map<std::string, std::string> noun_of;  // by variable
  std::map<std::string, Names> verbs;
  for (std::sregex_iterator it(text.begin(), text.end(), row), end; it != end; ++it) {
    if ((*it)[1].matched) {
      noun_of[(*it)[1]] = (*it)[2];
    } else {
      verbs[noun_of[(*it)[3]]].insert((*it)[4]);
    }
  }
  return verbs;
}

// "" when the words after "yikou" begin a command of the client, else what is wrong.
std::string FaultOf(const std::vector<std::string>& words, size_t yikou,
                    const std::map<std::string, Names>& verbs) {
  if (yikou + 1 >= words.size() || words[yikou + 1] == "help" ||
      absl::StartsWith(words[yikou + 1], "-")) {
    return "";
  }
  const auto noun = verbs.find(words[yikou + 1]);
  if (noun == verbs.end()) return absl::StrCat("yikou has no noun ", words[yikou + 1]);
  const std::string verb = yikou + 2 < words.size() ? words[yikou + 2] : "";
  const bool is_word = !verb.empty() && absl::ascii_islower(verb[0]);
  if (!is_word || noun->second.count(verb) > 0) return "";
  return absl::StrCat("yikou ", noun->first, " has no verb ", verb);
}

TEST_CASE("every yikou command the documents show is one") {
  const std::map<std::string, Names> verbs = ClientVerbs();
  REQUIRE(verbs.at("case").count("receive") == 1);
  REQUIRE(verbs.at("queue").count("stuck") == 1);
  std::vector<std::string> violations;
  int seen = 0;
  for (const Snippet& snippet : AllSnippets()) {
    const std::vector<std::string> words = WordsOf(snippet.text);
    for (size_t i = 0; i < words.size(); ++i) {
      const bool is_client = words[i] == "yikou" || absl::EndsWith(words[i], "/yikou");
      if (!is_client || (i > 0 && !absl::EndsWith(words[i - 1], "|"))) continue;
      ++seen;
      const std::string fault = FaultOf(words, i, verbs);
      if (!fault.empty()) violations.push_back(At(*snippet.file, snippet.line, fault));
    }
  }
  CHECK(seen > 10);
  Expect(violations);
}

// ---- The life of a case.

constexpr char kLife[] = "docs/LIFE-OF-A-CASE.md";

// "- `path/file.cc` `Function`: what it decides"
struct Step {
  int line = 0;
  std::string section;
  std::string path;
  std::string function;
};

std::vector<Step> StepsOfLife() {
  std::vector<Step> steps;
  std::string section;
  const std::vector<std::string>& lines = Tree().at(kLife).lines;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (absl::StartsWith(lines[i], "## ")) section = lines[i].substr(3);
    if (!absl::StartsWith(lines[i], "- `")) continue;
    const std::vector<std::string> names = Between(lines[i], "`");
    if (names.size() < 2) continue;
    steps.push_back({static_cast<int>(i) + 1, section, names[0], names[1]});
  }
  return steps;
}

TEST_CASE("the life of a case names only files and functions that exist") {
  std::vector<std::string> violations;
  const std::vector<Step> steps = StepsOfLife();
  REQUIRE(steps.size() > 40);
  for (const Step& step : steps) {
    const auto found = Tree().find(step.path);
    if (found == Tree().end()) {
      violations.push_back(absl::StrCat(kLife, ":", step.line, ": there is no file ", step.path));
      continue;
    }
    bool defined = false;
    for (const Function& function : found->second.functions) {
      defined |= function.name == step.function;
    }
    if (defined) continue;
    violations.push_back(
        absl::StrCat(kLife, ":", step.line, ": ", step.path, " does not define ", step.function));
  }
  Expect(violations);
}

TEST_CASE("at every stop of a case three files of a service hold all its decisions") {
  std::map<std::pair<std::string, std::string>, Names> files;  // by stop and service
  for (const Step& step : StepsOfLife()) {
    const std::vector<std::string> parts = absl::StrSplit(step.path, '/');
    files[{step.section, absl::StrCat(parts[0], "/", parts[1])}].insert(step.path);
  }
  std::vector<std::string> violations;
  for (const auto& [stop, names] : files) {
    if (names.size() <= 3) continue;
    violations.push_back(absl::StrCat(kLife, ": \"", stop.first, "\" needs ", names.size(),
                                      " files of ", stop.second));
  }
  Expect(violations);
}

// ---- Flags, metrics, errors.

TEST_CASE("every flag of every service is documented") {
  const std::string document = TextOf("docs/config.md");
  std::vector<std::string> violations;
  int seen = 0;
  for (const SourceFile* file : Files("services", "/config.cc")) {
    for (const Literal& literal : file->literals) {
      if (!absl::StartsWith(literal.text, "--")) continue;
      ++seen;
      if (absl::StrContains(document, absl::StrCat("`", literal.text, "`"))) continue;
      violations.push_back(
          At(*file, literal.line, literal.text + " is not explained in docs/config.md"));
    }
  }
  CHECK(seen > 25);
  Expect(violations);
}

TEST_CASE("no flag is documented that no service takes") {
  Names flags;
  for (const SourceFile* file : Files("services", ".cc")) {
    for (const Literal& literal : file->literals) flags.insert(literal.text);
  }
  std::vector<std::string> violations;
  const SourceFile& document = Tree().at("docs/config.md");
  for (size_t i = 0; i < document.lines.size(); ++i) {
    if (!absl::StartsWith(document.lines[i], "| `--")) continue;
    const std::string flag = Between(document.lines[i], "`")[0];
    if (flags.count(flag) > 0) continue;
    violations.push_back(At(document, static_cast<int>(i) + 1, "nobody takes " + flag));
  }
  Expect(violations);
}

// Names of all metrics, each beside the name of its constant.
Names MetricNames() {
  return AllMatches(TextOf("libs/telemetry/metrics.h"), R"re(Metric k\w+\{\s*"(\w+)")re");
}

TEST_CASE("every metric is documented, and no other") {
  const Names metrics = MetricNames();
  REQUIRE(metrics.size() > 15);
  const std::string document = TextOf("docs/metrics.md");
  for (const std::string& name : metrics) {
    INFO(name);
    CHECK(absl::StrContains(document, absl::StrCat("`", name, "`")));
  }
  for (const std::string& name : AllMatches(document, "`((?:yikou|grpc)_[a-z_]+)`")) {
    INFO(name << " is documented and does not exist");
    CHECK(metrics.count(name) == 1);
  }
}

TEST_CASE("every reason of an error is documented, and no other") {
  const Names reasons = AllMatches(TextOf("protos/yikou/casework/v1/casework.proto"),
                                   R"re(\n  ERROR_REASON_([A-Z_]+) = [1-9])re");
  REQUIRE(reasons.size() > 10);
  const Names documented = AllMatches(TextOf("docs/errors.md"), R"re(\| `([A-Z_]+)` \|)re");
  CHECK(documented == reasons);
}

TEST_CASE("every type of event the services emit is in the list of events") {
  const std::string document = TextOf("docs/EVENTS.md");
  const std::regex type("(intake|routing|approval|grid|case|item|clock)\\.[a-z]+_?[a-z_]*");
  std::vector<std::string> violations;
  int seen = 0;
  for (const SourceFile* file : ShippedFiles()) {
    const bool emits = file->Below("services") && !file->Below("services/cli");
    if (!emits && !file->Below("libs/casework")) continue;
    for (const Literal& literal : file->literals) {
      // Proto paths of a view look alike; they name a field below a message.
      if (!std::regex_match(literal.text, type) || file->Is("/views.cc")) continue;
      ++seen;
      if (absl::StrContains(document, absl::StrCat("`", literal.text, "`"))) continue;
      violations.push_back(At(*file, literal.line, literal.text + " is not in docs/EVENTS.md"));
    }
  }
  CHECK(seen > 50);
  Expect(violations);
}

// ---- Runbook, decisions, links.

TEST_CASE("every page of the runbook is listed on its first page") {
  const std::string index = TextOf("docs/runbook/README.md");
  int pages = 0;
  for (const SourceFile* file : Files("docs/runbook", ".md")) {
    const std::string name = file->path.substr(std::strlen("docs/runbook/"));
    if (name == "README.md") continue;
    ++pages;
    INFO(name);
    CHECK(absl::StrContains(index, absl::StrCat("](", name, ")")));
  }
  CHECK(pages >= 7);
}

TEST_CASE("the runbook names only log events and metrics that exist") {
  Names literals;
  for (const SourceFile* file : ShippedFiles()) {
    for (const Literal& literal : file->literals) literals.insert(literal.text);
  }
  const Names metrics = MetricNames();
  const std::regex event("[a-z]+\\.[a-z_]+");
  std::vector<std::string> violations;
  for (const SourceFile* file : Files("docs/runbook", ".md")) {
    for (const Snippet& snippet : SnippetsOf(*file)) {
      const bool is_file =
          absl::EndsWith(snippet.text, ".md") || absl::EndsWith(snippet.text, ".h") ||
          absl::EndsWith(snippet.text, ".cc") || absl::EndsWith(snippet.text, ".db");
      const bool unknown_event =
          std::regex_match(snippet.text, event) && !is_file && literals.count(snippet.text) == 0;
      const bool unknown_metric =
          absl::StartsWith(snippet.text, "yikou_") && metrics.count(snippet.text) == 0;
      if (unknown_event || unknown_metric) {
        violations.push_back(At(*file, snippet.line, snippet.text + " is not in the code"));
      }
    }
  }
  Expect(violations);
}

TEST_CASE("every decision record has its parts and is listed") {
  const std::string index = TextOf("docs/adr/README.md");
  int records = 0;
  for (const SourceFile* file : Files("docs/adr", ".md")) {
    const std::string name = file->path.substr(std::strlen("docs/adr/"));
    if (name == "README.md") continue;
    ++records;
    const std::string text = TextOf(file->path);
    INFO(name);
    CHECK(absl::StrContains(index, absl::StrCat("](", name, ")")));
    for (const char* part : {"\n- Date: 20", "\n- Status: ", "\n## Context\n", "\n## Decision\n",
                             "\n## Consequences\n"}) {
      INFO(part);
      CHECK(absl::StrContains(text, part));
    }
  }
  CHECK(records > 10);
}

// The file a link leads to from a document, "" for links that leave the tree.
std::string TargetOf(const SourceFile& from, std::string link) {
  if (absl::StrContains(link, "://") || absl::StartsWith(link, "#")) return "";
  link = link.substr(0, link.find('#'));
  std::vector<std::string> parts = absl::StrSplit(from.path, '/');
  parts.pop_back();
  for (const auto& part : absl::StrSplit(link, '/', absl::SkipEmpty())) {
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (part != ".") {
      parts.emplace_back(part);
    }
  }
  std::string target;
  for (const std::string& part : parts) absl::StrAppend(&target, target.empty() ? "" : "/", part);
  return target;
}

TEST_CASE("every link between the documents leads somewhere") {
  Names folders;
  for (const auto& [path, file] : Tree()) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      folders.insert(path.substr(0, slash));
    }
  }
  const std::regex link(R"re(\]\(([^)\s]+)\))re");
  std::vector<std::string> violations;
  for (const SourceFile* file : Documents()) {
    for (size_t i = 0; i < file->lines.size(); ++i) {
      const std::string& line = file->lines[i];
      for (std::sregex_iterator it(line.begin(), line.end(), link), end; it != end; ++it) {
        const std::string target = TargetOf(*file, (*it)[1]);
        if (target.empty() || Tree().count(target) > 0 || folders.count(target) > 0) continue;
        violations.push_back(At(*file, static_cast<int>(i) + 1, "leads nowhere: " + target));
      }
    }
  }
  Expect(violations);
}

// Folders whose files the documents name in back quotes with their whole path.
bool LooksLikeAPath(const std::string& text) {
  const bool rooted = absl::StartsWith(text, "libs/") || absl::StartsWith(text, "services/") ||
                      absl::StartsWith(text, "tests/") || absl::StartsWith(text, "protos/") ||
                      absl::StartsWith(text, "docs/") || absl::StartsWith(text, "cmake/");
  return rooted && text.find_first_of(" *<>{}:") == std::string::npos &&
         absl::StrContains(text.substr(text.rfind('/')), ".");
}

TEST_CASE("every file the documents name exists") {
  std::vector<std::string> violations;
  for (const Snippet& snippet : AllSnippets()) {
    if (!LooksLikeAPath(snippet.text) || Tree().count(snippet.text) > 0) continue;
    violations.push_back(At(*snippet.file, snippet.line, "there is no " + snippet.text));
  }
  Expect(violations);
}

}  // namespace
}  // namespace yikou::tidy
