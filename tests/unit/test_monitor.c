/* test_monitor.c - expressions, arguments and their error texts, the line editor, monitors on sockets, and a shower of random lines. */
#include "core/cpu/cpu.h"
#include "core/debug/disas.h"
#include "core/debug/expr.h"
#include "core/char/vc.h"
#include "core/monitor/history.h"
#include "core/monitor/readline.h"
#include "core/monitor/watch.h"
#include "tests/unit/rig.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state) { *state = rig_new(); return 0; }
static int teardown(void **state) { rig_free(*state); return 0; }

/* ---- expressions ------------------------------------------------------------------------------------------------------------------- */

static void expressions(void **state)
{
	static const struct { const char *text; int64_t want; const char *rest; } good[] = { { "1+2", 3, "" }, { "(1+2)*3", 9, "" }, { "010", 8, "" },
		{ "0xff", 255, "" }, { "~0", -1, "" }, { "-5", -5, "" }, { "5%3", 2, "" }, { "6&3", 2, "" }, { "6|3", 7, "" }, { "6^3", 5, "" },
		{ "'A'", 65, "" }, { "5&1+1", 2, "" }, { "2+3*4&1", 2, "" }, { "7*2&3", 2, "" }, { "1+1|4", 6, "" }, { " ( 1 + 2 ) ", 3, "" },
		{ "1 <<2", 1, "<<2" }, { "1 2", 1, "2" }, { "0b1", 0, "b1" }, { "--3", 3, "" }, { "0x8000000000000000/-1", INT64_MIN, "" },
		{ "0x8000000000000000%-1", 0, "" }, { "10/3", 3, "" }, { "0xffffffffffffffff", -1, "" } };
	static const struct { const char *text, *want; } bad[] = { { "", "unexpected end of expression" }, { "1+", "unexpected end of expression" },
		{ "foo", "invalid char 'f' in expression" }, { "\"x\"", "invalid char '\"' in expression" }, { "(1", "')' expected" },
		{ "1/0", "division by zero" }, { "1%0", "division by zero" }, { "$nosuch", "unknown register" }, { "'a", "missing terminating ' character" },
		{ "''", "missing terminating ' character" }, { "99999999999999999999", "number too large" }, { "<", "invalid char '<' in expression" } };
	struct error err;
	int64_t v;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *p = good[i].text;
		assert_true(expr_eval(&p, NULL, false, &v, &err));
		assert_int_equal(v, good[i].want);
		assert_string_equal(p, good[i].rest);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *p = bad[i].text;
		assert_false(expr_eval(&p, NULL, false, &v, &err));
		assert_string_equal(err.msg, bad[i].want);
	}
	const char *p = "16 /tmp/f";
	assert_true(expr_eval(&p, NULL, true, &v, &err));
	assert_string_equal(p, "/tmp/f");
	char deep[3000];
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = 0;
	p = deep;
	assert_false(expr_eval(&p, NULL, false, &v, &err));
}

/* ---- disassembly --------------------------------------------------------------------------------------------------------------------- */

static void disassembly(void **state)
{
	static const struct { unsigned bits; const char *code; unsigned len; const char *want; } cases[] = {
		{ 64, "\xc3", 1, "retq     " }, { 64, "\xcc", 1, "int3     " }, { 64, "\xeb\x07", 2, "jmp      0x1009" },
		{ 16, "\xea\x5b\xe0\x00\xf0", 5, "ljmpw    $0xf000:$0xe05b" }, { 64, "\xf0\x30\x36", 3, "lock xorb %dh, (%rsi)" },
		{ 64, "\x5b", 1, "popq     %rbx" }, { 16, "\x00\x00", 2, "addb     %al, (%bx, %si)" }, { 16, "\x30\x36\x2f\x32", 4, "xorb     %dh, 0x322f" },
		{ 64, "\xc7\x44\x88\x10\x01\0\0\0", 8, "movl     $1, 0x10(%rax, %rcx, 4)" }, { 64, "\x48\x0f\x22\xd8", 4, "movq     %rax, %cr3" },
		{ 64, "\x0f\xb6\x08", 3, "movzbl   (%rax), %ecx" }, { 64, "\xff\xd0", 2, "callq    *%rax" }, { 64, "\xf3\xa4", 2, "rep movsb " },
		{ 64, "\x48\xb8\x88\x77\x66\x55\x44\x33\x22\x11", 10, "movabsq  $0x1122334455667788, %rax" }, { 64, "\x75\xfe", 2, "jne      0x1000" },
		{ 64, "\x06", 1, NULL }, { 16, "\x66\x8c\xe0", 3, "movl     %fs, %eax" }, { 64, "\x66\x0f\x1f\x00", 4, "nopw     (%rax)" } };
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[128];
		unsigned n = disas_one((const uint8_t *)cases[i].code, cases[i].len, 0x1000, cases[i].bits, out, sizeof(out));
		if (!cases[i].want) {
			assert_int_equal(n, 0);
			continue;
		}
		assert_int_equal(n, cases[i].len);
		assert_string_equal(out, cases[i].want);
	}
}

