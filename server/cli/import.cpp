#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/import_batch.hpp"
#include "server/cli/import_item.hpp"
#include "server/cli/import_source.hpp"
#include "server/cli/progress.hpp"
#include "server/cli/text_output.hpp"
#include "server/cli/transfer.hpp"
#include "server/cli/whole_file.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace twinhub::cli {
namespace {

class Import {
 public:
  Import(HubConnection hub, const ImportOptions& options, std::unique_ptr<ImportSource> source)
      : hub_(std::move(hub)), options_(options), source_(std::move(source)) {}

  int run() {
    if (!options_.failed_file.empty()) {
      failed_out_.emplace(options_.failed_file);
      if (const auto opened = failed_out_->opened(); !opened) return report(opened.error());
    }
    const auto imported = import_all();
    progress_.clear();
    const int code = imported ? finished() : stopped(imported.error());
    if (failed_out_ && !(wrote_all_ && failed_out_->finish()))
      return report(fail(Errc::server_error, options_.failed_file + " could not be written whole"));
    return code;
  }

 private:
  Result<void> import_all() {
    while (true) {
      auto item = source_->next();
      if (!item) return item.error();
      if (!*item) break;
      if ((*item)->number < options_.from) continue;
      const std::uint64_t number = (*item)->number;
      const std::string source = (*item)->text;
      auto ready = make_ready(std::move(**item), options_.mode);
      if (!ready) {
        // Failures of earlier items are printed first.
        if (const auto sent = send_batch(); !sent) return sent.error();
        refuse({number, "", source, ""}, ready.error().detail);
        next_ = number + 1;
      } else if (const auto added = add(std::move(*ready)); !added) {
        return added.error();
      }
      if (must_stop()) return {};
    }
    return send_batch();
  }

  Result<void> add(ReadyItem ready) {
    if (!batch_.takes(ready)) {
      if (const auto sent = send_batch(); !sent) return sent.error();
      if (must_stop()) return {};
    }
    batch_.add(std::move(ready));
    return {};
  }

  Result<void> send_batch() {
    if (batch_.empty()) return {};
    if (const auto sent = send(batch_.items()); !sent) return sent.error();
    next_ = batch_.items().back().number + 1;
    batch_.clear();
    progress_.show("imported " + std::to_string(done_) + ", failed " + std::to_string(failed_) + ", at " +
                   std::string(source_->unit()) + " " + std::to_string(next_ - 1));
    return {};
  }

  Result<void> send(std::span<const ReadyItem> items) {
    const auto answer = hub_.send({.method = "POST", .path = "/devices", .body = bulk_body(items)});
    if (!answer) return answer.error();
    const auto document = json::parse(answer->body);
    const auto errors = document ? document->root().find("errors") : std::nullopt;
    if (errors && (answer->status == 200 || answer->status == 400)) {
      tell(items, *errors);
      return {};
    }
    if (answer->status != 400 && answer->status != 413) return refusal_of(*answer);
    // The hub refuses a whole batch for one unreadable item: halve the batch until that item stands alone.
    if (items.size() == 1) {
      refuse(items.front(), message_of(*answer));
      return {};
    }
    const std::size_t half = items.size() / 2;
    if (const auto sent = send(items.first(half)); !sent) return sent.error();
    return send(items.subspan(half));
  }

  void tell(std::span<const ReadyItem> items, const json::Value& errors) {
    std::set<std::string> refused;
    for (const json::Value error : errors) {
      const std::string module = text_at(error, "moduleId");
      const std::string id = text_at(error, "deviceId") + (module.empty() ? "" : "/" + module);
      const auto item =
          std::find_if(items.begin(), items.end(), [&](const ReadyItem& known) { return known.id == id; });
      if (item == items.end() || !refused.insert(id).second) continue;
      refuse(*item, text_at(error, "errorCode") + ": " + text_at(error, "errorStatus"));
    }
    done_ += items.size() - refused.size();
  }

  void refuse(const ReadyItem& item, const std::string& why) {
    ++failed_;
    progress_.clear();
    std::cerr << "twinhub: " << source_->unit() << " " << item.number << (item.id.empty() ? "" : " (" + item.id + ")")
              << ": " << why << "\n";
    if (failed_out_) wrote_all_ = failed_out_->write(item.source + "\n") && wrote_all_;
  }

  [[nodiscard]] bool must_stop() const { return options_.stop_at_error && failed_ > 0; }

  /// Prints how to go on, for a person whose import has failed.
  int stopped(const Error& error) {
    const int code = report(error);
    const std::string unit(source_->unit());
    if (next_ > options_.from) {
      std::cerr << "twinhub: " << unit << "s " << options_.from << " to " << next_ - 1 << " are done";
    } else {
      std::cerr << "twinhub: nothing is done yet";
    }
    if (failed_ > 0) std::cerr << ", but for " << failed_ << " named above";
    if (!batch_.empty())
      std::cerr << "; " << unit << "s " << batch_.items().front().number << " to " << batch_.items().back().number
                << " may be done";
    std::cerr << ".\ntwinhub: go on with --from-line " << next_ << "; without an import mode of their own, " << unit
              << "s may be imported twice.\n";
    return code;
  }

  int finished() {
    if (options_.json) {
      std::cout << R"({"imported":)" << done_ << R"(,"failed":)" << failed_ << R"(,"nextLine":)" << next_ << "}\n";
    } else {
      std::cout << done_ << " imported, " << failed_ << " failed\n";
    }
    if (must_stop()) std::cerr << "twinhub: stopped at the error; go on with --from-line " << next_ << "\n";
    return failed_ > 0 ? exit_failed : exit_ok;
  }

  HubConnection hub_;
  const ImportOptions& options_;
  std::unique_ptr<ImportSource> source_;
  std::optional<WholeFile> failed_out_;
  bool wrote_all_ = true;
  Progress progress_;

  ImportBatch batch_;
  std::uint64_t next_ = options_.from;  ///< everything before it is done or has failed
  std::uint64_t done_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace

int import_file(const config::Settings& settings, const ImportOptions& options) {
  std::unique_ptr<std::istream> in;
  if (options.file == "-") {
    in = std::make_unique<std::istream>(std::cin.rdbuf());
  } else {
    in = std::make_unique<std::ifstream>(options.file, std::ios::binary);
    if (!*in) return report(fail(Errc::argument_invalid, options.file + " cannot be read"));
  }
  auto source = ImportSource::open(std::move(in), options.file);
  if (!source) return report(source.error());
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  return Import(std::move(*hub), options, std::move(*source)).run();
}

}  // namespace twinhub::cli
