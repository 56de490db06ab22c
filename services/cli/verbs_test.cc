#include "services/cli/verbs.h"

#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "catch2/catch.hpp"
#include "services/cli/engine.h"
#include "services/cli/labels.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

std::string NameOf(const Verb& verb) { return std::string(verb.noun) + " " + verb.name; }

void CheckPath(const Descriptor* type, const std::string& path) {
  INFO(type->full_name() << " . " << path);
  CHECK(Resolve(type, path).ok());
}

// The rows of a section, and the message that lists them, have the fields of its columns.
void CheckRows(const Descriptor* response, const std::string& dotted, const Section& section) {
  const absl::StatusOr<Path> rows = Resolve(response, dotted);
  INFO(response->full_name() << " rows " << dotted);
  REQUIRE(rows.ok());
  const Descriptor* row = response;
  const Descriptor* parent = response;
  for (const FieldDescriptor* field : *rows) {
    REQUIRE(field->message_type() != nullptr);
    parent = row;
    row = field->message_type();
  }
  for (const Column& column : section.columns) {
    absl::string_view path = column.path;
    const bool above = absl::ConsumePrefix(&path, "../");
    CheckPath(above ? parent : row, std::string(path));
  }
}

void CheckSection(const Descriptor* response, const Section& section) {
  for (absl::string_view dotted : absl::StrSplit(section.rows, ',')) {
    CheckRows(response, std::string(dotted), section);
  }
}

void CheckLookup(const Lookup& lookup) {
  const MethodDescriptor* method = FindMethod(lookup.method);
  INFO(lookup.method);
  REQUIRE(method != nullptr);
  CheckPath(method->input_type(), lookup.id_field);
  if (lookup.rows == nullptr) return CheckPath(method->output_type(), lookup.result);
  const absl::StatusOr<Path> rows = Resolve(method->output_type(), lookup.rows);
  REQUIRE(rows.ok());
  CHECK(rows->back()->is_repeated());
  CheckPath(rows->back()->message_type(), lookup.match);
  CheckPath(rows->back()->message_type(), lookup.result);
}

void CheckArg(const Verb& verb, const Arg& arg, const Descriptor* request) {
  INFO("argument " << arg.name);
  CHECK(std::string(arg.help) != "");
  if (arg.resolve != nullptr) CheckLookup(*arg.resolve);
  if (arg.field[0] == '\0') {
    CHECK((verb.special != nullptr || verb.service == std::string(kGiven)));
    return;
  }
  const absl::StatusOr<Path> path = Resolve(request, arg.field);
  INFO(arg.field);
  REQUIRE(path.ok());
  for (size_t i = 0; i + 1 < path->size(); ++i) CHECK_FALSE((*path)[i]->is_repeated());
  const FieldDescriptor* field = path->back();
  if (field->is_repeated() && field->message_type() != nullptr) {
    CHECK(field->message_type()->FindFieldByName(arg.pair.key) != nullptr);
    CHECK(field->message_type()->FindFieldByName(arg.pair.value) != nullptr);
  }
}

TEST_CASE("every row of the table names a method and fields that exist") {
  for (const Verb& verb : Verbs()) {
    INFO(NameOf(verb));
    CHECK(std::string(verb.help) != "");
    if (verb.service == std::string(kNobody)) continue;
    const MethodDescriptor* method = FindMethod(verb.method);
    INFO(verb.method);
    REQUIRE(method != nullptr);
    const bool streaming = method->client_streaming() || method->server_streaming();
    CHECK((!streaming || verb.special != nullptr));
    CHECK((verb.special != nullptr || verb.view.size() + (verb.must != nullptr) > 0 ||
           method->output_type()->field_count() == 0));
    // A streamed request is filled by the special verb itself.
    if (!method->client_streaming()) {
      for (const Arg& arg : verb.args) CheckArg(verb, arg, method->input_type());
    }
    for (const Section& section : verb.view) CheckSection(method->output_type(), section);
    if (verb.must != nullptr) {
      const std::string must = verb.must;
      CheckPath(method->output_type(), must.substr(0, must.find('=')));
    }
    if (verb.save != nullptr) CheckPath(method->output_type(), verb.save);
  }
}

