#include "server/cli/mqtt_device.hpp"

#include "protocol/iothub/connect_fields.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/identity_keys.hpp"
#include "server/cli/remote_hub.hpp"
#include "server/cli/rest_client.hpp"

#include <mqtt/async_client.h>
#include <utility>

namespace twinhub::cli {
namespace {

using std::chrono::seconds;

constexpr seconds answer_time{30};
constexpr seconds connect_time{10};
constexpr seconds keep_alive{60};
constexpr std::chrono::milliseconds goodbye{2000};
constexpr std::uint64_t token_life_seconds = 3600;
constexpr int connack_codes_max = 5;  // 1 to 5: the hub has answered, and refuses (OASIS MQTT 3.1.1, 3.2.2.3)

std::string words_of(const mqtt::exception& error) {
  const std::string words = error.get_message();
  return words.empty() ? error.what() : words;
}

std::string user_name_of(const iothub::ConnectionString& credentials) {
  return credentials.host_name + "/" + iothub::client_id_of(credentials.id) +
         "/?api-version=2021-04-12&DeviceClientType=twinhub-cli";
}

std::string token_of(const iothub::ConnectionString& credentials) {
  const auto now = std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch());
  return iothub::make_sas_token(resource_of(credentials), credentials.shared_access_key,
                                static_cast<std::uint64_t>(now.count()) + token_life_seconds);
}

class PahoDevice final : public MqttDevice {
 public:
  PahoDevice(const std::string& url, const DeviceLogin& login)
      : client_(url, iothub::client_id_of(login.credentials.id), mqtt::create_options(MQTTVERSION_3_1_1), nullptr) {}
  ~PahoDevice() override {
    try {
      if (client_.is_connected()) client_.disconnect(0)->wait_for(goodbye);
    } catch (const mqtt::exception&) {
      // It is gone already.
    }
  }

  Result<void> connect(const DeviceLogin& login) {
    mqtt::ssl_options tls;
    if (!login.ca_file.empty()) tls.set_trust_store(login.ca_file);
    if (!login.certificate.empty()) {
      tls.set_key_store(login.certificate);
      tls.set_private_key(login.private_key);
    }
    tls.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
    tls.set_enable_server_cert_auth(true);
    tls.set_verify(true);
    mqtt::connect_options options;
    options.set_mqtt_version(MQTTVERSION_3_1_1);
    options.set_clean_session(true);  // nothing is left behind in the hub
    options.set_keep_alive_interval(keep_alive);
    options.set_connect_timeout(connect_time);
    options.set_user_name(user_name_of(login.credentials));
    if (login.certificate.empty()) options.set_password(token_of(login.credentials));
    options.set_ssl(std::move(tls));
    client_.start_consuming();
    const auto token = client_.connect(options);
    try {
      if (!token->wait_for(connect_time + seconds(1)))
        return fail(Errc::service_unavailable, client_.get_server_uri() + ": no answer to the CONNECT");
      return {};
    } catch (const mqtt::exception& error) {
      const int code = token->get_return_code();
      const std::string where = client_.get_server_uri();
      if (code < 1 || code > connack_codes_max) return fail(Errc::service_unavailable, where + ": " + words_of(error));
      const std::string who = iothub::client_id_of(login.credentials.id);
      return fail(code >= 4 ? Errc::iot_hub_unauthorized_access : Errc::service_unavailable,
                  where + " refuses '" + who + "' (CONNACK " + std::to_string(code) + "); 'twinhub device why " + who +
                      "' tells the cause");
    }
  }

  Result<void> subscribe(const std::string& filter) override {
    return answered("SUBSCRIBE", [&] { return client_.subscribe(filter, 1)->wait_for(answer_time); });
  }

  Result<void> publish(const std::string& topic, const std::string& payload) override {
    return answered("PUBLISH", [&] {
      return client_.publish(topic, payload.data(), payload.size(), 1, false)->wait_for(answer_time);
    });
  }

  Result<std::optional<Message>> next(Moment until) override {
    mqtt::const_message_ptr message;
    if (!client_.try_consume_message_until(&message, until)) return std::optional<Message>();
    if (!message) return fail(Errc::service_unavailable, "the connection to " + client_.get_server_uri() + " is lost");
    return std::optional(Message{message->get_topic(), message->to_string()});
  }

 private:
  /// `act` returns whether the answer came.
  template <typename Act>
  Result<void> answered(const char* what, Act act) {
    std::string words = "no answer to the ";
    try {
      if (act()) return {};
      words += what;
    } catch (const mqtt::exception& error) {
      words = words_of(error);
    }
    return fail(Errc::service_unavailable, client_.get_server_uri() + ": " + words);
  }

  mqtt::async_client client_;
};

/// Where devices find the hub: by the name that their connection strings have, else, from the hub's own machine, where it
/// listens.
std::vector<std::string> hosts_of(const config::Settings& settings) {
  std::vector<std::string> hosts{host_name_of(settings)};
  if (is_remote(settings)) return hosts;
  if (const std::string address = reachable(settings.listen); address != hosts.front()) hosts.push_back(address);
  return hosts;
}

}  // namespace

Result<DeviceLogin> device_login(const config::Settings& settings, const IdentityId& id, const std::string& certificate,
                                 const std::string& private_key) {
  if (settings.mqtts_port == 0) return fail(Errc::argument_invalid, "the hub has no port for MQTT: mqtts_port is 0");
  auto credentials = registered_credentials(settings, id);
  if (!credentials) return credentials.error();
  if (credentials->x509 == certificate.empty())
    return fail(Errc::argument_invalid,
                "'" + iothub::client_id_of(id) +
                    (credentials->x509 ? "' authenticates by certificate: name it with --certificate and --private-key"
                                       : "' authenticates by its key, not by certificate"));
  DeviceLogin login{.credentials = std::move(*credentials),
                    .hosts = hosts_of(settings),
                    .port = settings.mqtts_port,
                    .ca_file = ca_file_of(settings).string(),
                    .certificate = certificate,
                    .private_key = private_key};
  return login;
}

Result<std::unique_ptr<MqttDevice>> MqttDevice::connect(const DeviceLogin& login) {
  Error first;
  for (const std::string& host : login.hosts) {
    try {
      auto device = std::make_unique<PahoDevice>("ssl://" + with_port(host, login.port, 0), login);
      const auto connected = device->connect(login);
      if (connected) return std::unique_ptr<MqttDevice>(std::move(device));
      if (connected.error().code == Errc::iot_hub_unauthorized_access) return connected.error();
      if (first.detail.empty()) first = connected.error();
    } catch (const mqtt::exception& error) {
      if (first.detail.empty()) first = fail(Errc::service_unavailable, host + ": " + words_of(error));
    }
  }
  return first;
}

}  // namespace twinhub::cli
