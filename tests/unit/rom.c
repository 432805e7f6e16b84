/* rom.c - firmware of our own for machines of tests. */
#include "tests/unit/rom.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { ROM_SIZE = 0x10000, RESET = 0xfff0 };

void rom_write(char *name, const unsigned char *start, const unsigned char *end)
{
	static const unsigned char reset[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 };          /* jmp f000:0000 */
	unsigned char *rom = calloc(1, ROM_SIZE);
	int fd = mkstemp(name);
	assert_non_null(rom);
	assert_true(fd >= 0 && end - start <= RESET);
	memcpy(rom, start, (size_t)(end - start));
	memcpy(rom + RESET, reset, sizeof reset);
	assert_int_equal(write(fd, rom, ROM_SIZE), ROM_SIZE);
	close(fd);
	free(rom);
}
