// Edge devices under edge devices: none stands under itself, the layers have a bound, and what a folder of an older
// version says of leaves reads as one fact everywhere.
#include "server/hub/registry/edge_tree.hpp"

#include "tests/unit/server/hub/store_folder.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <thread>

namespace twinhub::hub {
namespace {

const std::string edge = R"("capabilities":{"iotEdge":true})";

IdentityId device(const std::string& id) { return {id, ""}; }

std::string under(const std::string& scope) { return "{" + edge + R"(,"parentScopes":[")" + scope + "\"]}"; }

std::string scope_of(World& world, const std::string& id) { return world.identity(device(id)).device_scope; }

/// Creates `id` as an edge device under `parent`, or at the top, when that is "". Returns its scope.
std::string make_edge(World& world, const std::string& id, const std::string& parent = {}) {
  const auto made = world.put(device(id), parent.empty() ? "{" + edge + "}" : under(parent));
  EXPECT_TRUE(made) << made.error().detail;
  return scope_of(world, id);
}

/// Each of `ids` under the one before; returns the scopes.
std::vector<std::string> make_line(World& world, const std::vector<std::string>& ids) {
  std::vector<std::string> scopes;
  for (const std::string& id : ids) scopes.push_back(make_edge(world, id, scopes.empty() ? "" : scopes.back()));
  return scopes;
}

using Ids = std::vector<std::string>;

Ids children(World& world, const std::string& scope);

TEST(EdgeTree, AnEdgeDeviceIsNotMovedUnderItselfOrWhatStandsBelowIt) {
  World world;
  const auto scopes = make_line(world, {"a", "b", "c"});
  for (const std::string& below : scopes)
    EXPECT_REFUSED(world.put(device("a"), under(below), "*"), Errc::invalid_device_scope);
  EXPECT_EQ(at(world.get(device("a"))->json, "parentScopes"), "[]");
  ASSERT_TRUE(world.put(device("c"), "{" + edge + R"(,"parentScopes":[]})", "*"));
  EXPECT_TRUE(world.put(device("a"), under(scopes[2]), "*")) << "c is not below a any more";
  EXPECT_REFUSED(world.put(device("c"), under(scopes[1]), "*"), Errc::invalid_device_scope);
}

TEST(EdgeTree, ABulkRequestClosesNoRing) {
  World world;
  const std::string a = "ms-azure-iot-edge://a-1", b = "ms-azure-iot-edge://b-1";
  const auto line = [&](const std::string& id, const std::string& own, const std::string& parent) {
    return R"({"id":")" + id + R"(","importMode":"create",)" + edge + R"(,"deviceScope":")" + own +
           R"(","parentScopes":[")" + parent + "\"]}";
  };
  const std::string body = "[" + line("a", a, b) + "," + line("b", b, a) + "]";
  const auto answer = answer_of<BulkRegistry::Answer>([&](auto done) { world.hub.bulk.apply(body, std::move(done)); });
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->json.find(R"("errorCode":"InvalidDeviceScope")"), std::string::npos) << answer->json;
  EXPECT_EQ(scope_of(world, "a"), a);
  EXPECT_FALSE(world.get(device("b")));
}

TEST(EdgeTree, TwoMovesAtOnceNeverCloseARing) {
  World world;
  for (int round = 0; round < 20; ++round) {
    const std::string a = "a" + std::to_string(round), b = "b" + std::to_string(round);
    const std::string scope_a = make_edge(world, a), scope_b = make_edge(world, b);
    bool moved_a = false, moved_b = false;
    std::thread other([&] { moved_a = world.put(device(a), under(scope_b), "*").has_value(); });
    moved_b = world.put(device(b), under(scope_a), "*").has_value();
    other.join();
    EXPECT_NE(moved_a, moved_b) << "one of the two, in either order";
  }
}

