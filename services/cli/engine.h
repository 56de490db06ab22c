// Runs a row of the table: request from flags, calls, answer as table or JSON.
#pragma once

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "services/cli/connect.h"
#include "services/cli/render.h"
#include "services/cli/verbs.h"

namespace yikou::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitDenied = 4;
inline constexpr int kExitUnavailable = 5;

// What the caller typed after the verb, by name of the argument.
class Inputs {
 public:
  void Put(const std::string& name, std::vector<std::string> texts);
  bool Has(const std::string& name) const { return values_.count(name) > 0; }
  // The only or first text; empty when not given.
  std::string Get(const std::string& name) const;
  const std::vector<std::string>& All(const std::string& name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

// Arguments every verb of a kind has beside its own: see app.cc.
inline constexpr char kLimitArg[] = "limit";                       // lists; 0 is everything
inline constexpr char kRequestIdArg[] = "request-id";              // writes
inline constexpr char kExpectedVersionArg[] = "expected-version";  // changes
inline constexpr char kServiceArg[] = "service";                   // verbs of every service
inline constexpr char kSaveArg[] = "save";                         // answers with a document

// What all verbs run with. Threads: one.
struct Session {
  Client* client;
  Identity identity;
  absl::Duration timeout = absl::Seconds(10);
  bool json = false;
  bool progress = false;  // standard error is a terminal
  std::ostream* out;      // results
  std::ostream* err;      // messages
};

// 0 for OK; by canonical code otherwise.
int ExitCodeOf(const absl::Status& status);
// The sentence, every wrong field with the flag that sets it, the reason, what may be done instead.
// `verb` may be null.
std::string ErrorText(const absl::Status& status, const Verb* verb);

// Descriptor of a method by its full name, null when no linked service has it. Makes sure that the
// generated code of every public service is linked.
const google::protobuf::MethodDescriptor* FindMethod(const std::string& full_name);
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor* type);

// A fresh request id.
std::string NewUuid();

// Fills a request from the inputs: every argument given, and a fresh request_id unless one is
// given. All mistakes at once, as a UsageError.
absl::Status FillRequest(const Verb& verb, const Inputs& inputs,
                         google::protobuf::Message* request);

// Replaces a case number by the case id where the argument says so.
absl::Status ResolveIds(const Session& session, const Verb& verb,
                        google::protobuf::Message* request);

// Prints answers as the session wants them.
absl::Status Print(const Session& session, const Verb& verb, const std::vector<Answer>& answers);

// One call to the service, following pages up to `limit` rows (0: all) for lists; the rows of all
// pages are in the one response.
absl::Status CallPaged(const Session& session, const std::string& service,
                       const std::string& method, google::protobuf::Message* request,
                       google::protobuf::Message* response, int limit);

// Runs any verb. The status decides the exit code.
absl::Status RunVerb(const Session& session, const Verb& verb, const Inputs& inputs);

}  // namespace yikou::cli
