#include "protocol/query/parse.hpp"

#include "protocol/query/expression_parser.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace twinhub::query {
namespace {

using Kind = Token::Kind;

constexpr std::pair<std::string_view, AggregateKind> aggregate_names[] = {{"COUNT", AggregateKind::count},
                                                                          {"AVG", AggregateKind::avg},
                                                                          {"SUM", AggregateKind::sum},
                                                                          {"MIN", AggregateKind::min},
                                                                          {"MAX", AggregateKind::max}};

Collection collection(ExpressionParser& parser) {
  const auto& token = parser.token();
  const std::size_t position = token.position;
  if (!parser.take_keyword("devices")) {
    parser.fail(position, "FROM takes devices, devices.modules or devices.jobs");
    return {};
  }
  if (!parser.take(Kind::dot)) return Collection::devices;
  if (parser.take_keyword("modules")) return Collection::modules;
  if (parser.take_keyword("jobs")) return Collection::jobs;
  parser.fail(position, "FROM takes devices, devices.modules or devices.jobs");
  return {};
}

class QueryParser {
 public:
  QueryParser(std::string_view text, ParseOptions options)
      : text_(text), parser_(text, Dialect::twins, options.strict) {}

  Parsed<Query> run();

 private:
  void select();
  void element();
  std::optional<Aggregate> aggregate();
  void group_by();
  void check_elements();
  void check_jobs();

  std::string_view text_;
  ExpressionParser parser_;
  Query query_;
  std::size_t select_position_ = 0;
  std::size_t unnamed_ = 0;
  std::vector<std::size_t> element_positions_;
};

Parsed<Query> QueryParser::run() {
  select();
  parser_.need_keyword("FROM");
  if (!parser_.failed()) query_.from = collection(parser_);
  if (query_.from == Collection::jobs) parser_.set_dialect(Dialect::jobs);
  if (parser_.take_keyword("WHERE")) query_.where = parser_.expression();
  if (parser_.at_keyword("GROUP")) group_by();
  if (!parser_.failed() && !parser_.at(Kind::end)) parser_.fail_unexpected();
  if (!parser_.failed()) check_elements();
  if (parser_.failed()) return parser_.error();
  return std::move(query_);
}

void QueryParser::select() {
  parser_.need_keyword("SELECT");
  if (parser_.take_keyword("TOP")) {
    const Token& count = parser_.token();
    if (!parser_.at(Kind::number) || !count.whole || count.number > 9e15) {
      return parser_.fail(parser_.at(Kind::end) ? text_.size() : count.position, "TOP takes a whole number");
    }
    query_.top = static_cast<std::uint64_t>(count.number);
    parser_.advance();
  }
  select_position_ = parser_.token().position;
  query_.star = parser_.take(Kind::star);
  if (query_.star || parser_.failed()) return;
  do {
    element();
  } while (parser_.take(Kind::comma));
}

void QueryParser::element() {
  element_positions_.push_back(parser_.token().position);
  Element element;
  if (auto aggregated = aggregate()) {
    element.what = std::move(*aggregated);
    if (!parser_.at_keyword("AS")) element.name = "$" + std::to_string(++unnamed_);
  } else {
    Path path = parser_.path();
    element.name = path.name;
    element.what = std::move(path);
  }
  if (parser_.take_keyword("AS")) {
    element.name = parser_.token().text;
    if (!parser_.take(Kind::name) && !parser_.take(Kind::escaped_name)) parser_.fail_unexpected();
  }
  if (!parser_.failed()) query_.elements.push_back(std::move(element));
}

/// nullopt: here is none; `COUNT` and the others are names unless a parenthesis follows.
std::optional<Aggregate> QueryParser::aggregate() {
  const auto known = std::find_if(std::begin(aggregate_names), std::end(aggregate_names),
                                  [&](const auto& name) { return parser_.at_keyword(name.first); });
  if (known == std::end(aggregate_names)) return std::nullopt;
  if (!parser_.before(Kind::open)) return std::nullopt;
  parser_.advance();
  parser_.advance();
  Aggregate made{known->second, std::nullopt};
  if (made.kind != AggregateKind::count) made.path = parser_.path();
  parser_.need(Kind::close, "')'");
  return made;
}

void QueryParser::group_by() {
  const std::size_t position = parser_.token().position;
  parser_.advance();
  parser_.need_keyword("BY");
  if (parser_.failed()) return;
  if (query_.star) return parser_.fail(position, "GROUP BY with SELECT *");
  do {
    query_.group_by.push_back(parser_.path());
  } while (parser_.take(Kind::comma));
}

void QueryParser::check_elements() {
  if (query_.from == Collection::jobs && !query_.star)
    return parser_.fail(select_position_, "devices.jobs takes SELECT * alone");
  if (!query_.aggregates()) return;
  for (std::size_t i = 0; i < query_.elements.size(); ++i) {
    const Path* path = std::get_if<Path>(&query_.elements[i].what);
    const bool grouped = path == nullptr || std::any_of(query_.group_by.begin(), query_.group_by.end(),
                                                        [&](const Path& by) { return by.same_place(*path); });
    if (!grouped)
      return parser_.fail(element_positions_[i], "'" + path->name + "' is neither grouped by nor in an aggregate");
  }
}

Parsed<Condition> parse_condition(std::string_view text, Dialect dialect, ParseOptions options) {
  ExpressionParser parser(text, dialect, options.strict);
  Condition condition;
  const bool all = parser.take(Kind::star);
  bool more = !all;
  if (!all && parser.take_keyword("FROM")) {
    const std::size_t position = parser.token().position;
    condition.from = collection(parser);
    if (condition.from == Collection::jobs) parser.fail(position, "a condition is over devices or devices.modules");
    more = parser.take_keyword("WHERE");
  }
  if (more && !parser.failed()) condition.where = parser.expression();
  if (!parser.failed() && !parser.at(Kind::end)) parser.fail_unexpected();
  if (parser.failed()) return parser.error();
  return condition;
}

}  // namespace

bool Query::aggregates() const {
  return !group_by.empty() || std::any_of(elements.begin(), elements.end(), [](const Element& element) {
    return std::holds_alternative<Aggregate>(element.what);
  });
}

Parsed<Query> parse_query(std::string_view text, ParseOptions options) { return QueryParser(text, options).run(); }

Parsed<Condition> parse_job_condition(std::string_view text, ParseOptions options) {
  return parse_condition(text, Dialect::twins, options);
}

Parsed<Condition> parse_target_condition(std::string_view text, ParseOptions options) {
  return parse_condition(text, Dialect::target, options);
}

}  // namespace twinhub::query
