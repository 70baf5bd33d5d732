# bufpool-top: bench/top builds it with the benchmark, tests/observe for its own use.
find_package(PkgConfig)
if(PkgConfig_FOUND)
  pkg_check_modules(JANSSON jansson)
endif()
if(JANSSON_FOUND AND NOT TARGET bufpool-top)
  add_executable(bufpool-top ${CMAKE_CURRENT_LIST_DIR}/top.c ${CMAKE_CURRENT_LIST_DIR}/watched.c
                 ${CMAKE_CURRENT_LIST_DIR}/page.c ${CMAKE_CURRENT_LIST_DIR}/screen.c)
  target_include_directories(bufpool-top SYSTEM PRIVATE ${JANSSON_INCLUDE_DIRS})
  target_link_libraries(bufpool-top PRIVATE bufpool_private ${JANSSON_LINK_LIBRARIES})
endif()
