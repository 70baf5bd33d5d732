# libbufpool0 and libbufpool-dev, by cpack's DEB generator. Run in the build tree: cpack
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The bufpool authors <maintainers@bufpool.example>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/debian/changelog changed LIMIT_COUNT 1)
if(NOT changed MATCHES "\\(${PROJECT_VERSION}-")
  message(FATAL_ERROR "src/package/debian/changelog does not begin with ${PROJECT_VERSION}: ${changed}")
endif()

# Each package has its papers where Debian looks for them; a plain `cmake --install` lays none of that down.
set(debian ${CMAKE_CURRENT_LIST_DIR}/debian)
foreach(package libbufpool0 libbufpool-dev)
  install(FILES ${debian}/copyright DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} COMPONENT ${package}
          EXCLUDE_FROM_ALL)
  install(FILES ${debian}/changelog DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} RENAME changelog.Debian
          COMPONENT ${package} EXCLUDE_FROM_ALL)
endforeach()
install(FILES ${debian}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/lintian/overrides
        RENAME libbufpool0 COMPONENT libbufpool0 EXCLUDE_FROM_ALL)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime development doc libbufpool0 libbufpool-dev)
set(CPACK_COMPONENT_RUNTIME_GROUP library)
set(CPACK_COMPONENT_LIBBUFPOOL0_GROUP library)
set(CPACK_COMPONENT_DEVELOPMENT_GROUP headers)
set(CPACK_COMPONENT_DOC_GROUP headers)
set(CPACK_COMPONENT_LIBBUFPOOL-DEV_GROUP headers)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/compress.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 0upstream1) # a package of Debian's own, -1, replaces ours
set(CPACK_DEBIAN_PACKAGE_MULTIARCH same)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # cpack would put the project's before ours
set(about "A buffer pool for servers that borrow and return buffers of 512 bytes to 1 MiB
at a high rate on several threads: the speed of a thread-local array, buffers
that may be freed on any thread, and idle memory that goes back to the system
by itself, also from threads that sleep.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libbufpool0)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
# Whoever is built against this release may use what is new in it.
get_target_property(soversion bufpool SOVERSION)
set(shlibs "")
foreach(library bufpool ${BUFPOOL_FAMILY})
  string(REGEX REPLACE "^bufpool-bufpool$" "bufpool" library bufpool-${library})
  string(APPEND shlibs "lib${library} ${soversion} libbufpool0 (>= ${PROJECT_VERSION})\n")
endforeach()
file(WRITE ${PROJECT_BINARY_DIR}/package/shlibs "${shlibs}")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${debian}/triggers ${PROJECT_BINARY_DIR}/package/shlibs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "lock-free, size-classed buffer pool (shared library)\n${about}")

set(CPACK_DEBIAN_HEADERS_PACKAGE_NAME libbufpool-dev)
set(CPACK_DEBIAN_HEADERS_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_HEADERS_PACKAGE_DEPENDS
    "libbufpool0 (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), libck-dev, libc6-dev")
# What the adapters' headers include; who uses none of them needs none.
set(suggests "")
foreach(pair uv=libuv1-dev event=libevent-dev uring=liburing-dev openssl=libssl-dev sqlite=libsqlite3-dev
             zlib=zlib1g-dev zstd=libzstd-dev curl=libcurl4-openssl-dev nghttp2=libnghttp2-dev)
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 header)
  if(EXISTS ${PROJECT_SOURCE_DIR}/include/bufpool/${header}.h)
    list(GET pair 1 library)
    list(APPEND suggests ${library})
  endif()
endforeach()
list(JOIN suggests ", " CPACK_DEBIAN_HEADERS_PACKAGE_SUGGESTS)
set(CPACK_DEBIAN_HEADERS_DESCRIPTION
    "lock-free, size-classed buffer pool (headers, static library, manual)\n${about}")

include(CPack)
