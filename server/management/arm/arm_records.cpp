#include "server/management/arm/arm_records.hpp"

#include "server/management/arm/arm_names.hpp"
#include "storage/format/bytes.hpp"

namespace twinhub::management {
namespace {

constexpr std::uint8_t record_version = 1;

struct Record {
  std::string bytes = {};
  storage::ByteWriter out{bytes};
  Record() { out.integer(record_version); }
};

class Reading {
 public:
  explicit Reading(std::string_view record) : in(record) {
    if (in.integer<std::uint8_t>() != record_version) in.fail();
  }
  [[nodiscard]] bool is_whole() const { return in.ok() && in.left() == 0; }
  storage::ByteReader in;
};

}  // namespace

std::string group_key(std::string_view name) { return std::string(group_key_prefix) + folded(name); }

std::string deployment_key(std::string_view group, std::string_view name) {
  return std::string(deployment_key_prefix) + folded(group) + "/" + folded(name);
}

std::string encode(const std::optional<HubLabels>& hub) {
  Record record;
  record.out.integer(static_cast<std::uint8_t>(hub ? 1 : 0));
  if (!hub) return record.bytes;
  record.out.text(hub->name);
  record.out.text(hub->group);
  record.out.text(hub->location);
  record.out.text(hub->tags);
  record.out.text(hub->sku);
  record.out.integer(hub->capacity);
  record.out.integer(hub->etag);
  record.out.integer(hub->created.ticks);
  return record.bytes;
}

bool decode(std::string_view record, std::optional<HubLabels>& hub) {
  Reading reading(record);
  const auto present = reading.in.integer<std::uint8_t>();
  hub.reset();
  if (present == 0) return reading.is_whole();
  HubLabels labels;
  labels.name = reading.in.text();
  labels.group = reading.in.text();
  labels.location = reading.in.text();
  labels.tags = reading.in.text();
  labels.sku = reading.in.text();
  labels.capacity = reading.in.integer<std::uint32_t>();
  labels.etag = reading.in.integer<std::uint64_t>();
  labels.created.ticks = reading.in.integer<std::uint64_t>();
  labels.adopted = true;
  hub = std::move(labels);
  return present == 1 && reading.is_whole();
}

std::string encode(const ResourceGroup& group) {
  Record record;
  record.out.text(group.name);
  record.out.text(group.location);
  record.out.text(group.tags);
  return record.bytes;
}

bool decode(std::string_view record, ResourceGroup& group) {
  Reading reading(record);
  group.name = reading.in.text();
  group.location = reading.in.text();
  group.tags = reading.in.text();
  return reading.is_whole();
}

std::string encode(const Deployment& deployment) {
  Record record;
  record.out.text(deployment.group);
  record.out.text(deployment.name);
  record.out.integer(deployment.at.ticks);
  record.out.text(deployment.document);
  return record.bytes;
}

bool decode(std::string_view record, Deployment& deployment) {
  Reading reading(record);
  deployment.group = reading.in.text();
  deployment.name = reading.in.text();
  deployment.at.ticks = reading.in.integer<std::uint64_t>();
  deployment.document = reading.in.text();
  return reading.is_whole();
}

std::string encode_mark(std::string_view group) {
  Record record;
  record.out.text(group);
  return record.bytes;
}

bool decode_mark(std::string_view record, std::string& group) {
  Reading reading(record);
  group = reading.in.text();
  return reading.is_whole();
}

}  // namespace twinhub::management
