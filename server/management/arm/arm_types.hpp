// A request to Azure Resource Manager and its answer, as values: no socket, no token.
#pragma once

#include <boost/system/result.hpp>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::management {

/// REQUIRES: the caller is known and may manage the hub.
struct ArmRequest {
  std::string method = {};                        ///< "GET", "PUT", ...
  std::vector<std::string> segments = {};         ///< of the path, percent-decoded, empty ones dropped
  std::map<std::string, std::string> query = {};  ///< decoded; keys as sent
  std::string if_match = {};                      ///< the header's text; "" = absent
  std::string body = {};                          ///< as sent: az's is not always JSON
  std::string client = {};                        ///< whose token it was: a policy's name, or "management"; for the log
  std::string host = {};                          ///< what the client dialled: the Host header, port included
};

struct ArmAnswer {
  int status = 200;
  std::string body = {};                                          ///< JSON, or "" for none
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< beside Content-Type
};

/// A value, or the answer that refuses the request.
template <class T>
using ArmResult = boost::system::result<T, ArmAnswer>;

[[noreturn]] inline void throw_exception_from_error(const ArmAnswer& answer, const boost::source_location&) {
  throw std::logic_error("no value: " + answer.body);
}

}  // namespace twinhub::management
