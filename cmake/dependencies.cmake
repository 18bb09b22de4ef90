# Debian 12 packages; each library has one door (see README.md, "Where things are").
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)                # Asio, Beast, System: headers only
find_package(OpenSSL 3.0 REQUIRED)
find_package(RocksDB REQUIRED)
find_package(simdjson REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_library(PROTON qpid-proton REQUIRED)       # the AMQP engine; its pkg-config file names a folder that is not there
if(NOT TWINHUB_SANITIZE)                         # sanitizers bring an allocator of their own
  find_library(JEMALLOC jemalloc REQUIRED)
endif()
find_package(PahoMqttCpp 1.2 REQUIRED)          # events to MQTT brokers; a device in tests/clients
if(TWINHUB_TESTS)
  find_package(GTest REQUIRED)
endif()
if(TWINHUB_BENCH)
  find_package(benchmark REQUIRED)
endif()

# Their headers are not ours to warn about.
foreach(target Boost::headers RocksDB::rocksdb-shared simdjson::simdjson spdlog::spdlog CLI11::CLI11
        tomlplusplus::tomlplusplus prometheus-cpp::core PahoMqttCpp::paho-mqttpp3)
  if(TARGET ${target})
    get_target_property(dirs ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(dirs)
      set_target_properties(${target} PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${dirs}")
    endif()
  endif()
endforeach()
