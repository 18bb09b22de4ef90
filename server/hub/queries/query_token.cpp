#include "server/hub/queries/query_token.hpp"

#include "protocol/ids.hpp"

#include <openssl/sha.h>
#include <algorithm>
#include <array>
#include <cstring>

namespace twinhub::hub {
namespace {

// A token's bytes: version (1), digest (16) of all that follows and of the query, rows told (8, big-endian), last key.
constexpr char version = 1;
constexpr std::size_t digest_bytes = 16;
constexpr std::size_t count_bytes = 8;
constexpr std::size_t token_characters_max = 1024;

std::string seal(std::string_view query, std::string_view content) {
  std::string sealed(query);
  sealed += '\0';
  sealed += content;
  return token_digest(sealed);
}

}  // namespace

std::string token_digest(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return {reinterpret_cast<const char*>(digest.data()), digest_bytes};
}

std::string write_query_token(const QueryToken& token, std::string_view query) {
  std::string content;
  for (std::size_t i = count_bytes; i > 0; --i) content += static_cast<char>(token.rows_told >> 8 * (i - 1) & 0xFF);
  content += token.last_key;
  std::string text = base64_encode(version + seal(query, content) + content);
  while (!text.empty() && text.back() == '=') text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<QueryToken> read_query_token(std::string_view text, std::string_view query) {
  if (text.size() > token_characters_max) return std::nullopt;
  std::string padded(text);
  std::replace(padded.begin(), padded.end(), '-', '+');
  std::replace(padded.begin(), padded.end(), '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  const auto bytes = base64_decode(padded);
  if (!bytes || bytes->size() < 1 + digest_bytes + count_bytes || bytes->front() != version) return std::nullopt;
  const std::string_view content = std::string_view(*bytes).substr(1 + digest_bytes);
  if (std::string_view(*bytes).substr(1, digest_bytes) != seal(query, content)) return std::nullopt;
  QueryToken token;
  for (const char c : content.substr(0, count_bytes))
    token.rows_told = token.rows_told << 8 | static_cast<unsigned char>(c);
  token.last_key = content.substr(count_bytes);
  return token;
}

}  // namespace twinhub::hub
