# What budget/ and bench/scale.c count with: a build of the library whose atomics are counted, and turns.
if(NOT TARGET bufpool_counted)
  add_library(budget_support STATIC ${CMAKE_CURRENT_LIST_DIR}/baton.c ${CMAKE_CURRENT_LIST_DIR}/counted.c
              ${CMAKE_CURRENT_LIST_DIR}/cpus.c)
  target_include_directories(budget_support PUBLIC ${CMAKE_CURRENT_LIST_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(budget_support PRIVATE bufpool_private PUBLIC Threads::Threads ${CMAKE_DL_LIBS})

  bufpool_library(bufpool_counted STATIC)
  target_include_directories(bufpool_counted BEFORE PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../support/watched)
  target_include_directories(bufpool_counted PRIVATE ${CMAKE_CURRENT_LIST_DIR})
  target_link_libraries(bufpool_counted PUBLIC budget_support)
  # counter++ of an atomic one would go uncounted.
  target_compile_options(bufpool_counted PRIVATE $<$<C_COMPILER_ID:Clang>:-Watomic-implicit-seq-cst>)
endif()
