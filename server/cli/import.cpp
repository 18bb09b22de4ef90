#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/import_source.hpp"
#include "server/cli/progress.hpp"
#include "server/cli/text_output.hpp"
#include "server/cli/transfer.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <set>
#include <span>
#include <vector>

namespace twinhub::cli {
namespace {

constexpr std::size_t batch_items_max = 100;  // as the hub takes
constexpr std::size_t batch_bytes_max = 512U << 10;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// An item that is ready to be sent.
struct Ready {
  std::uint64_t number = 0;
  std::string id;      ///< "device" or "device/module", in words
  std::string source;  ///< as it was read
  std::string text;    ///< as it is sent
};

/// Reads what to do with an item and makes it one that may be sent twice: an etag that nothing asks for would fail the
/// second time, since the first has moved it. Errors: argument_invalid.
Result<Ready> make_ready(ImportItem item, const std::string& mode) {
  const auto document = json::parse(item.text);
  if (!document) return fail(Errc::argument_invalid, "it is no JSON: " + document.error().detail);
  const json::Value root = document->root();
  if (!root.is_object()) return fail(Errc::argument_invalid, "it is no JSON object");
  Ready ready{item.number, "", std::move(item.text), "{"};
  std::string own_mode = mode, module;
  for (const json::Value member : root) {
    const std::string name = lower(json::unescape(member.key_text()));
    if (name == "id") ready.id = member.string().value_or("");
    if (name == "moduleid") module = member.string().value_or("");
    if (name == "importmode" && !member.is_null()) own_mode = member.string().value_or("");
  }
  if (ready.id.empty()) return fail(Errc::argument_invalid, "it has no id");
  if (ready.id.size() + module.size() > 256) return fail(Errc::argument_invalid, "its id is too long");
  if (!module.empty()) ready.id += "/" + module;
  const bool matches_etag = lower(own_mode).ends_with("ifmatchetag");
  for (const json::Value member : root) {
    const std::string name = lower(json::unescape(member.key_text()));
    if (name == "importmode" || (!matches_etag && (name == "etag" || name == "twinetag"))) continue;
    if (ready.text.size() > 1) ready.text += ',';
    ready.text.append("\"").append(member.key_text()).append("\":").append(member.text());
  }
  if (!own_mode.empty()) {
    ready.text += R"(,"importMode":)";
    json::append_string(ready.text, own_mode);
  }
  ready.text += '}';
  if (ready.text.size() > batch_bytes_max) return fail(Errc::argument_invalid, "it is too long");
  return ready;
}

class Import {
 public:
  Import(HubConnection hub, const ImportOptions& options, std::unique_ptr<ImportSource> source)
      : hub_(std::move(hub)), options_(options), source_(std::move(source)) {}

  int run() {
    if (!options_.failed_file.empty()) {
      failed_out_.open(options_.failed_file, std::ios::binary | std::ios::trunc);
      if (!failed_out_) return report(fail(Errc::argument_invalid, options_.failed_file + " cannot be written"));
    }
    const auto imported = import_all();
    progress_.clear();
    if (!imported) return stopped(imported.error());
    return finished();
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
        // What stands before it is told of before it.
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

  Result<void> add(Ready ready) {
    const bool full = batch_.size() == batch_items_max || batch_bytes_ + ready.text.size() > batch_bytes_max;
    // An identity that is named again comes after what was said of it before.
    if (full || ids_.count(ready.id) > 0) {
      if (const auto sent = send_batch(); !sent) return sent.error();
      if (must_stop()) return {};
    }
    ids_.insert(ready.id);
    batch_bytes_ += ready.text.size() + 1;
    batch_.push_back(std::move(ready));
    return {};
  }

  Result<void> send_batch() {
    if (batch_.empty()) return {};
    if (const auto sent = send(batch_); !sent) return sent.error();
    next_ = batch_.back().number + 1;
    batch_.clear();
    batch_bytes_ = 0;
    ids_.clear();
    progress_.show("imported " + std::to_string(done_) + ", failed " + std::to_string(failed_) + ", at " +
                   std::string(source_->unit()) + " " + std::to_string(next_ - 1));
    return {};
  }

  Result<void> send(std::span<const Ready> items) {
    std::string body = "[";
    for (const Ready& item : items) body += (body.size() > 1 ? "," : "") + item.text;
    const auto answer = hub_.send({.method = "POST", .path = "/devices", .body = body + "]"});
    if (!answer) return answer.error();
    const auto document = json::parse(answer->body);
    const auto errors = document ? document->root().find("errors") : std::nullopt;
    if (errors && (answer->status == 200 || answer->status == 400)) {
      tell(items, *errors);
      return {};
    }
    if (answer->status != 400 && answer->status != 413) return refusal_of(*answer);
    // One of them makes the whole unreadable for the hub: which one?
    if (items.size() == 1) {
      refuse(items.front(), message_of(*answer));
      return {};
    }
    const std::size_t half = items.size() / 2;
    if (const auto sent = send(items.first(half)); !sent) return sent.error();
    return send(items.subspan(half));
  }

  void tell(std::span<const Ready> items, const json::Value& errors) {
    std::set<std::string> refused;
    for (const json::Value error : errors) {
      const std::string module = text_at(error, "moduleId");
      const std::string id = text_at(error, "deviceId") + (module.empty() ? "" : "/" + module);
      const auto item = std::find_if(items.begin(), items.end(), [&](const Ready& known) { return known.id == id; });
      if (item == items.end() || !refused.insert(id).second) continue;
      refuse(*item, text_at(error, "errorCode") + ": " + text_at(error, "errorStatus"));
    }
    done_ += items.size() - refused.size();
  }

  void refuse(const Ready& item, const std::string& why) {
    ++failed_;
    progress_.clear();
    std::cerr << "twinhub: " << source_->unit() << " " << item.number << (item.id.empty() ? "" : " (" + item.id + ")")
              << ": " << why << "\n";
    if (failed_out_.is_open()) failed_out_ << item.source << "\n";
  }

  [[nodiscard]] bool must_stop() const { return options_.stop_at_error && failed_ > 0; }

  /// What to do next, for a person who has seen it fail.
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
      std::cerr << "; " << unit << "s " << batch_.front().number << " to " << batch_.back().number << " may be done";
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
    if (failed_out_.is_open()) {
      failed_out_.close();
      if (!failed_out_) return report(fail(Errc::server_error, options_.failed_file + " could not be written whole"));
    }
    return failed_ > 0 ? exit_failed : exit_ok;
  }

  HubConnection hub_;
  const ImportOptions& options_;
  std::unique_ptr<ImportSource> source_;
  std::ofstream failed_out_;
  Progress progress_;

  std::vector<Ready> batch_;
  std::set<std::string> ids_;  ///< of the batch
  std::size_t batch_bytes_ = 0;
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
