# Compiler settings that every target of this project shares (target goshawk_build).

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(goshawk_build INTERFACE)
if(GOSHAWK_WARNINGS)
  target_compile_options(goshawk_build INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                         -Wcast-align -Wunused -Wnull-dereference -Wformat=2 -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # False alarms of GCC 12 in inlined libstdc++ and OpenCV code.
    target_compile_options(goshawk_build INTERFACE -Wno-null-dereference -Wno-stringop-overflow -Wno-array-bounds
                           -Wno-restrict -Wno-maybe-uninitialized -Wno-dangling-pointer)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # std::stable_sort of libstdc++ 12 calls a function that it deprecates itself; GCC still looks for ours.
    target_compile_options(goshawk_build INTERFACE -Wno-deprecated-declarations)
  endif()
endif()
if(GOSHAWK_SANITIZE)
  target_compile_options(goshawk_build INTERFACE -fsanitize=${GOSHAWK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(goshawk_build INTERFACE -fsanitize=${GOSHAWK_SANITIZE})
endif()
if(GOSHAWK_FUZZ)
  target_compile_options(goshawk_build INTERFACE -fsanitize=fuzzer-no-link)  # the fuzzers see which code they reach
endif()

# ThreadSanitizer cannot see the locks inside libav and ONNX Runtime, which are not built with it; it judges our code only.
# Threads of OpenMP (LibTorch) that wait do not take the cores from the tests beside them.
set(GOSHAWK_TEST_ENVIRONMENT "OMP_WAIT_POLICY=PASSIVE")
if(GOSHAWK_SANITIZE MATCHES "thread")
  set(GOSHAWK_TEST_ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1")
endif()
