# What find_package(amphost) finds in a folder of sources: the library is built with the firmware.
if(NOT TARGET amphost::device)
    add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/.. ${CMAKE_BINARY_DIR}/amphost EXCLUDE_FROM_ALL)
endif()
