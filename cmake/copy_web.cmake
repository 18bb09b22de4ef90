# Copies the console's sources beside the packages that they are bundled with, and what is no longer there away.
#   cmake -DFROM=server/console/web -DTO=build/console/web -P copy_web.cmake
cmake_minimum_required(VERSION 3.25)
file(GLOB old RELATIVE ${TO} ${TO}/*)
list(REMOVE_ITEM old node_modules)
foreach(name IN LISTS old)
  file(REMOVE_RECURSE ${TO}/${name})
endforeach()
file(GLOB new RELATIVE ${FROM} ${FROM}/*)
list(REMOVE_ITEM new node_modules dist)
foreach(name IN LISTS new)
  file(COPY ${FROM}/${name} DESTINATION ${TO})
endforeach()