/* ---- lines and answers ----------------------------------------------------------------------------------------------------------------- */

static char *answer(struct rig *r, const char *line)
{
	static struct text out;
	text_free(&out);
	machine_lock(r->m);
	monitor_run_line(r->m, line, 0, &out);
	machine_unlock(r->m);
	return out.s ? out.s : (char *)"";
}

static void error_texts(void **state)
{
	static const struct { const char *line, *want; } cases[] = {
		{ "nosuch", "unknown command: 'nosuch'\n" },
		{ "info nosuch", "unknown command: 'info nosuch'\n" },
		{ "help nosuch", "unknown command: 'nosuch'\n" },
		{ "quit extra", "quit|q: extraneous characters at the end of line\nTry \"help quit\" for more information\n" },
		{ "stop extra", "stop|s: extraneous characters at the end of line\nTry \"help stop\" for more information\n" },
		{ "info status extra", "status: extraneous characters at the end of line\nTry \"help info status\" for more information\n" },
		{ "eject -x ide1-cd0", "eject: unsupported option -x\nTry \"help eject\" for more information\n" },
		{ "info registers -x", "registers: unsupported option -x\nTry \"help info registers\" for more information\n" },
		{ "info registers 7", "CPU#7 not available\n" },
		{ "balloon", "unexpected end of expression\nTry \"help balloon\" for more information\n" },
		{ "eject", "eject: block device name expected\nTry \"help eject\" for more information\n" },
		{ "sendkey", "sendkey: string expected\nTry \"help sendkey\" for more information\n" },
		{ "sendkey a xx", "invalid char 'x' in expression\nTry \"help sendkey\" for more information\n" },
		{ "logfile", "logfile: filename expected\nTry \"help logfile\" for more information\n" },
		{ "cpu x", "invalid char 'x' in expression\nTry \"help cpu\" for more information\n" },
		{ "cpu 0x100000000", "'cpu' has failed: integer is for 32-bit values\nTry \"help cpu\" for more information\n" },
		{ "cpu 5", "invalid CPU index\n" },
		{ "set_link nic0", "Expected 'on' or 'off'\nTry \"help set_link\" for more information\n" },
		{ "p $nosuch", "unknown register\nTry \"help p\" for more information\n" },
		{ "p 1 <<2", "print|p: extraneous characters at the end of line\nTry \"help p\" for more information\n" },
		{ "x /2s 0", "invalid char in format: 's'\nTry \"help x\" for more information\n" },
		{ "x /4xb", "unexpected end of expression\nTry \"help x\" for more information\n" },
		{ "eject nosuch", "Error: Device 'nosuch' not found\n" },
		{ "ringbuf_read nosuch 10", "Error: Device 'nosuch' not found\n" },
		{ "ringbuf_write rb \"a\\qb\"", "unsupported escape code: '\\q'\nringbuf_write: string expected\nTry \"help ringbuf_write\" for more information\n" },
		{ "ringbuf_write rb \"a", "unterminated string\nringbuf_write: string expected\nTry \"help ringbuf_write\" for more information\n" },
		{ "boot_set", "boot_set: string expected\nTry \"help boot_set\" for more information\n" },
		{ "boot_set z", "Invalid boot device 'z'\n" },
		{ "boot_set cc", "Boot device 'c' was given twice\n" },
		{ "mouse_set 99", "Mouse at index '99' not found\n" },
		{ "system_wakeup", "Error: Unable to wake up: guest is not in suspended state\n" },
		{ "logfile /nosuchdir/x", "Error opening logfile /nosuchdir/x: No such file or directory\n" },
		{ "memsave 0", "unexpected end of expression\nTry \"help memsave\" for more information\n" },
		{ "pmemsave 0 16", "pmemsave: string expected\nTry \"help pmemsave\" for more information\n" },
		{ "pmemsave 0 16 /nosuchdir/x", "Error: Could not open '/nosuchdir/x': No such file or directory\n" },
		{ "device_add", "Error: Parameter 'driver' is missing\n" },
		{ "device_add nosuch", "Error: 'nosuch' is not a valid device model name\n" },
		{ "device_add id=x", "Error: Parameter 'driver' is missing\n" },
		{ "device_del nosuch", "Error: Device 'nosuch' not found\n" },
		{ "change nosuch x", "Error: Device 'nosuch' not found\n" },
		{ "drive_add 0 if=ide", "Can't hot-add drive to type ide\n" },
		{ "chardev-remove nosuch", "Error: Chardev 'nosuch' not found\n" },
		{ "info lapic 9", "No CPU available\n" },
		{ "", "" }, { "   ", "" } };
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(answer(*state, cases[i].line), cases[i].want);
}

