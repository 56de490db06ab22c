# Compiler cache, linker and warnings; every choice is reported.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  message(STATUS "Compiler cache: ${CCACHE_PROGRAM}")
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
  message(STATUS "Linker: ${MOLD_PROGRAM}")
endif()

# Warnings for our own code only; generated code is compiled without.
add_library(yikou_warnings INTERFACE)
target_compile_options(yikou_warnings INTERFACE -Wall -Wextra -Wno-unused-parameter
                                                -Wno-missing-field-initializers)
if(YIKOU_WERROR)
  target_compile_options(yikou_warnings INTERFACE -Werror)
endif()
