# Targets out of what is there: each function skips, and says so, when it finds no source.

# ringhub_sources(VARIABLE PATTERN...): the files that match, absolute, watched by the build.
function(ringhub_sources variable)
    list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/)
    file(GLOB files CONFIGURE_DEPENDS ${ARGN})
    set(${variable} ${files} PARENT_SCOPE)
endfunction()

# ringhub_library(NAME SOURCE...): a static library.
function(ringhub_library name)
    if(NOT ARGN)
        message(STATUS "Skipping ${name}: no sources yet")
        return()
    endif()
    add_library(${name} STATIC ${ARGN})
endfunction()

# ringhub_link(NAME LIBRARY...): links those of our libraries that exist, and all others.
function(ringhub_link name)
    if(NOT TARGET ${name})
        return()
    endif()
    foreach(library ${ARGN})
        if(TARGET ${library} OR NOT library MATCHES "^(ringhub|hubload)_")
            target_link_libraries(${name} PUBLIC ${library})
        endif()
    endforeach()
endfunction()

# ringhub_program(NAME SOURCES LIBRARY...): an executable, once all its sources and libraries exist.
# SOURCES is one argument, a list.
function(ringhub_program name sources)
    foreach(source ${sources})
        if(NOT EXISTS ${source})
            message(STATUS "Skipping ${name}: no ${source} yet")
            return()
        endif()
    endforeach()
    foreach(library ${ARGN})
        if(library MATCHES "^(ringhub|hubload)_" AND NOT TARGET ${library})
            message(STATUS "Skipping ${name}: no ${library} yet")
            return()
        endif()
    endforeach()
    add_executable(${name} ${sources})
    target_link_libraries(${name} PRIVATE ${ARGN})
endfunction()
