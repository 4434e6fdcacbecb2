# Debian packages, one a program: cpack -G DEB in a build folder, or .ci/package. Included last, when everything is installed.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mco)
set(CPACK_PACKAGE_VENDOR "mco")
set(CPACK_PACKAGE_CONTACT "mco maintainers <maintainers@mco.invalid>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/packaging/compress_pages.cmake)
set(CPACK_SET_DESTDIR ON)  # /etc is not below the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL mco-common mco mcod mco-proxy mco-ca mco-dev)
if(MCO_BENCH)
  list(APPEND CPACK_COMPONENTS_ALL mco-bench)
endif()
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# package, what it is in one line, what it is for, what it depends on beside its libraries, what usually goes with it
function(debian_package package synopsis text depends recommends)
  string(TOUPPER ${package} name)
  set(CPACK_DEBIAN_${name}_PACKAGE_NAME ${package} PARENT_SCOPE)
  set(CPACK_COMPONENT_${name}_DESCRIPTION "${synopsis}\n${text}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_DEPENDS "${depends}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_RECOMMENDS "${recommends}" PARENT_SCOPE)
  set(scripts ${CMAKE_CURRENT_SOURCE_DIR}/packaging/${package})
  if(EXISTS ${scripts})
    set(CPACK_DEBIAN_${name}_PACKAGE_CONTROL_EXTRA
        "${scripts}/postinst;${scripts}/prerm;${scripts}/postrm;${scripts}/conffiles" PARENT_SCOPE)
  endif()
  # A package without both is none for Debian; the changes themselves are in the repository.
  install(FILES packaging/copyright DESTINATION share/doc/${package} COMPONENT ${package})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelogs/${package}/changelog.gz DESTINATION share/doc/${package}
          COMPONENT ${package})
  set(mine ${CMAKE_CURRENT_BINARY_DIR}/changelogs/${package})
  file(WRITE ${mine}/changelog "${package} (${PROJECT_VERSION}) unstable; urgency=medium\n\n"
       "  * Version ${PROJECT_VERSION}; the changes are told in the repository.\n\n"
       " -- mco maintainers <maintainers@mco.invalid>  Thu, 01 Jan 2026 00:00:00 +0000\n")
  execute_process(COMMAND gzip -9nf ${mine}/changelog COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(same_version "(= ${PROJECT_VERSION})")
debian_package(mco-common "fleet orchestration without a broker: common files"
  "Interfaces of the agents and data sources that come along, examples of\nconfiguration, and the documentation." "" "")
set(CPACK_DEBIAN_MCO-COMMON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_MCO-COMMON_PACKAGE_SHLIBDEPS OFF)
debian_package(mco "fleet orchestration without a broker: command line"
  "Runs predefined actions on many machines in parallel, chosen by facts,\nclasses, agents and names, and accounts for every one of them. The\nmachines run mcod."
  "mco-common ${same_version}" "bash-completion")
debian_package(mcod "fleet orchestration without a broker: daemon"
  "Runs on every machine of the fleet and performs what policies allow\nenrolled operators to ask for."
  "mco-common ${same_version}" "mco-ca, logrotate")
debian_package(mco-proxy "fleet orchestration without a broker: proxy between sites"
  "Joins the machines of one site to those of others. It runs no agents and\ncannot read what it passes on."
  "adduser" "mco-ca, mco-common")
debian_package(mco-ca "fleet orchestration without a broker: authority"
  "Makes the keys and certificates of machines, proxies and operators." "" "")
debian_package(mco-dev "fleet orchestration without a broker: agents in C++"
  "The header of an external agent in C++17, which speaks with mcod for it,\nand an example." "nlohmann-json3-dev" "g++")
set(CPACK_DEBIAN_MCO-DEV_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_MCO-DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_MCO-DEV_PACKAGE_SECTION libdevel)
if(MCO_BENCH)
  debian_package(mco-bench "fleet orchestration without a broker: benchmarks"
    "Simulates meshes of any size and measures latency." "" "")
endif()
install(FILES packaging/mcod.logrotate DESTINATION /etc/logrotate.d COMPONENT mcod RENAME mcod)

include(CPack)
