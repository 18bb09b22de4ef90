// The seams between Qpid Proton's types and ours. Seen in this folder only.
#pragma once

#include "protocol/amqp/value.hpp"
#include "server/amqp/engine/engine.hpp"

#include <proton/codec.h>
#include <proton/condition.h>
#include <proton/types.h>
#include <functional>
#include <string_view>

namespace twinhub::amqp::proton {

void put_value(pn_data_t* data, const Value& value);
void put_condition(pn_condition_t* into, const Condition& condition);

/// The server end of SASL: the library as Debian builds it knows ANONYMOUS and EXTERNAL only.
struct Sasl {
  const char* mechanisms = "";
  std::function<SaslVerdict(std::string_view mechanism, std::string_view response)> decide;
};
/// `sasl` outlives the transport.
void set_up_sasl(pn_transport_t* transport, const char* mechanisms,
                 std::function<SaslVerdict(std::string_view, std::string_view)> decide, Sasl& sasl);

}  // namespace twinhub::amqp::proton
