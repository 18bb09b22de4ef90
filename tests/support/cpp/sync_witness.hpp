// Which folders this program has made durable. Stands in for fsync(2) and calls the kernel all the same.
#pragma once

#include <filesystem>

namespace twinhub::test {

/// Whether fsync(2) was called for `path`.
[[nodiscard]] bool was_synced(const std::filesystem::path& path);

}  // namespace twinhub::test
