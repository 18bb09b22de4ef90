// What every route's handler looks like; one file per noun holds them.
#pragma once

#include "protocol/ids.hpp"
#include "server/hub/authenticator.hpp"
#include "server/hub/methods.hpp"
#include "server/hub/queries.hpp"
#include "server/hub/twins.hpp"
#include "server/rest/request.hpp"
#include "server/rest/rest_lane.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::rest {

/// What the route's pattern and the api-version said.
struct Call {
  IdentityId id;                   ///< {id} and {mid}
  std::vector<std::string> names;  ///< what each {x} stood for, in order
  hub::Twins::Dialect dialect;
  std::optional<hub::DeviceLogin> login;  ///< there for routes that devices take: `id` is who they are
};

/// Answers through `reply`, now or later, exactly once.
using Handler = void (*)(Reply reply, const Request& request, const Call& call);

// devices.cpp: device and module identities
void list_devices(Reply reply, const Request& request, const Call& call);
void list_modules(Reply reply, const Request& request, const Call& call);
void put_identity(Reply reply, const Request& request, const Call& call);
void get_identity(Reply reply, const Request& request, const Call& call);
void delete_identity(Reply reply, const Request& request, const Call& call);

// bulk.cpp: many identities at a time
void post_devices(Reply reply, const Request& request, const Call& call);
void regenerate_keys(Reply reply, const Request& request, const Call& call);
void device_statistics(Reply reply, const Request& request, const Call& call);
void service_statistics(Reply reply, const Request& request, const Call& call);
/// Lines of an export (application/x-ndjson), paged as queries are: x-ms-max-item-count, x-ms-continuation.
void export_registry(Reply reply, const Request& request, const Call& call);

// storage_account.cpp: what needs Azure Storage, and has none here
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

// certificates.cpp: CAs that devices' certificates may lead to
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
/// Makes a page on the worker pool and answers with it.
void run_pages(Reply reply, Result<std::unique_ptr<hub::Queries::Run>> run);
/// What the request asks for: the most when the header is absent, no number or none above zero; more is cut.
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
/// Invokes `invocation` and makes the answer with `make`; Errors become what direct methods answer.
void run_method(Reply reply, const Call& call, Result<hub::MethodInvocation> invocation,
                Response (*make)(const hub::MethodAnswer& answer));

// digital_twins.cpp: IoT Plug and Play's view of devices
void get_digital_twin(Reply reply, const Request& request, const Call& call);
void patch_digital_twin(Reply reply, const Request& request, const Call& call);
void invoke_command(Reply reply, const Request& request, const Call& call);

}  // namespace twinhub::rest
