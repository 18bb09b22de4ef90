// What edge hub asks for at its start and on demand, in the order and with the bodies of its sources: the identities of
// its own tree, and of nothing else.
// Source: Azure/iotedge edge-hub, ServiceProxy (NestedServiceIdentitiesIterator, ServiceIdentitiesIterator),
// DeviceScopeApiClient, NestedDeviceScopeApiClient, DeviceScopeIdentitiesCache.
#include "rest_hub.hpp"

#include "protocol/iothub/sas_token.hpp"
#include "protocol/json/document.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <deque>
#include <set>

namespace twinhub::test {
namespace {

using Names = std::vector<std::string>;

const std::string any = "If-Match: *\r\n";
const std::string one_layer = "api-version=2018-08-30-preview";
const std::string keys = R"("authentication":{"type":"sas","symmetricKey":{"primaryKey":")" + std::string(policy_key) +
                         R"(","secondaryKey":")" + std::string(policy_key) + R"("}})";
const std::string edge = R"("capabilities":{"iotEdge":true})";

std::string text_at(const Answer& answer, std::initializer_list<std::string_view> path) {
  const auto document = json::parse(answer.body);
  std::optional<json::Value> value = document->root();
  for (const std::string_view name : path) value = value ? value->find(name) : std::nullopt;
  return value ? value->string().value_or("") : "";
}

/// The devices, then the modules of an answer.
Names names_in(const Answer& answer) {
  EXPECT_EQ(answer.status, 200U) << answer.body;
  const auto document = json::parse(answer.body);
  Names names;
  if (!document) return names;
  for (const std::string_view list : {"devices", "modules"}) {
    const auto items = document->root().find(list);
    EXPECT_TRUE(items) << answer.body;
    if (!items) continue;
    for (const json::Value item : *items) {
      const auto module = item.find("moduleId");
      names.push_back(*item.find("deviceId")->string() + (module ? "/" + *module->string() : ""));
      EXPECT_TRUE(item.find("generationId") && item.find("authentication")) << answer.body;
      EXPECT_TRUE(module || (item.find("status") && item.find("capabilities") && item.find("parentScopes")));
    }
  }
  EXPECT_TRUE(document->root().find("continuationLink")) << answer.body;
  return names;
}

void expect_refused(const Answer& answer, unsigned status = 401, const std::string& name = "IotHubUnauthorizedAccess") {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.error_name(), name) << answer.body;
}

/// top
///   leaf (module m)
///   child
///     far (leaf)
///     deep
/// other
///   stranger (leaf)
class RestEdgeScopes : public ::testing::Test {
 protected:
  RestEdgeScopes() {
    top = make_edge("top");
    child = make_edge("child", top);
    deep = make_edge("deep", child);
    make_leaf("leaf", top);
    make_leaf("far", child);
    EXPECT_EQ(hub.call("PUT", "/devices/leaf/modules/m", "{" + keys + "}").status, 200U);
    make_leaf("stranger", make_edge("other"));
    hub.create("alone");
  }

