#include "server/ops/ops_door.hpp"

#include "server/net/http_text.hpp"
#include "server/net/request_head.hpp"
#include "server/ops/late_answers.hpp"
#include "server/ops/visitor.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace twinhub::ops {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::chrono::milliseconds back_off{100};

class Session;

/// What every session of the door needs.
struct Door {
  const OpsOptions& options;
  const Pages& pages;
  const Posts& posts;
  const OpenEventSource& open_events;
  EventStreams& streams;
  const std::vector<Site*>& sites;
  LateAnswers& late;
};

class Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(net::Stream stream, const Door& door)
      : stream_(std::move(stream)), timer_(stream_.get_executor()), door_(door) {}

  void start() {
    limit_time();
    stream_.async_handshake(net::Stream::Side::server, [self = shared_from_this()](beast::error_code error) {
      if (!error) self->read();
    });
  }

  void read() {
    parser_.emplace();
    parser_->header_limit(door_.options.header_bytes_max);
    parser_->body_limit(boost::none);  // no body is read before its head was judged
    finder_ = {};
    limit_time();
    look_for_head();
  }

  /// The site's, to the request that was read.
  void send_answer(SiteAnswer answer) {
    let_go_ = {};
    if (answer.noted != Reason::other) note(answer.noted, std::to_string(answer.status), "");
    if (answer.stream) return stream_from_site(std::move(answer));
    if (answer.take_over) return hand_on(answer.take_over);
    response_.emplace(static_cast<http::status>(answer.status), 11);
    for (const auto& [name, value] : answer.headers) response_->set(net::header_name(name), net::header_value(value));
    response_->keep_alive(keep_alive_);
    response_->body() = std::move(answer.body);
    if (answer.status != 204 && answer.status != 304) response_->prepare_payload();
    if (is_head_) response_->body().clear();
    limit_time();
    write();
  }

 private:
  void limit_time() {
    timer_.expires_after(door_.options.request_timeout);
    timer_.async_wait([weak = weak_from_this()](beast::error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      if (!self->response_) self->note(Reason::no_connect, "", "No request came in time.");
      self->stream_.close();
    });
  }

  void note(Reason reason, std::string_view code, std::string_view detail) {
    stream_.note({.stage = notices::Stage::http, .reason = reason, .code = code, .detail = detail});
  }

  void look_for_head() {
    const net::HeadSearch head = finder_.look(buffer_, door_.options.header_bytes_max);
    is_looking_ = false;
    if (head.error) return refuse(head.error);
    if (head.bytes > 0) return got_head(head.bytes);
    is_looking_ = true;
    receive();
  }

  /// One read at a time.
  void receive() {
    if (std::exchange(is_receiving_, true)) return;
    constexpr std::size_t at_once = 1024;
    stream_.async_read_some(buffer_.prepare(at_once),
                            [self = shared_from_this()](beast::error_code error, std::size_t bytes) {
                              self->is_receiving_ = false;
                              if (!error) self->buffer_.commit(bytes);
                              if (error && self->let_go_) return self->left();
                              if (!error && self->is_looking_) self->look_for_head();
                            });
  }

  void got_head(std::size_t size) {
    const std::string_view head(static_cast<const char*>(buffer_.data().data()), size);
    const auto fault = net::read_head(*parser_, head);
    if (fault && !fault->framing) return refuse(fault->error);
    if (fault) return refuse(*fault->framing);
    buffer_.consume(size);
    answer();
  }

  /// Bytes that are no request; what follows them is not looked at.
  void refuse(beast::error_code error) {
    const unsigned status = error == http::error::header_limit ? 431 : 400;
    note(Reason::protocol_fault, std::to_string(status), error.message());
    parser_.emplace();  // of what was read so far nothing counts for the answer
    send({status, Page().type, "not a request: " + error.message() + "\n"}, false);
  }

  void refuse(const net::FramingFault& fault) {
    note(Reason::protocol_fault, std::to_string(fault.status), fault.words);
    send({fault.status, Page().type, std::string(fault.words) + "\n"}, parser_->get().method() == http::verb::head);
  }

  void answer() {
    const auto& request = parser_->get();
    const bool is_head = request.method() == http::verb::head;
    const auto [authority, target] = net::split_target({request.target().data(), request.target().size()});
    const std::size_t path_end = std::min(target.find('?'), target.size());
    site_ = site_of(target.substr(0, path_end));
    if (site_ != nullptr) return answer_by_site(authority);
    Page page;
    if (const Refusal refusal = check(authority, target.substr(0, path_end)); refusal.status != 0) {
      page = {refusal.status, page.type, std::string(refusal.words) + "\n"};
    } else if (request.method() == http::verb::post || brings_key(target.substr(0, path_end))) {
      const auto authorization = request[http::field::authorization];
      page = door_.posts({request.method() != http::verb::post,
                          target.substr(0, path_end),
                          target.substr(std::min(path_end + 1, target.size())),
                          {authorization.data(), authorization.size()},
                          has_token(request.base(), door_.options.token)});
    } else if (request.method() != http::verb::get && !is_head) {
      page = {405, page.type, "GET and HEAD only\n"};
    } else if (target.substr(0, path_end) != "/events") {
      page = door_.pages(target.substr(0, path_end), target.substr(path_end));
    } else if (is_head) {
      page.type = "text/event-stream; charset=utf-8";
    } else {
      return stream_events(target.substr(path_end));
    }
    send(std::move(page), is_head);
  }

  // --- what the site answers
  static Page too_large() { return {.status = 413, .body = "the body is larger than this path takes\n"}; }

  /// Whose the path is; null: the door's own.
  [[nodiscard]] Site* site_of(std::string_view path) const {
    const auto found =
        std::find_if(door_.sites.begin(), door_.sites.end(), [path](const Site* site) { return site->has(path); });
    return found == door_.sites.end() ? nullptr : *found;
  }

  void answer_by_site(std::string_view authority) {
    const auto& request = parser_->get();
    is_head_ = request.method() == http::verb::head;
    peer_ = stream_.peer();
    auto admitted = site_->admit(request.base(), authority, peer_);
    // Of a refused request the body is never read: what follows would be taken for a request.
    keep_alive_ = request.keep_alive() && parser_->is_done();
    if (auto* refused = std::get_if<SiteAnswer>(&admitted)) return send_answer(std::move(*refused));
    keep_alive_ = request.keep_alive();
    if (parser_->is_done()) return hand_over(parser_->release());
    const std::size_t bytes_max = std::get<std::size_t>(admitted);
    if (parser_->content_length().value_or(0) > bytes_max) return send(too_large(), false);
    parser_->body_limit(bytes_max);
    const bool is_asked = request.version() >= 11 && beast::iequals(request[http::field::expect], "100-continue");
    if (!is_asked) return read_body();
    go_on_.emplace(http::status::continue_, 11);
    http::async_write(stream_, *go_on_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->read_body();
    });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) return self->hand_over(self->parser_->release());
      self->parser_.emplace();
      if (error == http::error::body_limit) {
        self->send(too_large(), false);
      } else {
        self->stream_.close();
      }
    });
  }

  /// An answer may take as long as a direct method's: no time limit holds for it.
  void hand_over(SiteRequest request) {
    timer_.cancel();
    auto [number, answered] =
        door_.late.add([self = shared_from_this()](SiteAnswer answer) { self->send_answer(std::move(answer)); });
    let_go_ = site_->answer(std::move(request), peer_, std::move(answered));
    if (!let_go_) return;
    late_answer_ = number;
    stream_.place().prove();
    // Its end is looked for meanwhile. Bytes are a request to come, which has to wait.
    if (buffer_.size() == 0) receive();
  }

  /// The peer, before its answer.
  void left() {
    std::exchange(let_go_, {})();
    door_.late.forget(late_answer_);
  }

  void stream_from_site(SiteAnswer answer) {
    std::string headers;
    for (const auto& [name, value] : answer.headers)
      headers += net::header_name(name) + ": " + net::header_value(value) + "\r\n";
    timer_.cancel();
    stream_.place().prove();
    door_.streams.adopt(std::move(stream_), std::move(answer.stream), std::move(headers));
  }

  void hand_on(const TakeOver& take) {
    timer_.cancel();
    if (buffer_.size() > 0) return stream_.close();  // bytes that nobody would read
    take(stream_.release());
  }

  [[nodiscard]] Refusal check(std::string_view authority, std::string_view path) {
    const auto& request = parser_->get();
    if (!authority.empty() && !is_host_of_hub(authority, door_.options.host_names)) return other_host;
    if (const auto refusal = check_visitor(request.base(), door_.options.host_names); refusal.status != 0)
      return refusal;
    return is_private(path) && request.method() != http::verb::post && !brings_key(path)
               ? check_reader(request.base(), stream_.peer(), door_.options.token)
               : Refusal{};
  }

  /// Whoever may give an order may look what came of it, from wherever.
  [[nodiscard]] bool brings_key(std::string_view path) const {
    const auto& request = parser_->get();
    return takes_orders(path) && request.method() == http::verb::get && request.count(http::field::authorization) > 0;
  }

  /// By its Host, or by the site whose page has sent it; else it lacked the token.
  [[nodiscard]] bool is_foreign(unsigned status) const {
    return status == 421 || check_visitor(parser_->get().base(), door_.options.host_names).status != 0;
  }

  void send(Page page, bool is_head) {
    const auto& request = parser_->get();
    if (page.status == 401 || page.status == 403 || page.status == 421)
      note(is_foreign(page.status) ? Reason::wrong_host : Reason::wrong_token, std::to_string(page.status),
           std::string_view(page.body).substr(0, page.body.find('\n')));
    response_.emplace(static_cast<http::status>(page.status), 11);
    response_->set(http::field::content_type, page.type);
    response_->set(http::field::cache_control, "no-store");
    if (page.status == 401) response_->set(http::field::www_authenticate, "Bearer");
    if (page.status == 405) response_->set(http::field::allow, "GET, HEAD");
    // A body is never read: what follows would be taken for a request.
    response_->keep_alive(request.keep_alive() && parser_->is_done() && page.status != 400 && page.status != 501);
    response_->body() = std::move(page.body);
    response_->prepare_payload();
    if (is_head) response_->body().clear();
    write();
  }

  void write() {
    http::async_write(stream_, *response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error) return self->stream_.close();
      if (self->response_->keep_alive()) return self->read();
      // The answer has left before the socket is closed over bytes that were not read.
      self->stream_.async_linger([self](beast::error_code) {});
    });
  }

  /// A client that comes back says where it was (WHATWG HTML, 9.2.3).
  void stream_events(std::string_view query) {
    std::string text(query.substr(std::min<std::size_t>(1, query.size())));
    const auto last = parser_->get()["Last-Event-ID"];
    if (!last.empty()) text += (text.empty() ? "from=" : "&from=") + std::string(last);
    timer_.cancel();
    stream_.place().prove();  // a stream is meant to stay
    door_.streams.adopt(std::move(stream_), [&open = door_.open_events, text = std::move(text)] { return open(text); });
  }

  net::Stream stream_;
  asio::steady_timer timer_;
  const Door& door_;
  beast::flat_buffer buffer_;
  net::HeadFinder finder_;
  bool is_looking_ = false;  ///< for a head
  bool is_receiving_ = false;
  std::optional<net::RequestParser> parser_;
  std::optional<http::response<http::string_body>> response_;
  // Of a request to a site
  Site* site_ = nullptr;
  std::optional<http::response<http::empty_body>> go_on_;
  asio::ip::address peer_;
  Site::LetGo let_go_;  ///< while the answer is waited for
  std::uint64_t late_answer_ = 0;
  bool keep_alive_ = false;
  bool is_head_ = false;
};

