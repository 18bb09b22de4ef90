// CRC-32C (Castagnoli), as RocksDB's logs carry it.
#pragma once

#include <cstdint>
#include <string_view>

namespace twinhub::storage {

/// The checksum of what `crc` is of, followed by `bytes`. Begin with 0.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes);

}  // namespace twinhub::storage
