# yikou_proto(<target> [GRPC] <file>...): one static library of generated code, without warnings.
function(yikou_protos target)
  cmake_parse_arguments(ARG "" "" "MESSAGES;SERVICES" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  foreach(proto IN LISTS ARG_MESSAGES ARG_SERVICES)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(produced ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(command --cpp_out=${out})
    if(proto IN_LIST ARG_SERVICES)
      list(APPEND produced ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      list(APPEND command --grpc_out=${out} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(
      OUTPUT ${produced}
      COMMAND protobuf::protoc -I ${CMAKE_CURRENT_SOURCE_DIR} ${command} ${proto}
      WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
      DEPENDS ${proto}
      COMMENT "Generating ${proto}")
    list(APPEND sources ${produced})
  endforeach()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} SYSTEM PUBLIC ${out})
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf gRPC::grpc++)
  # Generated code is large and never the bottleneck: the least optimisation that is still quick.
  target_compile_options(${target} PRIVATE -O1 -g0 -w)
endfunction()
