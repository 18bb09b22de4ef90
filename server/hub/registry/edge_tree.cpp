#include "server/hub/registry/edge_tree.hpp"

#include "server/base/answer.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace twinhub::hub {
namespace {

using storage::RecordKind;
using storage::RecordWrite;

constexpr std::string_view scope_scheme = "ms-azure-iot-edge://";
// A record's key: scope, zero byte, 'e' of an edge device or 'l' of a leaf, device id. Its value is empty.
constexpr char edge = 'e', leaf = 'l';
/// Says that every device of the folder has its records.
const std::string complete_key("\0complete", 9);

// A walk looks at no more edge devices than that: an edge device with more below it is one layer too many.
constexpr std::size_t above_max = 64;
constexpr std::size_t below_max = 1000;
constexpr std::size_t batch_max = 10'000;

std::string prefix_of(const std::string& scope) { return scope + '\0'; }

std::string key_of(const std::string& scope, const iothub::Identity& child) {
  return prefix_of(scope) + (child.iot_edge ? edge : leaf) + child.id.device;
}

std::vector<std::string> keys_of(const iothub::Identity* child) {
  std::vector<std::string> keys;
  if (child == nullptr || child->id.is_module()) return keys;
  for (const std::string& scope : child->parent_scopes) {
    if (!scope.empty()) keys.push_back(key_of(scope, *child));
  }
  return keys;
}

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

/// The edge device that has `scope`; null: there is none.
Result<std::shared_ptr<const iothub::Identity>> find_edge_device(const storage::Store& store,
                                                                 const std::string& scope) {
  using Found = std::shared_ptr<const iothub::Identity>;
  const std::string device = device_of_scope(scope);
  if (device.empty()) return Found();
  const auto read = store.read({device, ""});
  if (!read) return read.error();
  const auto& identity = read->entity.identity;
  return identity && identity->iot_edge && identity->device_scope == scope ? identity : Found();
}

/// Writes and waits for the disk.
Result<void> write_and_wait(storage::Store& store, std::vector<RecordWrite> writes) {
  std::promise<Result<void>> durable;
  const auto queued = store.write_records(
      std::move(writes), {}, [&durable](const Result<void>& result, storage::Outbox&) { durable.set_value(result); });
  if (!queued) return queued.error();
  return durable.get_future().get();
}

}  // namespace

std::string device_of_scope(std::string_view scope) {
  const std::size_t dash = scope.rfind('-');
  if (!scope.starts_with(scope_scheme) || dash <= scope_scheme.size()) return "";
  return std::string(scope.substr(scope_scheme.size(), dash - scope_scheme.size()));
}

bool is_child(const iothub::Identity& child, const iothub::Identity& parent) {
  return parent.iot_edge && !parent.device_scope.empty() && contains(child.parent_scopes, parent.device_scope);
}

void put_place(storage::EntityChange& change, const iothub::Identity* before, const iothub::Identity* now) {
  const std::vector<std::string> old_keys = keys_of(before), new_keys = keys_of(now);
  for (const std::string& key : old_keys) {
    if (!contains(new_keys, key)) change.records.push_back({RecordKind::edge_children, key, std::nullopt});
  }
  for (const std::string& key : new_keys) {
    if (!contains(old_keys, key)) change.records.push_back({RecordKind::edge_children, key, ""});
  }
}

bool is_child_position(std::string_view position) {
  return !position.empty() && (position.front() == edge || position.front() == leaf) &&
         (position.size() == 1 || is_valid_id(position.substr(1)));
}

Result<void> scan_children(const storage::Store& store, const std::string& scope, std::string_view position,
                           const ChildVisitor& visit) {
  const std::string prefix = prefix_of(scope);
  return store.scan_records(RecordKind::edge_children, prefix, prefix + std::string(position),
                            [&](std::string_view key, std::string_view) {
                              const std::string_view at = key.substr(prefix.size());
                              if (!is_child_position(at)) return true;
                              return visit(at, {std::string(at.substr(1)), ""});
                            });
}