static void help_texts(void **state)
{
	assert_string_equal(answer(*state, "help q"), "quit|q  -- end the program\n");
	assert_string_equal(answer(*state, "help info status"), "info status  -- show whether the machine runs\n");
	assert_string_equal(answer(*state, "help ?"), "help|? [cmd] -- show how commands are used\n");
	char *all = answer(*state, "help");
	assert_true(strstr(all, "cont|c  -- ") < strstr(all, "system_reset  -- "));
	assert_non_null(strstr(answer(*state, "info"), "info status  -- "));
}

static void printing(void **state)
{
	static const struct { const char *line, *want; } cases[] = { { "p /x 1+2", "0x3\n" }, { "p 0", "0\n" }, { "p -5", "0xfffffffffffffffb\n" },
		{ "p /d 0xff", "255\n" }, { "p 0x10", "16\n" }, { "p /u -1", "18446744073709551615\n" }, { "p /o 8", "010\n" }, { "p /i 5", "5\n" },
		{ "p /c 65", "'A'\n" }, { "p /c 10", "'\\n'\n" }, { "p /c 7", "'\\x07'\n" }, { "p 66", "'B'\n" }, { "p/x 66", "0x42\n" } };
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(answer(*state, cases[i].line), cases[i].want);
}

static void memory_dumps(void **state)
{
	struct rig *r = *state;
	struct error err;
	static struct region ram;
	machine_lock(r->m);
	uint64_t at = ram_alloc(&r->m->ram, "pc.ram", 64 << 10, &err);
	ram = (struct region){ .name = "pc.ram", .kind = REGION_RAM, .size = 64 << 10, .ram_addr = at };
	assert_true(space_map(&r->m->mem, &ram, &err));
	for (unsigned i = 0; i < 256; i++)
		space_write(&r->m->mem, 0x7c00 + i, 1, i);
	space_write_buf(&r->m->mem, 0x2000, "\xea\x5b\xe0\x00\xf0\x00\x00\x66\x66\x66\x66\x2e\x0f\x1f\x84\0\0", 17);
	machine_unlock(r->m);
	assert_string_equal(answer(r, "xp 0x7c10"), "0000000000007c10: 0x13121110\n");
	assert_string_equal(answer(r, "xp /4xb 0x7c00"), "0000000000007c00: 0x00 0x01 0x02 0x03\n");
	assert_string_equal(answer(r, "xp /10 0x7c00"), "0000000000007c00: 0x00 0x01 0x02 0x03 0x04 0x05 0x06 0x07\n0000000000007c08: 0x08 0x09\n");
	assert_string_equal(answer(r, "xp /3dw 0x7c00"), "0000000000007c00:   50462976  117835012  185207048\n");
	assert_string_equal(answer(r, "xp /1g 0x7c00"), "0000000000007c00:   506097522914230528\n");
	assert_string_equal(answer(r, "xp /2cb 0x7c41"), "0000000000007c41: 'A' 'B'\n");
	assert_string_equal(answer(r, "xp /2ow 0x7c00"), "0000000000007c00:  0300400400  0701402404\n");
	assert_string_equal(answer(r, "xp /1xw 0xfffffffffffff000"), "fffffffffffff000: Cannot access memory\n");
	assert_string_equal(answer(r, "xp /3i 0x2000"), "0x00002000:  ea 5b e0 00 f0           ljmpw    $0xf000:$0xe05b\n"
		"0x00002005:  00 00                    addb     %al, (%bx, %si)\n0x00002007:  66 66 66 66 2e 0f 1f 84  nopl     %cs:(%si)\n0x0000200f:  00 00\n");
	assert_string_equal(answer(r, "sum 0x7c00 256"), "00512\n");
	char file[96], cmd[128];
	snprintf(file, sizeof(file), "%s/mem", r->dir);
	snprintf(cmd, sizeof(cmd), "pmemsave 0x7c00 200 %s", file);
	assert_string_equal(answer(r, cmd), "");
	FILE *f = fopen(file, "rb");
	uint8_t back[300];
	assert_int_equal(fread(back, 1, 300, f), 200);
	fclose(f);
	assert_int_equal(back[199], 199);
	assert_non_null(strstr(answer(r, "gpa2hva 0x1000"), "Host virtual address for 0x1000 (pc.ram) is 0x"));
	assert_string_equal(answer(r, "gpa2hva 0xfffffffffff"), "No memory is mapped at address 0xfffffffffff\n");
	assert_string_equal(answer(r, "info mtree"), "address-space: I/O\n  0000000000000000-000000000000ffff (prio 0, i/o): io\n\n"
		"address-space: memory\n  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n    0000000000000000-000000000000ffff (prio 0, ram): pc.ram\n\n");
}

