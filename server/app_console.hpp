// The web console, as the settings ask for it, and what it shows of the program as a whole.
#pragma once

#include "config/load.hpp"
#include "server/amqp/amqp_door.hpp"
#include "server/app_backup.hpp"
#include "server/console/api.hpp"
#include "server/console/sessions.hpp"
#include "server/console/site.hpp"
#include "server/events/endpoints.hpp"
#include "server/hub/hub.hpp"
#include "server/mqtt/mqtt_door.hpp"
#include "server/net/admission.hpp"
#include "server/net/threads.hpp"
#include "server/notices/notices.hpp"
#include "server/ops/figures_history.hpp"
#include "server/rest/rest_door.hpp"
#include "storage/guarded.hpp"

#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace twinhub {

/// All outlives the console.
struct ConsoleParts {
  hub::Hub& hub;
  hub::Random& random;
  const notices::Notices& notices;
  const events::Endpoints& endpoints;
  net::Admission& admission;
  net::Threads& threads;
  mqtt_door::Door& mqtt;
  const amqp_door::Door& amqp;
  rest::Door& rest;
  Backups& backups;
  Mutex& policies_mutex;            ///< of the policies' file and the policies in use, together
  const std::filesystem::path& ca;  ///< empty when the certificate is configured
};

/// app_console_figures.cpp
[[nodiscard]] std::span<const ops::FigureInfo> console_figures();
void add_console_figures(ops::FiguresHistory& history, const ConsoleParts& parts, const std::string& data_dir);

class Console {
 public:
  /// `loaded` outlives it.
  Console(const config::Loaded& loaded, const ConsoleParts& parts);

  [[nodiscard]] ops::Site& site() { return *site_; }
  /// Several times a second, from one thread at a time.
  void tick();
  /// Long work ends soon: the hub is stopping.
  void stop() { pending_->stop(); }

 private:
  void add_info(console::JsonObject& info, hub::Right rights) const;
  void add_connect(console::JsonObject& connect) const;
  void take_device(net::Stream::Released connection, const boost::asio::ip::address& peer, std::string key);
  [[nodiscard]] std::string settings_json() const;
  [[nodiscard]] std::string endpoints_json() const;
  [[nodiscard]] std::string ca_pem() const;

  const config::Loaded& loaded_;
  const config::Settings& settings_;
  const ConsoleParts parts_;
  const Timestamp started_;
  console::Sessions sessions_;
  ops::FiguresHistory figures_{console_figures()};
  std::uint64_t figures_second_ = 0;  // tick() only
  std::size_t next_lane_ = 0;         // take_device() only
  std::shared_ptr<console::PendingCount> pending_;
  console::StreamParts stream_;
  std::unique_ptr<console::Api> api_;
  std::unique_ptr<console::Site> site_;
};

}  // namespace twinhub
