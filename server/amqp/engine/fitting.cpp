#include "server/amqp/engine/fitting.hpp"

#include "protocol/amqp/encode.hpp"

#include <proton/codec.h>
#include <proton/terminus.h>
#include <utility>

namespace twinhub::amqp {
namespace {

constexpr std::size_t head_bytes = 8 + 3 + 9;     // of a frame, a descriptor, a list
constexpr std::size_t attach_numbers_bytes = 32;  // handle, role, settle modes, counts, sizes, nulls: at their widest
constexpr std::size_t attach_properties_bytes = 80;       // of the hub's own: com.microsoft:tracking-id
constexpr std::size_t terminus_fixed_bytes = 3 + 9 + 40;  // its head, durability, expiry, time-out and the like
constexpr std::size_t text_head_bytes = 5, map_head_bytes = 9;
constexpr std::size_t error_frame_bytes = head_bytes + 32;  // of a DISPOSITION, DETACH, END or CLOSE, beside its error

std::size_t bytes_of(pn_data_t* data) {
  if (data == nullptr || pn_data_size(data) == 0) return 1;
  const ssize_t size = pn_data_encoded_size(data);
  return map_head_bytes + (size > 0 ? static_cast<std::size_t>(size) : 0);
}

std::size_t bytes_of(const char* text) {
  return text_head_bytes + (text == nullptr ? 0 : std::string_view(text).size());
}

std::size_t optional_bytes(pn_terminus_t* terminus) {
  return bytes_of(pn_terminus_properties(terminus)) + bytes_of(pn_terminus_capabilities(terminus)) +
         bytes_of(pn_terminus_outcomes(terminus));
}

void clear_optional(pn_terminus_t* terminus) {
  pn_data_clear(pn_terminus_properties(terminus));
  pn_data_clear(pn_terminus_capabilities(terminus));
  pn_data_clear(pn_terminus_outcomes(terminus));
}

/// At most `bytes` of UTF-8, whole characters.
void cut(std::string& text, std::size_t bytes) {
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  text.resize(bytes);
}

std::size_t bytes_of(const Condition& condition) {
  std::string info;
  append_value(info, condition.info);
  return map_head_bytes + 3 + bytes_of(condition.name.c_str()) + text_head_bytes + condition.description.size() +
         info.size();
}

}  // namespace

Echo echo_that_fits(pn_link_t* link, std::size_t frame_bytes_max) {
  pn_terminus_t* const source = pn_link_remote_source(link);
  pn_terminus_t* const target = pn_link_remote_target(link);
  const std::size_t bare = head_bytes + attach_numbers_bytes + attach_properties_bytes + 2 * terminus_fixed_bytes +
                           bytes_of(pn_link_name(link));
  const std::size_t meaning = bytes_of(pn_terminus_get_address(source)) + bytes_of(pn_terminus_get_address(target)) +
                              bytes_of(pn_terminus_filter(source)) + bytes_of(pn_terminus_filter(target));
  if (bare + meaning + optional_bytes(source) + optional_bytes(target) <= frame_bytes_max) return Echo::whole;
  if (bare + meaning <= frame_bytes_max) return Echo::without_optional;
  return bare <= frame_bytes_max ? Echo::refused : Echo::none;
}

void echo_termini(pn_link_t* link, Echo echo) {
  const std::pair<pn_terminus_t*, pn_terminus_t*> termini[] = {{pn_link_source(link), pn_link_remote_source(link)},
                                                               {pn_link_target(link), pn_link_remote_target(link)}};
  for (const auto& [own, asked] : termini) {
    pn_terminus_copy(own, asked);
    if (echo != Echo::whole) clear_optional(own);
    if (echo != Echo::refused) continue;
    pn_terminus_set_address(own, nullptr);
    pn_data_clear(pn_terminus_filter(own));
  }
}

Condition fitted(Condition condition, std::size_t frame_bytes_max) {
  const std::size_t room = frame_bytes_max - error_frame_bytes;
  const std::size_t size = bytes_of(condition);
  if (size <= room) return condition;
  const std::size_t beside = size - condition.description.size();
  if (beside >= room) {
    return {frame_size_too_small,
            "The error " + condition.name.substr(0, 100) + " does not fit into a frame of the peer's"};
  }
  cut(condition.description, room - beside);
  return condition;
}

}  // namespace twinhub::amqp
