#include "tests/support/postgres_server.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/eventually.h"
#include "tests/support/ports.h"

namespace yikou::test {
namespace {

constexpr char kUser[] = "postgres";
constexpr absl::Duration kStartBound = absl::Seconds(30);

// Where Debian keeps the programs of its newest version.
std::string ProgramOf(const std::string& name) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string path = absl::StrCat(version.path().string(), "/bin/", name);
    if (access(path.c_str(), X_OK) == 0) found.push_back(path);
  }
  if (found.empty()) {
    throw std::runtime_error(absl::StrCat("no ", name,
                                          " below /usr/lib/postgresql; install it (apt-get install "
                                          "postgresql)"));
  }
  return *std::max_element(found.begin(), found.end());
}

// The same command as a user PostgreSQL agrees to run as.
std::vector<std::string> Unprivileged(std::vector<std::string> command) {
  if (geteuid() != 0) return command;
  // Who changes its user is no longer told of its parent's death, unless it asks to be.
  std::vector<std::string> wrapped = {"setpriv", "--pdeathsig", "keep",           "--reuid", kUser,
                                      "--regid", kUser,         "--clear-groups", "--"};
  wrapped.insert(wrapped.end(), command.begin(), command.end());
  return wrapped;
}

}  // namespace

PostgresServer::PostgresServer(PostgresServerOptions options)
    : options_(options), port_(FreePort()) {
  MakeCluster();
  Start();
}

PostgresServer::~PostgresServer() {
  if (process_ && process_->Running()) {
    process_->Kill(SIGINT);
    process_->WaitFor(kStartBound);
  }
}

void PostgresServer::MakeCluster() {
  if (geteuid() == 0) {
    const passwd* user = getpwnam(kUser);
    if (user == nullptr || chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
      throw std::runtime_error(absl::StrCat("there is no user ", kUser, "; install postgresql"));
    }
  }
  Process initdb(Unprivileged({ProgramOf("initdb"), "-D", dir_.File("data"), "-U", "yikou", "-A",
                               "trust", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"}),
                 dir_.File("initdb.log"));
  if (!initdb.WaitFor(absl::Seconds(60))) throw std::runtime_error("initdb does not end");
  if (access(dir_.File("data/PG_VERSION").c_str(), F_OK) != 0) {
    throw std::runtime_error(absl::StrCat("initdb failed: ", initdb.Output()));
  }
}

std::string PostgresServer::url(int port) const {
  return absl::StrCat("postgresql://yikou@127.0.0.1:", port,
                      "/postgres?options=-c%20client_min_messages%3Dwarning");
}

void PostgresServer::Start() {
  if (process_ && process_->Running()) return;
  std::vector<std::string> command = {ProgramOf("postgres"), "-D", dir_.File("data"),    "-p",
                                      std::to_string(port_), "-h", "127.0.0.1",          "-k",
                                      dir_.path(),           "-c", "max_connections=200"};
  const std::vector<std::string> settings =
      options_.durable
          ? std::vector<std::string>{"fsync=on", "shared_buffers=1GB", "max_wal_size=4GB"}
          : std::vector<std::string>{"fsync=off", "shared_buffers=64MB", "max_wal_size=2GB"};
  for (const std::string& setting : settings) command.insert(command.end(), {"-c", setting});
  process_ = std::make_unique<Process>(Unprivileged(std::move(command)), dir_.File("postgres.log"));
  const bool up = Eventually(
      kStartBound, [&] { return !process_->Running() || PQping(url().c_str()) == PQPING_OK; });
  if (!up || !process_->Running()) {
    throw std::runtime_error(absl::StrCat("postgres does not start: ", process_->Output()));
  }
}

void PostgresServer::Stop() {
  process_->Kill(SIGINT);
  if (!process_->WaitFor(kStartBound)) throw std::runtime_error("postgres does not stop");
}

void PostgresServer::KillHard() {
  process_->Kill(SIGKILL);
  process_->Wait();
}

void PostgresServer::Signal(int signal) { process_->Kill(signal); }

std::string PostgresServer::Run(const std::string& sql) const {
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(url().c_str()), PQfinish);
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection.get(), sql.c_str()),
                                                        PQclear);
  const ExecStatusType kind = PQresultStatus(result.get());
  if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK) {
    throw std::runtime_error(absl::StrCat(PQerrorMessage(connection.get()), " in: ", sql));
  }
  if (PQntuples(result.get()) == 0 || PQnfields(result.get()) == 0) return "";
  return PQgetvalue(result.get(), 0, 0);
}

PostgresServer& SharedPostgres() {
  static PostgresServer server;
  return server;
}

}  // namespace yikou::test
