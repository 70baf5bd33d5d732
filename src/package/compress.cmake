# Run by cpack between installing and packing: manual pages and changelogs as Debian has them, compressed, with the
# same bytes each time.
file(GLOB papers ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/share/doc/*/changelog.Debian
     ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/share/man/man*/*)
execute_process(COMMAND gzip -9n ${papers} COMMAND_ERROR_IS_FATAL ANY)
