# Finds ONNX Runtime and defines onnxruntime::onnxruntime and ONNXRUNTIME_PROVIDER_DIR.
# Looks in OnnxRuntime_ROOT (an official archive: include/, lib/) where that is given, else in .deps/ (filled by tools/setup),
# and nowhere else: another ONNX Runtime of the system would fit neither the headers nor the execution providers.

set(place "${PROJECT_SOURCE_DIR}/.deps/onnxruntime")
if(OnnxRuntime_ROOT)
  set(place "${OnnxRuntime_ROOT}")
endif()
if(NOT OnnxRuntime_PLACE STREQUAL place)  # found elsewhere by an earlier run
  unset(OnnxRuntime_INCLUDE_DIR CACHE)
  unset(OnnxRuntime_LIBRARY CACHE)
  set(OnnxRuntime_PLACE "${place}" CACHE INTERNAL "Where ONNX Runtime was looked for")
endif()
find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_cxx_api.h PATHS "${place}" PATH_SUFFIXES include include/onnxruntime
          NO_DEFAULT_PATH)
find_library(OnnxRuntime_LIBRARY onnxruntime PATHS "${place}" PATH_SUFFIXES lib NO_DEFAULT_PATH)
set(ONNXRUNTIME_PROVIDER_DIR "${PROJECT_SOURCE_DIR}/.deps/providers")

if(OnnxRuntime_INCLUDE_DIR)
  file(STRINGS "${OnnxRuntime_INCLUDE_DIR}/onnxruntime_c_api.h" api REGEX "#define ORT_API_VERSION [0-9]+")
  string(REGEX MATCH "[0-9]+" OnnxRuntime_API_VERSION "${api}")
  if(OnnxRuntime_API_VERSION LESS 23)
    message(FATAL_ERROR "ONNX Runtime headers of API version 23 or newer are needed, ${OnnxRuntime_INCLUDE_DIR} has "
                        "${OnnxRuntime_API_VERSION}")
  endif()
endif()
# The library 1.N serves every API version up to N; its version stands in the name of the file behind the links.
if(OnnxRuntime_INCLUDE_DIR AND OnnxRuntime_LIBRARY)
  file(REAL_PATH "${OnnxRuntime_LIBRARY}" library)
  if(library MATCHES "libonnxruntime\\.so\\.1\\.([0-9]+)" AND OnnxRuntime_API_VERSION GREATER CMAKE_MATCH_1)
    message(FATAL_ERROR "ONNX Runtime's headers are newer than its library: ${OnnxRuntime_INCLUDE_DIR} has API version "
                        "${OnnxRuntime_API_VERSION}, ${library} serves up to ${CMAKE_MATCH_1}. Both must come from one "
                        "archive: give another with -DOnnxRuntime_ROOT=DIR, or delete .deps/onnxruntime and run tools/setup")
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OnnxRuntime
  REQUIRED_VARS OnnxRuntime_LIBRARY OnnxRuntime_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "it is not in ${place}: run tools/setup, or give an official archive with -DOnnxRuntime_ROOT=DIR")

if(OnnxRuntime_FOUND AND NOT TARGET onnxruntime::onnxruntime)
  add_library(onnxruntime::onnxruntime SHARED IMPORTED)
  set_target_properties(onnxruntime::onnxruntime PROPERTIES IMPORTED_LOCATION "${OnnxRuntime_LIBRARY}"
                        INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${OnnxRuntime_INCLUDE_DIR}"
                        INTERFACE_INCLUDE_DIRECTORIES "${OnnxRuntime_INCLUDE_DIR}")
endif()
