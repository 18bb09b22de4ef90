#include "protocol/twin/patch.hpp"

#include "protocol/twin/delta.hpp"
#include "protocol/twin/limits.hpp"
#include "protocol/twin/merge.hpp"

#include <utility>

namespace twinhub::twin {
namespace {

/// One section of a service-side body: left alone, nulled as a whole, or an object.
struct Part {
  enum class Kind : std::uint8_t { absent, null, object };
  Kind kind = Kind::absent;
  std::optional<json::Value> value;
};

/// The two sections that a back end may write.
struct Body {
  Part tags;
  Part desired;
};

Result<Part> part_of(std::optional<json::Value> member, std::string_view name) {
  if (!member) return Part{};
  if (member->is_null()) return Part{Part::Kind::null, member};
  if (member->is_object()) return Part{Part::Kind::object, member};
  return fail(Errc::argument_invalid, "Provided json is not a valid 'tags' or 'properties' object: " +
                                          std::string(name) + " must be an object.");
}

Result<Body> body_of(const json::Value& root) {
  if (!root.is_object()) return fail(Errc::iot_hub_format_error, "The body must be a JSON object");
  if (const auto checked = check_members(root); !checked) return checked.error();
  Body body;
  auto tags = part_of(root.find("tags"), "tags");
  if (!tags) return tags.error();
  body.tags = *tags;
  auto properties = part_of(root.find("properties"), "properties");
  if (!properties) return properties.error();
  if (properties->kind != Part::Kind::object) return body;
  auto desired = part_of(properties->value->find("desired"), "properties.desired");
  if (!desired) return desired.error();
  body.desired = *desired;
  return body;
}

/// The stored text of a section as a document, for the rare writes that compare whole sections.
Result<json::Document> stored(const std::string& text) { return json::parse(text); }

SectionSize size_of(const Section& section) { return {section.size_bytes, section.text.size()}; }
SectionSize size_of(const Merged& merged) { return {merged.size_bytes, merged.text.size()}; }
SectionSize size_of_tags(const Twin& twin) { return {twin.tags_size_bytes, twin.tags.size()}; }

void take(Section& section, Merged&& merged) {
  section.text = std::move(merged.text);
  section.stamps = std::move(merged.stamps);
  section.size_bytes = merged.size_bytes;
}

/// A copy without the section that is about to be replaced.
Twin copy_without_reported(const Twin& twin) {
  const auto& [etag_counter, tags, tags_size_bytes, desired, reported, model_id, configurations] = twin;
  return {etag_counter, tags, tags_size_bytes, desired, {}, model_id, configurations};
}

void clear(Section& section, Stamp fresh) {
  section.text = "{}";
  section.stamps = {fresh};
  section.size_bytes = 0;
}

Result<void> patch_tags(const Part& part, CheckRules rules, ServiceUpdate& update) {
  Twin& twin = update.after;
  if (part.kind == Part::Kind::absent) return {};
  if (part.kind == Part::Kind::null) {
    update.changed = update.changed || twin.tags.size() > 2;
    twin.tags = "{}";
    twin.tags_size_bytes = 0;
    return {};
  }
  if (const auto checked = check_section(*part.value, rules); !checked) return checked.error();
  Merged merged = merge(twin.tags, nullptr, twin.tags_size_bytes, *part.value, {});
  if (!merged.touched) return {};
  if (const auto grown = check_growth("Tags", size_of_tags(twin), size_of(merged), tags_bytes_limit); !grown)
    return grown.error();
  twin.tags = std::move(merged.text);
  twin.tags_size_bytes = merged.size_bytes;
  update.changed = true;
  return {};
}

Result<void> patch_desired(const Part& part, CheckRules rules, Timestamp now, ServiceUpdate& update) {
  Section& desired = update.after.desired;
  const std::uint64_t version = desired.version + 1;
  const Stamp fresh{now, version};
  if (part.kind == Part::Kind::absent) return {};
  if (part.kind == Part::Kind::null) {
    const auto before = stored(desired.text);
    if (!before) return before.error();
    update.desired_delta = clear_delta(before->root(), version);
    clear(desired, fresh);
  } else {
    if (const auto checked = check_section(*part.value, rules); !checked) return checked.error();
    Merged merged = merge(desired.text, &desired.stamps, desired.size_bytes, *part.value, fresh);
    if (!merged.touched) return {};
    const auto grown = check_growth("Properties.Desired", size_of(desired), size_of(merged), properties_bytes_limit);
    if (!grown) return grown.error();
    take(desired, std::move(merged));
    update.desired_delta = patch_delta(*part.value, version);
  }
  desired.version = version;
  update.changed = true;
  return {};
}

/// PUT: an absent or null section becomes an empty one.
Result<void> replace_tags(const Part& part, CheckRules rules, ServiceUpdate& update) {
  Twin& twin = update.after;
  if (part.kind != Part::Kind::object) {
    twin.tags = "{}";
    twin.tags_size_bytes = 0;
    return {};
  }
  if (const auto checked = check_section(*part.value, rules); !checked) return checked.error();
  Merged merged = replace(*part.value, false, {});
  if (const auto grown = check_growth("Tags", size_of_tags(twin), size_of(merged), tags_bytes_limit); !grown)
    return grown.error();
  twin.tags = std::move(merged.text);
  twin.tags_size_bytes = merged.size_bytes;
  return {};
}

Result<void> replace_desired(const Part& part, CheckRules rules, Timestamp now, ServiceUpdate& update) {
  Section& desired = update.after.desired;
  const std::uint64_t version = desired.version + 1;
  const Stamp fresh{now, version};
  const auto before = stored(desired.text);
  if (!before) return before.error();
  if (part.kind != Part::Kind::object) {
    update.desired_delta = clear_delta(before->root(), version);
    clear(desired, fresh);
  } else {
    if (const auto checked = check_section(*part.value, rules); !checked) return checked.error();
    Merged merged = replace(*part.value, true, fresh);
    const auto grown = check_growth("Properties.Desired", size_of(desired), size_of(merged), properties_bytes_limit);
    if (!grown) return grown.error();
    update.desired_delta = replace_delta(before->root(), *part.value, version);
    take(desired, std::move(merged));
  }
  desired.version = version;
  return {};
}

}  // namespace

Result<ServiceUpdate> apply_service_patch(const Twin& before, std::string_view body, Timestamp now, PatchRules rules) {
  return apply_service_patch(before, json::parse(body), now, rules);
}

Result<ServiceUpdate> apply_service_patch(const Twin& before, const Result<json::Document>& body, Timestamp now,
                                          PatchRules rules) {
  if (!body) return body.error();
  const auto parts = body_of(body->root());
  if (!parts) return parts.error();

  ServiceUpdate update{before, false, std::nullopt};
  const CheckRules check{.null_deletes = true, .arrays_allowed = rules.arrays_allowed};
  if (const auto patched = patch_tags(parts->tags, check, update); !patched) return patched.error();
  if (const auto patched = patch_desired(parts->desired, check, now, update); !patched) return patched.error();
  if (update.changed) ++update.after.etag_counter;
  return update;
}

Result<ServiceUpdate> apply_service_replace(const Twin& before, std::string_view body, Timestamp now,
                                            PatchRules rules) {
  return apply_service_replace(before, json::parse(body), now, rules);
}

Result<ServiceUpdate> apply_service_replace(const Twin& before, const Result<json::Document>& body, Timestamp now,
                                            PatchRules rules) {
  if (!body) return body.error();
  const auto parts = body_of(body->root());
  if (!parts) return parts.error();

  ServiceUpdate update{before, true, std::nullopt};
  const CheckRules check{.null_deletes = false, .arrays_allowed = rules.arrays_allowed};
  if (const auto replaced = replace_tags(parts->tags, check, update); !replaced) return replaced.error();
  if (const auto replaced = replace_desired(parts->desired, check, now, update); !replaced) return replaced.error();
  ++update.after.etag_counter;
  return update;
}

Result<Twin> apply_reported_patch(const Twin& before, std::string_view body,
                                  std::optional<std::uint64_t> expected_version, Timestamp now) {
  return apply_reported_patch(before, json::parse(body), expected_version, now);
}

Result<Twin> apply_reported_patch(const Twin& before, const Result<json::Document>& body,
                                  std::optional<std::uint64_t> expected_version, Timestamp now) {
  if (expected_version && *expected_version != before.reported.version) {
    return fail(Errc::precondition_failed, "Precondition failed: reported version did not match, existingVersion:" +
                                               std::to_string(before.reported.version) +
                                               " newVersion:" + std::to_string(*expected_version));
  }
  if (!body) return body.error();
  const json::Value patch = body->root();
  if (!patch.is_object()) return fail(Errc::argument_invalid, "Reported properties must be a JSON object");
  if (const auto checked = check_section(patch, {}); !checked) return checked.error();

  // Devices wait for the answer's $version: every accepted patch raises it, an empty one too.
  const std::uint64_t version = before.reported.version + 1;
  Merged merged =
      merge(before.reported.text, &before.reported.stamps, before.reported.size_bytes, patch, {now, version}, true);
  const auto grown =
      check_growth("Properties.Reported", size_of(before.reported), size_of(merged), properties_bytes_limit);
  if (!grown) return grown.error();
  Twin after = copy_without_reported(before);
  take(after.reported, std::move(merged));
  after.reported.version = version;
  return after;
}

}  // namespace twinhub::twin
