#include "tests/support/free_port.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <stdexcept>

namespace yikou::test {
namespace {

bool IsFree(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return is_free;
}

}  // namespace

// Below the ports that Linux gives to outgoing connections: a client that knocks at a stopped
// server's port from that same port would connect to itself.
int FreePort() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(15000, 32000);
  for (int i = 0; i < 100; ++i) {
    const int port = ports(random);
    if (IsFree(port)) return port;
  }
  throw std::runtime_error("no free port in 100 tries between 15000 and 32000");
}

}  // namespace yikou::test
