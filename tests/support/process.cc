#include "tests/support/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/eventually.h"

namespace yikou::test {
namespace {

// In the child of a process that may have threads: nothing here may allocate or lock.
[[noreturn]] void RunProgram(char* const* args, const char* output_path, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(126);
  const int output = open(output_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int input = open("/dev/null", O_RDONLY);
  if (output < 0 || input < 0) _exit(126);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  // The test's sockets must not stay open in the child.
  close_range(3, ~0U, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp(args[0], args);
  _exit(127);
}

}  // namespace

Process::Process(std::vector<std::string> args, std::string output_path)
    : output_path_(std::move(output_path)) {
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) RunProgram(argv.data(), output_path_.c_str(), parent);
  if (pid_ < 0) throw std::runtime_error(absl::StrCat("cannot fork to run ", args[0]));
}

Process::~Process() {
  Kill(SIGKILL);
  Wait();
}

void Process::Reap(int wait_options) {
  int status = 0;
  while (!exit_code_) {
    const pid_t ended = waitpid(pid_, &status, wait_options);
    if (ended == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (ended == 0 || errno != EINTR) {
      return;
    }
  }
}

bool Process::Running() {
  Reap(WNOHANG);
  return !exit_code_;
}

void Process::Kill(int signal) {
  if (Running()) kill(pid_, signal);
}

int Process::Wait() {
  Reap(0);
  return exit_code_.value_or(-1);
}

std::optional<int> Process::WaitFor(absl::Duration bound) {
  Eventually(bound, [this] { return !Running(); });
  return exit_code_;
}

std::string Process::Output() const {
  std::ifstream file(output_path_, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace yikou::test