static void chardev_commands(void **state)
{
	struct rig *r = *state;
	assert_string_equal(answer(r, "chardev-add null,id=cn"), "");
	assert_string_equal(answer(r, "chardev-add null,id=cn"), "Error: attempt to add duplicate property 'cn' to object (type 'container')\n");
	assert_string_equal(answer(r, "chardev-add nosuch,id=x1"), "Error: 'nosuch' is not a valid char driver name\n");
	assert_string_equal(answer(r, "chardev-add null"), "Error: chardev: no id specified\n");
	assert_string_equal(answer(r, "chardev-add null,id=1bad"), "Parameter 'id' expects an identifier\n"
		"Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.\nError: Parsing chardev args failed\n");
	assert_non_null(strstr(answer(r, "chardev-add pty,id=pp"), "char device redirected to /dev/pts/"));
	assert_string_equal(answer(r, "chardev-add ringbuf,id=rb,size=64"), "");
	assert_non_null(strstr(answer(r, "info chardev"), "cn: filename=null\npp: filename=pty:/dev/pts/"));
	assert_string_equal(answer(r, "ringbuf_write rb \"two words\""), "");
	assert_string_equal(answer(r, "ringbuf_read rb 100"), "two words\n");
	assert_string_equal(answer(r, "ringbuf_read rb 10"), "\n");
	assert_string_equal(answer(r, "ringbuf_read cn 10"), "Error: cn is not a ringbuf device\n");
	assert_string_equal(answer(r, "chardev-change cn ringbuf"), "");
	assert_string_equal(answer(r, "chardev-change nosuch null"), "Error: Chardev 'nosuch' does not exist\n");
	assert_string_equal(answer(r, "chardev-remove cn"), "");
	/* a waiting server does not make the running machine wait */
	char cmd[128];
	snprintf(cmd, sizeof(cmd), "chardev-add socket,id=s,path=%s/s,server=on", r->dir);
	assert_string_equal(answer(r, cmd), "");
}

static void completion(void **state)
{
	static const struct { const char *line, *want; } cases[] = { { "sys", "system_powerdown\nsystem_reset\nsystem_wakeup\n" }, { "info st", "stats\nstatus\n" },
		{ "help qu", "quit\n" }, { "chardev-remove ", "cc\nrb\n" }, { "ringbuf_read r", "rb\n" }, { "sendkey ctrl-alt-del", "ctrl-alt-delete\n" },
		{ "set_link", "set_link\n" }, { "nosuch x", "" }, { "chardev-add nul", "null\n" }, { "qu", "quit\n" }, { "q", "q\nqemu-io\nqom-get\nqom-list\nqom-set\nquit\n" }, { "info  bl", "block\nblock-jobs\nblockstats\n" },
		{ "device_add pci-serial,ch", "pci-serial,chardev=\n" }, { "device_add pci-serial,chardev=r", "pci-serial,chardev=rb\n" },
		{ "device_add pci-serial,id=x,multifunction=o", "pci-serial,id=x,multifunction=off\npci-serial,id=x,multifunction=on\n" },
		{ "device_add ide-hd,werror=i", "ide-hd,werror=ignore\n" }, { "device_add ide-hd,drive=h", "ide-hd,drive=hn\n" },
		{ "device_add pci-serial,he", "pci-serial,help\n" }, { "device_add nosuch,a", "" }, { "chardev-add ringbuf,s", "ringbuf,size=\n" },
		{ "chardev-add null,l", "null,logappend=\nnull,logfile=\n" }, { "object_add sec", "secret\n" }, { "object_add secret,id=s,f", "secret,id=s,file=\nsecret,id=s,format=\n" },
		{ "object_del m", "mb\n" }, { "block_resize h", "hn\n" } };
	struct rig *r = *state;
	rig_chardev(r, "cc", "null");
	answer(r, "chardev-add ringbuf,id=rb");
	answer(r, "drive_add -n 0 driver=null-co,node-name=hn");
	answer(r, "object_add memory-backend-ram,id=mb,size=64K");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text out = { 0 };
		machine_lock(r->m);
		monitor_complete_line(r->m, cases[i].line, &out);
		machine_unlock(r->m);
		assert_string_equal(out.s ? out.s : "", cases[i].want);
		text_free(&out);
	}
}

