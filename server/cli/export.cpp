#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/progress.hpp"
#include "server/cli/transfer.hpp"

#include <sys/stat.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace twinhub::cli {
namespace {

constexpr int attempts_max = 5;  // for one page

/// A file that is there under its name only when it is whole.
class WholeFile {
 public:
  explicit WholeFile(const std::string& name) : name_(name), part_(name + ".part") {
    const mode_t before = ::umask(S_IRWXG | S_IRWXO);  // it holds keys
    out_.open(part_, std::ios::binary | std::ios::trunc);
    ::umask(before);
  }
  ~WholeFile() {
    std::error_code ignored;
    if (!done_) std::filesystem::remove(part_, ignored);
  }
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  std::ostream& stream() { return out_; }
  bool finish() {
    out_.close();
    std::error_code error;
    if (out_) std::filesystem::rename(part_, name_, error);
    done_ = out_ && !error;
    return done_;
  }

 private:
  std::string name_, part_;
  std::ofstream out_;
  bool done_ = false;
};

/// A page is read again after a broken connection: reading changes nothing.
Result<RestAnswer> page_of(HubConnection& hub, const RestRequest& request) {
  for (int attempt = 1;; ++attempt) {
    auto answer = hub.call(request);
    if (answer || answer.error().code != Errc::service_unavailable || attempt == attempts_max) return answer;
  }
}

Result<std::uint64_t> export_all(HubConnection& hub, const ExportTo& options, std::ostream& out) {
  RestRequest request{.path = "/registry/export"};
  request.path += options.without_keys ? "?excludeKeys=true" : "?excludeKeys=false";
  if (options.without_etags) request.path += "&excludeETags=true";
  Progress progress;
  std::uint64_t lines = 0;
  while (true) {
    auto page = page_of(hub, request);
    if (!page) return page.error();
    out << page->body << std::flush;
    if (!out) return fail(Errc::server_error, "the output cannot be written");
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
    const auto lines = export_all(*hub, options, std::cout);
    return lines ? exit_ok : report(lines.error());
  }
  WholeFile file(options.file);
  if (!file.stream()) return report(fail(Errc::argument_invalid, options.file + " cannot be written"));
  const auto lines = export_all(*hub, options, file.stream());
  if (!lines) return report(lines.error());
  if (!file.finish()) return report(fail(Errc::server_error, options.file + " could not be written whole"));
  std::cerr << "twinhub: " << *lines << " devices and modules in " << options.file
            << (options.without_keys ? "" : "; it holds their keys") << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
