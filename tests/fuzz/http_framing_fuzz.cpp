// Any bytes, cut anywhere, to what the doors read requests with. Each request that a door takes, with its body, is the
// next one of what a second reader finds, who keeps to the letter of RFC 9112 and refuses whatever is doubtful: so no
// byte of a body is ever answered as a request. And where the bytes were cut makes no difference.
//
// Input: [the door: 0 reads bodies, 1 refuses every request, 2 takes no bodies: the operations port] [length] [sizes of the pieces,
// repeated] [bytes of the peer]
#include "server/net/request_head.hpp"

#include "check.hpp"
#include "pieces.hpp"

#include <boost/beast/http/read.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using namespace twinhub::net;

constexpr std::size_t head_bytes_max = 2048, body_bytes_max = 4096;
constexpr std::size_t piece_bytes_min = 2;

struct Framed {
  std::string target;
  std::string body;
  bool operator==(const Framed&) const = default;
};

// --- the second reader (RFC 9112, 2.2, 3, 5, 6.3, 7.1)

bool is_token(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
             std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The line at the front, which is taken off; nullopt when it does not end, or holds half of a line end.
std::optional<std::string> take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  std::string line(rest.substr(0, end));
  rest.remove_prefix(end + 2);
  if (line.find_first_of("\r\n") != std::string::npos) return std::nullopt;
  return line;
}

/// Of a head or a trailer, to its empty line; names in lower case. A folded line of a trailer moves no end. (5.2)
std::optional<std::vector<std::pair<std::string, std::string>>> take_fields(std::string_view& rest,
                                                                            bool is_trailer = false) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (true) {
    const auto line = take_line(rest);
    if (!line) return std::nullopt;
    if (line->empty()) return fields;
    if (is_trailer && !fields.empty() && (line->front() == ' ' || line->front() == '\t')) continue;
    const std::size_t colon = line->find(':');
    if (colon == std::string::npos || !is_token(line->substr(0, colon))) return std::nullopt;
    if (!is_trailer && line->find('\0') != std::string::npos) return std::nullopt;
    fields.emplace_back(lower(line->substr(0, colon)), without_blanks(std::string_view(*line).substr(colon + 1)));
  }
}

std::optional<std::uint64_t> number_of(std::string_view digits, unsigned base) {
  std::uint64_t number = 0;
  for (const char c : lower(digits)) {
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                                                  : base;
    if (digit >= base || number > (UINT64_MAX - digit) / base) return std::nullopt;
    number = number * base + digit;
  }
  return digits.empty() ? std::nullopt : std::optional(number);
}

std::optional<std::string> take_chunks(std::string_view& rest) {
  std::string body;
  while (true) {
    const auto line = take_line(rest);
    if (!line) return std::nullopt;
    const auto size = number_of(without_blanks(line->substr(0, line->find(';'))), 16);
    if (!size) return std::nullopt;
    if (*size == 0) return take_fields(rest, true) ? std::optional(body) : std::nullopt;
    if (rest.size() < *size) return std::nullopt;
    body += rest.substr(0, *size);
    rest.remove_prefix(*size);
    if (!rest.starts_with("\r\n")) return std::nullopt;
    rest.remove_prefix(2);
  }
}

std::optional<std::string> take_body(std::string_view& rest, bool is_1_1,
                                     const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<std::string> lengths, codings;
  for (const auto& [name, value] : fields) {
    if (name == "content-length") lengths.push_back(value);
    if (name == "transfer-encoding") codings.push_back(value);
  }
  if (lengths.size() + codings.size() > 1) return std::nullopt;
  if (!codings.empty()) return is_1_1 && lower(codings.front()) == "chunked" ? take_chunks(rest) : std::nullopt;
  if (lengths.empty()) return std::string();
  const auto length = number_of(lengths.front(), 10);
  if (!length || *length > rest.size()) return std::nullopt;
  std::string body(rest.substr(0, *length));
  rest.remove_prefix(*length);
  return body;
}

std::optional<Framed> take_request(std::string_view& rest) {
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);
  const auto line = take_line(rest);
  if (!line) return std::nullopt;
  const std::size_t first = line->find(' '), last = line->rfind(' ');
  if (first == std::string::npos || first == last || !is_token(line->substr(0, first))) return std::nullopt;
  const std::string version = line->substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return std::nullopt;
  const auto fields = take_fields(rest);
  if (!fields) return std::nullopt;
  auto body = take_body(rest, version == "HTTP/1.1", *fields);
  if (!body) return std::nullopt;
  return Framed{line->substr(first + 1, last - first - 1), std::move(*body)};
}

