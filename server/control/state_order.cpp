#include "server/control/state_order.hpp"

#include "storage/backup/snapshots.hpp"

namespace twinhub::control {
namespace {

using Kind = StateOrder::Kind;

constexpr std::string_view reset_path = "/control/reset";
constexpr std::string_view snapshots_path = "/control/snapshots/";
constexpr std::string_view restore_end = "/restore";

Error other_method(std::string_view allowed) { return fail(Errc::generic_method_not_allowed, std::string(allowed)); }

Result<StateOrder> parse_reset(std::string_view query) {
  if (query.empty()) return StateOrder{Kind::reset};
  if (query == "to=seed") return StateOrder{Kind::reset_to_seed};
  if (query == "to=empty") return StateOrder{Kind::reset_to_empty};
  return fail(Errc::argument_invalid, "behind the path of a reset stands nothing, ?to=seed or ?to=empty");
}

}  // namespace

Result<StateOrder> parse_state_order(std::string_view method, std::string_view path, std::string_view query) {
  if (path == reset_path) return method == "POST" ? parse_reset(query) : other_method("POST");
  if (!path.starts_with(snapshots_path))
    return fail(Errc::device_not_found,
                "there are /control/wait, /control/reset, /control/snapshots and what stands below that");
  std::string_view name = path.substr(snapshots_path.size());
  const bool is_restore = name.ends_with(restore_end);
  if (is_restore) name.remove_suffix(restore_end.size());
  if (method != "POST" && (is_restore || method != "DELETE")) return other_method(is_restore ? "POST" : "POST, DELETE");
  if (!storage::backup::is_snapshot_name(name))
    return fail(Errc::argument_invalid,
                "a snapshot's name is 1 to 64 letters, digits, '-', '_' and '.', and begins with a letter or a digit");
  if (!query.empty()) return fail(Errc::argument_invalid, "an order about a snapshot has no parameters");
  return StateOrder{is_restore ? Kind::restore : method == "DELETE" ? Kind::remove : Kind::save, std::string(name)};
}

}  // namespace twinhub::control
