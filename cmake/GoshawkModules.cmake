# One library a folder of goshawk/, with dependencies that point one way only.
#
# goshawk_module(NAME [DEPENDS modules...] [PUBLIC libraries...] [PRIVATE libraries...])
# builds goshawk::NAME from every .cpp of the current folder. X_test.cpp files become the program NAME_test, whose
# cases ctest runs under the label `unit`. An edge that is not in the table below is refused.

set(GOSHAWK_EDGES_core "")
set(GOSHAWK_EDGES_report core)
set(GOSHAWK_EDGES_dataset core report)
set(GOSHAWK_EDGES_evaluate core report dataset)
set(GOSHAWK_EDGES_onnx core)
set(GOSHAWK_EDGES_train core report dataset evaluate onnx media runtime detect)
set(GOSHAWK_EDGES_media core)
set(GOSHAWK_EDGES_runtime core)
set(GOSHAWK_EDGES_detect core runtime)
set(GOSHAWK_EDGES_benchmark core report media runtime detect)
set(GOSHAWK_EDGES_track core)
set(GOSHAWK_EDGES_pipeline core dataset media runtime detect track)

function(goshawk_module name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PUBLIC;PRIVATE" ${ARGN})
  if(NOT DEFINED GOSHAWK_EDGES_${name})
    message(FATAL_ERROR "goshawk_module(${name}): not in the table of cmake/GoshawkModules.cmake")
  endif()
  foreach(dependency IN LISTS ARG_DEPENDS)
    if(NOT dependency IN_LIST GOSHAWK_EDGES_${name})
      message(FATAL_ERROR "goshawk_module(${name}): must not depend on ${dependency}; allowed: ${GOSHAWK_EDGES_${name}}")
    endif()
    list(APPEND ARG_PUBLIC goshawk::${dependency})
  endforeach()

  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  goshawk_check_includes(${name} "${ARG_DEPENDS}")
  add_library(goshawk_${name} STATIC ${sources})
  add_library(goshawk::${name} ALIAS goshawk_${name})
  target_include_directories(goshawk_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(goshawk_${name} PUBLIC ${ARG_PUBLIC} PRIVATE goshawk_build ${ARG_PRIVATE})
  if(GOSHAWK_TESTS AND tests)
    goshawk_test(${name}_test SOURCES ${tests} LINK goshawk::${name} ${ARG_PRIVATE} LABELS unit)
  endif()
endfunction()

# Refuses an #include of a folder that the module does not depend on.
function(goshawk_check_includes name depends)
  file(GLOB files CONFIGURE_DEPENDS *.h *.cpp)
  foreach(file IN LISTS files)
    file(STRINGS "${file}" includes REGEX "^#include \"goshawk/")
    foreach(include IN LISTS includes)
      string(REGEX REPLACE "^#include \"goshawk/([a-z]+)/.*" "\\1" folder "${include}")
      if(NOT folder STREQUAL name AND NOT folder IN_LIST depends)
        message(FATAL_ERROR "${file} includes goshawk/${folder}, on which ${name} does not depend")
      endif()
    endforeach()
  endforeach()
endfunction()

# goshawk_test(NAME SOURCES files... LINK libraries... LABELS labels... [TIMEOUT seconds])
# One GoogleTest program; each case is one ctest test. Cases that need GOSHAWK_SHARED_DATA skip themselves without it.
function(goshawk_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} goshawk_build GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE GOSHAWK_SHARED_DATA="${GOSHAWK_SHARED_DATA}"
                             GOSHAWK_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${GOSHAWK_TEST_ENVIRONMENT}")
endfunction()
