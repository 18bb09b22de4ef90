// Why a connection or a request was refused, or a connection ended: one list for every door, the log, the metrics and
// `twinhub device why`. Their names, sentences and hints: server/notices/reason_words.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace twinhub {

enum class Reason : std::uint8_t {
  other,

  // There was no place for the connection.
  no_place,          ///< the door or the hub has no place left
  address_limit,     ///< too many connections of its address have not proved themselves
  memory_limit,      ///< connections that have not proved themselves hold too much memory
  unfinished_limit,  ///< likewise, too much of requests that are not whole
  address_rate,      ///< its address opens connections that prove nothing faster than it may
  no_descriptor,     ///< the system gave no file descriptor

  // TLS
  not_tls,               ///< plain bytes at a port of TLS
  tls_version,           ///< no protocol version, cipher or signature algorithm in common
  ca_not_trusted,        ///< the peer does not trust the hub's CA
  certificate_rejected,  ///< the peer has left on seeing the hub's certificate
  client_certificate,    ///< the peer's own certificate cannot be used
  tls_failed,            ///< anything else
  no_connect,            ///< the peer said nothing, or did not prove itself in time

  // What the peer said of itself
  mqtt_version,
  unsupported,  ///< what IoT Hub does not take either: a will of QoS 2
  bad_user_name,
  no_client_id,
  client_id_mismatch,
  unknown_device,
  disabled,
  no_credentials,
  token_unreadable,
  token_expired,
  signature_mismatch,
  wrong_resource,
  wrong_authentication_type,
  thumbprint_mismatch,
  certificate_dates,
  ca_unknown,
  common_name,
  unknown_policy,
  policy_rights,
  wrong_host,   ///< of the operations port
  wrong_token,  ///< likewise
  login_rate,   ///< too many log-ins of its address have failed

  // The hub would take it at another time.
  throttled,
  quota,
  store_unavailable,

  // How a connection ends
  disconnect,
  peer_closed,
  keep_alive_timeout,
  protocol_fault,
  forbidden_topic,
  taken_over,
  identity_changed,
  identity_deleted,
  slow_reader,
  injected_fault,
  shutting_down,
};
inline constexpr std::size_t reasons = static_cast<std::size_t>(Reason::shutting_down) + 1;

}  // namespace twinhub
