# Finds LibTorch and defines torch::cpu. The wheel's own TorchConfig.cmake demands a CUDA toolkit, which nothing here needs.
# Looks in LibTorch_ROOT (lib/, include/: an official archive, or the `torch` folder of a Python environment) first, then in
# .deps/libtorch (filled by `tools/setup --train`). Not required: without it, everything but `goshawk train` is built.

set(bundled "${PROJECT_SOURCE_DIR}/.deps/libtorch")
find_path(LibTorch_INCLUDE_DIR torch/csrc/api/include/torch/torch.h
          HINTS ${LibTorch_ROOT} PATHS ${bundled} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS ${LibTorch_ROOT} PATHS ${bundled} PATH_SUFFIXES lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 HINTS ${LibTorch_ROOT} PATHS ${bundled} PATH_SUFFIXES lib NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run tools/setup --train, or give a LibTorch with -DLibTorch_ROOT=DIR")

if(LibTorch_FOUND AND NOT TARGET torch::cpu)
  add_library(torch::c10 SHARED IMPORTED)
  set_target_properties(torch::c10 PROPERTIES IMPORTED_LOCATION "${LibTorch_C10_LIBRARY}")
  add_library(torch::cpu SHARED IMPORTED)
  set_target_properties(torch::cpu PROPERTIES IMPORTED_LOCATION "${LibTorch_CPU_LIBRARY}")
  target_include_directories(torch::cpu SYSTEM INTERFACE "${LibTorch_INCLUDE_DIR}"
                             "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  # Its include folder holds a {fmt} of its own, newer than Debian's library and found before it.
  target_compile_definitions(torch::cpu INTERFACE FMT_HEADER_ONLY)
  target_link_libraries(torch::cpu INTERFACE torch::c10)
endif()
