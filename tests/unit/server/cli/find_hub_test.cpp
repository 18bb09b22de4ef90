// Which hub a command speaks to: flags and variables, then the context in use, then what the data folder's hub.json says.
#include "config/contexts.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_file.hpp"
#include "server/cli/remote_hub.hpp"
#include "server/cli/rest_client.hpp"
#include "tests/support/cpp/temporary_folder.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::cli {
namespace {

using testing::HasSubstr;
using Flags = std::vector<std::pair<std::string, std::string>>;

const std::string elsewhere = "HostName=plant-7.example:8443;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0";

class CliFindHub : public testing::Test {
 protected:
  CliFindHub() { ::setenv("XDG_CONFIG_HOME", home_.path().c_str(), 1); }
  ~CliFindHub() override { ::unsetenv("XDG_CONFIG_HOME"); }

  /// What a command gets that is called with these flags, beside --data-dir where `with_folder`.
  [[nodiscard]] config::Loaded found(Flags flags, bool with_folder = true,
                                     std::map<std::string, std::string, std::less<>> environment = {}) const {
    if (with_folder) flags.emplace_back("data_dir", data_.path().string());
    config::Loaded loaded =
        config::load({.file = {}, .environment = std::move(environment), .flags = std::move(flags)});
    find_hub(loaded);
    return loaded;
  }
  /// A hub of these settings has opened its doors on the data folder.
  void serve(Flags flags) const {
    flags.emplace_back("data_dir", data_.path().string());
    const config::Loaded loaded = config::load({.file = {}, .environment = {}, .flags = std::move(flags)});
    write(hub_file(loaded.settings), hub_file_text(loaded.settings, data_.path() / "tls" / "ca.pem"));
  }
  void keep(const config::Contexts& contexts) const {
    std::filesystem::create_directories(config::contexts_file().parent_path());
    write(config::contexts_file(), config::contexts_text(contexts));
  }
  static void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }

  test::TemporaryFolder home_{"cli-home"}, data_{"cli-data"};
};

TEST_F(CliFindHub, HubJsonSaysWhereTheHubOfTheFolderIs) {
  serve({{"dev", "true"},
         {"host_names", "hub.local,10.0.0.7"},
         {"listen", "127.0.0.9"},
         {"mqtts_port", "18883"},
         {"https_port", "8443"},
         {"ops_port", "0"},
         {"management.enabled", "off"}});
  const config::Loaded loaded = found({});
  EXPECT_TRUE(loaded.settings.dev);
  EXPECT_EQ(loaded.settings.host_names, (std::vector<std::string>{"hub.local", "10.0.0.7"}));
  EXPECT_EQ(loaded.settings.listen, "127.0.0.9");
  EXPECT_EQ(loaded.settings.https_port, 8443);
  EXPECT_EQ(loaded.settings.ops_port, 0);
  EXPECT_FALSE(loaded.settings.management_enabled);
  EXPECT_EQ(loaded.origins.at("https_port"), hub_file(loaded.settings).string());
  EXPECT_EQ(device_host_of(loaded.settings), "hub.local:18883");
  EXPECT_EQ(service_host_of(loaded.settings), "hub.local:8443");
  const auto target = target_of(loaded.settings, "service");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->address, "127.0.0.9");
  EXPECT_EQ(target->credentials.host_name, "hub.local");
}

TEST_F(CliFindHub, WhatIsSaidByAFlagCountsMoreThanHubJson) {
  serve({{"https_port", "8443"}, {"host_names", "a"}});
  EXPECT_EQ(found({{"https_port", "443"}}).settings.https_port, 443);
  EXPECT_EQ(found({{"host_names", "b"}}).settings.host_names, std::vector<std::string>{"b"});
}

TEST_F(CliFindHub, AFolderWithoutHubJsonIsAsTheSettingsSay) {
  EXPECT_EQ(found({}).settings.https_port, 443);
  EXPECT_EQ(device_host_of(found({}).settings), "localhost");
}

