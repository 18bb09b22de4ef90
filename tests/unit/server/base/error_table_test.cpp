#include "server/base/error_table.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <regex>
#include <set>

namespace twinhub::hub {
namespace {

// Spelled out here: the compiler's -Wswitch makes this list complete, for a switch without default must name every
// value.
constexpr Errc next(Errc code) {
  switch (code) {
    case Errc::generic_bad_request:
      return Errc::invalid_protocol_version;
    case Errc::invalid_protocol_version:
      return Errc::invalid_operation;
    case Errc::invalid_operation:
      return Errc::argument_invalid;
    case Errc::argument_invalid:
      return Errc::argument_null;
    case Errc::argument_null:
      return Errc::iot_hub_format_error;
    case Errc::iot_hub_format_error:
      return Errc::blob_container_validation_error;
    case Errc::blob_container_validation_error:
      return Errc::device_defined_multiple_times;
    case Errc::device_defined_multiple_times:
      return Errc::bulk_registry_operation_failure;
    case Errc::bulk_registry_operation_failure:
      return Errc::default_storage_endpoint_not_configured;
    case Errc::default_storage_endpoint_not_configured:
      return Errc::invalid_device_scope;
    case Errc::invalid_device_scope:
      return Errc::invalid_configuration_target_condition;
    case Errc::invalid_configuration_target_condition:
      return Errc::invalid_configuration_content;
    case Errc::invalid_configuration_content:
      return Errc::invalid_configuration_custom_metrics_query;
    case Errc::invalid_configuration_custom_metrics_query:
      return Errc::invalid_digital_twin_patch;
    case Errc::invalid_digital_twin_patch:
      return Errc::iot_hub_unauthorized_access;
    case Errc::iot_hub_unauthorized_access:
      return Errc::iot_hub_unauthorized;
    case Errc::iot_hub_unauthorized:
      return Errc::system_module_modify_unauthorized_access;
    case Errc::system_module_modify_unauthorized_access:
      return Errc::iot_hub_quota_exceeded;
    case Errc::iot_hub_quota_exceeded:
      return Errc::device_maximum_queue_depth_exceeded;
    case Errc::device_maximum_queue_depth_exceeded:
      return Errc::device_disabled;
    case Errc::device_disabled:
      return Errc::device_model_max_properties_exceeded;
    case Errc::device_model_max_properties_exceeded:
      return Errc::device_not_found;
    case Errc::device_not_found:
      return Errc::job_not_found;
    case Errc::job_not_found:
      return Errc::module_not_found;
    case Errc::module_not_found:
      return Errc::device_not_online;
    case Errc::device_not_online:
      return Errc::device_connection_closed_remotely;
    case Errc::device_connection_closed_remotely:
      return Errc::configuration_not_found;
    case Errc::configuration_not_found:
      return Errc::certificate_not_found;
    case Errc::certificate_not_found:
      return Errc::generic_method_not_allowed;
    case Errc::generic_method_not_allowed:
      return Errc::operation_not_allowed_in_current_state;
    case Errc::operation_not_allowed_in_current_state:
      return Errc::device_already_exists;
    case Errc::device_already_exists:
      return Errc::job_already_exists;
    case Errc::job_already_exists:
      return Errc::module_already_exists_on_device;
    case Errc::module_already_exists_on_device:
      return Errc::configuration_already_exists;
    case Errc::configuration_already_exists:
      return Errc::precondition_failed;
    case Errc::precondition_failed:
      return Errc::device_message_lock_lost;
    case Errc::device_message_lock_lost:
      return Errc::message_too_large;
    case Errc::message_too_large:
      return Errc::too_many_devices;
    case Errc::too_many_devices:
      return Errc::too_many_modules_on_device;
    case Errc::too_many_modules_on_device:
      return Errc::configuration_count_limit_exceeded;
    case Errc::configuration_count_limit_exceeded:
      return Errc::generic_unsupported_media_type;
    case Errc::generic_unsupported_media_type:
      return Errc::generic_too_many_requests;
    case Errc::generic_too_many_requests:
      return Errc::throttling_exception;
    case Errc::throttling_exception:
      return Errc::throttling_backlog_timeout;
    case Errc::throttling_backlog_timeout:
      return Errc::throttling_max_active_job_count_exceeded;
    case Errc::throttling_max_active_job_count_exceeded:
      return Errc::server_error;
    case Errc::server_error:
      return Errc::not_implemented;
    case Errc::not_implemented:
      return Errc::invalid_response_while_proxying;
    case Errc::invalid_response_while_proxying:
      return Errc::service_unavailable;
    case Errc::service_unavailable:
      return Errc::gateway_timeout;
    case Errc::gateway_timeout:
      return Errc::generic_bad_request;
  }
  return Errc::generic_bad_request;
}

std::vector<Errc> every_code() {
  std::vector<Errc> codes;
  Errc code = Errc::generic_bad_request;
  do {
    codes.push_back(code);
    code = next(code);
  } while (code != Errc::generic_bad_request);
  return codes;
}

}  // namespace

TEST(ErrorTable, GivesEveryCodeARowOfItsOwnWithAUniqueName) {
  std::set<std::string_view> names;
  for (const Errc code : every_code()) {
    const ErrorRow& row = row_of(code);
    EXPECT_EQ(row.code, code) << number_of(code);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.name.empty());
    EXPECT_FALSE(row.message.empty());
    EXPECT_EQ(row.http_status, number_of(code) / 1000);
  }
  EXPECT_EQ(names.size(), 51U);
}

