#include "storage/format/record.hpp"

#include "storage/format/bytes.hpp"

namespace twinhub::storage {
namespace {

constexpr std::uint8_t identity_format = 1;
constexpr std::uint8_t twin_format = 2;
constexpr std::uint8_t twin_format_without_configurations = 1;  // written, too, for twins that have none
constexpr std::uint8_t session_format = 2;
constexpr std::uint8_t session_format_without_time = 1;

static_assert(sizeof(twin::Stamp) == 16 && std::is_trivially_copyable_v<twin::Stamp>,
              "stamps are stored as they lie in memory");

Error corrupt(std::string_view what) {
  return fail(Errc::server_error, "a stored " + std::string(what) + " cannot be read");
}

void write_section(ByteWriter& writer, const twin::Section& section) {
  writer.integer(section.version);
  writer.integer(section.size_bytes);
  writer.text(section.text);
  writer.integer(static_cast<std::uint32_t>(section.stamps.size()));
  writer.raw(section.stamps.data(), section.stamps.size() * sizeof(twin::Stamp));
}

void view_section(ByteReader& reader, twin::SectionView& section) {
  section.version = reader.integer<std::uint64_t>();
  section.size_bytes = reader.integer<std::uint32_t>();
  section.text = reader.view(reader.integer<std::uint32_t>());
  const auto count = reader.integer<std::uint32_t>();
  if (count == 0 || count > reader.left() / sizeof(twin::Stamp)) return reader.fail();
  section.stamp_bytes = reader.view(count * sizeof(twin::Stamp));
}

}  // namespace

void encode(std::string& out, const iothub::Identity& identity) {
  ByteWriter writer(out);
  writer.integer(identity_format);
  writer.integer(identity.etag);
  writer.integer(identity.status);
  writer.integer(identity.authentication);
  writer.integer(static_cast<std::uint8_t>(identity.iot_edge));
  writer.integer(identity.status_updated.ticks);
  writer.text(identity.generation_id);
  writer.integer(static_cast<std::uint8_t>(identity.status_reason.has_value()));
  if (identity.status_reason) writer.text(*identity.status_reason);
  writer.text(identity.primary_key);
  writer.text(identity.secondary_key);
  writer.text(identity.primary_thumbprint);
  writer.text(identity.secondary_thumbprint);
  writer.text(identity.device_scope);
  writer.integer(static_cast<std::uint32_t>(identity.parent_scopes.size()));
  for (const auto& scope : identity.parent_scopes) writer.text(scope);
  writer.text(identity.managed_by);
}

Result<iothub::Identity> decode_identity(const IdentityId& id, std::string_view bytes) {
  ByteReader reader(bytes);
  iothub::Identity identity;
  identity.id = id;
  if (reader.integer<std::uint8_t>() != identity_format) return corrupt("identity");
  identity.etag = reader.integer<std::uint64_t>();
  identity.status = reader.enumerator(iothub::Status::disabled);
  identity.authentication = reader.enumerator(iothub::AuthenticationType::none);
  identity.iot_edge = reader.integer<std::uint8_t>() != 0;
  identity.status_updated.ticks = reader.integer<std::uint64_t>();
  identity.generation_id = reader.text();
  if (reader.integer<std::uint8_t>() != 0) identity.status_reason = reader.text();
  identity.primary_key = reader.text();
  identity.secondary_key = reader.text();
  identity.primary_thumbprint = reader.text();
  identity.secondary_thumbprint = reader.text();
  identity.device_scope = reader.text();
  const auto scopes = reader.integer<std::uint32_t>();
  for (std::uint32_t i = 0; i < scopes && reader.ok(); ++i) identity.parent_scopes.push_back(reader.text());
  identity.managed_by = reader.text();
  if (!reader.ok() || reader.left() != 0) return corrupt("identity");
  iothub::unite_scopes_of_leaf(identity);
  return identity;
}

bool has_configurations(const twin::Twin& twin) { return twin.configurations.size() > 2; }

std::size_t encoded_bytes(const twin::Twin& twin) {
  constexpr std::size_t length = sizeof(std::uint32_t);
  const auto section_bytes = [](const twin::Section& section) {
    return sizeof section.version + sizeof section.size_bytes + length + section.text.size() + length +
           section.stamps.size() * sizeof(twin::Stamp);
  };
  return 1 + sizeof twin.etag_counter + sizeof twin.tags_size_bytes + length + twin.tags.size() +
         section_bytes(twin.desired) + section_bytes(twin.reported) + length + twin.model_id.size() +
         (has_configurations(twin) ? length + twin.configurations.size() : 0);
}

void encode(std::string& out, const twin::Twin& twin) {
  out.reserve(out.size() + encoded_bytes(twin));
  ByteWriter writer(out);
  writer.integer(has_configurations(twin) ? twin_format : twin_format_without_configurations);
  writer.integer(twin.etag_counter);
  writer.integer(twin.tags_size_bytes);
  writer.text(twin.tags);
  write_section(writer, twin.desired);
  write_section(writer, twin.reported);
  writer.text(twin.model_id);
  if (has_configurations(twin)) writer.text(twin.configurations);
}

Result<twin::TwinView> view_twin(std::string_view bytes) {
  ByteReader reader(bytes);
  twin::TwinView twin;
  const auto format = reader.integer<std::uint8_t>();
  if (format != twin_format && format != twin_format_without_configurations) return corrupt("twin");
  twin.etag_counter = reader.integer<std::uint64_t>();
  twin.tags_size_bytes = reader.integer<std::uint32_t>();
  twin.tags = reader.view(reader.integer<std::uint32_t>());
  view_section(reader, twin.desired);
  view_section(reader, twin.reported);
  twin.model_id = reader.view(reader.integer<std::uint32_t>());
  if (format == twin_format) twin.configurations = reader.view(reader.integer<std::uint32_t>());
  if (!reader.ok() || reader.left() != 0) return corrupt("twin");
  return twin;
}

Result<twin::Twin> decode_twin(std::string_view bytes) {
  const auto seen = view_twin(bytes);
  if (!seen) return seen.error();
  return seen->copy();
}

void encode(std::string& out, const Session& session) {
  ByteWriter writer(out);
  writer.integer(session_format);
  writer.integer(session.last_seen.ticks);
  writer.integer(static_cast<std::uint32_t>(session.subscriptions.size()));
  for (const auto& subscription : session.subscriptions) {
    writer.text(subscription.filter);
    writer.integer(subscription.qos);
  }
}

Result<Session> decode_session(std::string_view bytes) {
  ByteReader reader(bytes);
  Session session;
  const auto format = reader.integer<std::uint8_t>();
  if (format != session_format && format != session_format_without_time) return corrupt("session");
  if (format == session_format) session.last_seen.ticks = reader.integer<std::uint64_t>();
  const auto count = reader.integer<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    Subscription subscription;
    subscription.filter = reader.text();
    subscription.qos = reader.integer<std::uint8_t>();
    session.subscriptions.push_back(std::move(subscription));
  }
  if (!reader.ok() || reader.left() != 0) return corrupt("session");
  return session;
}

}  // namespace twinhub::storage