TEST_F(CliFindHub, AHubJsonThatNoHubHasWrittenIsNamed) {
  for (const char* text : {"", "[]", R"({"https_port":"x"})", R"({"host_names":[1]})", R"({"dev":)"}) {
    write(data_.path() / "hub.json", text);
    try {
      (void)found({});
      ADD_FAILURE() << text;
    } catch (const config::SettingsError& error) {
      EXPECT_THAT(error.what(), HasSubstr((data_.path() / "hub.json").string()));
    }
  }
}

TEST_F(CliFindHub, AConnectionStringIsAllThatAHubElsewhereNeeds) {
  const config::Loaded loaded = found({{"client.connection_string", elsewhere}});
  ASSERT_TRUE(is_remote(loaded.settings));
  const auto target = target_of(loaded.settings, "iothubowner");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->credentials.host_name, "plant-7.example");
  EXPECT_EQ(target->credentials.policy, "service") << "the only key there is";
  EXPECT_EQ(target->port, 8443);
  EXPECT_EQ(target->address, "") << "what the name resolves to";
  EXPECT_EQ(target->ca_file, "") << "the system's";
  EXPECT_EQ(service_host_of(loaded.settings), "plant-7.example:8443");
  EXPECT_EQ(loaded.settings.ops_listen, "plant-7.example");
  EXPECT_TRUE(policy_credentials(loaded.settings, "service"));
  EXPECT_FALSE(policy_credentials(loaded.settings, "iothubowner"));
}

TEST_F(CliFindHub, TheOperationsPortOfAHubElsewhereIsLookedForAtItsName) {
  const auto looked_for_at = [&](const char* listen) {
    return found({{"client.connection_string", elsewhere}, {"ops_listen", listen}}).settings.ops_listen;
  };
  EXPECT_EQ(looked_for_at("0.0.0.0"), "plant-7.example") << "the variable in the image";
  EXPECT_EQ(looked_for_at("::"), "plant-7.example");
  EXPECT_EQ(looked_for_at("10.0.0.7"), "10.0.0.7") << "somebody says where it is";
}

TEST_F(CliFindHub, AHubWithItsStoreInMemoryAloneSaysSo) {
  serve({{"durability", "memory"}});
  EXPECT_EQ(found({}).settings.durability, "memory");
}

TEST_F(CliFindHub, ConnectionStringsOfHubsHaveAPolicyAndAPort) {
  const auto hub = [&](const std::string& text) {
    config::Settings settings;
    settings.client_connection_string = text;
    return remote_hub(settings);
  };
  const std::string key = ";SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0";
  EXPECT_EQ(hub("HostName=h" + key)->port, 443);
  EXPECT_EQ(hub("HostName=[::1]:99" + key)->port, 99);
  EXPECT_EQ(hub("HostName=[::1]:99" + key)->credentials.host_name, "::1");
  EXPECT_EQ(hub("HostName=::1" + key)->credentials.host_name, "::1");
  for (const char* host : {"h:", "h:0", "h:70000", "h:1x", ":443", "[]"})
    EXPECT_FALSE(hub("HostName=" + std::string(host) + key)) << host;
  EXPECT_FALSE(hub("HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0")) << "a device's";
  EXPECT_FALSE(hub("nonsense"));
}

TEST_F(CliFindHub, TheContextInUseIsTheHubUnlessAnotherOneIsNamed) {
  keep({.all = {{"plant", {elsewhere, "/ca.pem"}},
                {"other", {"HostName=other;SharedAccessKeyName=p;SharedAccessKey=eA==", ""}}},
        .current = "plant"});
  EXPECT_EQ(found({}, false).settings.client_connection_string, elsewhere);
  EXPECT_EQ(found({}, false).settings.client_ca, "/ca.pem");
  EXPECT_EQ(host_name_of(found({{"client.context", "other"}}, false).settings), "other");
  EXPECT_FALSE(is_remote(found({}).settings)) << "--data-dir names a hub of this machine";
  EXPECT_FALSE(is_remote(found({{"dev", "true"}}, false).settings));
  const Flags named{{"client.connection_string", "HostName=flag;SharedAccessKeyName=p;SharedAccessKey=eA=="}};
  EXPECT_EQ(host_name_of(found(named, false).settings), "flag");
  EXPECT_THROW((void)found({{"client.context", "nowhere"}}, false), config::SettingsError);
}

