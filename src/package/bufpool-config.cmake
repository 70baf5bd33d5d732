# find_package(bufpool [VERSION] [COMPONENTS shared] [static])
#
#   bufpool::bufpool   the shared library
#   bufpool::static    the static one, where libck and threads are to be had, which it brings along
include(${CMAKE_CURRENT_LIST_DIR}/bufpool-shared.cmake)
set(bufpool_shared_FOUND TRUE)

if(NOT TARGET bufpool::static)
  find_package(Threads QUIET)
  find_library(bufpool_CK_LIBRARY ck)
  mark_as_advanced(bufpool_CK_LIBRARY)
  if(Threads_FOUND AND bufpool_CK_LIBRARY)
    # By name, so that the linker takes libck.a where all is to be static.
    get_filename_component(bufpool_ck_directory ${bufpool_CK_LIBRARY} DIRECTORY)
    add_library(bufpool::ck INTERFACE IMPORTED)
    set_target_properties(bufpool::ck PROPERTIES INTERFACE_LINK_LIBRARIES ck
                          INTERFACE_LINK_DIRECTORIES ${bufpool_ck_directory})
    unset(bufpool_ck_directory)
    include(${CMAKE_CURRENT_LIST_DIR}/bufpool-static.cmake)
  endif()
endif()
if(TARGET bufpool::static)
  set(bufpool_static_FOUND TRUE)
endif()

foreach(bufpool_component IN LISTS bufpool_FIND_COMPONENTS)
  if(bufpool_FIND_REQUIRED_${bufpool_component} AND NOT bufpool_${bufpool_component}_FOUND)
    set(bufpool_FOUND FALSE)
    set(bufpool_NOT_FOUND_MESSAGE "bufpool's component ${bufpool_component} needs libck and threads, or does not exist")
  endif()
endforeach()
unset(bufpool_component)
