# yikou_library(<name> SOURCES ... [DEPS ...] [PRIVATE_DEPS ...]): a static library yikou_<name>.
function(yikou_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(yikou_${name} STATIC ${ARG_SOURCES})
  target_include_directories(yikou_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(yikou_${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS} yikou_warnings)
endfunction()

# yikou_embed_sql(<target> <symbol> <file>...): an embedded_<symbol>.cc that defines
# std::vector<std::pair<std::string, std::string>> yikou::sql::<symbol>() as (file name, text), in the
# order given, so that a binary carries its schema.
function(yikou_embed_sql target symbol)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.cc)
  set(text "#include <string>\n#include <utility>\n#include <vector>\n\nnamespace yikou::sql {\n\n")
  string(APPEND text "std::vector<std::pair<std::string, std::string>> ${symbol}() {\n  return {\n")
  foreach(file IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    file(READ ${file} sql)
    get_filename_component(base ${file} NAME)
    string(APPEND text "      {\"${base}\", R\"yksql(${sql})yksql\"},\n")
  endforeach()
  string(APPEND text "  };\n}\n\n}  // namespace yikou::sql\n")
  file(CONFIGURE OUTPUT ${out} CONTENT "${text}" @ONLY)
  target_sources(${target} PRIVATE ${out})
endfunction()

# yikou_unit_tests(DEPS <target>... SOURCES <file>...): adds tests that stand beside the code to the
# one binary of the unit tier, made in tests/.
function(yikou_unit_tests)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  set_property(GLOBAL APPEND PROPERTY YIKOU_UNIT_TEST_SOURCES ${ARG_SOURCES})
  set_property(GLOBAL APPEND PROPERTY YIKOU_UNIT_TEST_DEPS ${ARG_DEPS})
endfunction()
