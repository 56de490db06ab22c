// Ports for servers of the tests.
#pragma once

namespace yikou::test {

// A port of 127.0.0.1 nobody listens on just now, below those Linux gives to outgoing connections:
// a client that knocks at a stopped server's port from that same port would connect to itself.
// Never the same twice in a process. Somebody else may take it between this look and the server's:
// be ready to try another.
// Threads: any.
int FreePort();

}  // namespace yikou::test
