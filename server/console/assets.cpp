#include "server/console/assets.hpp"

#include "protocol/ascii.hpp"

#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <boost/beast/zlib/inflate_stream.hpp>
#include <stdexcept>

namespace twinhub::console {
namespace {

namespace http = boost::beast::http;
namespace zlib = boost::beast::zlib;

constexpr std::string_view root = "/console/";
constexpr std::string_view files = "assets/";

constexpr std::string_view not_built =
    "<!doctype html><html lang=\"en\"><title>twinhub console</title><h1>The console's pages are not in this "
    "program</h1>"
    "<p>It was built without them. To have them: install Node 18 or newer and npm, then</p>"
    "<pre>cmake --preset release -DTWINHUB_CONSOLE=ON\ncmake --build build/release --target twinhub</pre>"
    "<p>The console's API, <code>/console/api/</code>, is here all the same.</p></html>\n";

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const std::size_t end = text.find_last_not_of(" \t");
  return begin == text.size() ? std::string_view() : text.substr(begin, end + 1 - begin);
}

template <class Visit>
void for_each_in_list(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    visit(trimmed(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

/// `etag` is strong; the comparison is the weak one (RFC 9110, 13.1.2).
bool is_known(std::string_view if_none_match, std::string_view etag) {
  bool known = false;
  for_each_in_list(if_none_match, [&](std::string_view each) {
    if (each.starts_with("W/")) each.remove_prefix(2);
    known = known || each == "*" || each == etag;
  });
  return known;
}

}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
  bool takes = false;
  for_each_in_list(accept_encoding, [&](std::string_view each) {
    const std::size_t semicolon = std::min(each.find(';'), each.size());
    const std::string_view weight = trimmed(each.substr(std::min(semicolon + 1, each.size())));
    const bool is_refused = weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string_view::npos;
    const std::string_view coding = trimmed(each.substr(0, semicolon));
    takes = takes || (!is_refused && (equals_ignoring_case(coding, "gzip") || coding == "*"));
  });
  return takes;
}

std::string gunzip(std::span<const unsigned char> gzip) {
  constexpr std::size_t header_bytes = 10, trailer_bytes = 8;  // without optional fields (RFC 1952, 2.3)
  if (gzip.size() < header_bytes + trailer_bytes) throw std::logic_error("no gzip file");
  const auto length = gzip.last(4);
  std::string out(length[0] | std::size_t{length[1]} << 8 | std::size_t{length[2]} << 16 | std::size_t{length[3]} << 24,
                  '\0');
  zlib::inflate_stream inflate;
  zlib::z_params buffers;
  buffers.next_in = gzip.data() + header_bytes;
  buffers.avail_in = gzip.size() - header_bytes - trailer_bytes;
  buffers.next_out = out.data();
  buffers.avail_out = out.size();
  boost::beast::error_code error;
  inflate.write(buffers, zlib::Flush::finish, error);
  if (error != zlib::error::end_of_stream || buffers.avail_out != 0) throw std::logic_error("a damaged gzip file");
  return out;
}

const Asset* Assets::find(std::string_view path) const {
  const auto found = std::find_if(embedded_.all.begin(), embedded_.all.end(),
                                  [path](const Asset& asset) { return asset.path == path; });
  return found == embedded_.all.end() ? nullptr : &*found;
}

ops::SiteAnswer Assets::answer(std::string_view path, const ops::SiteHead& head) const {
  if (path.size() < root.size()) return {308, {{"Location", std::string(root)}}, {}};
  path.remove_prefix(root.size());
  const bool is_file = path.starts_with(files);
  const Asset* const asset = find(is_file ? path : "index.html");
  if (asset == nullptr && is_file)
    return {404, {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}}, "no such file\n"};
  if (asset == nullptr)
    return {404, {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}}, std::string(not_built)};
  const std::string etag = '"' + std::string(is_file ? asset->hash : embedded_.build) + '"';
  ops::SiteAnswer answer;
  answer.headers = {{"ETag", etag},
                    {"Cache-Control", is_file ? "public, max-age=31536000, immutable" : "no-cache"},
                    {"Vary", "Accept-Encoding"}};
  if (is_known(view_of(head[http::field::if_none_match]), etag)) {
    answer.status = 304;
    return answer;
  }
  answer.headers.emplace_back("Content-Type", asset->type);
  if (takes_gzip(view_of(head[http::field::accept_encoding]))) {
    answer.headers.emplace_back("Content-Encoding", "gzip");
    answer.body.assign(asset->gzip.begin(), asset->gzip.end());
  } else {
    answer.body = gunzip(asset->gzip);
  }
  return answer;
}

}  // namespace twinhub::console
