# tinyprop as a user C module of MicroPython's CMake ports (rp2, esp32).
set(TINYPROP_DIR ${CMAKE_CURRENT_LIST_DIR})
file(STRINGS ${TINYPROP_DIR}/core/sources.txt TINYPROP_CORE)
list(APPEND TINYPROP_CORE kernels/armv6m.S)  # empty for any other processor
list(TRANSFORM TINYPROP_CORE PREPEND ${TINYPROP_DIR}/core/)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${TINYPROP_DIR}/core/sources.txt)
# Ports compile for size; learning is worth speed.
set_source_files_properties(${TINYPROP_CORE} PROPERTIES COMPILE_OPTIONS -O2)
set_source_files_properties(
    ${TINYPROP_DIR}/core/conv.c ${TINYPROP_DIR}/core/kernels/portable.c PROPERTIES COMPILE_OPTIONS -O3
)

add_library(usermod_tinyprop INTERFACE)
target_sources(usermod_tinyprop INTERFACE ${TINYPROP_DIR}/modtinyprop.c ${TINYPROP_CORE})
target_include_directories(usermod_tinyprop INTERFACE ${TINYPROP_DIR}/core)
target_link_libraries(usermod INTERFACE usermod_tinyprop)
