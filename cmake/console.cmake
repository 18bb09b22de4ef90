# The web console's pages: bundled by esbuild from server/console/web into the build folder, then embedded into the
# program. Without them the program is whole, and /console/ says how to build them.
#
#   TWINHUB_CONSOLE   ON: they are built, or configuring fails;  OFF: they are not;
#                     AUTO: they are where Node 18 or newer and npm are there, and the npm registry can be reached
set(TWINHUB_CONSOLE AUTO CACHE STRING "Build the web console's pages: AUTO, ON or OFF")
set_property(CACHE TWINHUB_CONSOLE PROPERTY STRINGS AUTO ON OFF)

# twinhub_console_reason(RESULT): "" when the pages can be built, else why not. Installs their npm packages.
function(twinhub_console_reason result)
  set(${result} "" PARENT_SCOPE)
  if(NOT EXISTS ${console_sources}/package-lock.json)
    set(${result} "there are no sources in server/console/web" PARENT_SCOPE)
    return()
  endif()
  find_program(NODE NAMES node nodejs)
  find_program(NPM npm)
  if(NOT NODE OR NOT NPM)
    set(${result} "Node and npm are not installed" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${NODE} -p "process.versions.node.split('.')[0]" OUTPUT_VARIABLE major
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(major LESS 18)
    set(${result} "Node ${major} is older than 18" PARENT_SCOPE)
    return()
  endif()
  # Beside the build, not in the sources: a tree serves several builds.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${console_sources}/package.json ${console_sources}/package-lock.json)
  file(MAKE_DIRECTORY ${console_build}/web)
  file(SHA256 ${console_sources}/package-lock.json locked)
  set(installed "")
  if(EXISTS ${console_build}/web/node_modules/.installed)
    file(READ ${console_build}/web/node_modules/.installed installed)
  endif()
  if(installed STREQUAL locked)
    return()
  endif()
  file(COPY ${console_sources}/package.json ${console_sources}/package-lock.json DESTINATION ${console_build}/web)
  message(STATUS "Installing the console's npm packages")
  execute_process(COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    WORKING_DIRECTORY ${console_build}/web RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE words TIMEOUT 300)
  if(failed)
    string(STRIP "${words}" words)
    set(${result} "npm ci failed: ${words}" PARENT_SCOPE)
    return()
  endif()
  file(WRITE ${console_build}/web/node_modules/.installed "${locked}")
endfunction()

# twinhub_console_assets(RESULT NONE): the C++ source with the pages, or NONE, the one without any.
function(twinhub_console_assets source none)
  set(${source} ${none} PARENT_SCOPE)
  set(console_sources ${CMAKE_CURRENT_SOURCE_DIR}/web)
  set(console_build ${CMAKE_BINARY_DIR}/console)
  if(NOT TWINHUB_CONSOLE MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "TWINHUB_CONSOLE is AUTO, ON or OFF, not '${TWINHUB_CONSOLE}'")
  endif()
  if(TWINHUB_CONSOLE STREQUAL "OFF")
    return()
  endif()
  twinhub_console_reason(why_not)
  if(why_not AND TWINHUB_CONSOLE STREQUAL "ON")
    message(FATAL_ERROR "TWINHUB_CONSOLE is ON, but ${why_not}")
  endif()
  if(why_not)
    message(STATUS "The web console's pages are not built: ${why_not}")
    return()
  endif()
  find_program(NODE NAMES node nodejs)
  set(dist ${console_build}/dist)
  set(embedded ${console_build}/embedded_assets.cpp)
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${console_sources}/src/* ${console_sources}/test/* ${console_sources}/*.mjs ${console_sources}/*.html
    ${console_sources}/tsconfig.json ${console_sources}/package-lock.json)
  list(FILTER inputs EXCLUDE REGEX "/node_modules/")
  add_custom_command(OUTPUT ${embedded}
    COMMAND ${CMAKE_COMMAND} -DFROM=${console_sources} -DTO=${console_build}/web -P ${CMAKE_SOURCE_DIR}/cmake/copy_web.cmake
    COMMAND ${CMAKE_COMMAND} -E chdir ${console_build}/web ${NODE} build.mjs --out ${dist}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${dist} -DOUTPUT=${embedded} -DNODE=${NODE} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${inputs} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake ${CMAKE_SOURCE_DIR}/cmake/gzip.mjs
      ${CMAKE_SOURCE_DIR}/cmake/copy_web.cmake
    COMMENT "Bundling the web console" VERBATIM)
  add_custom_target(console_assets DEPENDS ${embedded})
  set(${source} ${embedded} PARENT_SCOPE)
endfunction()
