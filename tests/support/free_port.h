// A port for a server that a test starts.
#pragma once

namespace yikou::test {

// Returns a TCP port of the loopback address that nobody listens on now; somebody may take it
// before you do. Throws std::runtime_error when there is none.
int FreePort();

}  // namespace yikou::test
