include(${CMAKE_CURRENT_LIST_DIR}/tinyprop/micropython.cmake)
