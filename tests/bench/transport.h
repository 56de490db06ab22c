// From one record to another: the real relay, Redis, the real reader and inbox.
#pragma once

#include "absl/time/time.h"
#include "tests/bench/database.h"

namespace yikou::bench {

struct Transport {
  double events_a_second = 0;
  double entry_bytes = 0;  // of one stream entry
};

// `events` are in the log of one service when its relay starts; the time ends when the inbox of the
// second has applied the last of them, each with an aggregate and an event of its own.
Transport RunTransport(const std::string& store, test::PostgresServer* server, int events);

// Bytes of such an entry, for the yardstick.
int EntryBytes();
// Entries the relay and the reader take at once.
inline constexpr int kTransportBatch = 256;

}  // namespace yikou::bench