static void cpu_dumps(void **state)
{
	struct rig *r = *state;
	struct error err = { "" };
	static struct region ram;
	machine_lock(r->m);
	uint64_t at = ram_alloc(&r->m->ram, "pc.ram", 64 << 10, &err);
	ram = (struct region){ .name = "pc.ram", .kind = REGION_RAM, .size = 64 << 10, .ram_addr = at };
	assert_true(space_map(&r->m->mem, &ram, &err));
	struct cpu *c = r->m->cpus[0] = cpu_create(r->m, 0, NULL, &err);
	assert_non_null(c);
	r->m->n_cpus = 1;
	cpu_reset(c);
	machine_unlock(r->m);
	assert_non_null(strstr(answer(r, "info registers"), "\nCPU#0\nEAX=00000000 EBX=00000000 ECX=00000000 EDX="));
	assert_non_null(strstr(answer(r, "info registers -a"), "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\nES =0000 00000000 0000ffff 00009300\n"
		"CS =f000 ffff0000 0000ffff 00009b00\n"));
	assert_string_equal(answer(r, "p /x $pc"), "0xfffffff0\n");
	assert_string_equal(answer(r, "p $eip"), "0xfff0\n");
	assert_string_equal(answer(r, "p $cs + $nosuch"), "unknown register\nTry \"help p\" for more information\n");
	assert_string_equal(answer(r, "info tlb"), "PG disabled\n");
	/* long mode, four levels: a 4 KB page, a large one, and an entry that points back at the top */
	machine_lock(r->m);
	space_write(&r->m->mem, 0x1000, 8, 0x2007);
	space_write(&r->m->mem, 0x2000, 8, 0x3007);
	space_write(&r->m->mem, 0x3000, 8, 0x4007);
	space_write(&r->m->mem, 0x3008, 8, 0x8000000000600000 | 0xe3 | 1 << 8);
	space_write(&r->m->mem, 0x4018, 8, 0x5025);
	space_write(&r->m->mem, 0x4020, 8, 0x6025);
	c->cr3 = 0x1000;
	c->cr4 |= CR4_PAE;
	c->efer |= EFER_LME | EFER_LMA | EFER_NXE;
	c->cr0 |= CR0_PE | CR0_PG;
	cpu_update_mode(c);
	machine_unlock(r->m);
	assert_string_equal(answer(r, "info tlb"), "0000000000003000: 0000000000005000 ----A--U-\n0000000000004000: 0000000000006000 ----A--U-\n"
		"0000000000200000: 0000000000600000 XGPDA---W\n");
	assert_string_equal(answer(r, "info mem"), "0000000000003000-0000000000005000 0000000000002000 ur-\n0000000000200000-0000000000400000 0000000000200000 -rw\n");
	assert_string_equal(answer(r, "gva2gpa 0x3123"), "gpa: 0x5123\n");
	assert_string_equal(answer(r, "gva2gpa 0x9000"), "Unmapped\n");
	assert_string_equal(answer(r, "x /1xb 0"), "0000000000000000: Cannot access memory\n");
	machine_lock(r->m);
	for (unsigned i = 0; i < 512; i++)
		space_write(&r->m->mem, 0x1000 + 8 * i, 8, 0x1003);
	machine_unlock(r->m);
	assert_non_null(strstr(answer(r, "info mem"), "stopped here"));
	assert_non_null(strstr(answer(r, "info tlb"), "stopped here"));
}

/* ---- the line editor ------------------------------------------------------------------------------------------------------------------ */

struct editor { struct readline *r; struct text shown, lines; };
static void ed_print(void *arg, const char *s, size_t n) { text_add(&((struct editor *)arg)->shown, s, n); }
static void ed_line(void *arg, const char *s) { text_printf(&((struct editor *)arg)->lines, "[%s]", s); }
static void ed_complete(void *arg, const char *line, struct text *out)
{
	if (!strcmp(line, "sys"))
		text_printf(out, "system_powerdown\nsystem_reset\n");
	if (!strcmp(line, "info sta"))
		text_printf(out, "status\n");
}

static const char *edit(const char *keys, size_t n)
{
	static struct editor e;
	const struct readline_ops ops = { ed_print, ed_line, ed_complete, NULL, &e };
	text_free(&e.shown);
	text_free(&e.lines);
	readline_free(e.r);
	e.r = readline_new(&ops, "(qemu) ");
	for (size_t i = 0; i < n; i++)
		readline_byte(e.r, (uint8_t)keys[i]);
	return e.lines.s ? e.lines.s : "";
}
#define EDIT(keys) edit(keys, sizeof(keys) - 1)

static void editing(void **state)
{
	assert_string_equal(EDIT("abc\r"), "[abc]");
	assert_string_equal(EDIT("abc\r\n\n"), "[abc][]");              /* CR LF is one Enter */
	assert_string_equal(EDIT("bc\1a\5d\r"), "[abcd]");
	assert_string_equal(EDIT("abXc\2\10\r"), "[abc]");
	assert_string_equal(EDIT("abXc\2\2\4\r"), "[abc]");
	assert_string_equal(EDIT("abXc\033[D\033[D\033[3~\r"), "[abc]");
	assert_string_equal(EDIT("bc\033[Ha\033[Fd\033[1~_\033OFe\r"), "[_abcde]");
	assert_string_equal(EDIT("one two three\027x\r"), "[one two x]");
	assert_string_equal(EDIT("one two\1\013end\031\r"), "[endone two]");
	assert_string_equal(EDIT("one two\025x\r"), "[x]");
	assert_string_equal(EDIT("ab\24\r"), "[ba]");
	assert_string_equal(EDIT("one two\033b\033b\033d1\r"), "[1 two]");
	assert_string_equal(EDIT("one two\1\033f_\r"), "[one_ two]");
	assert_string_equal(EDIT("junk\3ok\r"), "[ok]");
	assert_string_equal(EDIT("junk\7ok\r"), "[ok]");
	assert_string_equal(EDIT("h\303\251\177x\r"), "[hx]");          /* a character of two bytes goes at once */
	assert_string_equal(EDIT("a\033[99;99;99Zb\033[\rc\r"), "[abc]");
	assert_string_equal(EDIT("sys\tr\t\r"), "[system_r]");
	assert_string_equal(EDIT("info sta\t\r"), "[info status ]");
}

