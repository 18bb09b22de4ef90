#include "server/cli/examples.hpp"

#include <string>
#include <string_view>

namespace twinhub::cli {
namespace {

/// Lines of one sub-command stand together. Each is run by tests/cli/examples.test.js.
struct Example {
  std::string_view command;  ///< the sub-command's words
  std::string_view line;
};

constexpr Example examples[] = {
    {"serve", "twinhub serve --dev --data-dir ./data"},
    {"serve", "twinhub serve --config /etc/twinhub/twinhub.toml --host-name hub.plant.example"},
    {"config", "twinhub config"},
    {"config", "twinhub config --check --config twinhub.toml"},
    {"connection-string", "twinhub connection-string"},
    {"connection-string", "twinhub connection-string --device pump-7"},
    {"connection-string", "twinhub connection-string --events --policy service"},
    {"token", "twinhub token --device pump-7 --seconds 86400"},
    {"token", "twinhub token --policy service"},
    {"health", "twinhub health && echo ready"},
    {"device create", "twinhub device create pump-7"},
    {"device create", "twinhub device create pump-8 --auth ca"},
    {"device list", "twinhub device list --where \"connectionState = 'Connected'\""},
    {"device list", "twinhub device list --json --limit 10"},
    {"device show", "twinhub device show pump-7"},
    {"device why", "twinhub device why pump-7 --follow"},
    {"device delete", "twinhub device delete pump-7"},
    {"device update", "twinhub device update pump-7 --status disabled --reason 'in repair'"},
    {"device update", "twinhub device update pump-7 --new-key secondary"},
    {"device send", "twinhub device send pump-7 '{\"temperature\":21.5}' --content-type application/json"},
    {"device send", "tail -f pump.log | twinhub device send pump-7 - --property source=log"},
    {"device simulate", "twinhub device simulate pump-7"},
    {"device simulate", "twinhub device simulate pump-7 --interval 0.1 --count 1000 --property line=3"},
    {"module create", "twinhub module create pump-7 vision"},
    {"module list", "twinhub module list pump-7"},
    {"module show", "twinhub module show pump-7 vision --json"},
    {"module delete", "twinhub module delete pump-7 vision"},
    {"query", "twinhub query \"SELECT deviceId, tags.room FROM devices WHERE tags.room = 'attic'\""},
    {"query", "twinhub query \"SELECT COUNT() AS n FROM devices\" --json"},
    {"twin show", "twinhub twin show pump-7 --metadata"},
    {"twin set", "twinhub twin set pump-7 desired.fan.speed=3 tags.room=attic"},
    {"twin set", "twinhub twin set pump-7 desired.fan=null"},
    {"twin set", "twinhub twin set pump-7 --patch patch.json"},
    {"twin watch", "twinhub twin watch pump-7"},
    {"wait", "twinhub wait pump-7 \"connectionState = 'Connected'\" --timeout 30s"},
    {"wait", "twinhub wait pump-7 '$body.temperature > 30' --telemetry"},
    {"reset", "twinhub reset"},
    {"reset", "twinhub reset --empty"},
    {"snapshot save", "twinhub snapshot save ten-pumps"},
    {"snapshot restore", "twinhub snapshot restore ten-pumps"},
    {"snapshot list", "twinhub snapshot list --json"},
    {"snapshot delete", "twinhub snapshot delete ten-pumps"},
    {"import", "twinhub import devices.txt --failed rest.txt"},
    {"import", "twinhub import seed.toml"},
    {"export", "twinhub export devices.txt"},
    {"export", "twinhub export - --without-keys"},
    {"job list", "twinhub job list --status running"},
    {"job show", "twinhub job show slow-fans"},
    {"job devices", "twinhub job devices slow-fans --json"},
    {"job cancel", "twinhub job cancel slow-fans"},
    {"job update-twin", "twinhub job update-twin slow-fans --where \"tags.room = 'attic'\" desired.fan.speed=1 --wait"},
    {"job invoke-method", "twinhub job invoke-method reboot-all --where '*' reboot '{\"delay\":5}'"},
    {"configuration list", "twinhub configuration list"},
    {"configuration show", "twinhub configuration show attic-fans"},
    {"configuration delete", "twinhub configuration delete attic-fans"},
    {"configuration set",
     "twinhub configuration set attic-fans configuration.json --target \"tags.room = 'attic'\" --priority 10"},
    {"method invoke", "twinhub method invoke pump-7 reboot '{\"delay\":5}' --timeout 60"},
    {"c2d send", "twinhub c2d send pump-7 'filter is due' --ack full --message-id order-17"},
    {"c2d purge", "twinhub c2d purge pump-7"},
    {"feedback tail", "twinhub feedback tail"},
    {"events tail", "twinhub events tail --device pump-7 --source DeviceMessages"},
    {"events tail", "twinhub events tail --from 2026-11-23T05:40:00Z --count 100"},
    {"certificate add", "twinhub certificate add plant-ca ca.pem"},
    {"certificate list", "twinhub certificate list"},
    {"certificate show", "twinhub certificate show plant-ca"},
    {"certificate verification-code", "twinhub certificate verification-code plant-ca"},
    {"certificate verify", "twinhub certificate verify plant-ca proof.pem"},
    {"certificate delete", "twinhub certificate delete plant-ca"},
    {"policy list", "twinhub policy list"},
    {"policy create", "twinhub policy create management"},
    {"policy renew", "twinhub policy renew management"},
    {"policy delete", "twinhub policy delete management"},
    {"ca show", "twinhub ca show"},
    {"ca rotate", "twinhub ca rotate --overlap-days 90"},
    {"ca finish", "twinhub ca finish"},
    {"reload", "twinhub reload"},
    {"backup", "twinhub backup /srv/backups"},
    {"restore", "twinhub restore /srv/backups --data-dir ./data"},
    {"check", "twinhub check /srv/backups"},
    {"az", "twinhub az"},
    {"az", "twinhub az --undo"},
    {"context add",
     "twinhub context add plant --connection-string 'HostName=hub.plant.example;SharedAccessKeyName=service;"
     "SharedAccessKey=cGxhbnQ=' --ca ca.pem"},
    {"context use", "twinhub context use plant"},
    {"context remove", "twinhub context remove plant"},
    {"context list", "twinhub context list"},
    {"completion", "source <(twinhub completion bash)"},
    {"help", "twinhub help device create"},
    {"version", "twinhub version"},
};

std::string examples_of(const std::string& command) {
  std::string text;
  for (const Example& example : examples) {
    if (example.command == command) text.append("\n  ").append(example.line);
  }
  return text;
}

void visit(CLI::App& app, const std::string& command) {
  for (CLI::App* const child : app.get_subcommands([](CLI::App*) { return true; })) {
    const std::string words = (command.empty() ? "" : command + " ") + child->get_name();
    visit(*child, words);
    const std::string text = examples_of(words);
    if (text.empty()) continue;
    const std::string footer = child->get_footer();
    child->footer("Examples:" + text + (footer.empty() ? "" : "\n\n" + footer));
  }
}

}  // namespace

void add_examples(CLI::App& root) { visit(root, ""); }

}  // namespace twinhub::cli
