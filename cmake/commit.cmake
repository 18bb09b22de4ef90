# Writes the header with the version and the commit that are being built, when they have changed: run at every build, so that no configure is
# needed after a commit.  cmake -DSOURCE=... -DRELEASE=X.Y.Z -DHEADER=... [-DVERSION=... -DCOMMIT=...] -P commit.cmake
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/version.cmake)
twinhub_git_version(${SOURCE} ${RELEASE} version commit)
foreach(known VERSION COMMIT)  # as in the image, whose tree has no git
  if(${known})
    string(TOLOWER ${known} found)
    set(${found} ${${known}})
  endif()
endforeach()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#pragma once\n#define TWINHUB_VERSION \"@version@\"\n#define TWINHUB_COMMIT \"@commit@\"\n" @ONLY)
