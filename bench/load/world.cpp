#include "bench/load/world.hpp"

#include "protocol/iothub/sas_token.hpp"

#include <sys/resource.h>
#include <ctime>
#include <stdexcept>

namespace twinhub::load {
namespace {

constexpr std::string_view host = "localhost";
constexpr std::chrono::seconds set_up_time_max{120};
constexpr std::uint64_t token_seconds = 24 * 3600;

std::uint64_t token_expiry() { return static_cast<std::uint64_t>(std::time(nullptr)) + token_seconds; }

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

World::World(const Options& options_in) : options(options_in), server(options_in.pid) {
  raise_descriptor_limit();
  if (!options.mqtt.empty()) mqtt_ = parse_address(options.mqtt);
  if (!options.ca.empty()) tls_ = make_client_tls(options.ca);
}

BackEnds& World::back_ends() {
  if (!back_ends_) {
    back_ends_ =
        std::make_unique<BackEnds>(loop, errors, tls(), parse_address(options.http), token_for(""), options.back_ends);
  }
  return *back_ends_;
}

std::string World::token_for(const std::string& id) const {
  if (id.empty()) return iothub::make_sas_token(host, options.policy_key, token_expiry(), options.policy);
  return iothub::make_sas_token(std::string(host) + "/devices/" + id, options.device_key, token_expiry());
}

ConnectFields World::connect_fields(const std::string& id) const {
  ConnectFields fields;
  fields.client_id = id;
  fields.keep_alive_seconds = 0;
  fields.user_name = std::string(host) + "/" + id + "/?api-version=2021-04-12";
  if (!options.broker) {
    fields.password = token_for(id);
  }
  return fields;
}

void World::run_until(std::string_view what, const std::function<bool()>& done) {
  const auto deadline = Clock::now() + set_up_time_max;
  const std::uint64_t errors_before = errors.total();
  while (!done()) {
    if (errors.total() > errors_before) throw std::runtime_error(std::string(what) + " failed");
    if (Clock::now() > deadline) throw std::runtime_error(std::string(what) + " took too long");
    loop.wait(Clock::now() + std::chrono::milliseconds(100));
  }
}

void World::ended(Clock::time_point intended, Clock::time_point now) {
  --in_flight_;
  const auto took = now - intended;
  if (impatient_ && took > options.patience_time()) errors.add(Wrong::late, "an answer took longer than the patience");
  if (!measuring_) return;
  ++measured_.operations;
  measured_.latencies.add(took);
}

void World::begin_measuring() {
  measuring_ = true;
  began_ = Clock::now();
  measured_.cpu = server.cpu();
}

void World::end_measuring() {
  measuring_ = false;
  measured_.cpu = server.cpu() - measured_.cpu;
  measured_.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
}

}  // namespace twinhub::load