  /// With an $edgeHub that the runtime has taken in hand. Returns its scope.
  std::string make_edge(const std::string& id, const std::string& parent = {}) {
    const std::string above = parent.empty() ? "" : R"(,"parentScopes":[")" + parent + "\"]";
    const Answer made = hub.call("PUT", "/devices/" + id, "{" + edge + "," + keys + above + "}");
    EXPECT_EQ(made.status, 200U) << made.body;
    const std::string own = signed_by("hub.local/devices/" + id);
    EXPECT_EQ(hub.call("GET", "/devices/" + id + "/modules?api-version=2017-11-08-preview", "", own).status, 200U);
    for (const std::string module : {"$edgeAgent", "$edgeHub"}) {
      const std::string body =
          R"({"moduleId":")" + module + R"(","managedBy":"iotEdge","deviceId":")" + id + "\"," + keys + "}";
      EXPECT_EQ(
          hub.call("PUT", "/devices/" + id + "/modules/" + module + "?api-version=2017-11-08-preview", body, own + any)
              .status,
          200U);
    }
    return text_at(made, {"deviceScope"});
  }
  void make_leaf(const std::string& id, const std::string& scope) {
    EXPECT_EQ(hub.call("PUT", "/devices/" + id, "{" + keys + R"(,"deviceScope":")" + scope + "\"}").status, 200U);
  }
  [[nodiscard]] static std::string signed_by(const std::string& resource, std::string_view key = policy_key) {
    return "Authorization: " + iothub::make_sas_token(resource, std::string(key), 4'000'000'000U) + "\r\n";
  }
  [[nodiscard]] static std::string edge_hub_of(const std::string& id) {
    return signed_by("hub.local/devices/" + id + "/modules/%24edgeHub");
  }

  [[nodiscard]] Answer list(const std::string& actor, const std::string& chain, std::size_t page = 1000,
                            const std::string& link = {}) const {
    const std::string next = link.empty() ? "" : R"("continuationLink":")" + link + "\",";
    return hub.call(
        "POST",
        "/devices/" + actor + "/modules/$edgeHub/devicesAndModulesInTargetDeviceScope?api-version=2020-06-30-preview",
        R"({"pageSize":)" + std::to_string(page) + "," + next + R"("authChain":")" + chain + "\"}",
        edge_hub_of(actor) + "Content-Type: application/json; charset=utf-8\r\n");
  }
  [[nodiscard]] Answer find(const std::string& actor, const std::string& chain, const std::string& device,
                            const std::string& module = {}) const {
    return hub.call(
        "POST", "/devices/" + actor + "/modules/$edgeHub/getDeviceAndModuleOnBehalfOf?api-version=2020-06-30-preview",
        R"({"targetDeviceId":")" + device + R"(","targetModuleId":)" + (module.empty() ? "null" : '"' + module + '"') +
            R"(,"authChain":")" + chain + "\"}",
        edge_hub_of(actor));
  }
  [[nodiscard]] Answer get(const std::string& actor, const std::string& rest, const std::string& headers = {}) const {
    return hub.call("GET", "/devices/" + actor + "/modules/$edgeHub/" + rest, "",
                    headers.empty() ? edge_hub_of(actor) : headers);
  }

  RestHub hub;
  std::string top, child, deep;
};

TEST_F(RestEdgeScopes, AnEdgeHubWalksItsWholeTreeAsItStarts) {
  // Breadth first: its own device, then each edge device of an answer, in the name of that one.
  std::deque<std::pair<std::string, std::string>> left{{"top", "top"}};
  std::set<std::string> seen;
  while (!left.empty()) {
    const auto [device, chain] = left.front();
    left.pop_front();
    const Answer answer = list("top", chain);
    const Names names = names_in(answer);
    EXPECT_EQ(text_at(answer, {"continuationLink"}), "");
    seen.insert(names.begin(), names.end());
    for (const std::string edge_device : {"child", "deep"}) {
      if (edge_device != device && std::find(names.begin(), names.end(), edge_device) != names.end())
        left.emplace_back(edge_device, edge_device + ";" + chain);
    }
  }
  EXPECT_EQ(seen, (std::set<std::string>{"top", "top/$edgeAgent", "top/$edgeHub", "leaf", "leaf/m", "child",
                                         "child/$edgeAgent", "child/$edgeHub", "far", "deep", "deep/$edgeAgent",
                                         "deep/$edgeHub"}));
}

TEST_F(RestEdgeScopes, OneAnswerHoldsADeviceItsModulesAndWhatStandsRightUnderIt) {
  const Names expected{"top", "child", "leaf", "top/$edgeAgent", "top/$edgeHub", "leaf/m"};
  EXPECT_EQ(names_in(list("top", "top")), expected);
  EXPECT_EQ(names_in(list("top", "child;top")), (Names{"child", "deep", "far", "child/$edgeAgent", "child/$edgeHub"}));
  EXPECT_EQ(names_in(list("child", "child")), names_in(list("top", "child;top")));
  EXPECT_EQ(names_in(get("top", "devicesAndModulesInDeviceScope?deviceCount=1000&continuationToken=&" + one_layer)),
            expected);
  const Answer leaf = find("top", "top", "leaf");
  EXPECT_NE(leaf.body.find(R"("primaryKey":")" + std::string(policy_key)), std::string::npos)
      << "for use while offline";
  EXPECT_NE(leaf.body.find(R"("parentScopes":[")" + top + "\"]"), std::string::npos);
}