TEST_CASE("every change of something that exists knows where to read its version") {
  for (const Verb& verb : Verbs()) {
    const MethodDescriptor* method = FindMethod(verb.method);
    if (method == nullptr) continue;
    INFO(NameOf(verb));
    const bool versioned = method->input_type()->FindFieldByName("expected_version") != nullptr;
    CHECK(versioned == (verb.version != nullptr));
    if (verb.version == nullptr) continue;
    CheckLookup(*verb.version);
    REQUIRE_FALSE(verb.args.empty());
    CHECK(verb.args.front().positional);
    CHECK(verb.args.front().required);
  }
}

TEST_CASE("pages are followed where the rows are the first field") {
  for (const Verb& verb : Verbs()) {
    const MethodDescriptor* method = FindMethod(verb.method);
    if (method == nullptr || method->input_type()->FindFieldByName("page_token") == nullptr) {
      continue;
    }
    INFO(NameOf(verb));
    CHECK(method->input_type()->FindFieldByName("page_size") != nullptr);
    CHECK(method->output_type()->FindFieldByName("next_page_token") != nullptr);
    CHECK(method->output_type()->field(0)->is_repeated());
  }
}

TEST_CASE("words on the command line are free of collisions") {
  const std::set<std::string> taken = {"output",      "context",          "as",        "help",
                                       "token-file",  "request-timeout",  "intake",    "routing",
                                       "approval",    "gridtask",         "reporting", kLimitArg,
                                       kRequestIdArg, kExpectedVersionArg};
  std::set<std::string> verbs;
  for (const Verb& verb : Verbs()) {
    INFO(NameOf(verb));
    CHECK(verbs.insert(NameOf(verb)).second);
    CHECK_FALSE(NounHelp(verb.noun).empty());
    std::set<std::string> names;
    bool optional_positional = false;
    for (const Arg& arg : verb.args) {
      INFO(arg.name);
      CHECK(names.insert(arg.name).second);
      CHECK(taken.count(arg.name) == 0);
      // A required positional after an optional one could not be told apart.
      CHECK_FALSE((arg.positional && arg.required && optional_positional));
      optional_positional |= arg.positional && !arg.required;
    }
  }
}

TEST_CASE("every method of the public services is reached by a verb or listed with a reason") {
  std::set<std::string> reached;
  for (const Verb& verb : Verbs()) {
    reached.insert(verb.method);
    if (verb.version != nullptr) reached.insert(verb.version->method);
  }
  std::set<const FileDescriptor*> files;
  for (const char* method :
       {"yikou.intake.v1.IntakeService.GetCase", "yikou.routing.v1.RoutingService.GetOffer",
        "yikou.approval.v1.ApprovalService.GetProcess",
        "yikou.gridtask.v1.GridTaskService.GetEvent",
        "yikou.reporting.v1.ReportingService.GetSummary",
        "yikou.casework.v1.OperationsService.GetClock"}) {
    REQUIRE(FindMethod(method) != nullptr);
    files.insert(FindMethod(method)->file());
  }
  std::set<std::string> listed;
  for (const Unreached& unreached : UnreachedMethods()) {
    INFO(unreached.method);
    CHECK(FindMethod(unreached.method) != nullptr);
    CHECK(reached.count(unreached.method) == 0);
    CHECK(std::string(unreached.reason) != "");
    listed.insert(unreached.method);
  }
  int methods = 0;
  for (const FileDescriptor* file : files) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m, ++methods) {
        const std::string& name = file->service(s)->method(m)->full_name();
        INFO(name);
        CHECK(reached.count(name) + listed.count(name) == 1);
      }
    }
  }
  CHECK(methods > 50);
}

TEST_CASE("labels are complete and tell the values of one enum apart") {
  const FileDescriptor* file = casework::v1::CaseRecord::descriptor()->file();
  // Not shown in any table or flag.
  const std::set<std::string> silent = {"ErrorReason", "Rung", "FormFieldType"};
  for (int e = 0; e < file->enum_type_count(); ++e) {
    const EnumDescriptor* type = file->enum_type(e);
    if (silent.count(type->name()) > 0) continue;
    std::set<std::string> labels;
    for (int v = 1; v < type->value_count(); ++v) {
      INFO(type->value(v)->name());
      const std::string label(LabelOf(type->value(v)->name()));
      CHECK_FALSE(label.empty());
      CHECK(labels.insert(label).second);
    }
  }
}

}  // namespace
}  // namespace yikou::cli
