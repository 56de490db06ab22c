#include "tests/support/ports.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <random>
#include <set>
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

int FreePort() {
  // A server that is to be started on it later does not hold it yet.
  static std::mutex mutex;
  static std::set<int> given;
  std::lock_guard<std::mutex> lock(mutex);
  std::random_device random;
  std::uniform_int_distribution<int> ports(15000, 32000);
  for (int i = 0; i < 100; ++i) {
    const int port = ports(random);
    if (IsFree(port) && given.insert(port).second) return port;
  }
  throw std::runtime_error("no free port in 100 tries between 15000 and 32000");
}

}  // namespace yikou::test
