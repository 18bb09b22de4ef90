// The handlers of all routes, and what they are called with; each noun's handlers stand in a file of their own.
#pragma once

#include "protocol/ids.hpp"
#include "server/hub/access/authenticator.hpp"
#include "server/hub/methods/methods.hpp"
#include "server/hub/queries/queries.hpp"
#include "server/hub/twins/twins.hpp"
#include "server/rest/request.hpp"
#include "server/rest/rest_lane.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::rest {

/// What the router read from path, query and login.
struct Call {
  IdentityId id;                   ///< {id} and {mid}
  std::vector<std::string> names;  ///< the value of each {x}, in order
  hub::Twins::Dialect dialect;
  std::optional<hub::DeviceLogin> login;  ///< of a device that asks for itself or for a module of its own
};

/// A handler answers through `reply`, now or later, exactly once.
using Handler = void (*)(Reply reply, const Request& request, const Call& call);

// devices.cpp: device and module identities
void list_devices(Reply reply, const Request& request, const Call& call);
void list_modules(Reply reply, const Request& request, const Call& call);
void put_identity(Reply reply, const Request& request, const Call& call);
void get_identity(Reply reply, const Request& request, const Call& call);
void delete_identity(Reply reply, const Request& request, const Call& call);

// edge_scopes.cpp: for edge hubs
void list_device_scope(Reply reply, const Request& request, const Call& call);
void find_in_device_scope(Reply reply, const Request& request, const Call& call);
void list_target_scope(Reply reply, const Request& request, const Call& call);
void find_on_behalf_of(Reply reply, const Request& request, const Call& call);

// bulk.cpp: many identities at a time
void post_devices(Reply reply, const Request& request, const Call& call);
void regenerate_keys(Reply reply, const Request& request, const Call& call);
void device_statistics(Reply reply, const Request& request, const Call& call);
void service_statistics(Reply reply, const Request& request, const Call& call);
/// Lines of an export (application/x-ndjson), paged as queries are: x-ms-max-item-count, x-ms-continuation.
void export_registry(Reply reply, const Request& request, const Call& call);

// storage_account.cpp: routes that need Azure Storage, which this hub does not have
void create_storage_job(Reply reply, const Request& request, const Call& call);
void list_storage_jobs(Reply reply, const Request& request, const Call& call);
void no_storage_job(Reply reply, const Request& request, const Call& call);
void no_file_upload(Reply reply, const Request& request, const Call& call);

// messages.cpp: cloud-to-device messages, for back ends
void send_message(Reply reply, const Request& request, const Call& call);
void purge_messages(Reply reply, const Request& request, const Call& call);
void receive_feedback(Reply reply, const Request& request, const Call& call);
void complete_feedback(Reply reply, const Request& request, const Call& call);
void abandon_feedback(Reply reply, const Request& request, const Call& call);

// device_api.cpp: for devices
void send_event(Reply reply, const Request& request, const Call& call);
void receive_message(Reply reply, const Request& request, const Call& call);
void complete_message(Reply reply, const Request& request, const Call& call);  // or reject, with ?reject
void abandon_message(Reply reply, const Request& request, const Call& call);

// certificates.cpp: CAs of devices' certificates
void list_certificates(Reply reply, const Request& request, const Call& call);
void get_certificate(Reply reply, const Request& request, const Call& call);
void put_certificate(Reply reply, const Request& request, const Call& call);
void delete_certificate(Reply reply, const Request& request, const Call& call);
void generate_verification_code(Reply reply, const Request& request, const Call& call);
void verify_certificate(Reply reply, const Request& request, const Call& call);

// configurations.cpp: automatic device management
void list_configurations(Reply reply, const Request& request, const Call& call);
void get_configuration(Reply reply, const Request& request, const Call& call);
void put_configuration(Reply reply, const Request& request, const Call& call);
void delete_configuration(Reply reply, const Request& request, const Call& call);
void test_configuration_queries(Reply reply, const Request& request, const Call& call);
void apply_configuration_content(Reply reply, const Request& request, const Call& call);

// query.cpp: queries over twins and jobs
void post_query(Reply reply, const Request& request, const Call& call);
/// Makes a page on the worker pool and answers with that page.
void run_pages(Reply reply, Result<std::unique_ptr<hub::Queries::Run>> run);
/// The page size that x-ms-max-item-count asks for: the most when the header is absent or not a number above zero; a
/// larger one is cut to the most.
[[nodiscard]] std::size_t page_rows(const Request& request);

// jobs.cpp: jobs over many devices
void put_job(Reply reply, const Request& request, const Call& call);
void get_job(Reply reply, const Request& request, const Call& call);
void cancel_job(Reply reply, const Request& request, const Call& call);
void list_jobs(Reply reply, const Request& request, const Call& call);

// twins.cpp: device and module twins
void get_twin(Reply reply, const Request& request, const Call& call);
void patch_twin(Reply reply, const Request& request, const Call& call);
void replace_twin(Reply reply, const Request& request, const Call& call);

// methods.cpp: direct methods of devices and modules
void invoke_method(Reply reply, const Request& request, const Call& call);
/// Invokes `invocation` and makes the response with `make`; an Error gets the body that direct methods answer with.
void run_method(Reply reply, const Call& call, Result<hub::MethodInvocation> invocation,
                Response (*make)(const hub::MethodAnswer& answer));

// digital_twins.cpp: IoT Plug and Play's view of devices
void get_digital_twin(Reply reply, const Request& request, const Call& call);
void patch_digital_twin(Reply reply, const Request& request, const Call& call);
void invoke_command(Reply reply, const Request& request, const Call& call);

}  // namespace twinhub::rest
