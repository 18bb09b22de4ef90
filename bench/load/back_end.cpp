#include "bench/load/back_end.hpp"

#include <strings.h>
#include <charconv>
#include <optional>
#include <utility>

namespace twinhub::load {
namespace {

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    std::string_view value = line.substr(name.size() + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return {};
}

class BackEnds::Connection final : private Stream::Owner {
 public:
  Connection(BackEnds& pool, EventLoop& loop, SSL_CTX* tls, Address address)
      : pool_(pool), stream_(loop, *this, tls), address_(std::move(address)) {}

  void request(const HttpRequest& request, HttpDone done) {
    done_ = std::move(done);
    text_ = request.method + " " + request.path + " HTTP/1.1\r\n" + pool_.common_ + request.headers;
    if (!request.body.empty()) text_ += "Content-Type: application/json; charset=utf-8\r\n";
    text_ += "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
    if (!stream_.is_open()) return stream_.connect(address_);
    write();
  }

 private:
  void write() {
    stream_.out() += text_;
    stream_.send();
  }
  void on_open() override { write(); }
  void on_closed(const std::string& why) override {
    received_.clear();
    if (!done_) return;  // between requests: the next one connects again
    pool_.errors_.add(Wrong::closed, "REST: " + why);
    finish(nullptr);
  }
  void on_bytes(std::string_view bytes) override {
    received_ += bytes;
    const std::size_t head_end = received_.find("\r\n\r\n");
    if (head_end == std::string::npos) return;
    HttpAnswer answer;
    answer.head = std::string_view(received_).substr(0, head_end);
    const auto status = answer.head.size() >= 12 ? number_in(answer.head.substr(9, 3)) : std::nullopt;
    const std::string_view length_text = answer.header("content-length");
    const auto length = status == 204U ? std::optional<std::size_t>(0) : number_in(length_text);
    if (!answer.head.starts_with("HTTP/1.1 ") || !status || !length || !done_) return give_up("REST: no HTTP answer");
    const std::size_t whole = head_end + 4 + *length;
    if (received_.size() < whole) return;
    if (received_.size() > whole) return give_up("REST: more than was asked for");
    answer.status = static_cast<int>(*status);
    answer.body = std::string_view(received_).substr(head_end + 4);
    finish(&answer);
  }
  void give_up(const std::string& what) {
    pool_.errors_.add(Wrong::malformed, what);
    stream_.close();
    received_.clear();
    if (done_) finish(nullptr);
  }
  void finish(const HttpAnswer* answer) {
    const HttpDone done = std::exchange(done_, {});
    const std::string kept = std::exchange(received_, {});  // what `answer` views
    done(answer);
    pool_.serve(*this);
  }

  BackEnds& pool_;
  Stream stream_;
  Address address_;
  std::string text_;
  std::string received_;
  HttpDone done_;
};

BackEnds::BackEnds(EventLoop& loop, Errors& errors, SSL_CTX* tls, Address address, std::string authorization,
                   std::size_t connections)
    : errors_(errors), common_("Host: localhost\r\nAuthorization: " + std::move(authorization) + "\r\n") {
  for (std::size_t i = 0; i < connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(*this, loop, tls, address));
    free_.push_back(connections_.back().get());
  }
}

BackEnds::~BackEnds() = default;

void BackEnds::request(HttpRequest request, HttpDone done) {
  if (free_.empty()) return waiting_.emplace_back(std::move(request), std::move(done)), void();
  Connection& connection = *free_.back();
  free_.pop_back();
  connection.request(request, std::move(done));
}

/// `connection` has nothing to do.
void BackEnds::serve(Connection& connection) {
  if (waiting_.empty()) return free_.push_back(&connection);
  auto [request, done] = std::move(waiting_.front());
  waiting_.pop_front();
  connection.request(request, std::move(done));
}

}  // namespace twinhub::load