TEST(EdgeTree, FiveLayersStandBelowTheTopmostEdgeDeviceAndLeavesBelowThem) {
  World world;
  const auto scopes = make_line(world, {"top", "l1", "l2", "l3", "l4", "l5"});
  EXPECT_REFUSED(world.put(device("l6"), under(scopes.back())), Errc::invalid_device_scope);
  EXPECT_TRUE(world.put(device("leaf"), R"({"deviceScope":")" + scopes.back() + "\"}"));
  const std::string over = make_edge(world, "over");
  EXPECT_REFUSED(world.put(device("top"), under(over), "*"), Errc::invalid_device_scope);
  ASSERT_TRUE(world.remove(device("l5")));
  EXPECT_TRUE(world.put(device("top"), under(over), "*")) << "what is gone below makes no layer";
}

/// Lines of edge devices "NAME0" to "NAME8", each under the one before.
std::vector<std::string> line_of_nine(const std::string& name) {
  std::vector<std::string> items;
  const auto scope = [&](int i) { return "ms-azure-iot-edge://" + name + std::to_string(i) + "-1"; };
  for (int i = 0; i < 9; ++i) {
    items.push_back(R"({"id":")" + name + std::to_string(i) + R"(","importMode":"create",)" + edge +
                    R"(,"deviceScope":")" + scope(i) + R"(","parentScopes":[)" +
                    (i == 0 ? "" : '"' + scope(i - 1) + '"') + "]}");
  }
  return items;
}

TEST(EdgeTree, ABulkRequestBringsNoMoreLayersThanSingleRequestsInWhateverOrder) {
  // What a request has written is not durable yet when its next item is looked at.
  const StoreFolder folder(storage::Durability::sync);
  storage::StoreOptions options = folder.options();
  options.sync_pause = std::chrono::milliseconds(100);
  World world(options);
  for (const bool child_first : {false, true}) {
    const std::string name = child_first ? "up" : "down";
    auto items = line_of_nine(name);
    if (child_first) std::reverse(items.begin(), items.end());
    std::string body;
    for (const std::string& item : items) body += (body.empty() ? "[" : ",") + item;
    const auto answer =
        answer_of<BulkRegistry::Answer>([&](auto done) { world.hub.bulk.apply(body + "]", std::move(done)); });
    ASSERT_TRUE(answer);
    // One cut is enough: what is behind it is a tree of its own.
    const std::string refused = name + (child_first ? "3" : "6");
    for (int i = 0; i < 9; ++i) {
      const std::string id = name + std::to_string(i);
      EXPECT_EQ(world.get(device(id)).has_value(), id != refused) << id << ": " << answer->json;
    }
  }
}

TEST(EdgeTree, TheRecordsOfChildrenFollowEachWrite) {
  World world;
  const std::string a = make_edge(world, "a"), b = make_edge(world, "b");
  const std::string child = make_edge(world, "child", a);
  ASSERT_TRUE(world.put(device("leaf"), R"({"deviceScope":")" + a + "\"}"));
  EXPECT_EQ(children(world, a), (Ids{"child", "leaf"}));
  ASSERT_TRUE(world.put(device("leaf"), R"({"deviceScope":")" + b + "\"}", "*"));
  ASSERT_TRUE(world.put(device("leaf"), R"({"statusReason":"x","deviceScope":")" + b + "\"}", "*"));
  EXPECT_EQ(children(world, a), Ids{"child"});
  EXPECT_EQ(children(world, b), Ids{"leaf"});
  ASSERT_TRUE(world.remove(device("leaf")));
  ASSERT_TRUE(world.put(device("child"), "{" + edge + "}", "*"));
  EXPECT_EQ(children(world, a), Ids{});
  EXPECT_EQ(children(world, b), Ids{});
}

Ids children(World& world, const std::string& scope) {
  Ids found;
  const auto scanned = scan_children(*world.store, scope, first_position, [&](std::string_view, const IdentityId& id) {
    found.push_back(id.device);
    return true;
  });
  EXPECT_TRUE(scanned);
  return found;
}

