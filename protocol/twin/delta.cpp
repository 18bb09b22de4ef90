#include "protocol/twin/delta.hpp"

#include "protocol/twin/limits.hpp"

#include <map>

namespace twinhub::twin {
namespace {

void append_member_key(std::string& out, std::string_view key) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += key;
  out += "\":";
}

void finish(std::string& out, std::uint64_t version) {
  append_member_key(out, "$version");
  out += std::to_string(version);
  out += '}';
}

/// Appends the members that change `before` into `after`, into an object that is open in `out`.
void append_difference(std::string& out, const json::Value& before, const json::Value& after, bool is_root) {
  std::map<std::string_view, json::Value> now;
  for (const json::Value member : after) {
    if (!(is_root && is_hub_member(member.key_text()))) now.emplace(member.key_text(), member);
  }
  for (const json::Value member : before) {
    append_member_key(out, member.key_text());
    const auto kept = now.find(member.key_text());
    if (kept == now.end()) {
      out += "null";
      continue;
    }
    if (member.is_object() && kept->second.is_object()) {
      out += '{';
      append_difference(out, member, kept->second, false);
      out += '}';
    } else {
      out += kept->second.text();
    }
    now.erase(kept);
  }
  for (const json::Value member : after) {
    if (now.find(member.key_text()) == now.end()) continue;
    append_member_key(out, member.key_text());
    out += member.text();
  }
}

}  // namespace

std::string patch_delta(const json::Value& patch, std::uint64_t version) {
  std::string out = "{";
  for (const json::Value member : patch) {
    if (is_hub_member(member.key_text())) continue;
    append_member_key(out, member.key_text());
    out += member.text();
  }
  finish(out, version);
  return out;
}

std::string replace_delta(const json::Value& before, const json::Value& after, std::uint64_t version) {
  std::string out = "{";
  append_difference(out, before, after, true);
  finish(out, version);
  return out;
}

std::string clear_delta(const json::Value& before, std::uint64_t version) {
  std::string out = "{";
  for (const json::Value member : before) {
    append_member_key(out, member.key_text());
    out += "null";
  }
  finish(out, version);
  return out;
}

}  // namespace twinhub::twin
