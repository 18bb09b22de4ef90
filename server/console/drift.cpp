#include "server/console/drift.hpp"

#include "protocol/twin/scan.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace twinhub::console {
namespace {

/// A value of a section's canonical text, and which of the section's stamps is its own.
struct Node {
  const char* at = nullptr;
  std::uint32_t stamp = 0;
  [[nodiscard]] bool is_object() const { return *at == '{'; }
  [[nodiscard]] std::string_view text() const { return {at, static_cast<std::size_t>(twin::measure(at).end - at)}; }
};

/// Calls `visit(key, node)` for the members of an object, until it returns false.
template <class Visit>
void for_each_member(const Node& object, Visit visit) {
  const char* at = object.at + 1;
  std::uint32_t stamp = object.stamp + 1;
  while (*at != '}') {
    if (*at == ',') ++at;
    const char* const key_end = twin::end_of_string(at + 1);
    const Node member{key_end + 2, stamp};
    if (!visit(std::string_view(at + 1, static_cast<std::size_t>(key_end - at - 1)), member)) return;
    const twin::Extent extent = twin::measure(member.at);
    at = extent.end;
    stamp += extent.stamps;
  }
}

std::optional<Node> member_of(const std::optional<Node>& object, std::string_view key) {
  std::optional<Node> found;
  if (!object || !object->is_object()) return found;
  for_each_member(*object, [&](std::string_view name, const Node& member) {
    if (name == key) found = member;
    return !found;
  });
  return found;
}

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// 1.0 is 1, as for every reader of JSON.
bool is_same(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto x = number_in(a), y = number_in(b);
  return x && y && *x == *y;
}

struct Answer {
  double code = 0;
  double version = 0;
};
std::optional<Answer> answer_in(const std::optional<Node>& reported) {
  if (!member_of(reported, "value")) return std::nullopt;
  const auto code = member_of(reported, "ac"), version = member_of(reported, "av");
  const auto ac = code ? number_in(code->text()) : std::nullopt;
  const auto av = version ? number_in(version->text()) : std::nullopt;
  if (!ac || !av) return std::nullopt;
  return Answer{*ac, *av};
}

class Comparison {
 public:
  explicit Comparison(const twin::TwinView& twin) : twin_(twin) {}

  [[nodiscard]] Drift run() {
    const Node root{twin_.desired.text.data(), 0};
    members(root, Node{twin_.reported.text.data(), 0}, std::nullopt);
    return drift_;
  }

 private:
  void members(const Node& desired, const std::optional<Node>& reported, const std::optional<Answer>& answer) {
    for_each_member(desired, [&](std::string_view key, const Node& member) {
      auto there = member_of(reported, key);
      auto own = answer;
      if (const auto found = answer_in(there)) {
        own = found;
        there = member_of(there, "value");
      }
      if (member.is_object()) {
        members(member, there, own);
      } else {
        leaf(member, there, own);
      }
      return true;
    });
  }

  void leaf(const Node& desired, const std::optional<Node>& reported, const std::optional<Answer>& answer) {
    const twin::Stamp asked = twin_.desired.stamp(desired.stamp);
    const DriftState state = state_of(desired, asked, reported, answer);
    drift_.state = std::max(drift_.state, state);
    if (state == DriftState::applied) return;
    ++drift_.leaves;
    if (drift_.since.ticks == 0 || asked.at < drift_.since) drift_.since = asked.at;
  }

  [[nodiscard]] DriftState state_of(const Node& desired, const twin::Stamp& asked, const std::optional<Node>& reported,
                                    const std::optional<Answer>& answer) const {
    const bool is_answered = answer && answer->version >= static_cast<double>(asked.version);
    if (is_answered && answer->code >= 400) return DriftState::rejected;
    if (is_answered && answer->code >= 200 && answer->code < 300) return DriftState::applied;
    if (!answer && reported && is_same(desired.text(), reported->text())) return DriftState::applied;
    if (!reported || answer || twin_.reported.stamp(reported->stamp).at < asked.at) return DriftState::pending;
    return DriftState::diverged;
  }

  const twin::TwinView& twin_;
  Drift drift_;
};

}  // namespace

std::string_view name_of(DriftState state) {
  switch (state) {
    case DriftState::none:
      return "none";
    case DriftState::applied:
      return "applied";
    case DriftState::pending:
      return "pending";
    case DriftState::diverged:
      return "diverged";
    case DriftState::rejected:
      return "rejected";
  }
  return "";
}

Drift drift_of(const twin::TwinView& twin) { return Comparison(twin).run(); }

}  // namespace twinhub::console
