#include "services/cli/app.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status.h"
#include "services/cli/engine.h"
#include "services/cli/fields.h"
#include "services/cli/verbs.h"

namespace yikou::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

constexpr char kContextVariable[] = "YIKOU_CONTEXT";
constexpr char kAsVariable[] = "YIKOU_AS";
constexpr char kDefaultContext[] = "build/run/context.json";
// A person waits; longer outages are for scripts to try again.
constexpr absl::Duration kRetryFor = absl::Seconds(3);
// A verb of every service says who does not answer, rather than wait for it.
constexpr absl::Duration kRetryForEvery = absl::Milliseconds(500);

struct Globals {
  std::string output = "table";
  std::string context;
  std::string token_file;
  std::string as;
  std::string timeout;                           // empty: as the verb says
  std::map<std::string, std::string> addresses;  // by service
};

// A row of the table and the command made from it.
struct Command {
  const Verb* verb;
  CLI::App* app;
  std::vector<std::pair<std::string, CLI::Option*>> options;
};

// The field an argument sets, null for arguments without one.
const FieldDescriptor* FieldOf(const Verb& verb, const Arg& arg) {
  const MethodDescriptor* method = FindMethod(verb.method);
  if (method == nullptr || arg.field[0] == '\0') return nullptr;
  const absl::StatusOr<Path> path = Resolve(method->input_type(), arg.field);
  return path.ok() ? path->back() : nullptr;
}

std::string HelpOf(const Arg& arg, const FieldDescriptor* field) {
  std::string help = arg.help;
  if (field != nullptr && field->enum_type() != nullptr) {
    absl::StrAppend(&help, "：", EnumChoices(field->enum_type()));
  }
  return arg.required ? absl::StrCat(help, "（必填 required）") : help;
}

void AddOption(const std::string& name, const std::string& help, bool many, Command* command) {
  CLI::Option* option = command->app->add_option(
      name, [](const CLI::results_t&) { return true; }, help);
  option->type_size(1)->allow_extra_args(false)->type_name("VALUE");
  if (many) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->options.emplace_back(std::string(absl::StripPrefix(name, "--")), option);
}

void AddArg(const Verb& verb, const Arg& arg, Command* command) {
  const FieldDescriptor* field = FieldOf(verb, arg);
  const std::string help = HelpOf(arg, field);
  if (arg.positional) return AddOption(arg.name, help, false, command);
  const std::string flag = absl::StrCat("--", arg.name);
  // A yes or no that must be given is typed out, so that it cannot be forgotten.
  const bool is_bool = field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL;
  if (arg.toggle || (is_bool && !arg.required)) {
    command->options.emplace_back(arg.name, command->app->add_flag_function(
                                                flag, [](std::int64_t) {}, help));
    return;
  }
  AddOption(flag, help, field != nullptr && field->is_repeated(), command);
}

// Arguments that follow from the method: see engine.h.
void AddCommonArgs(const Verb& verb, Command* command) {
  const MethodDescriptor* method = FindMethod(verb.method);
  if (method == nullptr) return;
  const Descriptor* request = method->input_type();
  if (verb.service == absl::string_view(kEvery) && verb.special == nullptr) {
    AddOption(absl::StrCat("--", kServiceArg), "只问此服务 only this service", false, command);
  }
  if (request->FindFieldByName("page_token") != nullptr && verb.special == nullptr) {
    AddOption(absl::StrCat("--", kLimitArg), "至多行数，缺省 50，0 为全部 rows at most, 0 for all",
              false, command);
  }
  if (request->FindFieldByName("request_id") != nullptr && verb.special == nullptr) {
    AddOption(absl::StrCat("--", kRequestIdArg), "请求标识，重试时给同一个 request id for a retry",
              false, command);
  }
  if (request->FindFieldByName("expected_version") != nullptr) {
    AddOption(absl::StrCat("--", kExpectedVersionArg),
              "所见版本，缺省为最新 version seen, newest by default", false, command);
  }
  if (verb.save != nullptr) {
    AddOption(absl::StrCat("--", kSaveArg), "把文件写到此处 write the document here", false,
              command);
  }
}

void AddGlobals(CLI::App* app, Globals* globals) {
  app->add_option("-o,--output", globals->output, "输出 table 或 json")
      ->check(CLI::IsMember({"table", "json"}));
  app->add_option("--context", globals->context,
                  absl::StrCat("环境文件，缺省 $", kContextVariable, " 或 ", kDefaultContext));
  app->add_option("--as", globals->as,
                  absl::StrCat("身份 单位:人员:角色,角色（开发用），缺省 $", kAsVariable));
  app->add_option("--token-file", globals->token_file, "令牌文件 file with a token");
  app->add_option("--request-timeout", globals->timeout,
                  "每次调用的时限，缺省一般 10s timeout of each call");
  for (const char* service : kServices) {
    app->add_option(absl::StrCat("--", service), globals->addresses[service],
                    absl::StrCat(service, " 的地址 host:port"));
  }
}

// One command for each row of the table, below one for each noun.
std::vector<Command> AddVerbs(CLI::App* app) {
  std::vector<Command> commands;
  std::map<std::string, CLI::App*> nouns;
  for (const Verb& verb : Verbs()) {
    CLI::App*& noun = nouns[verb.noun];
    if (noun == nullptr) {
      noun = app->add_subcommand(verb.noun, std::string(NounHelp(verb.noun)));
      noun->fallthrough()->require_subcommand(0, 1);
    }
    Command command = {&verb, noun, {}};
    if (verb.name[0] != '\0') {
      command.app = noun->add_subcommand(verb.name, verb.help)->fallthrough();
    }
    for (const Arg& arg : verb.args) AddArg(verb, arg, &command);
    AddCommonArgs(verb, &command);
    commands.push_back(std::move(command));
  }
  return commands;
}

