# Flags of every target. ASSERT is on in all of them; only its slow cousin is a choice.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_options(
    -g
    -Wall -Wextra -Werror -Wpointer-arith -Wcast-qual
    # C only: C++ takes a function named like a struct, as stat() is, for a shadow.
    $<$<COMPILE_LANGUAGE:C>:-Wshadow>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
    $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
    # Profiles and crash reports walk the stack.
    -fno-omit-frame-pointer)
add_compile_definitions(_GNU_SOURCE RINGHUB_VERSION="${PROJECT_VERSION}")
include_directories(${CMAKE_SOURCE_DIR})

if(RINGHUB_SLOW_ASSERTS)
    add_compile_definitions(RINGHUB_SLOW_ASSERTS)
endif()

if(RINGHUB_SANITIZE)
    add_compile_options(-fsanitize=${RINGHUB_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${RINGHUB_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    # It listens on a network: the cheap hardening is on.
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
    add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()
if(RINGHUB_FUZZ)
    # Instruments all code; the targets themselves link libFuzzer's main.
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()

if(RINGHUB_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT RINGHUB_LTO_WORKS OUTPUT why LANGUAGES C)
    if(RINGHUB_LTO_WORKS)
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    else()
        message(STATUS "No optimisation across files: ${why}")
    endif()
endif()

find_program(RINGHUB_CCACHE ccache)
if(RINGHUB_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${RINGHUB_CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${RINGHUB_CCACHE})
endif()
