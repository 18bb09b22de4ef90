#include "config/routes.hpp"

#include "config/nearest.hpp"
#include "config/url.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

namespace twinhub::config {
namespace {

[[noreturn]] void refuse(const std::string& place, const std::string& what) {
  throw SettingsError(place + ": " + what);
}

/// Source: RFC 9110, 5.1 and 5.5.
void check_header(const EndpointSettings& endpoint, const std::string& name, const std::string& value) {
  const bool is_token = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
  if (!is_token) refuse(endpoint.place, "endpoint '" + endpoint.name + "' has a header whose name is none");
  if (!std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7E; })) {
    refuse(endpoint.place, "endpoint '" + endpoint.name + "' has a header '" + name +
                               "' with something other than visible ASCII and blanks in its value");
  }
}

void check_endpoint(const EndpointSettings& endpoint) {
  const auto wrong = [&](const std::string& what) {
    refuse(endpoint.place, "endpoint '" + endpoint.name + "' " + what);
  };
  if (endpoint.name.empty()) refuse(endpoint.place, "an endpoint has no name");
  if (endpoint.name == built_in_endpoint) wrong("has the name of the built-in endpoint");
  if (endpoint.type.empty()) wrong("has no type: mqtt, webhook or file");
  if (endpoint.type == "file") {
    if (endpoint.path.empty()) wrong("has no path");
    return;
  }
  const bool is_mqtt = endpoint.type == "mqtt";
  const std::string plain = is_mqtt ? "mqtt://" : "http://", secure = is_mqtt ? "mqtts://" : "https://";
  if (!endpoint.url.starts_with(plain) && !endpoint.url.starts_with(secure))
    wrong("needs a url that begins with " + plain + " or " + secure);
  if (has_userinfo(endpoint.url)) {
    wrong(is_mqtt ? "has a user name in its url, which logs would show: there are user and password"
                  : "has a user name in its url, which logs would show: there are headers, e.g. Authorization");
  }
  for (const auto& [name, value] : endpoint.headers) check_header(endpoint, name, value);
  if (endpoint.certificate.empty() != endpoint.private_key.empty()) wrong("needs certificate and private_key together");
  if (is_mqtt && endpoint.version != "5" && endpoint.format != "envelope")
    wrong("with version 3.1.1 needs format \"envelope\": only MQTT 5 has user properties");
}

class NameList {
 public:
  void add(const std::string& place, const std::string& what, const std::string& name) {
    if (!names_.insert(name).second) refuse(place, what + " '" + name + "' is there twice");
  }

 private:
  std::set<std::string> names_;
};

void check_targets(const Routing& routing, const std::string& place, const std::string& who,
                   const std::vector<std::string>& targets) {
  if (targets.empty()) refuse(place, who + " has no endpoints");
  std::vector<std::string_view> known{built_in_endpoint};
  for (const auto& endpoint : routing.endpoints) known.push_back(endpoint.name);
  for (const std::string& target : targets) {
    if (std::find(known.begin(), known.end(), target) == known.end()) {
      refuse(place, who + " names the endpoint '" + target + "', which is not there; did you mean '" +
                        std::string(nearest_of(known, target)) + "'?");
    }
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string quoted(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) out += (out.size() > 1 ? ", " : "") + quoted(text);
  return out + "]";
}

const char* shown(bool truth) { return truth ? "true" : "false"; }

void describe_endpoint(std::ostream& out, const EndpointSettings& e) {
  const auto text = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) out << key << " = " << quoted(value) << "\n";
  };
  const auto number = [&out](std::string_view key, std::uint32_t value) { out << key << " = " << value << "\n"; };
  out << "\n[[endpoints]]  # " << e.place << "\n";
  text("name", e.name);
  text("type", e.type);
  text("from", e.from);
  number("retry_seconds_max", e.retry_seconds_max);
  if (e.type == "file") {
    text("path", e.path);
    number("rotate_mib", e.rotate_mib);
    number("keep", e.keep);
    return;
  }
  text("url", shown_url(e.url));
  if (has_query(e.url)) out << "# url has a query, which is not shown\n";
  text("ca", e.ca);
  number("timeout_seconds", e.timeout_seconds);
  if (e.type == "webhook") {
    number("batch", e.batch);
    number("answer_kib_max", e.answer_kib_max);
    for (const auto& header : e.headers) out << "# headers." << quoted(header.first) << " is set\n";
    return;
  }
  text("client_id", e.client_id);
  text("user", e.user);
  if (!e.password.empty()) out << "# password is set\n";
  text("certificate", e.certificate);
  text("private_key", e.private_key);
  text("topic", e.topic);
  text("format", e.format);
  text("version", e.version);
  number("window", e.window);
}

}  // namespace

void check_routing(const Routing& routing) {
  NameList endpoints, routes;
  for (const auto& endpoint : routing.endpoints) {
    check_endpoint(endpoint);
    endpoints.add(endpoint.place, "endpoint", endpoint.name);
  }
  for (const auto& route : routing.routes) {
    if (route.name.empty()) refuse(route.place, "a route has no name");
    routes.add(route.place, "route", route.name);
    if (route.source.empty()) refuse(route.place, "route '" + route.name + "' has no source, e.g. DeviceMessages");
    check_targets(routing, route.place, "route '" + route.name + "'", route.endpoints);
  }
  for (const auto& enrichment : routing.enrichments) {
    if (enrichment.key.empty()) refuse(enrichment.place, "an enrichment has no key");
    check_targets(routing, enrichment.place, "enrichment '" + enrichment.key + "'", enrichment.endpoints);
  }
  check_targets(routing, routing.fallback.place, "fallback", routing.fallback.endpoints);
}

std::string describe(const Routing& routing) {
  std::ostringstream out;
  out << "\n[fallback]  # " << (routing.fallback.place.empty() ? "default" : routing.fallback.place) << "\n"
      << "enabled = " << shown(routing.fallback.enabled) << "\nendpoints = " << quoted(routing.fallback.endpoints)
      << "\n";
  for (const auto& route : routing.routes) {
    out << "\n[[routes]]  # " << route.place << "\nname = " << quoted(route.name)
        << "\nsource = " << quoted(route.source) << "\ncondition = " << quoted(route.condition)
        << "\nendpoints = " << quoted(route.endpoints) << "\nenabled = " << shown(route.enabled) << "\n";
  }
  for (const auto& enrichment : routing.enrichments) {
    out << "\n[[enrichments]]  # " << enrichment.place << "\nkey = " << quoted(enrichment.key)
        << "\nvalue = " << quoted(enrichment.value) << "\nendpoints = " << quoted(enrichment.endpoints) << "\n";
  }
  for (const auto& endpoint : routing.endpoints) describe_endpoint(out, endpoint);
  return out.str();
}

}  // namespace twinhub::config