TEST_F(RestEdgeScopes, PagesOfAnySizeHoldEveryDeviceOnce) {
  const Names all = names_in(list("top", "top"));
  for (const std::size_t size : {1U, 2U, 3U}) {
    Names posted, got;
    std::string link;
    std::size_t pages = 0;
    do {
      const Answer page = list("top", "top", size, link);
      const Names names = names_in(page);
      posted.insert(posted.end(), names.begin(), names.end());
      link = text_at(page, {"continuationLink"});
      ASSERT_LT(++pages, 10U);
    } while (!link.empty());
    EXPECT_EQ(pages, (3 + size - 1) / size);
    // As edge hub of one layer does it: the link is the next request's target.
    link = "/devices/top/modules/%24edgeHub/devicesAndModulesInDeviceScope?deviceCount=" + std::to_string(size) +
           "&continuationToken=&" + one_layer;
    while (!link.empty()) {
      const Answer page = hub.call("GET", link, "", edge_hub_of("top"));
      const Names names = names_in(page);
      got.insert(got.end(), names.begin(), names.end());
      link = text_at(page, {"continuationLink"});
      ASSERT_TRUE(link.empty() || link.starts_with("/devices/top/modules/%24edgeHub/")) << link;
      ASSERT_LE(got.size(), all.size());
    }
    for (Names* names : {&posted, &got}) {
      std::sort(names->begin(), names->end());
      Names sorted = all;
      std::sort(sorted.begin(), sorted.end());
      EXPECT_EQ(*names, sorted) << size;
    }
  }
}

TEST_F(RestEdgeScopes, OneIdentityIsFoundAnywhereBelow) {
  EXPECT_EQ(names_in(find("top", "top", "leaf")), Names{"leaf"});
  EXPECT_EQ(names_in(find("top", "top", "top")), Names{"top"});
  EXPECT_EQ(names_in(find("top", "top", "deep")), Names{"deep"});
  EXPECT_EQ(names_in(find("top", "child;top", "far")), Names{"far"});
  EXPECT_EQ(names_in(find("top", "leaf;top", "leaf", "m")), (Names{"leaf", "leaf/m"})) << "with its device";
  EXPECT_EQ(names_in(find("top", "leaf/m;leaf;top", "leaf", "m")), (Names{"leaf", "leaf/m"}));
  EXPECT_EQ(names_in(find("top", "deep;child;top", "deep", "$edgeHub")), (Names{"deep", "deep/$edgeHub"}));
  EXPECT_EQ(names_in(get("top", "deviceAndModuleInDeviceScope?targetDeviceId=leaf&targetModuleId=&" + one_layer)),
            Names{"leaf"});
  EXPECT_EQ(names_in(get("top", "deviceAndModuleInDeviceScope?targetDeviceId=leaf&targetModuleId=m&" + one_layer)),
            (Names{"leaf", "leaf/m"}));
  expect_refused(find("top", "top", "leaf", "none"), 404, "ModuleNotFound");
}

TEST_F(RestEdgeScopes, NothingOutsideItsTreeIsSaid) {
  for (const std::string device : {"stranger", "other", "alone", "nobody"}) {
    expect_refused(find("top", "top", device));
    expect_refused(
        get("top", "deviceAndModuleInDeviceScope?targetDeviceId=" + device + "&targetModuleId=&" + one_layer));
  }
  expect_refused(find("child", "child", "top"));
  expect_refused(find("child", "child", "leaf"));
  expect_refused(find("top", "child;top", "leaf"));
  for (const std::string chain : {"other", "other;top", "stranger;other", "deep;top", "top;child", "child;child;top",
                                  "leaf;top", "nobody;top", "child", "child;deep;top", "top;top"}) {
    SCOPED_TRACE(chain);
    expect_refused(list("top", chain));
  }
  expect_refused(list("child", "child;top"));
  expect_refused(find("top", "leaf;top", "far"));
  expect_refused(list("alone", "alone"));
}

