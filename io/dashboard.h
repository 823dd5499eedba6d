/*
 * dashboard.h - the page at /, which is io/dashboard.html as bytes: the build makes the C of it.
 *
 * Threads:     constants.
 */
#ifndef RINGHUB_IO_DASHBOARD_H
#define RINGHUB_IO_DASHBOARD_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const unsigned char dashboard_html[];
extern const size_t dashboard_html_size;

#ifdef __cplusplus
}
#endif
#endif
