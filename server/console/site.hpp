// The web console on the operations port: who may come in at all, files, and the API's table of routes.
//
//   a browser --> ops_door --> site: Host and Origin, session, route --+--> files, small answers: on the operations thread
//                                                                      +--> /console/api/hub/**: the REST door's own routes,
//                                                                      |    on its lanes, with the session's rights
//                                                                      +--> /console/api/stream: event_streams' thread
//
// Nothing here is for the page alone: a script logs in with a policy's key and asks the same.
#pragma once

#include "server/console/api.hpp"
#include "server/console/assets.hpp"
#include "server/console/sessions.hpp"
#include "server/ops/site.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace twinhub::console {

struct SiteOptions {
  std::vector<std::string>
      host_names;  ///< that requests may call the hub by, beside addresses and this machine's names
};

class Site final : public ops::Site {
 public:
  /// `api` outlives it.
  Site(Api& api, EmbeddedAssets assets, SiteOptions options)
      : api_(api), assets_(assets), options_(std::move(options)) {}

  [[nodiscard]] static bool owns(std::string_view path) { return path == "/console" || path.starts_with("/console/"); }
  [[nodiscard]] bool has(std::string_view path) const override { return owns(path); }
  [[nodiscard]] std::variant<std::size_t, ops::SiteAnswer> admit(const ops::SiteHead& head, std::string_view authority,
                                                                 const boost::asio::ip::address& peer) override;
  LetGo answer(ops::SiteRequest request, const boost::asio::ip::address& peer, Answered answered) override {
    respond(std::move(request), peer, std::move(answered));
    return {};
  }

 private:
  void respond(ops::SiteRequest request, const boost::asio::ip::address& peer, Answered answered);

  Api& api_;
  Assets assets_;
  SiteOptions options_;
};

}  // namespace twinhub::console
