#include "bench/load/report.hpp"

#include <array>
#include <cstdio>

namespace twinhub::load {
namespace {

std::string number(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

double microseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::micro>(time).count(); }

void append(std::string& out, std::string_view name, const std::string& value) {
  if (!out.ends_with('{')) out += ", ";
  out.append("\"").append(name).append("\": ").append(value);
}

}  // namespace

std::string report_of(const World& world) {
  const Measured& measured = world.measured();
  const auto operations = static_cast<double>(measured.operations);
  std::string out = "{";
  append(out, "scenario", "\"" + world.options.scenario + "\"");
  append(out, "operations", std::to_string(measured.operations));
  append(out, "seconds", number(measured.seconds));
  append(out, "per_second", number(measured.seconds > 0 ? operations / measured.seconds : 0));
  append(out, "cpu_us", number(operations > 0 ? microseconds(measured.cpu) / operations : 0));
  append(out, "p50_us", number(microseconds(measured.latencies.percentile(0.5))));
  append(out, "p99_us", number(microseconds(measured.latencies.percentile(0.99))));
  append(out, "max_us", number(microseconds(measured.latencies.max())));
  for (const auto& figure : world.figures) append(out, figure.name, number(figure.value));
  std::string errors = "{";
  for (std::size_t i = 0; i < wrong_names.size(); ++i)
    append(errors, wrong_names[i], std::to_string(world.errors.count(static_cast<Wrong>(i))));
  append(out, "errors", errors + "}");
  append(out, "errors_total", std::to_string(world.errors.total()));
  return out + "}";
}

}  // namespace twinhub::load
