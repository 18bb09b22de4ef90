// `twinhub device simulate`: a device that does what a back end expects of one, until Ctrl-C: telemetry, desired properties
// taken over as reported ones, methods answered, messages completed.
#include "protocol/iothub/connect_fields.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/mqtt_device.hpp"
#include "server/cli/telemetry.hpp"
#include "server/cli/text_output.hpp"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <thread>
#include <utility>

namespace twinhub::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds look_up{100};  // for Ctrl-C
constexpr milliseconds retry_first{500};
constexpr milliseconds retry_last{10'000};

struct Simulated {
  IdentityId id;
  double interval_seconds = 5;
  std::uint64_t count = 0;  ///< ends after so many messages; 0 = never
  std::string body;         ///< "" = made, another one each time
  TelemetryProperties properties;
  int method_status = 200;
  std::string method_payload;  ///< JSON; "" = the request's
  std::string certificate;
  std::string private_key;
  bool json = false;
};

volatile std::sig_atomic_t is_interrupted = 0;
void interrupt(int /*signal*/) { is_interrupted = 1; }

/// A value as JSON: what is JSON stands for itself, anything else is a string.
std::string json_of(const std::string& text) {
  if (const auto document = json::parse(text)) return document->text();
  std::string quoted;
  json::append_string(quoted, json::to_utf8(text));
  return quoted;
}

/// Lines about what has happened.
class Narrator {
 public:
  explicit Narrator(bool json) : json_(json) {}
  /// `name`: which one (a number, a method, a version); "" = none.
  void tell(std::string_view event, const std::string& name, const std::string& payload) const {
    if (json_) {
      std::string line = "{";
      json::append_key(line, "event");
      json::append_string(line, event);
      line += ',';
      json::append_key(line, "name");
      json::append_string(line, json::to_utf8(name));
      line += ',';
      json::append_key(line, "payload");
      std::cout << visible_text(line + (payload.empty() ? "null" : json_of(payload)) + "}") << std::endl;
      return;
    }
    const std::time_t now = std::time(nullptr);
    std::tm time{};
    ::gmtime_r(&now, &time);
    char clock[sizeof "05:40:00"];
    std::strftime(clock, sizeof clock, "%H:%M:%S", &time);
    std::cout << clock << "  " << event << (name.empty() ? "" : " ") << visible_text(name)
              << (payload.empty() ? "" : "  ") << visible_text(payload) << std::endl;
  }

 private:
  const bool json_;
};

/// The part of `topic` behind `prefix`; nullopt when it does not begin so.
std::optional<std::string> behind(const std::string& topic, std::string_view prefix) {
  return topic.starts_with(prefix) ? std::optional(topic.substr(prefix.size())) : std::nullopt;
}

/// "204/?$rid=r&$version=5" -> {"204", "r", "5"}
struct TwinAnswer {
  explicit TwinAnswer(const std::string& text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    status = text.substr(0, slash);
    const auto value = [&](std::string_view name) {
      const std::size_t at = text.find(name);
      if (at == std::string::npos) return std::string();
      const std::size_t begin = at + name.size();
      return text.substr(begin, text.find('&', begin) - begin);
    };
    rid = value("$rid=");
    version = value("$version=");
  }
  std::string status, rid, version;
};

/// The members of `desired` that `reported` does not have as they are; without the hub's own ($version, $metadata).
std::string differing(const json::Value& desired, const std::optional<json::Value>& reported) {
  std::string patch = "{";
  for (const json::Value member : desired) {
    const std::string key = json::unescape(member.key_text());
    if (key.starts_with('$')) continue;
    const auto known = reported ? reported->find(key) : std::nullopt;
    if (known && known->text() == member.text()) continue;
    if (patch.size() > 1) patch += ',';
    patch.append("\"").append(member.key_text()).append("\":").append(member.text());
  }
  return patch + "}";
}

class Simulation {
 public:
  Simulation(const Simulated& options, DeviceLogin login, std::string topic)
      : options_(options), login_(std::move(login)), topic_(std::move(topic)), narrator_(options.json) {}

  int run() {
    std::signal(SIGINT, interrupt);
    std::signal(SIGTERM, interrupt);
    milliseconds pause = retry_first;
    while (true) {
      auto connected = MqttDevice::connect(login_);
      Error ended;
      if (connected) {
        device_ = std::move(*connected);
        pause = retry_first;
        was_connected_ = true;
        const auto outcome = live();
        device_.reset();
        if (outcome) return *outcome;
        ended = outcome.error();
      } else {
        ended = connected.error();
      }
      // At the first time the hub has to be there, and a refusal is final.
      if (!was_connected_ || ended.code != Errc::service_unavailable) return report(ended);
      std::cerr << "twinhub: " << ended.detail << "; trying again\n";
      if (!sleep(pause)) return exit_ok;
      pause = std::min(2 * pause, retry_last);
    }
  }

 private:
  /// One connection: the exit code at its end in order. Errors: service_unavailable, the connection is lost.
  Result<int> live() {
    patches_.clear();
    for (const char* const filter :
         {"$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#"}) {
      if (const auto done = device_->subscribe(filter); !done) return done.error();
    }
    if (!options_.id.is_module()) {
      const auto done = device_->subscribe("devices/" + options_.id.device + "/messages/devicebound/#");
      if (!done) return done.error();
    }
    narrator_.tell("connected", iothub::client_id_of(options_.id), "");
    if (const auto asked = device_->publish("$iothub/twin/GET/?$rid=twin", ""); !asked) return asked.error();
    auto due = steady_clock::now();
    while (true) {
      if (is_interrupted != 0 || is_done()) return exit_ok;
      if (!std::cout) return exit_failed;  // the reader has closed the pipe
      if (is_sending() && steady_clock::now() >= due) {
        if (const auto sent = send(); !sent) return sent.error();
        due = std::max(due + interval(), steady_clock::now() - interval());  // no burst after a long wait
      }
      const auto message =
          device_->next(std::min(is_sending() ? due : steady_clock::time_point::max(), steady_clock::now() + look_up));
      if (!message) return message.error();
      if (!*message) continue;
      if (const auto handled = handle(**message); !handled) return handled.error();
    }
  }

  [[nodiscard]] bool is_sending() const { return options_.count == 0 || sent_ < options_.count; }
  /// All was sent, and what was asked for meanwhile has its answer.
  [[nodiscard]] bool is_done() const { return !is_sending() && patches_.empty(); }
  [[nodiscard]] milliseconds interval() const {
    return milliseconds(static_cast<milliseconds::rep>(options_.interval_seconds * 1000));
  }

  Result<void> send() {
    const std::string body = options_.body.empty() ? made_body(sent_ + 1) : options_.body;
    if (const auto published = device_->publish(topic_, body); !published) return published;
    narrator_.tell("sent", std::to_string(++sent_), body);
    return {};
  }

  /// A temperature that rises and falls between 20.0 and 30.0.
  [[nodiscard]] static std::string made_body(std::uint64_t number) {
    constexpr std::uint64_t steps = 20;  // of half a degree, up and down
    const std::uint64_t step = number % (2 * steps);
    const std::uint64_t tenths = 200 + 5 * std::min(step, 2 * steps - step);
    const std::string temperature = std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
    return R"({"messageId":)" + std::to_string(number) + R"(,"temperature":)" + temperature + "}";
  }

  Result<void> handle(const MqttDevice::Message& message) {
    if (const auto rest = behind(message.topic, "$iothub/twin/res/")) return take_answer(TwinAnswer(*rest), message);
    if (const auto rest = behind(message.topic, "$iothub/twin/PATCH/properties/desired/?$version="))
      return take_delta(*rest, message.payload);
    if (const auto rest = behind(message.topic, "$iothub/methods/POST/")) return answer_method(*rest, message.payload);
    narrator_.tell("message", message.topic.substr(message.topic.rfind('/') + 1), message.payload);
    return {};
  }

  /// The hub's answer to the twin's GET, or to a reported patch.
  Result<void> take_answer(const TwinAnswer& answer, const MqttDevice::Message& message) {
    if (answer.rid == "twin") {
      const auto twin = json::parse(message.payload);
      const auto desired = twin ? twin->root().find("desired") : std::nullopt;
      if (!desired) return {};
      narrator_.tell("desired", "v" + cell_of(desired->find("$version")), with_member(*desired, "$version", ""));
      return report_properties(differing(*desired, twin->root().find("reported")));
    }
    const auto patch = patches_.extract(answer.rid);
    if (patch.empty()) return {};
    if (answer.status == "204") {
      narrator_.tell("reported", "v" + answer.version, patch.mapped());
    } else {
      narrator_.tell("refused", answer.status, message.payload);
    }
    return {};
  }

  Result<void> take_delta(const std::string& version, const std::string& payload) {
    const auto delta = json::parse(payload);
    if (!delta) return {};
    narrator_.tell("desired", "v" + version, with_member(delta->root(), "$version", ""));
    return report_properties(differing(delta->root(), std::nullopt));
  }

  Result<void> report_properties(const std::string& patch) {
    if (patch == "{}") return {};
    const std::string rid = std::to_string(++last_rid_);
    patches_[rid] = patch;
    return device_->publish("$iothub/twin/PATCH/properties/reported/?$rid=" + rid, patch);
  }

  /// `call`: "reboot/?$rid=1"
  Result<void> answer_method(const std::string& call, const std::string& payload) {
    constexpr std::string_view mark = "/?$rid=";
    const std::size_t end = call.rfind(mark);
    if (end == std::string::npos) return {};
    const std::string status = std::to_string(options_.method_status);
    const std::string answer = options_.method_payload.empty() ? payload : options_.method_payload;
    narrator_.tell("method", call.substr(0, end) + " -> " + status, payload);
    return device_->publish("$iothub/methods/res/" + status + "/?$rid=" + call.substr(end + mark.size()), answer);
  }

  /// False: interrupted.
  [[nodiscard]] static bool sleep(milliseconds time) {
    for (const auto end = steady_clock::now() + time; steady_clock::now() < end && is_interrupted == 0;)
      std::this_thread::sleep_for(look_up);
    return is_interrupted == 0;
  }

  const Simulated& options_;
  const DeviceLogin login_;
  const std::string topic_;
  const Narrator narrator_;
  std::unique_ptr<MqttDevice> device_;
  bool was_connected_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t last_rid_ = 0;
  std::map<std::string, std::string> patches_;  ///< reported, not answered yet; by their $rid
};

int simulate(const config::Settings& settings, const Simulated& options) {
  auto topic = telemetry_topic(options.id, options.properties);
  if (!topic) {
    (void)report(topic.error());
    return exit_usage;
  }
  if (!options.method_payload.empty() && !json::parse(options.method_payload)) {
    std::cerr << "twinhub: the value of --method-payload is not JSON\n";
    return exit_usage;
  }
  auto login = device_login(settings, options.id, options.certificate, options.private_key);
  if (!login) return report(login.error());
  return Simulation(options, std::move(*login), std::move(*topic)).run();
}

}  // namespace