TEST(ErrorTable, NamesAreIotHubsOwn) {
  EXPECT_EQ(row_of(Errc::device_not_found).name, "DeviceNotFound");
  EXPECT_EQ(row_of(Errc::device_connection_closed_remotely).name, "DeviceConnectionClosedRemotely");
  EXPECT_EQ(row_of(Errc::device_connection_closed_remotely).http_status, 404U);
  EXPECT_EQ(row_of(Errc::device_model_max_properties_exceeded).name, "DeviceModelMaxPropertiesExceeded");
  EXPECT_EQ(row_of(Errc::device_model_max_properties_exceeded).http_status, 403U);
  EXPECT_EQ(row_of(Errc::not_implemented).http_status, 501U);
}

TEST(ErrorTable, WhatGoesWrongInsideIsNoPeersBusiness) {
  const std::string inside = "storage: Corruption: block checksum mismatch in /data/db/000033.sst offset 0";
  for (const Errc code : {Errc::service_unavailable, Errc::server_error}) {
    for (const std::string& body :
         {rest_error_body(fail(code, inside), "T"), twin_error_body(fail(code, inside), "T", {})}) {
      EXPECT_EQ(body.find("sst"), std::string::npos) << body;
      EXPECT_NE(body.find(row_of(code).message), std::string::npos) << body;
    }
  }
  EXPECT_NE(rest_error_body(fail(Errc::device_not_found, "d1"), "T").find("d1"), std::string::npos);
}

TEST(ErrorTable, ACodeFromNowhereIsAServerError) {
  EXPECT_EQ(row_of(static_cast<Errc>(499'999)).code, Errc::server_error);
  EXPECT_EQ(row_of(static_cast<Errc>(999'999)).code, Errc::server_error);
  EXPECT_EQ(row_of(static_cast<Errc>(0)).code, Errc::server_error);
}

TEST(ErrorTable, TrackingIdsAreUniqueAndCarryTheTime) {
  const Timestamp at = timestamp_from_unix(1'698'166'396);
  const std::regex form("[0-9a-f]{32}-G:0-TimeStamp:10/24/2023 16:53:16");
  const std::string one = make_tracking_id(at);
  EXPECT_TRUE(std::regex_match(one, form)) << one;
  EXPECT_NE(one, make_tracking_id(at));
}

TEST(ErrorTable, TheRestBodyIsWhatSdksTakeApart) {
  EXPECT_EQ(
      rest_error_body(fail(Errc::device_not_found, "sensor-thl-002"), "06e0-G:0-TimeStamp:10/24/2023 16:53:16"),
      R"({"Message":"ErrorCode:DeviceNotFound;sensor-thl-002","ExceptionMessage":"Tracking ID:06e0-G:0-TimeStamp:10/24/2023 16:53:16"})");
}

TEST(ErrorTable, TheMqttBodyHasTheNumberThatNodeLooksFor) {
  EXPECT_EQ(
      twin_error_body(fail(Errc::argument_invalid, "Value of Property or Tag cannot be null."), "3b0e-G:3",
                      timestamp_from_unix(1'795'411'800, 123'456'700)),
      R"({"errorCode":400004,"trackingId":"3b0e-G:3","message":"Value of Property or Tag cannot be null.","info":{},)"
      R"("timestampUtc":"2026-11-23T05:30:00.1234567Z"})");
}

TEST(ErrorTable, TheBodyOfMethodsHasJsonForAMessage) {
  EXPECT_EQ(
      method_error_body(fail(Errc::gateway_timeout, ""), "3b0e-G:3", timestamp_from_unix(1'795'411'800)),
      R"({"Message":"{\"errorCode\":504101,\"message\":\"Timed out waiting for the response from device.\",)"
      R"(\"trackingId\":\"3b0e-G:3\",\"timestampUtc\":\"2026-11-23T05:30:00Z\",\"info\":null}","ExceptionMessage":""})");
}

TEST(ErrorTable, TheMessageIsNeverEmptyInEitherBody) {
  for (const Errc code : every_code()) {
    for (const std::string_view detail : {"", ";", ";x"}) {
      const std::string rest = at(rest_error_body(fail(code, std::string(detail)), "t"), "Message");
      const std::size_t semicolon = rest.find(';');
      ASSERT_NE(semicolon, std::string::npos) << rest;
      EXPECT_NE(rest[semicolon + 1], ';') << rest;  // Node reads what stands between the first and the second
      EXPECT_NE(rest[semicolon + 1], '"') << rest;
      EXPECT_GT(at(twin_error_body(fail(code, std::string(detail)), "t", {}), "message").size(), 2U);
    }
  }
}

TEST(ErrorTable, WhateverADetailQuotesTheBodyIsJson) {
  for (const std::string& detail :
       {std::string("a\"b\\c\n\x01"), std::string("\xff\xfe bad"), std::string("\xc3"), std::string("\xed\xa0\x80"),
        std::string("\xf4\x90\x80\x80"), std::string("\xe0\x80\x80"),
        std::string("h\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80")}) {
    const Error error = fail(Errc::precondition_failed, detail);
    EXPECT_TRUE(json::parse(rest_error_body(error, "t"))) << rest_error_body(error, "t");
    EXPECT_TRUE(json::parse(twin_error_body(error, "t", {}))) << twin_error_body(error, "t", {});
  }
  EXPECT_EQ(at(rest_error_body(fail(Errc::precondition_failed, "h\xc3\xa9 \xf0\x9f\x98\x80\xff"), "t"), "Message"),
            "\"ErrorCode:PreconditionFailed;h\xc3\xa9 \xf0\x9f\x98\x80?\"");
}

}  // namespace twinhub::hub
