#include "protocol/twin/view.hpp"

namespace twinhub::twin {
namespace {

SectionView view_of(const Section& section) {
  return {section.text,
          {reinterpret_cast<const char*>(section.stamps.data()), section.stamps.size() * sizeof(Stamp)},
          section.version,
          section.size_bytes};
}

}  // namespace

Section SectionView::copy() const {
  Section section;
  section.text = text;
  section.stamps.resize(stamp_count());
  if (!stamp_bytes.empty()) std::memcpy(section.stamps.data(), stamp_bytes.data(), stamp_count() * sizeof(Stamp));
  section.version = version;
  section.size_bytes = size_bytes;
  return section;
}

Twin TwinView::copy() const {
  Twin twin;
  twin.etag_counter = etag_counter;
  twin.tags = tags;
  twin.tags_size_bytes = tags_size_bytes;
  twin.desired = desired.copy();
  twin.reported = reported.copy();
  twin.model_id = model_id;
  twin.configurations = configurations;
  return twin;
}

TwinView view_of(const Twin& twin) {
  return {twin.etag_counter,      twin.tags_size_bytes, twin.tags,          view_of(twin.desired),
          view_of(twin.reported), twin.model_id,        twin.configurations};
}

}  // namespace twinhub::twin
