#include "server/cli/identity_keys.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/remote_hub.hpp"
#include "server/cli/text_output.hpp"

namespace twinhub::cli {

std::string primary_key_in(const std::string& body) {
  const auto document = json::parse(body);
  if (!document) return "";
  const auto key = value_at(document->root(), {"authentication", "symmetricKey", "primaryKey"});
  return key ? key->string().value_or("") : "";
}

Result<iothub::ConnectionString> credentials_of(const config::Settings& settings, const IdentityId& id) {
  const bool has_store = !is_remote(settings) && settings.durability != "memory";
  return has_store ? identity_credentials(settings, id) : registered_credentials(settings, id);
}

Result<iothub::ConnectionString> registered_credentials(const config::Settings& settings, const IdentityId& id) {
  std::string path = "/devices/" + iothub::percent_encode(id.device);
  if (id.is_module()) path += "/modules/" + iothub::percent_encode(id.module);
  const auto body = call_hub(settings, "GET", path);
  if (!body) return body.error();
  const auto document = json::parse(*body);
  const auto type = document ? value_at(document->root(), {"authentication", "type"}) : std::nullopt;
  iothub::ConnectionString credentials{host_name_of(settings), "", id, primary_key_in(*body)};
  credentials.x509 = type && type->string().value_or("sas") != "sas";
  if (!credentials.x509 && credentials.shared_access_key.empty())
    return fail(Errc::argument_invalid, "the hub shows no symmetric key of '" + id.device + "'");
  return credentials;
}

std::string resource_of(const iothub::ConnectionString& credentials) {
  std::string resource = credentials.host_name;
  if (!credentials.id.device.empty()) resource += "/devices/" + credentials.id.device;
  if (credentials.id.is_module()) resource += "/modules/" + credentials.id.module;
  return resource;
}

}  // namespace twinhub::cli