TEST_F(CliFindHub, AFlagCountsMoreThanAVariableWhateverItNamesTheHubBy) {
  keep(
      {.all = {{"other", {"HostName=other;SharedAccessKeyName=p;SharedAccessKey=eA==", "/other.pem"}}}, .current = ""});
  EXPECT_FALSE(is_remote(found({}, true, {{"TWINHUB_CONNECTION_STRING", elsewhere}}).settings)) << "--data-dir";
  EXPECT_FALSE(is_remote(found({}, true, {{"TWINHUB_CONTEXT", "other"}}).settings));
  const auto by_context = found({{"client.context", "other"}}, false,
                                {{"TWINHUB_CONNECTION_STRING", elsewhere}, {"TWINHUB_CA", "/elsewhere.pem"}});
  EXPECT_EQ(host_name_of(by_context.settings), "other");
  EXPECT_EQ(by_context.settings.client_ca, "/other.pem");
  EXPECT_TRUE(
      is_remote(found({}, false, {{"TWINHUB_CONNECTION_STRING", elsewhere}, {"TWINHUB_DATA_DIR", "/data"}}).settings))
      << "a string says more than a folder that is where it always is";
}

TEST_F(CliFindHub, AHubJsonOfAnotherFolderIsNotThisOnes) {
  serve({{"https_port", "8443"}});
  const std::filesystem::path copy = home_.path() / "copy";
  std::filesystem::create_directory(copy);
  std::filesystem::copy_file(data_.path() / "hub.json", copy / "hub.json");
  EXPECT_EQ(found({{"data_dir", copy.string()}}, false).settings.https_port, 443);
  EXPECT_EQ(found({}).settings.https_port, 8443);
}

TEST_F(CliFindHub, AHubWithACertificateOfItsOwnIsTrustedAsTheSystemTrusts) {
  serve({{"dev", "true"}, {"tls.certificate", "/etc/a \"b\".pem"}, {"tls.private_key", "/etc/key.pem"}});
  const auto loaded = found({});
  EXPECT_EQ(loaded.settings.tls_certificate, "/etc/a \"b\".pem");
  const auto target = target_of(loaded.settings, "service");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->ca_file, "");
}

TEST_F(CliFindHub, ContextsAreReadAsTheyWereWritten) {
  const config::Contexts contexts{.all = {{"a.b-c_1", {elsewhere, ""}}, {"z", {elsewhere + "\"\\", "/a b/ca.pem"}}},
                                  .current = "z"};
  keep(contexts);
  const config::Contexts read = config::read_contexts(config::contexts_file());
  EXPECT_EQ(read.current, "z");
  ASSERT_EQ(read.all.size(), 2U);
  EXPECT_EQ(read.all.at("z").connection_string, elsewhere + "\"\\");
  EXPECT_EQ(read.all.at("z").ca, "/a b/ca.pem");
  for (const char* text : {"current = 'x'", "[contexts.a]", "[contexts.a]\nkey = 1", "contexts = ["}) {
    write(config::contexts_file(), text);
    EXPECT_THROW((void)config::read_contexts(config::contexts_file()), config::SettingsError) << text;
  }
  for (const char* name : {"", "a b", "a/b", "\xC3\xA4"})
    EXPECT_THROW(config::check_context_name(name), config::SettingsError);
}

}  // namespace
}  // namespace twinhub::cli
