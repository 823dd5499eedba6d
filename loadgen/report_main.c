/* report_main.c - hubload report: files in, page out. */
#include "loadgen/report_html.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

static const char help[] =
    "hubload report - results as one page that needs nothing else\n"
    "\n"
    "  hubload report [OPTION…] RESULT.json… -o FILE\n"
    "\n"
    "  -o, --output FILE    the page; - is standard output; default report.html\n"
    "      --title TEXT     its heading; default: Publish/subscribe servers, measured\n"
    "\n"
    "Exit status: 0 written, 1 the page cannot be written, 2 wrong options or files.\n"
    "\n"
    "Example\n"
    "  hubload report results/*.json -o report.html\n";

static int page_write(const struct collection *collection, const char *path, const char *title)
{
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (out == NULL) {
        fprintf(stderr, "hubload: %s: %s\n", path, strerror(errno));
        return 1;
    }
    report_html(out, collection, title);
    bool written = fflush(out) == 0 && ferror(out) == 0;
    if (out != stdout) {
        written = fclose(out) == 0 && written;
    }
    if (!written) {
        fprintf(stderr, "hubload: %s: %s\n", path, strerror(errno));
    }
    return written ? 0 : 1;
}

static int wrong(const char *word, const char *why)
{
    fprintf(stderr, "hubload: %s%s\nTry: hubload report --help\n", word, why);
    return 2;
}

int report_main(int argc, char **argv)
{
    static const struct option table[] = {{"output", required_argument, NULL, 'o'},
                                          {"title", required_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *path = "report.html";
    const char *title = "Publish/subscribe servers, measured";
    optind = 0; /* glibc: start over */
    opterr = 0;
    for (int key; (key = getopt_long(argc, argv, ":ho:", table, NULL)) != -1;) {
        if (key == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (key == '?' || key == ':') {
            return wrong(argv[optind - 1], key == ':' ? ": needs a value" : ": no such option");
        }
        *(key == 'o' ? &path : &title) = optarg;
    }
    if (optind == argc) {
        return wrong("", "no results named");
    }
    char error[512];
    struct collection collection;
    int status = 2;
    if (collection_load(&collection, argv + optind, (size_t)(argc - optind), error, sizeof error)) {
        status = page_write(&collection, path, title);
    } else {
        fprintf(stderr, "hubload: %s\n", error);
    }
    collection_free(&collection);
    return status;
}