void add_device_simulate_command(CommandSet& commands, CLI::App& device) {
  const auto options = std::make_shared<Simulated>();
  options->properties.content_type = "application/json";
  options->properties.content_encoding = "utf-8";
  CLI::App& app = commands.add(
      device, "simulate",
      "Be a device, over MQTT, until Ctrl-C: send telemetry, report desired properties back, answer methods",
      [options](const auto& settings) { return simulate(settings, *options); });
  app.add_option("id", options->id.device, "Device id")->required()->type_name("DEVICE");
  app.add_option("--module", options->id.module, "Module id of the device")->type_name("MODULE");
  app.add_option("--interval", options->interval_seconds, "Seconds between messages; 0 = as fast as the hub takes them")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86'400.0));
  app.add_option("--count", options->count, "End once so many messages were sent; 0 = never")->capture_default_str();
  app.add_option("--body", options->body, "The messages' body; without it a temperature that rises and falls");
  add_telemetry_options(app, options->properties);
  app.add_option("--method-status", options->method_status, "The status that methods are answered with")
      ->capture_default_str();
  app.add_option("--method-payload", options->method_payload,
                 "The JSON value that methods are answered with; without it their own payload");
  add_certificate_options(app, options->certificate, options->private_key);
  app.add_flag("--json", options->json, "Each line as JSON, for programs");
  app.footer("A device has one connection: one that is connected under this identity is disconnected. Times are UTC.");
}

}  // namespace twinhub::cli
