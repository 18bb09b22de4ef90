#include "rest_hub.hpp"

#include "protocol/iothub/sas_token.hpp"
#include "protocol/json/document.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <stdexcept>

namespace twinhub::test {
namespace {

using hub::Right;

std::vector<hub::Policy> policies() {
  const auto policy = [](std::string name, Right rights) {
    return hub::Policy{std::move(name), rights, std::string(policy_key), std::string(policy_key)};
  };
  return {policy("iothubowner",
                 Right::registry_read | Right::registry_write | Right::service_connect | Right::device_connect),
          policy("service", Right::service_connect), policy("device", Right::device_connect),
          policy("registryRead", Right::registry_read),
          policy("registryReadWrite", Right::registry_read | Right::registry_write)};
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

class RestHub::SimpleDevices final : public hub::DeviceLinks {
 public:
  explicit SimpleDevices(const RestHub& owner) : owner_(owner) {}

  void desired_changed(const IdentityId&, std::uint64_t, const std::shared_ptr<const std::string>&,
                       storage::Outbox&) override {}
  void messages_waiting(const IdentityId&, storage::Outbox&) override {}
  void identity_changed(const iothub::Identity&, storage::Outbox&) override {}
  void identity_deleted(const IdentityId&, storage::Outbox&) override {}

  bool invoke_method(const std::shared_ptr<const hub::MethodRequest>& request, storage::Outbox& outbox) override {
    hub::Methods& methods = owner_.hub().methods;
    const std::string name = request->name.substr(request->name.find('*') + 1);
    if (name != "echo" && name != "fail" && name != "nonsense" && name != "silent" && name != "lost") return false;
    if (!methods.delivering(request->number)) return true;
    if (name == "echo") methods.answered(request->number, "200", request->payload, outbox);
    if (name == "fail") methods.answered(request->number, "500", "", outbox);
    if (name == "nonsense") methods.answered(request->number, "200", "hello", outbox);
    if (name == "lost") methods.failed(request->number, fail(Errc::device_connection_closed_remotely, ""), outbox);
    return true;
  }
  void forget_method(const IdentityId&, std::uint64_t, storage::Outbox&) override {}

 private:
  const RestHub& owner_;
};

std::string Answer::error_name() const {
  const auto document = json::parse(body);
  const auto message = document ? document->root().find("Message") : std::nullopt;
  const std::string text = message ? message->string().value_or("") : "";
  const std::size_t semicolon = text.find(';'), colon = text.find(':');
  if (semicolon == std::string::npos || colon > semicolon || semicolon + 1 == text.size()) return "";
  return text.substr(colon + 1, semicolon - colon - 1);
}

Peer::Peer(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const timeval limit{120, 0};  // a slow machine is no failure; a hub that hangs is
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("connect");
}

Peer::~Peer() { ::close(socket_); }

void Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Peer::finish_sending() { ::shutdown(socket_, SHUT_WR); }

bool Peer::fill() {
  char bytes[4096];
  const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) throw std::runtime_error("nothing came for two minutes");
  if (size <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

bool Peer::closed() {
  while (fill()) {
  }
  return true;
}

std::string Peer::receive_head() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return {};
  }
  std::string head = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  return head;
}

Answer Peer::receive() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return {};
  }
  Answer answer;
  answer.status = static_cast<unsigned>(std::stoul(buffer_.substr(9, 3)));
  for (std::size_t line = buffer_.find("\r\n") + 2; line < end;) {
    const std::size_t next = buffer_.find("\r\n", line), colon = buffer_.find(": ", line);
    answer.headers[lower(buffer_.substr(line, colon - line))] = buffer_.substr(colon + 2, next - colon - 2);
    line = next + 2;
  }
  const auto length = answer.headers.find("content-length");
  const std::size_t size = length == answer.headers.end() ? 0 : std::stoul(length->second);
  while (buffer_.size() < end + 4 + size) {
    if (!fill()) return {};
  }
  answer.body = buffer_.substr(end + 4, size);
  buffer_.erase(0, end + 4 + size);
  return answer;
}

RestHub::RestHub(rest::DoorOptions options, const hub::HubOptions& hub_options,
                 const net::AdmissionOptions& admission_options, const MakeAnnex& make_annex)
    : admission_(admission_options, notices_) {
  auto store = storage::open_rocksdb_store(
      {.directory = {}, .durability = storage::Durability::memory, .now = [this] { return clock_.now(); }});
  if (!store) throw std::runtime_error(store.error().detail);
  store_ = std::move(*store);
  links_ = std::make_unique<SimpleDevices>(*this);
  hub_ = std::make_unique<hub::Hub>(*store_, clock_, random_, policies(), *links_, hub_options);
  if (const auto recovered = hub_->recover(); !recovered) throw std::runtime_error(recovered.error().detail);
  if (make_annex) annex_ = make_annex(*hub_, threads_);
  door_ = rest::make_door(*hub_, threads_, options, {}, annex_.get());
  const auto socket = net::ListeningSocket::open("127.0.0.1", 0, "--http-port", admission_.options().backlog);
  if (!socket) throw std::runtime_error(socket.error().detail);
  auto listener = net::Listener::make(*socket, threads_, admission_, net::DoorKind::rest,
                                      [this](net::IoThread& lane, int descriptor, net::Place place) {
                                        door_->adopt(lane, descriptor, std::move(place), nullptr);
                                      });
  if (!listener) throw std::runtime_error(listener.error().detail);
  listener_ = std::move(*listener);
  threads_.start();
  listener_->start();
}

RestHub::~RestHub() {
  listener_->stop();
  door_->stop(std::chrono::seconds(10));
  threads_.stop();
  store_.reset();
}

std::string RestHub::token(std::string_view policy, std::string_view resource, std::int64_t seconds) const {
  const auto now = static_cast<std::int64_t>((clock_.now().ticks - unix_epoch_ticks) / ticks_per_second);
  return iothub::make_sas_token(resource, policy_key, static_cast<std::uint64_t>(now + seconds), policy);
}

std::string RestHub::request(std::string_view method, std::string_view target, std::string_view body,
                             const std::string& headers) const {
  std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: hub.local\r\n" + headers;
  if (headers.find("Authorization") == std::string::npos) text += "Authorization: " + token("iothubowner") + "\r\n";
  if (headers.find("Transfer-Encoding") == std::string::npos)
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

Answer RestHub::call(std::string_view method, std::string_view target, std::string_view body,
                     const std::string& headers) const {
  const std::string query = target.find('?') == std::string_view::npos ? "?api-version=2021-04-12" : "";
  Peer peer(port());
  peer.send(request(method, std::string(target) + query, body, headers));
  return peer.receive();
}

std::vector<storage::Event> RestHub::telemetry(const std::string& device) const {
  std::vector<storage::Event> found;
  const auto read = store_->read_events(store_->event_partition_of({device, ""}), 0, [&](const auto& stored) {
    if (stored.event.source == storage::EventSource::telemetry) found.push_back(stored.event);
    return true;
  });
  if (!read) throw std::runtime_error(read.error().detail);
  return found;
}

void RestHub::create(std::string_view device) const {
  const Answer answer = call("PUT", "/devices/" + std::string(device), "{}");
  if (answer.status != 200) throw std::runtime_error(answer.body);
}

}  // namespace twinhub::test
