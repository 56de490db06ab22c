// The table of verbs: every command of `yikou`, as data. The engine runs any row of it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/cli/fields.h"
#include "services/cli/views.h"

namespace yikou::cli {

class Inputs;
struct Session;
struct Verb;

// A read whose answer fills a field of the request the caller did not give.
struct Lookup {
  const char* service;
  const char* method;
  const char* id_field;         // field of the lookup's request that takes the id
  const char* result;           // path in its response, or in the row that matches
  const char* rows = nullptr;   // repeated field to search; the id is then <case>/<rest> and the
  const char* match = nullptr;  // request takes <case>, the row is the one whose `match` is the id
};

// One argument: a flag, or a positional one.
struct Arg {
  const char* name;   // "reason" is --reason
  const char* field;  // path in the request; "" for verbs of their own, which read it themselves
  const char* help;
  bool required = false;
  bool positional = false;
  bool toggle = false;              // takes no value; bool fields need not say so
  PairFields pair = {};             // for maps and repeated messages
  const Lookup* resolve = nullptr;  // turns a case number into a case id
};

// Runs a verb that is more than one call. See special.h.
using SpecialFn = absl::Status (*)(const Session&, const Verb&, const Inputs&);

// Services named by Verb::service beside the real ones.
inline constexpr char kEvery[] = "*";  // all five, or the one given with --service
inline constexpr char kGiven[] = "?";  // the one named by the first positional argument
inline constexpr char kNobody[] = "";  // no call at all

struct Verb {
  const char* noun;
  const char* name;  // empty: the noun alone is the command
  const char* help;
  const char* service;
  std::string method;  // full name; the only call of the verb, or the main one of a special verb
  std::vector<Arg> args;
  View view;  // of the answer; empty for special verbs that print in their own way
  const Lookup* version = nullptr;  // fills expected_version by the first positional argument
  const char* must = nullptr;       // "path=value" the answer must have, or the exit code is 1
  const char* save = nullptr;       // bytes field written to the file given with --save
  SpecialFn special = nullptr;
  int timeout_s = 10;  // of each call, unless --request-timeout is given
};

// All verbs, nouns together, in the order of the help.
const std::vector<Verb>& Verbs();

// Chinese and English words for a noun, for the help.
absl::string_view NounHelp(absl::string_view noun);

// A public method no verb calls, and why.
struct Unreached {
  std::string method;
  const char* reason;
};
const std::vector<Unreached>& UnreachedMethods();

}  // namespace yikou::cli
