#include "server/ops/event_streams.hpp"

#include <pthread.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <future>
#include <set>
#include <thread>
#include <utility>

namespace twinhub::ops {
namespace {

namespace asio = boost::asio;

/// A comment line, so that a client that has gone is noticed and proxies keep the connection.
constexpr std::chrono::seconds ping_pace{15};
/// A client that takes nothing for so long is cut off.
constexpr std::chrono::seconds write_time_limit{60};

constexpr std::string_view header =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n"
    "Connection: close\r\n";

class Streams;

class Stream final : public std::enable_shared_from_this<Stream> {
  using Clock = std::chrono::steady_clock;

 public:
  Stream(net::Stream stream, std::string headers, Streams& streams)
      : stream_(std::move(stream)), timer_(stream_.get_executor()), headers_(std::move(headers)), streams_(streams) {}

  void begin(Result<std::unique_ptr<EventSource>> source) {
    if (!source) {
      return refuse(source.error().code == Errc::argument_invalid ? "400 Bad Request" : "503 Service Unavailable",
                    source.error().detail);
    }
    source_ = std::move(*source);
    out_ = std::string(header) + headers_ + "\r\n";
    watch_for_end();
    write();
  }
  void refuse(std::string_view status, const std::string& words) {
    out_ = "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n" +
           headers_ + "Content-Length: " + std::to_string(words.size() + 1) + "\r\n\r\n" + words + "\n";
    write();
  }

  void end();

  /// New events may be there.
  void wake() {
    if (idle_) next();
  }
  void close() {
    stream_.close();
    timer_.cancel();
  }

 private:
  void next() {
    if (!source_) return;  // it has ended meanwhile
    idle_ = false;
    out_.clear();
    while (out_.empty()) {
      const auto more = source_->read(out_);
      if (!more) return end();
      if (!out_.empty()) break;
      if (!*more) return wait();
      // A filter that matches little: others have their turn first.
      asio::post(stream_.get_executor(), [self = shared_from_this()] { self->next(); });
      return;
    }
    write();
  }

  void wait() {
    idle_ = true;
    const auto pace = source_->pace();
    timer_.expires_after(pace.count() > 0 ? std::min<std::chrono::milliseconds>(pace, ping_pace) : ping_pace);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (error || !self->idle_) return;
      if (Clock::now() - self->written_ < ping_pace) return self->next();
      self->idle_ = false;
      self->out_ = ": ping\n\n";
      self->write();
    });
  }

  void write() {
    written_ = Clock::now();
    timer_.expires_after(write_time_limit);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (!error) self->end();
    });
    asio::async_write(stream_, asio::buffer(out_), [self = shared_from_this()](boost::system::error_code error, auto) {
      self->timer_.cancel();
      if (error) return self->end();
      if (self->source_) return self->next();
      self->stream_.async_shutdown([self](boost::system::error_code) { self->end(); });
    });
  }

  /// The client sends nothing any more; reading tells when it leaves.
  void watch_for_end() {
    stream_.async_read_some(asio::buffer(byte_), [self = shared_from_this()](boost::system::error_code error, auto) {
      if (error) return self->end();
      self->watch_for_end();
    });
  }

  net::Stream stream_;
  asio::steady_timer timer_;
  std::string headers_;
  Streams& streams_;
  std::unique_ptr<EventSource> source_;
  std::string out_;
  std::array<char, 1> byte_{};
  Clock::time_point written_{};
  bool idle_ = false;
};

class Streams final : public EventStreams {
 public:
  explicit Streams(std::size_t streams_max) : streams_max_(streams_max), guard_(asio::make_work_guard(context_)) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "event-streams");
      context_.run();
    });
  }
  ~Streams() override {
    context_.stop();
    thread_.join();
  }

  void adopt(net::Stream connection, OpenStream open, std::string headers) override {
    asio::post(context_,
               [this, released = connection.release(), open = std::move(open), headers = std::move(headers)]() mutable {
                 auto stream = std::make_shared<Stream>(net::Stream(context_.get_executor(), std::move(released)),
                                                        std::move(headers), *this);
                 if (streams_.size() >= streams_max_)
                   return stream->refuse("503 Service Unavailable", "too many streams are open");
                 streams_.insert(stream);
                 // Before it looks, for every thread: what comes after its look wakes it.
                 looking_ = streams_.size();
                 std::atomic_thread_fence(std::memory_order_seq_cst);
                 stream->begin(open());
               });
  }

  void wake() override {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // the event is there before anybody is looked for
    // Nobody looks, which is the rule; or one wake-up is on its way: it will see this event too.
    if (looking_.load() == 0 || waking_.exchange(true)) return;
    asio::post(context_, [this] {
      waking_ = false;
      for (const auto& stream : std::set(streams_)) stream->wake();
    });
  }

  void end_all() override {
    std::promise<void> done;
    asio::post(context_, [this, &done] {
      for (const auto& stream : std::set(streams_)) stream->end();
      done.set_value();
    });
    done.get_future().wait();
  }

  void ended(const std::shared_ptr<Stream>& stream) {
    streams_.erase(stream);
    looking_ = streams_.size();
  }

 private:
  const std::size_t streams_max_;
  std::atomic<bool> waking_{false};
  std::atomic<std::size_t> looking_{0};
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::set<std::shared_ptr<Stream>> streams_;  // the streams' thread only
  std::thread thread_;
};

void Stream::end() {
  const auto self = shared_from_this();
  close();
  idle_ = false;
  source_.reset();
  streams_.ended(self);
}

}  // namespace

std::unique_ptr<EventStreams> EventStreams::make(std::size_t streams_max) {
  return std::make_unique<Streams>(streams_max);
}

}  // namespace twinhub::ops
