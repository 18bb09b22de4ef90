#include "server/management/arm/empty_hub.hpp"

#include "protocol/json/document.hpp"
#include "server/base/answer.hpp"
#include "server/base/countdown.hpp"
#include "server/management/arm/wait_for.hpp"

#include <memory>
#include <string>
#include <vector>

namespace twinhub::management {
namespace {

constexpr std::size_t slice_devices = 256;
const IfMatch anything{.present = true, .any = true, .etag = {}};

/// What another client has just deleted is no Error here.
Result<void> unless_gone(Result<void> removed, Errc gone) {
  if (removed || removed.error().code == gone) return {};
  return removed;
}

/// The devices behind `last` that go together; moves it on.
Result<std::vector<IdentityId>> next_devices(const storage::Store& store, IdentityId& last) {
  std::vector<IdentityId> devices;
  const IdentityId* const after = last.device.empty() ? nullptr : &last;
  const auto scanned = store.scan(after, [&](const storage::Entity& entity) {
    if (!entity.identity->id.is_module()) devices.push_back(entity.identity->id);
    return devices.size() < slice_devices;
  });
  if (!scanned) return scanned.error();
  if (!devices.empty()) last = devices.back();
  return devices;
}

Result<void> remove_devices(hub::Hub& hub, const std::vector<IdentityId>& devices) {
  const auto left = std::make_shared<hub::Countdown>(devices.size());
  return wait_for<void>([&](const hub::Done<void>& done) {
    for (const IdentityId& device : devices) {
      hub.registry.remove(device, anything, [left, done](const Result<void>& removed, storage::Outbox& outbox) {
        if (const auto outcome = left->settle(unless_gone(removed, Errc::device_not_found))) done(*outcome, outbox);
      });
    }
  });
}

Result<void> remove_identities(hub::Hub& hub, const std::function<bool()>& stopping) {
  IdentityId last;
  while (true) {
    if (stopping()) return hub::unavailable();
    const auto devices = next_devices(hub.store, last);
    if (!devices) return devices.error();
    if (devices->empty()) return {};
    if (const auto removed = remove_devices(hub, *devices); !removed) return removed;
  }
}

Result<void> remove_configurations(hub::Hub& hub, const std::function<bool()>& stopping) {
  for (const auto& configuration : hub.configurations.all()) {
    if (stopping()) return hub::unavailable();
    const auto removed = wait_for<void>(
        [&](hub::Done<void> done) { hub.configurations.remove(configuration->id, anything, std::move(done)); });
    if (const auto outcome = unless_gone(removed, Errc::configuration_not_found); !outcome) return outcome;
  }
  return {};
}

Result<void> remove_certificates(hub::Hub& hub, const std::function<bool()>& stopping) {
  const auto list = json::parse(hub.certificates.list());
  if (!list) return list.error();
  const auto all = list->root().find("value");
  if (!all) return {};
  for (const json::Value ca : *all) {
    if (stopping()) return hub::unavailable();
    const std::string name = ca.find("name")->string().value();
    const auto removed =
        wait_for<bool>([&](hub::Done<bool> done) { hub.certificates.remove(name, anything, std::move(done)); });
    if (!removed) return removed.error();
  }
  return {};
}

/// The ids on one page of the jobs that have not begun.
Result<std::vector<std::string>> waiting_jobs(hub::Hub& hub, std::string_view status) {
  auto run = hub.jobs.list({.type = {}, .status = std::string(status)});
  if (!run) return run.error();
  while ((*run)->step()) {
  }
  const auto page = (*run)->take();
  if (!page) return page.error();
  const auto rows = json::parse(page->json);
  if (!rows) return rows.error();
  std::vector<std::string> ids;
  for (const json::Value row : rows->root()) {
    if (const auto id = row.find("jobId")) ids.push_back(id->string().value_or(""));
  }
  return ids;
}

Result<void> cancel_jobs(hub::Hub& hub, const std::function<bool()>& stopping) {
  for (const std::string_view status : {"scheduled", "queued"}) {
    while (true) {
      const auto ids = waiting_jobs(hub, status);
      if (!ids) return ids.error();
      bool any = false;
      for (const std::string& id : *ids) {
        if (stopping()) return hub::unavailable();
        const auto cancelled = wait_for<std::string>([&](hub::Done<std::string> done) { hub.jobs.cancel(id, done); });
        any = any || cancelled.has_value();  // else it has begun, or ended: its devices are gone
      }
      if (!any) break;
    }
  }
  return {};
}

}  // namespace

Result<void> empty_hub(hub::Hub& hub, const std::function<bool()>& stopping) {
  // First what would act on devices, then the devices.
  if (const auto cancelled = cancel_jobs(hub, stopping); !cancelled) return cancelled;
  if (const auto removed = remove_configurations(hub, stopping); !removed) return removed;
  if (const auto removed = remove_identities(hub, stopping); !removed) return removed;
  return remove_certificates(hub, stopping);
}

}  // namespace twinhub::management
