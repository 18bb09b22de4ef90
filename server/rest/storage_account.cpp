// Routes that need an Azure storage account: file upload, import and export jobs. This hub has no storage account and
// answers like an IoT Hub without one. Source: service API 2021-04-12 ("Jobs"), device API 2021-04-12 ("File upload");
// the answer of a hub without a default storage endpoint as azure-iot-sdk-c#2313 shows it.
#include "server/rest/handlers.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/member.hpp"

#include <algorithm>

namespace twinhub::rest {
namespace {

Response refused(const Reply& reply, Errc code, std::string detail) {
  return error_response(fail(code, std::move(detail)), reply.lane->hub().clock.wall());
}

/// Checks the description of an import or export job, as an IoT Hub does before it looks for its storage account.
Result<void> check_job(std::string_view body) {
  const auto document = json::parse(body);
  if (!document) return document.error();
  const json::Value root = document->root();
  if (!root.is_object()) return fail(Errc::iot_hub_format_error, "The body must be a JSON object");
  const auto text_of = [&](std::string_view name) {
    const auto member = json::member_of(root, name);
    return member ? member->string().value_or("") : "";
  };
  const std::string type = text_of("type");
  const bool imports = equals_ignoring_case(type, "import");
  if (!imports && !equals_ignoring_case(type, "export"))
    return fail(Errc::generic_bad_request, "BadRequest: type must be import or export");
  if (text_of("outputBlobContainerUri").empty()) return fail(Errc::argument_null, "outputBlobContainerUri is missing");
  if (imports && text_of("inputBlobContainerUri").empty())
    return fail(Errc::argument_null, "inputBlobContainerUri is missing");
  return {};
}

}  // namespace

void create_storage_job(Reply reply, const Request& request, const Call&) {
  const auto checked = check_job(request.body);
  if (!checked) return reply.send(error_response(checked.error(), reply.lane->hub().clock.wall()));
  reply.send(refused(reply, Errc::blob_container_validation_error,
                     "This hub has no access to Azure Storage. 'twinhub import' and 'twinhub export' read and write "
                     "the same lines."));
}

void list_storage_jobs(Reply reply, const Request&, const Call&) { reply.send(json_response("[]")); }

void no_storage_job(Reply reply, const Request&, const Call& call) {
  reply.send(refused(reply, Errc::job_not_found, "There is no job " + call.names.front()));
}

void no_file_upload(Reply reply, const Request&, const Call&) {
  reply.send(method_error_response(fail(Errc::default_storage_endpoint_not_configured, "BadRequest"),
                                   reply.lane->hub().clock.wall()));
}

}  // namespace twinhub::rest
