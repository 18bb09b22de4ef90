// Signals as a queue: SIGTERM and SIGINT stop, SIGHUP reloads, SIGRTMIN is the process's own; a second stop ends the process at once.
#pragma once

namespace twinhub {

enum class Signal : unsigned char { stop, reload, order };

/// Blocks the signals in this thread and all it starts later, so that wait_for_signal() alone receives them; ignores
/// those that mean nothing to it. Call before any thread is started.
void block_signals();
/// Sleeps until a signal comes.
[[nodiscard]] Signal wait_for_signal();
/// As SIGHUP does it. Any thread.
void ask_for_reload();
/// Somebody has an order for the main thread. Any thread.
void tell_of_order();
/// SIGTERM or SIGINT has come, and wait_for_signal() has not told yet. Any thread.
[[nodiscard]] bool stop_is_pending();
/// From now on SIGTERM and SIGINT end the process at once.
void unblock_stop();

}  // namespace twinhub
