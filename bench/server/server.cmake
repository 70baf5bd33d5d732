# bufpool-server: bench/run --server builds it with the benchmark, tests/server for their own use.
find_package(PkgConfig)
if(PkgConfig_FOUND)
  pkg_check_modules(HIREDIS QUIET IMPORTED_TARGET hiredis)
endif()
find_path(HTTP_PARSER_INCLUDE_DIR http_parser.h)
find_library(HTTP_PARSER_LIBRARY http_parser)
if(HIREDIS_FOUND AND HTTP_PARSER_INCLUDE_DIR AND HTTP_PARSER_LIBRARY AND NOT TARGET bufpool-server)
  set(folder ${CMAKE_CURRENT_LIST_DIR})
  add_executable(bufpool-server ${folder}/main.c ${folder}/settings.c ${folder}/address.c ${folder}/bytes.c ${folder}/loop.c
                 ${folder}/key.c ${folder}/lines.c ${folder}/request.c ${folder}/response.c ${folder}/resp.c ${folder}/store.c
                 ${folder}/answer.c ${folder}/client.c ${folder}/front.c ${folder}/metrics.c)
  target_include_directories(bufpool-server SYSTEM PRIVATE ${HTTP_PARSER_INCLUDE_DIR})
  target_link_libraries(bufpool-server PRIVATE bufpool_private bufpool::bytebuf bufpool::connpool bufpool::workpool
                        PkgConfig::HIREDIS ${HTTP_PARSER_LIBRARY} Threads::Threads)
endif()