static void history(void **state)
{
	assert_string_equal(EDIT("one\rtwo\r\033[A\033[A\r"), "[one][two][one]");
	assert_string_equal(EDIT("one\rtwo\rone\r\20\20\r"), "[one][two][one][two]");           /* "one" moved to the end */
	assert_string_equal(EDIT("one\rtyped\20\16\r"), "[one][typed]");
	assert_string_equal(EDIT("alpha\rbeta\rgamma\r\22et\r"), "[alpha][beta][gamma][beta]");
	assert_string_equal(EDIT("b1\rb2\r\22b\22\r"), "[b1][b2][b1]");
	assert_string_equal(EDIT("b1\rx\22b\7\r"), "[b1][x]");
	char many[1024];
	size_t n = 0;
	for (int i = 0; i < 70; i++)
		n += (size_t)sprintf(many + n, "%d\r", i);
	for (int i = 0; i < 100; i++)
		many[n++] = 16;
	many[n++] = '\r';
	assert_non_null(strstr(edit(many, n), "[69][6]"));      /* 64 lines are kept: 6 to 69 */
}

/* ---- in the workstation ----------------------------------------------------------------------------------------------------------------- */

static void not_needed(void *arg) { }

/* A monitor on a text console, and its bytes. */
static struct chardev *console_monitor(struct rig *r)
{
	struct error err = { "" };
	struct chardev *c = rig_chardev(r, "mon", "vc");
	machine_lock(r->m);
	vc_set_wake(r->m, not_needed, NULL);
	if (!monitor_attach(r->m, c, false, false, &err))
		fail_msg("%s", err.msg);
	machine_unlock(r->m);
	return c;
}

static void type(struct chardev *c, const char *text)
{
	for (size_t n = strlen(text); n; rig_nap()) {
		size_t took = vc_write(c, (const uint8_t *)text, n);
		text += took;
		n -= took;
	}
}

/* Read the console until it has said that, a minute at most. */
static void sees(struct chardev *c, const char *want)
{
	char buf[16384];
	size_t n = 0;
	for (int tries = 0; tries < 60000; tries++) {
		n += vc_read(c, (uint8_t *)buf + n, sizeof(buf) - 1 - n);
		buf[n] = 0;
		if (strstr(buf, want))
			return;
		rig_nap();
	}
	fail_msg("\"%s\" does not come; there is: %s", want, buf);
}

/* A command again and again in a console of its own, with its filter; written to when something changes; q ends it. */
static void watching(void **state)
{
	struct rig *r = *state;
	struct chardev *c = console_monitor(r);
	uint8_t buf[100];
	sees(c, "(qemu) ");
	type(c, "watch 1 info chardev | /spare/\r");
	sees(c, "console watch0 shows it every 1 s; q there ends it");
	machine_lock(r->m);
	struct chardev *w = chardev_find(r->m, "watch0");
	machine_unlock(r->m);
	assert_non_null(w);
	sees(w, "\033[H\033[7mEvery 1 s: info chardev | /spare/\033[m   (q ends this)\033[K\r\n\033[J");
	rig_chardev(r, "spare", "null");
	sees(w, "\033[K\r\nspare: filename=null\033[K\r\n\033[J");
	/* nothing changes: nothing is written while three more rounds go by, seen at a second watch that does change */
	type(c, "watch 1 info chardev | /x[0-9]/\r");
	sees(c, "console watch1");
	machine_lock(r->m);
	struct chardev *other = chardev_find(r->m, "watch1");
	machine_unlock(r->m);
	for (int i = 0; i < 3; i++) {
		char label[8];
		snprintf(label, sizeof(label), "x%d", i);
		rig_chardev(r, label, "null");
		sees(other, label);
	}
	assert_int_equal(vc_read(w, buf, sizeof(buf)), 0);
	type(w, "q");
	RIG_WAIT(r, !chardev_find(r->m, "watch0"));
	type(c, "watch 0 info status\r");
	sees(c, "the interval is 1 to 86400 seconds");
	type(c, "watch 1 watch 1 info status\r");
	sees(c, "'watch 1 info status' is not a command to repeat");
	type(c, "watch\r");
	sees(c, "Try \"help watch\" for more information");
	struct text out = { 0 };
	machine_lock(r->m);
	monitor_run_line(r->m, "watch 1 info status", 0, &out);
	machine_unlock(r->m);
	assert_string_equal(out.s, "Error: watch needs a monitor of the workstation, where it can have a console\n");
	text_free(&out);
}       /* the other one ends with the machine */

