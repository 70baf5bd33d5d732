# What `cmake --install` lays down, in three components: runtime, development, doc. See src/README.md, "Packages".
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(BUFPOOL_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/bufpool)

install(TARGETS ${BUFPOOL_SHARED} EXPORT bufpool-shared
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ${BUFPOOL_STATIC} EXPORT bufpool-static
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

# Debian's packages have their own way to say it.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
endif()

# The prefix is told from where the file lies: the tree may be moved, or installed with another --prefix. But not
# below /usr, whose directories pkg-config leaves out where it recognises them.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(BUFPOOL_PC_PREFIX /usr)
else()
  file(RELATIVE_PATH BUFPOOL_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  string(REGEX REPLACE "(.*[^/])/*$" "\${pcfiledir}/\\1" BUFPOOL_PC_PREFIX ${BUFPOOL_PC_PREFIX})
endif()
file(RELATIVE_PATH BUFPOOL_PC_LIBDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH BUFPOOL_PC_INCLUDEDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
get_filename_component(BUFPOOL_PC_CK ${BUFPOOL_CK_LIBRARY} DIRECTORY)
if(BUFPOOL_PC_CK IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
  set(BUFPOOL_PC_CK -lck)
else()
  set(BUFPOOL_PC_CK "-L${BUFPOOL_PC_CK} -lck")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/bufpool.pc.in ${PROJECT_BINARY_DIR}/package/bufpool.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/bufpool.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)
foreach(member ${BUFPOOL_FAMILY})
  get_target_property(requires bufpool_${member} INTERFACE_LINK_LIBRARIES)
  string(REPLACE "_" "-" requires "${requires}")
  string(REPLACE ";" " " requires "${requires}")
  configure_file(${CMAKE_CURRENT_LIST_DIR}/bufpool-family.pc.in ${PROJECT_BINARY_DIR}/package/bufpool-${member}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/bufpool-${member}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
          COMPONENT development)
endforeach()

# Below 1.0 a new minor number may break what was.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/bufpool-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/bufpool-config.cmake
              ${PROJECT_BINARY_DIR}/package/bufpool-config-version.cmake
        DESTINATION ${BUFPOOL_CMAKE_DIR} COMPONENT development)
foreach(kind shared static)
  install(EXPORT bufpool-${kind} NAMESPACE bufpool:: DESTINATION ${BUFPOOL_CMAKE_DIR} COMPONENT development)
endforeach()

# The manual is made of the headers; without perl there is none.
find_program(BUFPOOL_PERL perl)
if(BUFPOOL_PERL)
  file(GLOB_RECURSE BUFPOOL_HEADERS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.h
       ${PROJECT_SOURCE_DIR}/include/*.hpp)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/package/man.stamp
                     COMMAND ${BUFPOOL_PERL} ${PROJECT_SOURCE_DIR}/src/doc/man ${PROJECT_BINARY_DIR}/package/man
                             ${CMAKE_CURRENT_LIST_DIR}/debian/changelog ${BUFPOOL_HEADERS}
                     COMMAND ${CMAKE_COMMAND} -E touch ${PROJECT_BINARY_DIR}/package/man.stamp
                     DEPENDS ${PROJECT_SOURCE_DIR}/src/doc/man ${PROJECT_SOURCE_DIR}/src/doc/Contract.pm
                             ${CMAKE_CURRENT_LIST_DIR}/debian/changelog ${BUFPOOL_HEADERS} VERBATIM)
  add_custom_target(bufpool_manual ALL DEPENDS ${PROJECT_BINARY_DIR}/package/man.stamp)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/package/man/ DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT doc)
else()
  message(STATUS "bufpool: no perl, no manual pages")
endif()

# In a tree that is made for /usr, cpack makes Debian packages.
if(BUFPOOL_MAIN AND CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
endif()