Result<void> EdgeTree::recover() {
  const auto complete = store_.read_record(RecordKind::edge_children, complete_key);
  if (!complete) return complete.error();
  if (*complete) return {};
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  std::vector<RecordWrite> writes;
  Result<void> outcome;
  storage::ScanRequest devices;
  devices.modules = devices.twin = false;
  const auto scanned = (*snapshot)->scan(devices, [&](const storage::StoredEntity& stored) {
    const auto identity = stored.identity();
    if (!identity) {
      outcome = identity.error();
      return false;
    }
    for (std::string& key : keys_of(&*identity)) writes.push_back({RecordKind::edge_children, std::move(key), ""});
    if (writes.size() >= batch_max) outcome = write_and_wait(store_, std::exchange(writes, {}));
    return outcome.has_value();
  });
  if (!scanned) return scanned.error();
  if (!outcome) return outcome;
  const bool must_wait = !writes.empty();
  writes.push_back({RecordKind::edge_children, complete_key, ""});
  if (must_wait) return write_and_wait(store_, std::move(writes));
  // Nothing rests on it: without it, the next start looks again.
  static_cast<void>(store_.write_records(std::move(writes), {}, {}));
  return {};
}

Result<std::size_t> EdgeTree::layers_above(const std::vector<std::string>& parents,
                                           std::vector<std::string>& above) const {
  std::size_t layers = 0;
  for (std::vector<std::string> layer = parents; !layer.empty(); ++layers) {
    std::vector<std::string> next;
    for (const std::string& scope : layer) {
      if (contains(above, scope)) continue;
      if (above.size() == above_max) return nested_layers_max + 1;
      above.push_back(scope);
      const auto parent = find_edge_device(store_, scope);
      if (!parent) return parent.error();
      if (*parent) next.insert(next.end(), (*parent)->parent_scopes.begin(), (*parent)->parent_scopes.end());
    }
    layer = std::move(next);
  }
  return layers;
}

Result<std::size_t> EdgeTree::layers_below(const std::string& scope, const std::vector<IdentityId>& pending) const {
  std::vector<std::string> layer{scope};
  std::size_t seen = 0;
  for (std::size_t layers = 0; layers <= nested_layers_max; ++layers) {
    std::vector<std::string> next;
    Result<void> read_all;
    for (const std::string& parent : layer) {
      const auto look_at = [&](const IdentityId& child) {
        const auto read = store_.read(child);
        if (!read) read_all = read.error();
        if (!read || ++seen > below_max) return false;
        const auto& identity = read->entity.identity;
        if (identity && identity->iot_edge && contains(identity->parent_scopes, parent))
          next.push_back(identity->device_scope);
        return true;
      };
      const auto visit = [&](std::string_view position, const IdentityId& child) {
        return position.front() == edge && look_at(child);
      };
      if (const auto scanned = scan_children(store_, parent, first_position, visit); !scanned) return scanned.error();
      for (const IdentityId& device : pending) {
        if (!device.is_module() && !look_at(device)) break;
      }
      if (!read_all) return read_all.error();
      if (seen > below_max) return nested_layers_max + 1;
    }
    if (next.empty()) return layers;
    std::sort(next.begin(), next.end());  // one that is both pending and durable counts once
    next.erase(std::unique(next.begin(), next.end()), next.end());
    layer = std::move(next);
  }
  return nested_layers_max + 1;
}

Result<EdgePlace> EdgeTree::place_of(const IdentityId& id, const iothub::IdentityRequest& request,
                                     const std::vector<IdentityId>& pending) const {
  EdgePlace place;
  std::vector<std::string> named = request.wanted.parent_scopes;
  if (!request.wanted.device_scope.empty()) named.push_back(request.wanted.device_scope);
  for (std::string& scope : named) {
    const auto owner = find_edge_device(store_, scope);
    if (!owner) return owner.error();
    if (!*owner) place.unknown.push_back(std::move(scope));
  }
  if (!request.wanted.iot_edge || request.wanted.parent_scopes.empty()) return place;

  const auto above = layers_above(request.wanted.parent_scopes, place.above);
  if (!above) return above.error();
  const auto read = store_.read(id);
  if (!read) return read.error();
  const auto& now = read->entity.identity;
  // A leaf that becomes an edge device has had its parent's scope so far, and nothing below itself.
  const bool is_leaf = now && !now->iot_edge;
  const std::string own = is_leaf ? "" : now ? now->device_scope : request.wanted.device_scope;
  const auto below = own.empty() ? Result<std::size_t>(0) : layers_below(own, pending);
  if (!below) return below.error();
  place.too_deep = *above + *below > nested_layers_max;
  return place;
}

}  // namespace twinhub::hub
