#include "server/console/assets.hpp"

namespace twinhub::console {

EmbeddedAssets embedded_assets() { return {}; }

}  // namespace twinhub::console
