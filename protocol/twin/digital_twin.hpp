// The digital twin: a device's twin as IoT Plug and Play shows it, by root properties and components, and JSON Patch on
// it. Pure functions; the twin is what is kept.
// Source: azure-docs iot-develop concepts-digital-twin, howto-manage-digital-twin; RFC 6902.
#pragma once

#include "protocol/error.hpp"
#include "protocol/twin/document.hpp"
#include "protocol/twin/patch.hpp"

#include <string>
#include <string_view>

namespace twinhub::twin {

/// {"$dtId":..,<properties and components>,"$metadata":{"$model":..,<property>:{..}}}. A property's value is what the
/// device reported; what is desired, and what the device acknowledged of it, stands in the `$metadata` of its level. A
/// component is an object with the marker "__t":"c" in either section.
[[nodiscard]] std::string digital_twin_view(const Twin& twin, std::string_view device_id);

/// PATCH of a digital twin: add, replace and remove on "/property", "/component/property" and "/component" (whose value
/// carries an empty `$metadata`), in order, all or none; they change desired properties. An object replaces the one
/// that was there. Errors: iot_hub_format_error, invalid_digital_twin_patch, argument_invalid (a property that does not
/// conform), and those of apply_service_patch.
[[nodiscard]] Result<ServiceUpdate> apply_digital_twin_patch(const Twin& before, std::string_view body, Timestamp now);
/// The same of what json::parse() gave for the body.
[[nodiscard]] Result<ServiceUpdate> apply_digital_twin_patch(const Twin& before, const Result<json::Document>& body,
                                                             Timestamp now);

}  // namespace twinhub::twin
