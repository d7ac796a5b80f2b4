# Finds ONNX Runtime and defines onnxruntime::onnxruntime and ONNXRUNTIME_PROVIDER_DIR.
# Looks in OnnxRuntime_ROOT (an official archive: include/, lib/) first, then in .deps/ (filled by tools/setup).

set(bundled "${PROJECT_SOURCE_DIR}/.deps/onnxruntime")
find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_cxx_api.h
          HINTS ${OnnxRuntime_ROOT} PATHS ${bundled} PATH_SUFFIXES include include/onnxruntime NO_SYSTEM_ENVIRONMENT_PATH)
find_library(OnnxRuntime_LIBRARY onnxruntime HINTS ${OnnxRuntime_ROOT} PATHS ${bundled} PATH_SUFFIXES lib)
set(ONNXRUNTIME_PROVIDER_DIR "${PROJECT_SOURCE_DIR}/.deps/providers")

if(OnnxRuntime_INCLUDE_DIR)
  file(STRINGS "${OnnxRuntime_INCLUDE_DIR}/onnxruntime_c_api.h" api REGEX "#define ORT_API_VERSION [0-9]+")
  string(REGEX MATCH "[0-9]+" OnnxRuntime_API_VERSION "${api}")
  if(OnnxRuntime_API_VERSION LESS 23)
    message(FATAL_ERROR "ONNX Runtime headers of API version 23 or newer are needed, ${OnnxRuntime_INCLUDE_DIR} has "
                        "${OnnxRuntime_API_VERSION}")
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OnnxRuntime
  REQUIRED_VARS OnnxRuntime_LIBRARY OnnxRuntime_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run tools/setup, or give an official archive with -DOnnxRuntime_ROOT=DIR")

if(OnnxRuntime_FOUND AND NOT TARGET onnxruntime::onnxruntime)
  add_library(onnxruntime::onnxruntime SHARED IMPORTED)
  set_target_properties(onnxruntime::onnxruntime PROPERTIES IMPORTED_LOCATION "${OnnxRuntime_LIBRARY}"
                        INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${OnnxRuntime_INCLUDE_DIR}"
                        INTERFACE_INCLUDE_DIRECTORIES "${OnnxRuntime_INCLUDE_DIR}")
endif()
