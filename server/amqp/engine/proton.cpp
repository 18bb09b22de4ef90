#include "server/amqp/engine/proton.hpp"

#include "protocol/amqp/encode.hpp"

#include <proton/sasl.h>
#include <proton/sasl_plugin.h>
#include <proton/transport.h>
#include <cassert>
#include <string>
#include <utility>

namespace twinhub::amqp::proton {

void put_value(pn_data_t* data, const Value& value) {
  std::string bytes;
  append_value(bytes, value);
  pn_data_clear(data);
  [[maybe_unused]] const ssize_t taken = pn_data_decode(data, bytes.data(), bytes.size());
  assert(taken == static_cast<ssize_t>(bytes.size()));
}

void put_condition(pn_condition_t* into, const Condition& condition) {
  pn_condition_set_name(into, condition.name.c_str());
  pn_condition_set_description(into, condition.description.c_str());
  if (!condition.info.items.empty()) put_value(pn_condition_info(into), condition.info);
}

namespace {

Sasl& sasl_of(pn_transport_t* transport) { return *static_cast<Sasl*>(pnx_sasl_get_context(transport)); }

bool is_offered(std::string_view mechanisms, std::string_view mechanism) {
  while (!mechanisms.empty()) {
    const std::size_t space = mechanisms.find(' ');
    if (mechanisms.substr(0, space) == mechanism) return true;
    mechanisms.remove_prefix(space == std::string_view::npos ? mechanisms.size() : space + 1);
  }
  return false;
}

const char* list_mechanisms(pn_transport_t* transport) { return sasl_of(transport).mechanisms; }

bool init_server(pn_transport_t* transport) {
  pnx_sasl_set_desired_state(transport, SASL_POSTED_MECHANISMS);
  return true;
}

void process_init(pn_transport_t* transport, const char* mechanism, const pn_bytes_t* response) {
  Sasl& sasl = sasl_of(transport);
  const std::string_view name(mechanism != nullptr ? mechanism : "");
  const std::string_view bytes =
      response != nullptr && response->start != nullptr ? std::string_view(response->start, response->size) : "";
  const SaslVerdict verdict = is_offered(sasl.mechanisms, name) ? sasl.decide(name, bytes) : SaslVerdict::refused;
  if (verdict == SaslVerdict::accepted) {
    pnx_sasl_set_succeeded(transport, "peer", nullptr);
  } else {
    pnx_sasl_set_failed(transport);
    if (verdict == SaslVerdict::unavailable) pn_sasl_done(pn_sasl(transport), PN_SASL_SYS);
  }
  pnx_sasl_set_desired_state(transport, SASL_POSTED_OUTCOME);
}

void ignore(pn_transport_t*) {}
void ignore_bytes(pn_transport_t*, const pn_bytes_t*) {}
bool no(pn_transport_t*) { return false; }
bool no_mechanisms(pn_transport_t*, const char*) { return false; }
ssize_t no_bytes(pn_transport_t*) { return 0; }
ssize_t no_layer(pn_transport_t*, pn_bytes_t, pn_bytes_t*) { return 0; }

constexpr pnx_sasl_implementation server_sasl{
    ignore,        list_mechanisms, init_server,  no, ignore,   process_init, ignore_bytes,
    no_mechanisms, ignore_bytes,    ignore_bytes, no, no_bytes, no_layer,     no_layer,
};

}  // namespace

void set_up_sasl(pn_transport_t* transport, const char* mechanisms,
                 std::function<SaslVerdict(std::string_view, std::string_view)> decide, Sasl& sasl) {
  sasl = {mechanisms, std::move(decide)};
  pn_sasl_t* const server = pn_sasl(transport);
  pnx_sasl_set_implementation(transport, &server_sasl, &sasl);
  pn_sasl_set_allow_insecure_mechs(server, true);  // TLS is not the engine's
  pn_sasl_allowed_mechs(server, mechanisms);
}

}  // namespace twinhub::amqp::proton
