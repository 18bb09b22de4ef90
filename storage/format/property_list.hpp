// A list of properties inside a record (FORMAT.md, "properties").
#pragma once

#include "protocol/iothub/property_bag.hpp"
#include "storage/format/bytes.hpp"

#include <vector>

namespace twinhub::storage {

inline void write_properties(ByteWriter& writer, const std::vector<iothub::Property>& properties) {
  writer.integer(static_cast<std::uint32_t>(properties.size()));
  for (const auto& property : properties) {
    writer.text(property.name);
    writer.integer(static_cast<std::uint8_t>(property.value.has_value()));
    if (property.value) writer.text(*property.value);
  }
}

[[nodiscard]] inline std::vector<iothub::Property> read_properties(ByteReader& reader) {
  std::vector<iothub::Property> properties;
  const auto count = reader.integer<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    iothub::Property property;
    property.name = reader.text();
    if (reader.integer<std::uint8_t>() != 0) property.value = reader.text();
    properties.push_back(std::move(property));
  }
  return properties;
}

}  // namespace twinhub::storage