std::vector<Framed> read_to_the_letter(std::string_view bytes) {
  std::vector<Framed> requests;
  while (auto request = take_request(bytes)) requests.push_back(std::move(*request));
  return requests;
}

// --- the doors

/// The peer's bytes in pieces, as Beast reads them. Of two bytes or more: Beast 1.81 asserts that a body's first chunk,
/// when it is the last one, does not come as "0\r\n" and one byte; without asserts, as in a release, it reads that
/// rightly.
class Peer {
 public:
  Peer(std::string_view bytes, std::string_view pieces) : rest_(bytes), pieces_(pieces) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, beast::error_code& error) {
    const std::size_t piece =
        pieces_.empty() ? rest_.size() : static_cast<std::uint8_t>(pieces_[at_++ % pieces_.size()]) + piece_bytes_min;
    const std::size_t read = asio::buffer_copy(buffers, asio::buffer(rest_.data(), std::min(piece, rest_.size())));
    rest_.remove_prefix(read);
    error = {};
    if (read == 0) error = asio::error::eof;
    return read;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    beast::error_code error;
    return read_some(buffers, error);
  }

 private:
  std::string_view rest_;
  std::string_view pieces_;
  std::size_t at_ = 0;
};

/// True: a whole head was read and passed.
bool read_door_head(Peer& peer, beast::flat_buffer& buffer, RequestParser& parser) {
  HeadFinder finder;
  while (true) {
    const HeadSearch head = finder.look(buffer, head_bytes_max);
    if (head.error) return false;
    const std::string_view text(static_cast<const char*>(buffer.data().data()), buffer.size());
    if (head.bytes > 0) {
      FUZZ_CHECK(head.bytes <= head_bytes_max && head.bytes <= text.size());
      if (read_head(parser, text.substr(0, head.bytes))) return false;
      FUZZ_CHECK(parser.is_header_done());
      buffer.consume(head.bytes);
      return true;
    }
    FUZZ_CHECK(text.size() < head_bytes_max);
    beast::error_code error;
    buffer.commit(peer.read_some(buffer.prepare(head_bytes_max - text.size()), error));
    if (error) return false;
  }
}

enum class Door : std::uint8_t { reads_bodies, refuses_all, takes_no_bodies, count };

std::vector<Framed> serve(std::string_view bytes, std::string_view pieces, Door door) {
  std::vector<Framed> requests;
  Peer peer(bytes, pieces);
  beast::flat_buffer buffer;
  while (true) {
    RequestParser parser;
    parser.header_limit(head_bytes_max);
    parser.body_limit(body_bytes_max);
    if (!read_door_head(peer, buffer, parser)) return requests;
    if (door == Door::takes_no_bodies && !parser.is_done()) return requests;
    if (door == Door::refuses_all) {
      if (!discard_body(parser, buffer)) return requests;
    } else if (!parser.is_done()) {
      beast::error_code error;
      http::read(peer, buffer, parser, error);
      if (error) return requests;
    }
    const auto& message = parser.get();
    requests.push_back({std::string(message.target()), message.body()});
    if (!message.keep_alive()) return requests;
  }
}

void check_begins(const std::vector<Framed>& all, const std::vector<Framed>& taken) {
  FUZZ_CHECK(taken.size() <= all.size());
  FUZZ_CHECK(std::equal(taken.begin(), taken.end(), all.begin()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Pieces input(data, size);
  const auto door = static_cast<Door>(input.number<std::uint8_t>() % static_cast<unsigned>(Door::count));
  const std::string_view pieces = input.text(), bytes = input.rest();
  const std::vector<Framed> all = read_to_the_letter(bytes);
  const std::vector<Framed> taken = serve(bytes, pieces, door);
  if (door != Door::refuses_all) {
    check_begins(all, taken);
    FUZZ_CHECK(taken == serve(bytes, {}, door));
  } else {  // bodies go unread, and so does what comes behind one that was not there yet
    FUZZ_CHECK(taken.size() <= all.size());
    for (std::size_t i = 0; i < taken.size(); ++i) FUZZ_CHECK(taken[i].target == all[i].target);
  }
  return 0;
}
