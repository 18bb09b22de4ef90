// The console's pages, as they are embedded into the program: gzipped, each with the hash of its content. What has its
// hash in its name is kept by browsers for good; the page itself is asked for each time, and mostly not sent.
#pragma once

#include "server/ops/site.hpp"

#include <span>
#include <string>
#include <string_view>

namespace twinhub::console {

struct Asset {
  std::string_view path;  ///< "index.html", "assets/app-K3J2.js"
  std::string_view type;  ///< Content-Type
  std::string_view hash;  ///< hex
  std::span<const unsigned char> gzip;
};
struct EmbeddedAssets {
  std::string_view build;  ///< changes with every byte of any of them; "" = there are none
  std::span<const Asset> all;
};
/// What the build has put in (cmake/console.cmake).
[[nodiscard]] EmbeddedAssets embedded_assets();

/// Any thread.
class Assets {
 public:
  explicit Assets(EmbeddedAssets embedded) : embedded_(embedded) {}

  [[nodiscard]] std::string_view build() const { return embedded_.build; }
  /// `path` is below /console: "/console/assets/..." is a file; any other is a place in the one page, which reads its
  /// address itself.
  [[nodiscard]] ops::SiteAnswer answer(std::string_view path, const ops::SiteHead& head) const;

 private:
  [[nodiscard]] const Asset* find(std::string_view path) const;

  EmbeddedAssets embedded_;
};

/// The content of a gzip file. REQUIRES: it is one of ours.
[[nodiscard]] std::string gunzip(std::span<const unsigned char> gzip);
/// A list of codings, as in Accept-Encoding, that has gzip (RFC 9110, 12.5.3).
[[nodiscard]] bool takes_gzip(std::string_view accept_encoding);

}  // namespace twinhub::console
