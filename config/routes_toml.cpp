#include "config/routes_toml.hpp"

#include "config/nearest.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <utility>
#include <vector>

namespace twinhub::config {
namespace {

using Node = toml::node;

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string text_of(const Node& node) {
  if (!node.is_string()) throw SettingsError("is not a text");
  return node.as_string()->get();
}

bool truth_of(const Node& node) {
  if (!node.is_boolean()) throw SettingsError("is neither true nor false");
  return node.as_boolean()->get();
}

std::uint32_t number_of(const Node& node, std::uint32_t min, std::uint32_t max) {
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < min || number->get() > max) {
    throw SettingsError("is not a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return static_cast<std::uint32_t>(number->get());
}

std::string choice_of(const Node& node, std::initializer_list<std::string_view> choices) {
  const std::string text = text_of(node);
  for (const std::string_view choice : choices) {
    if (equals_ignoring_case(text, choice)) return std::string(choice);
  }
  std::string all;
  for (const std::string_view choice : choices) all += (all.empty() ? "" : ", ") + std::string(choice);
  throw SettingsError("is not one of: " + all);
}

/// One text, or a list of texts.
std::vector<std::string> texts_of(const Node& node) {
  if (node.is_string()) return {text_of(node)};
  const auto* list = node.as_array();
  if (list == nullptr || list->empty()) throw SettingsError("is neither a text nor a list of texts");
  std::vector<std::string> texts;
  for (const auto& element : *list) {
    if (!element.is_string()) throw SettingsError("is a list of something other than texts");
    texts.push_back(element.as_string()->get());
  }
  return texts;
}

std::string name_of(const Node& node) {
  std::string name = text_of(node);
  constexpr std::size_t bytes_max = 64;
  const bool good = !name.empty() && name.size() <= bytes_max && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (!good) throw SettingsError("is not a name: 1 to 64 letters, digits, '-', '_', '.'");
  return name;
}

std::vector<std::pair<std::string, std::string>> headers_of(const Node& node) {
  const auto* table = node.as_table();
  if (table == nullptr) throw SettingsError("is not a table of texts");
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [name, value] : *table) {
    if (!value.is_string()) throw SettingsError("is not a table of texts");
    headers.emplace_back(std::string(name.str()), value.as_string()->get());
  }
  return headers;
}

template <class Row>
struct Key {
  std::string_view name;
  void (*set)(Row& row, const Node& node);
};

using R = RouteSettings;
constexpr std::array route_keys = {
    Key<R>{"name", [](R& r, const Node& n) { r.name = name_of(n); }},
    Key<R>{"source",
           [](R& r, const Node& n) {
             r.source = choice_of(n, {event_sources[0], event_sources[1], event_sources[2], event_sources[3]});
           }},
    Key<R>{"condition", [](R& r, const Node& n) { r.condition = text_of(n); }},
    Key<R>{"endpoints", [](R& r, const Node& n) { r.endpoints = texts_of(n); }},
    Key<R>{"enabled", [](R& r, const Node& n) { r.enabled = truth_of(n); }},
};

using F = FallbackSettings;
constexpr std::array fallback_keys = {
    Key<F>{"enabled", [](F& f, const Node& n) { f.enabled = truth_of(n); }},
    Key<F>{"endpoints", [](F& f, const Node& n) { f.endpoints = texts_of(n); }},
};

using N = EnrichmentSettings;
constexpr std::array enrichment_keys = {
    Key<N>{"key", [](N& e, const Node& n) { e.key = name_of(n); }},
    Key<N>{"value", [](N& e, const Node& n) { e.value = text_of(n); }},
    Key<N>{"endpoints", [](N& e, const Node& n) { e.endpoints = texts_of(n); }},
};

using E = EndpointSettings;
constexpr std::array endpoint_keys = {
    Key<E>{"name", [](E& e, const Node& n) { e.name = name_of(n); }},
    Key<E>{"type",
           [](E& e, const Node& n) {
             e.type = choice_of(n, {"mqtt", "webhook", "file"});
           }},
    Key<E>{"from",
           [](E& e, const Node& n) {
             e.from = choice_of(n, {"now", "start"});
           }},
    Key<E>{"retry_seconds_max", [](E& e, const Node& n) { e.retry_seconds_max = number_of(n, 1, 3600); }},
    Key<E>{"url", [](E& e, const Node& n) { e.url = text_of(n); }},
    Key<E>{"ca", [](E& e, const Node& n) { e.ca = text_of(n); }},
    Key<E>{"timeout_seconds", [](E& e, const Node& n) { e.timeout_seconds = number_of(n, 1, 600); }},
    Key<E>{"client_id", [](E& e, const Node& n) { e.client_id = text_of(n); }},
    Key<E>{"user", [](E& e, const Node& n) { e.user = text_of(n); }},
    Key<E>{"password", [](E& e, const Node& n) { e.password = text_of(n); }},
    Key<E>{"certificate", [](E& e, const Node& n) { e.certificate = text_of(n); }},
    Key<E>{"private_key", [](E& e, const Node& n) { e.private_key = text_of(n); }},
    Key<E>{"topic", [](E& e, const Node& n) { e.topic = text_of(n); }},
    Key<E>{"format",
           [](E& e, const Node& n) {
             e.format = choice_of(n, {"properties", "envelope"});
           }},
    Key<E>{"version",
           [](E& e, const Node& n) {
             e.version = choice_of(n, {"5", "3.1.1"});
           }},
    Key<E>{"window", [](E& e, const Node& n) { e.window = number_of(n, 1, 1000); }},
    Key<E>{"batch", [](E& e, const Node& n) { e.batch = number_of(n, 1, 1000); }},
    Key<E>{"answer_kib_max", [](E& e, const Node& n) { e.answer_kib_max = number_of(n, 1, 65536); }},
    Key<E>{"headers", [](E& e, const Node& n) { e.headers = headers_of(n); }},
    Key<E>{"path", [](E& e, const Node& n) { e.path = text_of(n); }},
    Key<E>{"rotate_mib", [](E& e, const Node& n) { e.rotate_mib = number_of(n, 1, 65536); }},
    Key<E>{"keep", [](E& e, const Node& n) { e.keep = number_of(n, 0, 1'000'000); }},
};

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  template <class Row, std::size_t Count>
  Row row(const toml::table& table, std::string_view list, const std::array<Key<Row>, Count>& keys) const {
    Row row;
    row.place = place(table);
    for (const auto& [name, node] : table) {
      const std::string_view given = name.str();
      const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key<Row>& k) { return k.name == given; });
      const std::string where = path_ + ":" + std::to_string(name.source().begin.line) + ": ";
      if (key == keys.end()) {
        std::vector<std::string_view> names;
        for (const Key<Row>& known : keys) names.push_back(known.name);
        throw SettingsError(where + "there is no '" + std::string(given) + "' in " + std::string(list) +
                            "; did you mean '" + std::string(nearest_of(names, given)) + "'?");
      }
      try {
        key->set(row, node);
      } catch (const SettingsError& wrong) {
        throw SettingsError(where + std::string(list) + " " + std::string(given) + " " + wrong.what());
      }
    }
    return row;
  }

  template <class Row, std::size_t Count>
  std::vector<Row> rows(const toml::table& file, std::string_view list, std::size_t rows_max,
                        const std::array<Key<Row>, Count>& keys) const {
    std::vector<Row> all;
    const Node* const node = file.get(list);
    if (node == nullptr) return all;
    const auto* const array = node->as_array();
    const std::string title = "[[" + std::string(list) + "]]";
    if (array == nullptr || (!array->empty() && !array->is_array_of_tables())) {
      throw SettingsError(place(*node) + ": " + std::string(list) + " is a list of tables: write " + title);
    }
    for (const auto& element : *array) {
      if (all.size() == rows_max)
        throw SettingsError(place(element) + ": there may be " + std::to_string(rows_max) + " of " + title);
      all.push_back(row(*element.as_table(), title, keys));
    }
    return all;
  }

  [[nodiscard]] std::string place(const Node& node) const {
    return path_ + ":" + std::to_string(node.source().begin.line);
  }

 private:
  std::string path_;
};

}  // namespace

bool is_routes_key(std::string_view key) {
  return key == "routes" || key == "fallback" || key == "enrichments" || key == "endpoints";
}

Routing read_routing(const toml::table& file, const std::string& path) {
  const Reader reader(path);
  Routing routing;
  routing.routes = reader.rows(file, "routes", routes_max, route_keys);
  routing.enrichments = reader.rows(file, "enrichments", enrichments_max, enrichment_keys);
  routing.endpoints = reader.rows(file, "endpoints", endpoints_max, endpoint_keys);
  if (const Node* const fallback = file.get("fallback")) {
    if (!fallback->is_table()) throw SettingsError(reader.place(*fallback) + ": fallback is a table: write [fallback]");
    routing.fallback = reader.row(*fallback->as_table(), "[fallback]", fallback_keys);
  }
  return routing;
}

}  // namespace twinhub::config
