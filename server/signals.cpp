#include "server/signals.hpp"

#include <unistd.h>
#include <csignal>

namespace twinhub {
namespace {

sigset_t signals_of_interest() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGRTMIN);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = signals_of_interest();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // The default of all of these is to end the process. Tools that mean another one send them by habit (kill -USR1 for a log
  // rotation); with SIGXFSZ ignored, a file that may not grow is a write that fails, which the store knows.
  for (const int unused : {SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGXFSZ})
    std::signal(unused, SIG_IGN);
  for (int unused = SIGRTMIN + 1; unused <= SIGRTMAX; ++unused) std::signal(unused, SIG_IGN);
}

Signal wait_for_signal() {
  const sigset_t set = signals_of_interest();
  int received = 0;
  sigwait(&set, &received);
  if (received == SIGRTMIN) return Signal::order;
  return received == SIGHUP ? Signal::reload : Signal::stop;
}

void ask_for_reload() { ::kill(::getpid(), SIGHUP); }

void tell_of_order() { ::kill(::getpid(), SIGRTMIN); }

bool stop_is_pending() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

void unblock_stop() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace twinhub
