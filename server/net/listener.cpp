#include "server/net/listener.hpp"

#include "server/base/log.hpp"
#include "server/net/arrival.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <future>

namespace twinhub::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int accepts_per_wake_up = 64;
constexpr std::chrono::milliseconds back_off{100};

std::string place(const std::string& address, std::uint16_t port) {
  return "port " + std::to_string(port) + " on " + address;
}

Error listen_error(const std::string& address, std::uint16_t port, const std::string& setting,
                   const boost::system::error_code& error) {
  const std::string where = place(address, port);
  if (error == asio::error::address_in_use) {
    return fail(Errc::service_unavailable, where + " is in use by another process (" + setting + ")");
  }
  if (error == asio::error::access_denied) {
    return fail(Errc::service_unavailable,
                where + " may not be opened by this user (" + setting +
                    "): run as root, or give the program CAP_NET_BIND_SERVICE, or choose a port above 1023");
  }
  return fail(Errc::service_unavailable, where + " cannot be opened (" + setting + "): " + error.message());
}

/// Accepts on the first I/O thread.
class TcpListener final : public Listener {
 public:
  TcpListener(tcp::acceptor acceptor, Threads& threads, Admission& admission, DoorKind door, Accepted accepted)
      : threads_(threads),
        admission_(admission),
        door_(door),
        lane_(*threads.io().front()),
        acceptor_(std::move(acceptor)),
        timer_(lane_.context()),
        accepted_(std::move(accepted)),
        port_(acceptor_.local_endpoint().port()) {}

  ~TcpListener() override = default;

  void start() override {
    asio::post(lane_.context(), [this] { wait(); });
  }

  void stop() override {
    std::promise<void> closed;
    asio::post(lane_.context(), [this, &closed] {
      stopped_ = true;
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      timer_.cancel();
      // What the cancellations queued runs before this.
      asio::post(lane_.context(), [&closed] { closed.set_value(); });
    });
    closed.get_future().wait();
  }

  std::uint16_t port() const override { return port_; }

 private:
  void wait() {
    acceptor_.async_wait(tcp::acceptor::wait_read, [this](const boost::system::error_code& error) {
      if (stopped_ || error) return;
      accept_waiting();
    });
  }

  void accept_waiting() {
    for (int i = 0; i < accepts_per_wake_up; ++i) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      const int descriptor = ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                                       SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor >= 0) {
        exhausted_ = false;
        deal_out(descriptor, address, size);
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return back_off_and_wait();
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    }
    wait();
  }

  void back_off_and_wait() {
    if (!exhausted_)
      log::error({.event = "out_of_descriptors"},
                 "port {}: no file descriptors left (errno {}), accepting again when some are free", port_, errno);
    exhausted_ = true;
    admission_.out_of_descriptors(door_);
    timer_.expires_after(back_off);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!stopped_ && !error) wait();
    });
  }

  void deal_out(int descriptor, const sockaddr_storage& address, socklen_t size) {
    tcp::endpoint peer;
    if (size <= peer.capacity()) {
      std::memcpy(peer.data(), &address, size);
      peer.resize(size);
    }
    Place place = admission_.enter(door_, descriptor, peer.address());
    if (!place) {
      ::close(descriptor);
      return;
    }
    IoThread& lane = *threads_.io()[next_++ % threads_.io().size()];
    if (lane.is_current()) return accepted_(lane, descriptor, std::move(place));
    asio::post(lane.context(), [this, &lane, arrival = Arrival(descriptor, std::move(place))]() mutable {
      accepted_(lane, arrival.release(), std::move(arrival.place));
    });
  }

  Threads& threads_;
  Admission& admission_;
  const DoorKind door_;
  IoThread& lane_;
  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  Accepted accepted_;
  std::uint16_t port_;
  std::size_t next_ = 0;
  bool exhausted_ = false;
  bool stopped_ = false;
};

}  // namespace

Result<ListeningSocket> ListeningSocket::open(const std::string& address, std::uint16_t port,
                                              const std::string& setting, int backlog) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error)
    return fail(Errc::service_unavailable, "'" + address + "' is not an IP address to listen on (" + setting + ")");
  asio::io_context context;
  tcp::acceptor acceptor(context);
  const tcp::endpoint endpoint(ip, port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && ip.is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.set_option(tcp::no_delay(true), error);  // what it accepts inherits this
  if (!error) acceptor.listen(backlog, error);
  if (!error) acceptor.non_blocking(true, error);
  if (error) return listen_error(address, port, setting, error);
  return ListeningSocket(acceptor.release());
}

ListeningSocket::~ListeningSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::uint16_t ListeningSocket::port() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Result<std::unique_ptr<Listener>> Listener::make(const ListeningSocket& socket, Threads& threads, Admission& admission,
                                                 DoorKind door, Accepted accepted) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int own = ::fcntl(socket.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (own < 0 || ::getsockname(own, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    const int why = errno;
    if (own >= 0) ::close(own);
    return fail(Errc::service_unavailable, std::string("nothing can be accepted: ") + std::strerror(why));
  }
  tcp::acceptor acceptor(threads.io().front()->context());
  boost::system::error_code error;
  acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), own, error);
  if (error) {
    ::close(own);
    return fail(Errc::service_unavailable, "nothing can be accepted: " + error.message());
  }
  return std::unique_ptr<Listener>(
      std::make_unique<TcpListener>(std::move(acceptor), threads, admission, door, std::move(accepted)));
}

}  // namespace twinhub::net