/* It ends with the machine also before it has run once. */
static void watching_ends_at_once(void **state)
{
	struct rig *r = *state;
	struct chardev *c = console_monitor(r);
	struct error err = { "" };
	struct text out = { 0 };
	sees(c, "(qemu) ");
	machine_lock(r->m);
	assert_true(watch_start(r->m->monitors->first, 1, "info status", &out, &err));
	watches_free(r->m);
	machine_unlock(r->m);
	text_free(&out);
	type(c, "p 6*7\r");                     /* the loop goes on, and what it was to run is gone */
	sees(c, "0x2a\r\n");
}

/* What was typed by hand comes back in the next run: not what begins with a blank, nor secrets; the file is ours alone and bounded. */
static void history_is_kept(void **state)
{
	struct rig *r = *state;
	struct stat st;
	char path[128], line[200];
	snprintf(path, sizeof(path), "%s/state/vmux/monitor_history", r->dir);
	r->m->opt->history = strdup(path);
	struct chardev *c = console_monitor(r);
	sees(c, "(qemu) ");
	type(c, "p 41+1\r p 7\rset_password vnc secret\rp 43\r");
	sees(c, "0x2b\r\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	FILE *f = fopen(path, "r");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "p 41+1\n");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "p 43\n");
	assert_null(fgets(line, sizeof(line), f));
	fclose(f);
	/* a second monitor, as in the next run: two up is the first line */
	struct error err;
	struct chardev *d = rig_chardev(r, "next", "vc");
	machine_lock(r->m);
	assert_non_null(monitor_attach(r->m, d, false, false, &err));
	machine_unlock(r->m);
	sees(d, "(qemu) ");
	type(d, "\033[A\033[A\r");
	sees(d, "0x2a\r\n");
	for (int i = 0; i < 700; i++) {
		memset(line, 'a' + i % 26, 190);
		line[190] = 0;
		history_add(path, line);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_size, 20000, 70000);
	history_add("/dev/null/x/y", "nothing happens");
}

static void echo_on_the_wire(void **state)
{
	struct editor e = { 0 };
	const struct readline_ops ops = { ed_print, ed_line, ed_complete, NULL, &e };
	e.r = readline_new(&ops, "(qemu) ");
	readline_prompt(e.r);
	for (const char *s = "inf"; *s; s++)
		readline_byte(e.r, (uint8_t)*s);
	assert_string_equal(e.shown.s, "(qemu) i\033[K\033[Din\033[K\033[D\033[Dinf\033[K");
	e.shown.len = 0;
	readline_byte(e.r, 2);
	readline_byte(e.r, '\r');
	assert_string_equal(e.shown.s, "\033[D\n(qemu) ");
	for (const char *s = "sys\t"; *s; s++)
		readline_byte(e.r, (uint8_t)*s);
	assert_non_null(strstr(e.shown.s, "\nsystem_powerdown  system_reset      \n(qemu) system_\033[K"));
	readline_free(e.r);
	text_free(&e.shown);
	text_free(&e.lines);
}

/* ---- on a chardev -------------------------------------------------------------------------------------------------------------------- */

static int connect_monitor(struct rig *r, const char *name, bool control, bool pretty)
{
	char spec[128], path[96];
	struct error err = { "" };
	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	snprintf(spec, sizeof(spec), "unix:%s,server,nowait", path);
	struct chardev *c = rig_chardev(r, name, spec);
	machine_lock(r->m);
	assert_non_null(monitor_attach(r->m, c, control, pretty, &err));
	assert_true(monitor_owns(r->m, c));
	machine_unlock(r->m);
	return peer_unix(path);
}

static void socket_monitors(void **state)
{
	struct rig *r = *state;
	int a = connect_monitor(r, "a", false, false), b = connect_monitor(r, "b", false, false);
	peer_expect(a, " monitor - type 'help' for more information\r\n(qemu) ");
	peer_expect(b, "(qemu) ");
	peer_send(a, "info status\n", 12);
	peer_expect(a, "info status\033[K\r\nVM status: paused (prelaunch)\r\n(qemu) ");
	peer_send(a, "p /d 10\np 11\n", 13);
	peer_expect(a, "11\r\n(qemu) ");
	peer_send(b, "p 11\n", 5);
	peer_expect(b, "0xb\r\n(qemu) ");                       /* formats are each monitor's own */
	peer_send(a, "info history\n", 13);
	peer_expect(a, "0: 'info status'\r\n1: 'p /d 10'\r\n2: 'p 11'\r\n3: 'info history'\r\n");
	close(a);
	close(b);
}

/* Many commands, no reading: the monitor stops taking input, the machine goes on; then everything comes. */
static void flooding_client(void **state)
{
	struct rig *r = *state;
	int a = connect_monitor(r, "a", false, false);
	peer_expect(a, "(qemu) ");
	size_t sent = 0;
	while (send(a, "help\n", 5, MSG_DONTWAIT | MSG_NOSIGNAL) == 5)
		sent++;
	for (int i = 0; i < 100; i++) {                         /* the lock is free */
		machine_lock(r->m);
		machine_unlock(r->m);
	}
	int b = connect_monitor(r, "b", false, false);
	peer_expect(b, "(qemu) ");
	peer_send(b, "info name\n", 10);
	peer_expect(b, "(qemu) ");
	assert_true(sent > 100);
	static char buf[1 << 16];
	size_t prompts = 0;
	for (ssize_t n; prompts < 200 && (n = read(a, buf, sizeof(buf))) > 0;)
		for (ssize_t i = 0; i + 3 < n; i++)
			prompts += !memcmp(buf + i, "xp /", 4);
	assert_true(prompts >= 100);
	close(a);                                               /* in the middle of it */
	peer_send(b, "info status\n", 12);
	peer_expect(b, "prelaunch");
	close(b);
}

static void half_closed_session(void **state)
{
	struct rig *r = *state;
	int a = connect_monitor(r, "a", false, false);
	for (int i = 0; i < 40; i++)
		peer_send(a, "help\n", 5);
	peer_send(a, "p 0x1234567\n", 12);
	shutdown(a, SHUT_WR);
	peer_expect(a, "0x1234567\r\n(qemu) ");
	char c;
	assert_int_equal(read(a, &c, 1), 0);
	close(a);
}

/* ---- random input ---------------------------------------------------------------------------------------------------------------------- */

static uint32_t seed;
static uint32_t rnd(void) { return seed = seed * 1664525 + 1013904223, seed >> 8; }

static void random_lines(void **state)
{
	static const char *const words[] = { "help", "info", "x", "xp", "p", "print", "/4xb", "/i", "/c", "/9999999g", "$eip", "(", ")", "1", "0xffffffffffffffff", "-1",
		"+", "*", "%", "0", "sum", "i", "o", "memsave", "eject", "-f", "change", "\"", "\\", "'", "sendkey", "ctrl-alt", "mouse_move", "log",
		"none", "chardev-add", "null,id=a", "ringbuf,id=b,size=16", "chardev-remove", "a", "b", "chardev-change", "ringbuf_read", "ringbuf_write", "cpu",
		"status", "registers", "mtree", "qtree", "mice", "block", "gpa2hva", "gva2gpa", "device_add", "drive_add", "if=none,id=c", "drive_del", "c",
		"nmi", "stop", "completely", "?", "~", "&", "|", "^", "<<", "\t", "pci", "pic", "tlb", "mem", "lapic", "history", "chardev-send-break" };
	struct rig *r = *state;
	seed = 1;
	for (int i = 0; i < 20000; i++) {
		char line[600];
		size_t n = 0;
		for (unsigned k = rnd() % 8 + 1; k--;) {
			if (rnd() % 4)
				n += (size_t)snprintf(line + n, 64, "%s%s", words[rnd() % (sizeof(words) / sizeof(words[0]))], rnd() % 5 ? " " : "");
			else
				line[n++] = (char)(rnd() % 255 + 1);
		}
		line[n] = 0;
		if (strstr(line, "sum") || strstr(line, "memsave") || strstr(line, "9999999"))  /* only slow */
			continue;
		struct text out = { 0 };
		machine_lock(r->m);
		monitor_run_line(r->m, line, rnd() % 3, &out);
		text_free(&out);
		monitor_complete_line(r->m, line, &out);
		text_free(&out);
		machine_unlock(r->m);
	}
}

static void random_keys(void **state)
{
	static const char *const keys[] = { "\033[A", "\033[B", "\033[C", "\033[D", "\033[H", "\033[F", "\033[3~", "\t", "\r", "\22", "\20", "\16", "\25", "\27", "\31",
		"\13", "\24", "\10", "\033b", "\033f", "\033d", "\14", "\303\251", "word ", "system_", "\003", "\007", "\033[1;5C", "\033O" };
	char big[400];
	seed = 7;
	for (int i = 0; i < 3000; i++) {
		size_t n = 0;
		while (n < sizeof(big) - 16) {
			const char *k = keys[rnd() % (sizeof(keys) / sizeof(keys[0]))];
			if (rnd() % 3) {
				memcpy(big + n, k, strlen(k));
				n += strlen(k);
			} else {
				big[n++] = (char)rnd();
			}
		}
		edit(big, n);
	}
	static char longest[20000];
	memset(longest, 'x', sizeof(longest));
	edit(longest, sizeof(longest));
	for (unsigned i = 0; i < sizeof(longest); i++)
		longest[i] = "\25\31\31a\1\13"[rnd() % 6];
	edit(longest, sizeof(longest));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { cmocka_unit_test(expressions), cmocka_unit_test(disassembly), T(error_texts), T(help_texts), T(printing), T(memory_dumps),
		T(cpu_dumps), T(chardev_commands), T(completion), cmocka_unit_test(editing), cmocka_unit_test(history), T(watching), T(watching_ends_at_once), T(history_is_kept), cmocka_unit_test(echo_on_the_wire), T(socket_monitors),
		T(flooding_client), T(half_closed_session), T(random_lines), cmocka_unit_test(random_keys) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