// The command that was typed. A noun alone runs its `show` when that needs nothing more.
const Command* TypedCommand(const std::vector<Command>& commands) {
  const Command* shown = nullptr;
  for (const Command& command : commands) {
    if (command.app->parsed()) return &command;
    const bool needs_nothing =
        command.verb->name == absl::string_view("show") && command.verb->args.empty();
    if (needs_nothing && command.app->get_parent()->parsed()) shown = &command;
  }
  return shown;  // only when no verb of the noun was typed
}

Inputs InputsOf(const Command& command) {
  Inputs inputs;
  for (const auto& [name, option] : command.options) inputs.Put(name, option->results());
  return inputs;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<Context> ContextOf(const Globals& globals) {
  std::string path = globals.context.empty() ? Environment(kContextVariable) : globals.context;
  if (path.empty() && std::filesystem::exists(kDefaultContext)) path = kDefaultContext;
  Context context;
  if (!path.empty()) {
    YK_ASSIGN_OR_RETURN(context, LoadContext(path));
  }
  for (const auto& [service, address] : globals.addresses) {
    if (!address.empty()) context.services[service] = address;
  }
  return context;
}

// Who calls: --as, --token-file, the environment, the context; in this order.
absl::StatusOr<Identity> IdentityOf(const Globals& globals, const Context& context) {
  if (!globals.as.empty()) return ParseIdentity(globals.as);
  const std::string as = Environment(kAsVariable);
  if (globals.token_file.empty() && !as.empty()) return ParseIdentity(as);
  const std::string file = globals.token_file.empty() ? context.token_file : globals.token_file;
  Identity identity;
  if (file.empty()) return identity;
  YK_ASSIGN_OR_RETURN(identity.token, ReadInput(file));
  absl::StripAsciiWhitespace(&identity.token);
  return identity;
}

absl::StatusOr<absl::Duration> TimeoutOf(const Globals& globals, const Verb& verb) {
  absl::Duration timeout = absl::Seconds(verb.timeout_s);
  if (!globals.timeout.empty() &&
      (!absl::ParseDuration(globals.timeout, &timeout) || timeout <= absl::ZeroDuration())) {
    return UsageError(
        absl::StrCat("--request-timeout “", globals.timeout, "”不正确，应如 10s 或 2m。"));
  }
  return timeout;
}

absl::Status Execute(const Globals& globals, const Command& command, Session* session) {
  absl::StatusOr<Context> context = ContextOf(globals);
  if (!context.ok()) return context.status();
  const absl::StatusOr<Identity> identity = IdentityOf(globals, *context);
  if (!identity.ok()) return UsageError(identity.status().message());
  session->identity = *identity;
  YK_ASSIGN_OR_RETURN(session->timeout, TimeoutOf(globals, *command.verb));
  // Without a person to make tokens for, the key is not touched.
  if (identity->principal.person_id.empty()) context->signing_key.clear();
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(*std::move(context));
  if (!client.ok()) return UsageError(client.status().message());
  session->client = client->get();
  const bool every = command.verb->service == absl::string_view(kEvery);
  session->client->set_retry_for(every ? kRetryForEvery : kRetryFor);
  return RunVerb(*session, *command.verb, InputsOf(command));
}

int Report(const absl::Status& status, const Verb* verb, const Session& session) {
  if (status.ok()) return kExitOk;
  *session.err << ErrorText(status, verb);
  if (absl::IsUnauthenticated(status) && session.identity.empty()) {
    *session.err << "  请用 --as 或 --token-file 说明身份 say who you are\n";
  }
  return ExitCodeOf(status);
}

// "help case list" is "case list --help".
void MoveHelp(std::vector<std::string>* args) {
  if (args->empty() || args->front() != "help") return;
  args->erase(args->begin());
  args->push_back("--help");
}

// A mistake in the words typed: what was wrong, and where to read on.
int Misused(const CLI::App& app, const CLI::ParseError& error, std::ostream* err) {
  *err << "错误 error：" << error.what() << "\n  用 " << app.get_name()
       << " help 查看用法 see help\n";
  return kExitUsage;
}

}  // namespace

int RunCli(std::vector<std::string> args, std::ostream* out, std::ostream* err, bool progress) {
  CLI::App app{"一口：基层政务服务的命令行 one counter for grassroots government", "yikou"};
  app.footer("退出码 exit codes：0 成功，1 失败，2 用法，3 不存在，4 无权，5 不可用");
  Globals globals;
  AddGlobals(&app, &globals);
  const std::vector<Command> commands = AddVerbs(&app);
  MoveHelp(&args);
  std::reverse(args.begin(), args.end());  // CLI11 takes them from the back
  try {
    app.parse(args);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help, *out, *err);
  } catch (const CLI::ParseError& error) {
    return Misused(app, error, err);
  }
  const Command* command = TypedCommand(commands);
  if (command == nullptr) {
    const std::vector<CLI::App*> typed = app.get_subcommands();
    *err << (typed.empty() ? app.help() : typed.front()->help(app.get_name()));
    return kExitUsage;
  }
  Session session;
  session.json = globals.output == "json";
  session.progress = progress;
  session.out = out;
  session.err = err;
  const absl::Status status = Execute(globals, *command, &session);
  out->flush();
  return Report(status, command->verb, session);
}

}  // namespace yikou::cli
