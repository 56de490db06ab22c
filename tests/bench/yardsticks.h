// What the machine does without us, or with nothing behind our adapter.
#pragma once

#include "absl/time/time.h"
#include "tests/support/postgres_server.h"

namespace yikou::bench {

// Appends of 4 KiB with fdatasync, a second: how often this disk flushes.
double FdatasyncRate(absl::Duration span);

// Entries a second through XADD, XREADGROUP and XACK, in batches, as redis-server is run by us.
double RawStreamRate(int batch, int entry_bytes, absl::Duration span);

// Unary calls a second with nothing behind them, through the suite's own adapter and the driver
// that puts load on the suite.
double EmptyUnaryRate(absl::Duration span);

// Cases a second of what one writes by hand: 8 connections, four plain transactions a case (case,
// event and outbox row; three times a new state, with event and outbox row). No RPC, no queue.
double HandRate(test::PostgresServer* server, absl::Duration span);

}  // namespace yikou::bench
