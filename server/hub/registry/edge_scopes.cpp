#include "server/hub/registry/edge_scopes.hpp"

#include "server/base/answer.hpp"
#include "server/hub/registry/edge_tree.hpp"
#include "server/hub/registry/identity_write.hpp"
#include "server/hub/registry/module_rules.hpp"

#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <utility>

namespace twinhub::hub {
namespace {

using Identity = iothub::Identity;
using SnapshotPointer = std::shared_ptr<const storage::Snapshot>;

constexpr std::size_t page_bytes_max = 1024 * 1024;
/// An edge device, those above it, and a leaf below.
constexpr std::size_t chain_devices_max = nested_layers_max + 2;

/// One answer for every cause: an edge hub learns nothing of what is not its own.
Error refused() { return fail(Errc::iot_hub_unauthorized_access, "Unauthorized"); }

std::string encode_position(std::string_view position) {
  std::string text = base64_encode(position);
  while (!text.empty() && text.back() == '=') text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<std::string> decode_position(std::string_view text) {
  if (text.size() > 256) return std::nullopt;
  std::string padded(text);
  std::replace(padded.begin(), padded.end(), '-', '+');
  std::replace(padded.begin(), padded.end(), '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  auto position = base64_decode(padded);
  if (!position || !is_child_position(*position)) return std::nullopt;
  return position;
}

/// A device of the tree that is at work: only then does what stands below it count.
bool is_open(const Identity& edge_device) {
  return edge_device.iot_edge && edge_device.status == iothub::Status::enabled;
}

/// The chain's first device, if each stands right under the next and the last is the one that asks. Only the first may
/// be a leaf.
Result<Identity> head_of(const storage::Snapshot& snapshot, const std::string& actor, const AuthChain& chain) {
  if (chain.empty() || chain.back() != actor) return refused();
  std::optional<Identity> above;
  for (auto device = chain.rbegin(); device != chain.rend(); ++device) {
    auto identity = snapshot.identity({*device, ""});
    if (!identity) return identity.error();
    if (!*identity) return refused();
    const bool may_be_leaf = above && device + 1 == chain.rend();
    if (!is_open(**identity) && !(may_be_leaf && !(*identity)->iot_edge)) return refused();
    if (above && !is_child(**identity, *above)) return refused();
    above = std::move(**identity);
  }
  return std::move(*above);
}

/// Whether `device` is `head` or stands below it, through edge devices that are at work.
Result<bool> stands_below(const storage::Snapshot& snapshot, const Identity& device, const Identity& head) {
  if (device.id == head.id) return true;
  std::vector<std::string> layer = device.parent_scopes;
  for (std::size_t layers = 0; layers <= nested_layers_max && !layer.empty(); ++layers) {
    std::vector<std::string> next;
    for (const std::string& scope : layer) {
      const auto parent = snapshot.identity({device_of_scope(scope), ""});
      if (!parent) return parent.error();
      if (!*parent || !is_open(**parent) || (*parent)->device_scope != scope) continue;
      if ((*parent)->id == head.id) return true;
      for (const std::string& above : (*parent)->parent_scopes) {
        if (next.size() < iothub::parent_scopes_max) next.push_back(above);
      }
    }
    layer = std::move(next);
  }
  return false;
}

/// Fills a page, in the order in which it is given identities.
class PageWriter {
 public:
  explicit PageWriter(const Activities& activities) : activities_(activities) {}

  void add(const Identity& identity) {
    std::string& out = identity.id.is_module() ? page_.modules : page_.devices;
    out += out.empty() ? '[' : ',';
    iothub::append_identity(out, identity, activities_.of(identity.id));
    if (!identity.id.is_module()) ++devices_;
  }
  Result<void> add_modules(const storage::Snapshot& snapshot, const std::string& device) {
    storage::ScanRequest modules;
    modules.devices = modules.twin = false;
    modules.ranges = {{device, false}};
    Result<void> outcome;
    const auto scanned = snapshot.scan(modules, [&](const storage::StoredEntity& stored) {
      const auto identity = stored.identity();
      if (identity) {
        add(*identity);
      } else {
        outcome = identity.error();
      }
      return outcome.has_value();
    });
    return scanned ? outcome : scanned;
  }
  [[nodiscard]] bool is_full(std::size_t devices) const {
    return devices_ >= devices || page_.devices.size() + page_.modules.size() >= page_bytes_max;
  }
  [[nodiscard]] EdgeScopes::Page finish(std::string next = {}) {
    for (std::string* list : {&page_.devices, &page_.modules}) *list += list->empty() ? "[]" : "]";
    page_.next = std::move(next);
    return std::move(page_);
  }

 private:
  const Activities& activities_;
  EdgeScopes::Page page_;
  std::size_t devices_ = 0;
};

/// Into `page`, until it is full: those of `parent`'s children that are still there. Returns where to go on, or "".
Result<std::string> add_children(const storage::Store& store, const storage::Snapshot& snapshot, const Identity& parent,
                                 std::string position, std::size_t devices, PageWriter& page) {
  bool more = false;
  Result<void> outcome;
  const auto visit = [&](std::string_view at, const IdentityId& id) {
    auto child = snapshot.identity(id);
    if (!child) {
      outcome = child.error();
      return false;
    }
    if (*child && is_child(**child, parent)) {
      more = page.is_full(devices);
      if (more) return false;
      page.add(**child);
      if (!(*child)->iot_edge) outcome = page.add_modules(snapshot, id.device);
    }
    position = at;
    return outcome.has_value();
  };
  const std::string start = position;
  const auto scanned = scan_children(store, parent.device_scope, start, visit);
  if (!scanned) return scanned.error();
  if (!outcome) return outcome.error();
  return more ? encode_position(position) : std::string();
}

}  // namespace

Result<AuthChain> parse_auth_chain(std::string_view text) {
  if (text.empty()) return fail(Errc::argument_null, "The authChain is missing");
  const Error invalid = fail(Errc::argument_invalid, "The authChain is not valid");
  AuthChain chain;
  std::string module_of;
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view id = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (id.empty()) continue;
    if (const std::size_t slash = id.find('/'); first && slash != std::string_view::npos) {
      module_of = id.substr(0, slash);
      if (!is_valid_id(module_of) || !is_valid_id(id.substr(slash + 1))) return invalid;
      continue;
    }
    if (!is_valid_id(id) || chain.size() == chain_devices_max) return invalid;
    chain.emplace_back(id);
  }
  if (chain.empty() || (!module_of.empty() && chain.front() != module_of)) return invalid;
  return chain;
}

Result<EdgeScopes::Page> EdgeScopes::list(const std::string& actor, const AuthChain& chain, std::size_t devices,
                                          std::string_view from) const {
  assert(devices >= 1 && devices <= page_devices_max);
  const auto position = from.empty() ? std::string(first_position) : decode_position(from);
  if (!position) return fail(Errc::argument_invalid, "The continuation is not one of the hub's");
  const auto snapshot = store_.snapshot();
  if (!snapshot) return unavailable();
  const auto head = head_of(**snapshot, actor, chain);
  if (!head) return head.error();
  if (!head->iot_edge) return refused();
  PageWriter page(activities_);
  if (from.empty()) {
    page.add(*head);
    if (const auto added = page.add_modules(**snapshot, head->id.device); !added) return unavailable();
  }
  auto next = add_children(store_, **snapshot, *head, *position, devices, page);
  if (!next) return unavailable();
  return page.finish(std::move(*next));
}

Result<EdgeScopes::Page> EdgeScopes::find(const std::string& actor, const AuthChain& chain,
                                          const IdentityId& target) const {
  const auto snapshot = store_.snapshot();
  if (!snapshot) return unavailable();
  const auto head = head_of(**snapshot, actor, chain);
  if (!head) return head.error();
  const auto device = (*snapshot)->identity(device_of(target));
  if (!device) return unavailable();
  if (!*device) return refused();
  const auto is_below = stands_below(**snapshot, **device, *head);
  if (!is_below) return unavailable();
  if (!*is_below) return refused();
  PageWriter page(activities_);
  if (target.is_module()) {
    const auto module = (*snapshot)->identity(target);
    if (!module) return unavailable();
    if (!*module) return not_found(target, true);
    page.add(**module);
  }
  page.add(**device);
  return page.finish();
}

}  // namespace twinhub::hub