class OpsDoorImpl final : public OpsDoor {
 public:
  OpsDoorImpl(OpsOptions options, net::Admission& admission, Pages pages, Posts posts, OpenEventSource open_events,
              std::vector<Site*> sites)
      : options_(std::move(options)),
        admission_(admission),
        pages_(std::move(pages)),
        posts_(std::move(posts)),
        open_events_(std::move(open_events)),
        sites_(std::move(sites)),
        streams_(EventStreams::make(options_.streams_max)),
        late_(std::make_shared<LateAnswers>(context_)),
        door_{options_, pages_, posts_, open_events_, *streams_, sites_, *late_},
        acceptor_(context_),
        timer_(context_) {}

  ~OpsDoorImpl() override {
    late_->close();
    context_.stop();
    if (thread_.joinable()) thread_.join();
    late_->drop();
  }

  Result<void> listen(const std::string& address, std::uint16_t port) {
    boost::system::error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (!error) acceptor_.open(ip.is_v6() ? tcp::v6() : tcp::v4(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind({ip, port}, error);
    if (!error) acceptor_.listen(64, error);
    if (error) {
      const bool in_use = error == asio::error::address_in_use;
      return fail(Errc::service_unavailable,
                  "port " + std::to_string(port) + " on " + address +
                      (in_use ? " is in use by another process" : " cannot be opened: " + error.message()) +
                      " (--ops-port)");
    }
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }

  void wake_event_streams() override { streams_->wake(); }
  void end_event_streams() override { streams_->end_all(); }
  std::uint16_t port() const override { return acceptor_.local_endpoint().port(); }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later();
      exhausted_ = false;
      welcome(std::move(socket));
      accept();
    });
  }

  void welcome(tcp::socket socket) {
    boost::system::error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone) return;
    auto place = admission_.enter(net::DoorKind::operations, socket.native_handle(), peer.address());
    if (!place) return;
    net::Stream stream(std::move(socket), options_.tls ? options_.tls() : nullptr, std::move(place));
    std::make_shared<Session>(std::move(stream), door_)->start();
  }

  /// Without descriptors the waiting connection stays where it is: asking again at once would only spin.
  void accept_later() {
    if (!std::exchange(exhausted_, true)) admission_.out_of_descriptors(net::DoorKind::operations);
    timer_.expires_after(back_off);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) accept();
    });
  }

  OpsOptions options_;
  net::Admission& admission_;
  Pages pages_;
  Posts posts_;
  OpenEventSource open_events_;
  const std::vector<Site*> sites_;
  std::unique_ptr<EventStreams> streams_;
  asio::io_context context_{1};
  std::shared_ptr<LateAnswers> late_;
  const Door door_;
  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  bool exhausted_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<OpsDoor>> OpsDoor::open(const std::string& address, std::uint16_t port, OpsOptions options,
                                               net::Admission& admission, Pages pages, Posts posts,
                                               OpenEventSource open_events, std::vector<Site*> sites) {
  auto door = std::make_unique<OpsDoorImpl>(std::move(options), admission, std::move(pages), std::move(posts),
                                            std::move(open_events), std::move(sites));
  if (const auto listening = door->listen(address, port); !listening) return listening.error();
  return std::unique_ptr<OpsDoor>(std::move(door));
}

}  // namespace twinhub::ops
