// Another room's paths on the operations port: the web console, the orders of tests. The door reads and writes HTTP; whose the path is, who
// may ask and what is answered, the room says.
#pragma once

#include "protocol/reason.hpp"
#include "server/ops/event_streams.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace twinhub::ops {

using SiteHead = boost::beast::http::request_header<>;
using SiteRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// The connection, to be carried on by other means.
using TakeOver = std::function<void(net::Stream::Released connection)>;

struct SiteAnswer {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< any bytes: made safe where they are written
  std::string body = {};
  OpenStream stream = {};        ///< in the place of a body: a stream of server-sent events, with `headers`
  TakeOver take_over = {};       ///< in the place of an answer: HTTP is over on this connection
  Reason noted = Reason::other;  ///< of a refusal that the operator is to hear of; `other`: none is
};

/// Called on the operations thread.
class Site {
 public:
  /// Exactly once, from any thread; nothing comes of it once the door is gone.
  using Answered = std::function<void(SiteAnswer)>;
  /// Called on the operations thread when the peer has left before its answer; `answered` need not be called then.
  using LetGo = std::function<void()>;

  virtual ~Site() = default;
  [[nodiscard]] virtual bool has(std::string_view path) const = 0;
  /// By the head alone: how many bytes of a body are read, or the answer to a refused request. `authority`: of a request
  /// for a whole URL, where it stands for the Host. REQUIRES: has().
  [[nodiscard]] virtual std::variant<std::size_t, SiteAnswer> admit(const SiteHead& head, std::string_view authority,
                                                                    const boost::asio::ip::address& peer) = 0;
  /// An answer that may take long comes with a LetGo: whoever waits for it keeps its place, and is looked after. REQUIRES:
  /// admit() has taken its head.
  virtual LetGo answer(SiteRequest request, const boost::asio::ip::address& peer, Answered answered) = 0;
};

}  // namespace twinhub::ops
