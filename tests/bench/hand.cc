// The yardstick "hand": what somebody would write for one case life without a suite.
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/ids.h"
#include "tests/bench/measure.h"
#include "tests/bench/yardsticks.h"

namespace yikou::bench {
namespace {

constexpr int kConnections = 8;
constexpr int kBodyBytes = 480;   // of a case, and of its message to others
constexpr int kEventBytes = 120;  // of an event

constexpr char kTables[] = R"sql(
  DROP SCHEMA IF EXISTS hand CASCADE;
  CREATE SCHEMA hand;
  CREATE TABLE hand.cases (id TEXT PRIMARY KEY, state INT NOT NULL, body TEXT NOT NULL);
  CREATE TABLE hand.events (id BIGSERIAL PRIMARY KEY, case_id TEXT NOT NULL, body TEXT NOT NULL);
  CREATE TABLE hand.outbox (id BIGSERIAL PRIMARY KEY, case_id TEXT NOT NULL, body TEXT NOT NULL);
)sql";

using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

// One connection that lives cases from receipt to their end.
class Hand {
 public:
  explicit Hand(const std::string& url) : connection_(PQconnectdb(url.c_str()), PQfinish) {
    Prepare("receive", "INSERT INTO hand.cases (id, state, body) VALUES ($1, 0, $2)");
    Prepare("move", "UPDATE hand.cases SET state = state + 1 WHERE id = $1");
    Prepare("event", "INSERT INTO hand.events (case_id, body) VALUES ($1, $2)");
    Prepare("outbox", "INSERT INTO hand.outbox (case_id, body) VALUES ($1, $2)");
  }

  void LiveOneCase() {
    const std::string id = base::NewId(absl::Now());
    for (int step = 0; step < 4; ++step) {
      Check(PQexec(connection_.get(), "BEGIN"));
      if (step == 0) {
        Run("receive", {id.c_str(), body_.c_str()});
      } else {
        Run("move", {id.c_str()});
      }
      Run("event", {id.c_str(), event_.c_str()});
      Run("outbox", {id.c_str(), body_.c_str()});
      Check(PQexec(connection_.get(), "COMMIT"));
    }
  }

 private:
  void Check(PGresult* raw) {
    const Result result(raw, PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    }
  }
  void Prepare(const char* name, const char* sql) {
    Check(PQprepare(connection_.get(), name, sql, 0, nullptr));
  }
  void Run(const char* name, const std::vector<const char*>& values) {
    Check(PQexecPrepared(connection_.get(), name, static_cast<int>(values.size()), values.data(),
                         nullptr, nullptr, 0));
  }

  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  const std::string body_ = std::string(kBodyBytes, 'b');
  const std::string event_ = std::string(kEventBytes, 'e');
};

}  // namespace

double HandRate(test::PostgresServer* server, absl::Duration span) {
  server->Run(kTables);
  std::vector<std::unique_ptr<Hand>> hands;
  for (int i = 0; i < kConnections; ++i) hands.push_back(std::make_unique<Hand>(server->url()));
  const double rate =
      Rate(kConnections, span, [&](int i) { hands[static_cast<size_t>(i)]->LiveOneCase(); });
  hands.clear();
  server->Run("DROP SCHEMA hand CASCADE");
  return rate;
}

}  // namespace yikou::bench
