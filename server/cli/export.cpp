#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/progress.hpp"
#include "server/cli/transfer.hpp"
#include "server/cli/whole_file.hpp"

#include <algorithm>
#include <functional>
#include <iostream>

namespace twinhub::cli {
namespace {

constexpr int attempts_max = 5;  // to read one page

using Write = std::function<bool(std::string_view)>;

/// A page is read again after a broken connection: reading changes nothing.
Result<RestAnswer> page_of(HubConnection& hub, const RestRequest& request) {
  for (int attempt = 1;; ++attempt) {
    auto answer = hub.call(request);
    if (answer || answer.error().code != Errc::service_unavailable || attempt == attempts_max) return answer;
  }
}

Result<std::uint64_t> export_all(HubConnection& hub, const ExportTo& options, const Write& write) {
  RestRequest request{.path = "/registry/export"};
  request.path += options.without_keys ? "?excludeKeys=true" : "?excludeKeys=false";
  if (options.without_etags) request.path += "&excludeETags=true";
  Progress progress;
  std::uint64_t lines = 0;
  while (true) {
    auto page = page_of(hub, request);
    if (!page) return page.error();
    if (!write(page->body)) return fail(Errc::server_error, "the output cannot be written");
    lines += static_cast<std::uint64_t>(std::count(page->body.begin(), page->body.end(), '\n'));
    progress.show("exported " + std::to_string(lines) + " lines");
    if (page->continuation.empty()) return lines;
    request.headers = {{"x-ms-continuation", page->continuation}};
  }
}

}  // namespace

int export_file(const config::Settings& settings, const ExportTo& options) {
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  if (options.file == "-") {
    const auto lines = export_all(
        *hub, options, [](std::string_view text) { return static_cast<bool>(std::cout << text << std::flush); });
    return lines ? exit_ok : report(lines.error());
  }
  WholeFile file(options.file);
  if (const auto opened = file.opened(); !opened) return report(opened.error());
  const auto lines = export_all(*hub, options, [&file](std::string_view text) { return file.write(text); });
  if (!lines) return report(lines.error());
  if (!file.finish()) return report(fail(Errc::server_error, options.file + " could not be written whole"));
  std::cerr << "twinhub: " << *lines << " devices and modules in " << options.file
            << (options.without_keys ? "" : "; it holds their keys") << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
