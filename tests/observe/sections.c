/*
 * Sections that a library of anybody's adds to the documents of all pools.
 */
#include <bufpool/observe.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "text.h"

static int write_nothing(void *arg, FILE *out, enum bufpool_format format)
{
    if (format == BUFPOOL_JSON)
        fputs("null", out);
    return *(const int *)arg;
}

/* Fails when a bad section is taken, one too many is, or what one says of its end is lost. */
Test(observe_sections, sections_are_added_to_sixteen_and_their_errors_are_told)
{
    static int results[17];

    cr_assert(eq(int, bufpool_section_add(NULL, write_nothing, &results[0]), -EINVAL));
    cr_assert(eq(int, bufpool_section_add("none", NULL, NULL), -EINVAL));
    for (int i = 0; i < 16; i++) {
        char *name = NULL;
        MUST(asprintf(&name, "section%c", 'a' + i) > 0); /* it stays as long as the section: for ever */
        cr_assert(eq(int, bufpool_section_add(name, write_nothing, &results[i]), 0));
    }
    for (int i = 0; i < 100; i++)
        cr_assert(eq(int, bufpool_section_add("more", write_nothing, &results[16]), -ENOSPC));
    char *json = NULL;
    size_t size;
    FILE *out = open_memstream(&json, &size);
    MUST(out != NULL && bufpool_dump_all(out, BUFPOOL_JSON) == 0 && fclose(out) == 0);
    cr_assert(json_is_valid(json), "%s", json);
    cr_assert(strstr(json, "\"pools\":[],\"sectiona\":null,\"sectionb\":null,") != NULL, "%s", json);
    cr_assert(strstr(json, "more") == NULL, "%s", json);
    free(json);
    results[7] = -EBADMSG;
    cr_assert(eq(int, bufpool_dump_all(stderr, BUFPOOL_TEXT), -EBADMSG));
}