TEST_F(RestEdgeScopes, OnlyTheEdgeHubItselfMayAsk) {
  const std::string target = "devicesAndModulesInDeviceScope?deviceCount=10&" + one_layer;
  EXPECT_EQ(get("top", target, signed_by("hub.local/devices/top/modules/$edgeHub")).status, 200U);
  for (const std::string& headers :
       {edge_hub_of("child"), signed_by("hub.local/devices/top/modules/%24edgeAgent"), signed_by("hub.local"),
        signed_by("hub.local/devices/top/modules/%24edgeHub", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="),
        "Authorization: " + hub.token("iothubowner") + "\r\n", "Authorization: " + hub.token("device") + "\r\n",
        "Authorization: " + hub.token("device", "hub.local/devices/top/modules/%24edgeHub") + "\r\n",
        std::string("X: y\r\nAuthorization: none\r\n")}) {
    SCOPED_TRACE(headers);
    expect_refused(get("top", target, headers));
  }
  const std::string agent = signed_by("hub.local/devices/top/modules/%24edgeAgent");
  expect_refused(hub.call("GET", "/devices/top/modules/$edgeAgent/" + target, "", agent));
}

TEST_F(RestEdgeScopes, ADisabledEdgeDeviceClosesWhatStandsBelowIt) {
  ASSERT_EQ(hub.call("PUT", "/devices/child",
                     "{" + edge + "," + keys + R"(,"status":"disabled","parentScopes":[")" + top + "\"]}", any)
                .status,
            200U);
  EXPECT_EQ(names_in(find("top", "top", "child")), Names{"child"}) << "an edge hub learns that it is disabled";
  expect_refused(find("top", "top", "far"));
  expect_refused(list("top", "child;top"));
  expect_refused(list("child", "child"), 403, "DeviceDisabled");
}

TEST_F(RestEdgeScopes, BodiesThatAreNoRequestsAreRefused) {
  const auto post = [&](const std::string& action, const std::string& body) {
    return hub.call("POST", "/devices/top/modules/$edgeHub/" + action + "?api-version=2020-06-30-preview", body,
                    edge_hub_of("top"));
  };
  const std::string list_action = "devicesAndModulesInTargetDeviceScope", find_action = "getDeviceAndModuleOnBehalfOf";
  for (const auto& [action, body, name] :
       {std::tuple{list_action, std::string("{}"), "ArgumentNull"},
        std::tuple{list_action, std::string(R"({"authChain":7})"), "ArgumentInvalid"},
        std::tuple{list_action, std::string(R"({"authChain":";"})"), "ArgumentInvalid"},
        std::tuple{list_action, std::string(R"({"authChain":"a b"})"), "ArgumentInvalid"},
        std::tuple{list_action, std::string(R"({"authChain":"1;2;3;4;5;6;7;8"})"), "ArgumentInvalid"},
        std::tuple{list_action, std::string(R"({"authChain":"top","pageSize":-1})"), "ArgumentInvalid"},
        std::tuple{list_action, std::string(R"({"authChain":"top","pageSize":"many"})"), "ArgumentInvalid"},
        std::tuple{list_action, std::string(R"({"authChain":"top","continuationLink":"nonsense"})"), "ArgumentInvalid"},
        std::tuple{list_action, std::string("[]"), "IotHubFormatError"},
        std::tuple{find_action, std::string(R"({"authChain":"top"})"), "ArgumentNull"},
        std::tuple{find_action, std::string(R"({"authChain":"top","targetDeviceId":"a b"})"), "ArgumentInvalid"},
        std::tuple{find_action, std::string(R"({"authChain":"leaf/m;top","targetDeviceId":"leaf"})"),
                   "ArgumentInvalid"}}) {
    SCOPED_TRACE(body);
    expect_refused(post(action, body), 400, name);
  }
  expect_refused(get("top", "devicesAndModulesInDeviceScope?deviceCount=x&" + one_layer), 400, "ArgumentInvalid");
  expect_refused(get("top", "devicesAndModulesInDeviceScope?continuationToken=%21&" + one_layer), 400,
                 "ArgumentInvalid");
  EXPECT_EQ(names_in(post(list_action, R"({"authChain":"top","pageSize":0,"continuationLink":null})")).size(), 6U);
}

}  // namespace
}  // namespace twinhub::test
