# Which version a tree is, from git.
#
# The commit that the tag vX.Y.Z names is version X.Y.Z, that of project(). Any other commit is on its way to it: X.Y.Z~gitDATE.TIME.COMMIT, of
# the commit's time in UTC, with .dirty behind it when files were changed. dpkg and rpm sort it before X.Y.Z, and by time among themselves.

# twinhub_git_version(SOURCE RELEASE VERSION COMMIT): sets both variables; a tree without git gets RELEASE and "commit unknown".
function(twinhub_git_version source release version commit)
  set(${version} ${release} PARENT_SCOPE)
  set(${commit} "commit unknown" PARENT_SCOPE)
  twinhub_git(found describe --always --dirty --abbrev=12 --exclude=*)
  if(NOT found)
    return()
  endif()
  set(${commit} ${found} PARENT_SCOPE)
  twinhub_git(tags tag --points-at HEAD)
  string(REPLACE "\n" ";" tags "${tags}")
  if("v${release}" IN_LIST tags AND NOT found MATCHES "-dirty$")
    return()
  endif()
  twinhub_git(stamp log -1 --format=%cd.%h --date=format-local:%Y%m%d.%H%M%S --abbrev=7)
  if(found MATCHES "-dirty$")
    string(APPEND stamp ".dirty")
  endif()
  set(${version} "${release}~git${stamp}" PARENT_SCOPE)
endfunction()

macro(twinhub_git variable)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env TZ=UTC git -C ${source} ${ARGN}
    OUTPUT_VARIABLE ${variable} OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endmacro()