/// Leaves as a version wrote them that kept deviceScope and parentScopes apart, and no records of children.
void write_as_before(const StoreFolder& folder, const std::string& scope) {
  World world(folder.options());
  for (const auto& [id, device_scope, parents] :
       {std::tuple{std::string("scope-alone"), scope, std::vector<std::string>{}},
        std::tuple{std::string("parents-alone"), std::string(), std::vector<std::string>{scope}},
        std::tuple{std::string("both-differ"), scope, std::vector<std::string>{"ms-azure-iot-edge://x-1"}},
        std::tuple{std::string("neither"), std::string(), std::vector<std::string>{}}}) {
    ASSERT_TRUE(world.put(device(id)));
    iothub::Identity old = world.identity(device(id));
    old.device_scope = device_scope;
    old.parent_scopes = parents;
    const auto decide = [&](const storage::Entity&) -> Result<storage::EntityChange> {
      storage::EntityChange change;
      change.identity = std::make_shared<const iothub::Identity>(old);
      return change;
    };
    ASSERT_TRUE(world.store->update(device(id), decide, {}).decided);
  }
  ASSERT_TRUE(world.store->write_records(
      {{storage::RecordKind::edge_children, std::string("\0complete", 9), std::nullopt}}, {}, {}));
}

TEST(EdgeTree, LeavesOfAnOlderVersionHaveOneParentUnderBothNames) {
  const StoreFolder folder;
  const std::string scope = "ms-azure-iot-edge://e-1", shown = "[\"" + scope + "\"]";
  write_as_before(folder, scope);
  World world(folder.options());
  for (const std::string id : {"scope-alone", "parents-alone", "both-differ"}) {
    EXPECT_EQ(at(world.get(device(id))->json, "parentScopes"), shown) << id;
    EXPECT_EQ(at(world.get(device(id))->json, "deviceScope"), '"' + scope + '"') << id;
    EXPECT_EQ(at(world.twin(device(id))->json, "parentScopes"), shown) << id;
  }
  EXPECT_EQ(at(world.get(device("neither"))->json, "parentScopes"), "[]");
  EXPECT_EQ(children(world, scope), (Ids{"both-differ", "parents-alone", "scope-alone"}));

  auto run = world.hub.queries.begin(
      {.text = "SELECT deviceId FROM devices WHERE array_contains(parentScopes, '" + scope + "')"});
  ASSERT_TRUE(run);
  while ((*run)->step()) {
  }
  EXPECT_EQ((*run)->take()->json,
            R"([{"deviceId":"both-differ"},{"deviceId":"parents-alone"},{"deviceId":"scope-alone"}])");
  const auto lines = world.hub.bulk.export_lines("", 100, {.keys = false, .etags = false});
  ASSERT_TRUE(lines);
  std::size_t count = 0;
  for (std::size_t found = 0; (found = lines->text.find("\"parentScopes\":" + shown, found)) != std::string::npos;
       ++found)
    ++count;
  EXPECT_EQ(count, 3U) << lines->text;
}

TEST(EdgeTree, TheRecordsOfAnOlderFolderAreMadeOnce) {
  const StoreFolder folder;
  const std::string scope = "ms-azure-iot-edge://e-1";
  write_as_before(folder, scope);
  {
    World first(folder.options());
    const auto complete = first.store->read_record(storage::RecordKind::edge_children, std::string("\0complete", 9));
    ASSERT_TRUE(complete);
    EXPECT_TRUE(complete->has_value());
    EXPECT_EQ(children(first, scope).size(), 3U);
    ASSERT_TRUE(first.store->write_records(
        {{storage::RecordKind::edge_children, scope + std::string("\0lscope-alone", 13), std::nullopt}}, {}, {}));
  }
  World second(folder.options());
  EXPECT_EQ(children(second, scope), (Ids{"both-differ", "parents-alone"})) << "the devices are not read again";
}

}  // namespace
}  // namespace twinhub::hub
