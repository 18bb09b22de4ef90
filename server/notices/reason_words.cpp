// The reasons' names, and what a person reads: a sentence and a hint for each.
#include "server/notices/notice.hpp"

#include <algorithm>
#include <array>

namespace twinhub::notices {
namespace {

struct Words {
  Reason reason;
  std::string_view name;
  std::string_view sentence;
  std::string_view hint;
};

constexpr std::string_view slow_down = "Wait: clients come back by themselves. If it stays so, raise the limit.";

constexpr std::array<Words, reasons> table{{
    {Reason::other, "other", "It was refused.", ""},

    {Reason::no_place, "no_place", "The hub has no place for another connection.",
     "Raise admission.connections_max (or rest.connections_max, amqp.connections_max), and the process's limit of file "
     "descriptors."},
    {Reason::address_limit, "address_limit",
     "Too many connections of this address have not proved who they are: the oldest ended.",
     "Something there opens connections and says nothing: a scanner, or a client in a loop."},
    {Reason::memory_limit, "memory_limit", "Connections that have not proved who they are hold too much memory.",
     "The hub is being flooded; devices that are connected already are not affected."},
    {Reason::unfinished_limit, "unfinished_limit",
     "Connections that have not proved who they are hold too many unfinished requests.",
     "The hub is being flooded; devices that are connected already are not affected."},
    {Reason::address_rate, "address_rate", "This address opens connections faster than it may.",
     "A client there retries without a pause. Many devices behind one address need a higher "
     "admission.strangers_per_second."},
    {Reason::no_descriptor, "no_descriptor", "The system has no file descriptor left.",
     "Raise LimitNOFILE (systemd) or ulimit -n for the hub."},

    {Reason::not_tls, "not_tls", "It spoke without TLS at a port of TLS.",
     "Switch TLS on in the client, or give it the plain port if the hub has one (mqtt_port)."},
    {Reason::tls_version, "tls_version", "It has no TLS version, cipher or signature algorithm in common with the hub.",
     "The hub speaks TLS 1.2 and 1.3 with ECDHE. Update the client's TLS library."},
    {Reason::ca_not_trusted, "ca_not_trusted", "The client does not trust the CA of this hub's certificate.",
     "Give the client the hub's CA: GET /ca.pem on the operations port, or ca.pem in the data folder's tls."},
    {Reason::certificate_rejected, "certificate_rejected", "The client left on seeing this hub's certificate.",
     "Most likely it does not trust the CA (give it ca.pem), the host name or address that it uses is not in the "
     "certificate (serve with --host-name NAME), or its clock is wrong."},
    {Reason::client_certificate, "client_certificate", "The hub cannot use the certificate that the client showed.",
     "RSA keys may have up to 4096 bits, and a chain 16 certificates in 16 KiB."},
    {Reason::tls_failed, "tls_failed", "The TLS handshake failed.", "The detail has the words of the TLS library."},
    {Reason::no_connect, "no_connect", "It did not say who it is in time.",
     "A health check, a scanner, or a client that hangs before CONNECT. A slow network may need a longer "
     "mqtt.connect_timeout_seconds."},

    {Reason::mqtt_version, "mqtt_version", "It speaks another version of MQTT than 3.1.1.",
     "Set the client to MQTT 3.1.1 (protocol level 4); IoT Hub's devices use no other."},
    {Reason::unsupported, "unsupported", "It asked for something that IoT Hub does not have.", "See the detail."},
    {Reason::bad_user_name, "bad_user_name", "The MQTT user name cannot be read.",
     "It has to be HOST/DEVICE/?api-version=2021-04-12, for a module HOST/DEVICE/MODULE/?api-version=2021-04-12."},
    {Reason::no_client_id, "no_client_id", "The MQTT client identifier is empty.", "It has to be the device id."},
    {Reason::client_id_mismatch, "client_id_mismatch",
     "The MQTT client identifier is not the device that the user name names.",
     "Both have to be the device id, for a module DEVICE/MODULE. Capital letters count."},
    {Reason::unknown_device, "unknown_device", "No device or module with this id is registered.",
     "Create it (twinhub device create ID), or mend the id in the client. Capital letters count."},
    {Reason::disabled, "disabled", "The device is disabled.", "Enable it: twinhub device update ID --status enabled."},
    {Reason::no_credentials, "no_credentials", "It showed neither a token nor a client certificate.",
     "Set the device's key, or its certificate and private key, in the client."},
    {Reason::token_unreadable, "token_unreadable", "What it sent as a token is no shared access signature.",
     "The password is a token made from the key (twinhub token --device ID), not the key or the connection string."},
    {Reason::token_expired, "token_expired", "Its token is expired.",
     "Is the device's clock behind, or is its token never renewed?"},
    {Reason::signature_mismatch, "signature_mismatch", "Its token was signed with another key.",
     "The device has an old key, another device's, or a cut one. Compare: twinhub device show ID --json."},
    {Reason::wrong_resource, "wrong_resource", "Its token is for another device or resource.",
     "The token's sr has to be HOST/devices/ID."},
    {Reason::wrong_authentication_type, "wrong_authentication_type",
     "It proved itself in another way than the one it is registered for.",
     "See the detail: register the device for what it uses, or set the client up for what it is registered for."},
    {Reason::thumbprint_mismatch, "thumbprint_mismatch", "Its certificate is not one of those registered for it.",
     "Register the thumbprint that the detail shows, if the certificate is the device's."},
    {Reason::certificate_dates, "certificate_dates", "Its certificate is expired, or not valid yet.",
     "Renew the certificate; check the clocks of the hub and of what issued it."},
    {Reason::ca_unknown, "ca_unknown", "Its certificate does not lead to a CA that this hub has verified.",
     "Upload and verify the CA (twinhub certificate), or have the device send the intermediate certificates."},
    {Reason::common_name, "common_name", "The common name of its certificate is not the device id.",
     "Issue a certificate with CN = the device id."},
    {Reason::unknown_policy, "unknown_policy", "Its token names a shared access policy that the hub does not have.",
     "See twinhub policy; a device's own token names none (no skn)."},
    {Reason::policy_rights, "policy_rights", "The policy of its token lacks the right.",
     "Use a policy with the right that the detail names."},
    {Reason::wrong_host, "wrong_host", "A request to the operations port named another host, or came from a web page.",
     "Use an address, localhost or one of the hub's --host-names."},
    {Reason::wrong_token, "wrong_token", "A request to the operations port lacked the token.",
     "Send Authorization: Bearer with ops.token, or ask on the hub's own machine."},
    {Reason::login_rate, "login_rate", "Too many log-ins of this address have failed.",
     "Wait a minute, and mend the credentials."},

    {Reason::throttled, "throttled", "It sends more than its share.", slow_down},
    {Reason::quota, "quota", "The day's quota is used up.", "It starts anew at midnight UTC; raise units or sku."},
    {Reason::store_unavailable, "store_unavailable", "The hub's store takes no writes now.",
     "See /readyz and the log: most likely the disk is full."},

    {Reason::disconnect, "disconnect", "The device said goodbye.", ""},
    {Reason::peer_closed, "peer_closed", "The other side closed the connection, or the network lost it.", ""},
    {Reason::keep_alive_timeout, "keep_alive_timeout", "Nothing came from it for one and a half times its keep alive.",
     "The network lost it, it lost power, or it hangs."},
    {Reason::protocol_fault, "protocol_fault", "Its bytes are not the protocol of this port.",
     "See the detail. A client for something else, or a broken one."},
    {Reason::forbidden_topic, "forbidden_topic", "It published to a topic that is not its own.",
     "Devices publish to devices/ID/messages/events/ and to $iothub topics; the id in it has to be its own."},
    {Reason::taken_over, "taken_over", "A newer connection of the same device has taken over.",
     "If it goes to and fro, two devices or processes share one identity."},
    {Reason::identity_changed, "identity_changed",
     "The identity, or the CA or policy that its login rested on, was changed.",
     "If it does not come back by itself, it has the old key or is disabled."},
    {Reason::identity_deleted, "identity_deleted", "The device was deleted.", "Create it anew if that was a mistake."},
    {Reason::slow_reader, "slow_reader", "It did not take what the hub sent it.",
     "Its network is too slow, or it hangs."},
    {Reason::injected_fault, "injected_fault", "The device ordered this fault for a test.", ""},
    {Reason::shutting_down, "shutting_down", "The hub was stopped.", ""},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].reason) != i || table[i].name.empty()) return false;
  }
  return true;
}
static_assert(in_order());

const Words& words_of(Reason reason) { return table[static_cast<std::size_t>(reason)]; }

}  // namespace

std::string_view name_of(Reason reason) { return words_of(reason).name; }
std::string_view sentence_of(Reason reason) { return words_of(reason).sentence; }
std::string_view hint_of(Reason reason) { return words_of(reason).hint; }

std::optional<Reason> reason_named(std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Words& words) { return words.name == name; });
  return found == table.end() ? std::nullopt : std::optional(found->reason);
}

}  // namespace twinhub::notices
