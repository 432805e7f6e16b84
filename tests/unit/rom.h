/* rom.h - firmware of our own for machines of tests. */
#ifndef TESTS_UNIT_ROM_H
#define TESTS_UNIT_ROM_H

/* A file for -bios, 64 KB, from the template `name` (as of mkstemp, which becomes its name); the caller removes it.  The processor begins with the
 * code from start to end, which lies at F000:0000. */
void rom_write(char *name, const unsigned char *start, const unsigned char *end);
#endif
