/* test_gdbstub.c - the gdb server, packet by packet, on a machine with all its threads: tests/debug/walk.S under interpreter and translator. */
#include "core/vm.h"
#include "tests/debug/rsp.h"
#include "tests/debug/walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static struct rsp r;

/* ---- the conversation ---- */

static void packets_and_answers(void **state)
{
	static const char *const talk[][2] = {
		{ "qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+", "PacketSize=4000;qXfer:features:read+;vContSupported+;multiprocess+;QStartNoAckMode+;swbreak+;hwbreak+" },
		{ "vMustReplyEmpty", "" }, { "?", "T05thread:p01.01;" }, { "!", "OK" }, { "qfThreadInfo", "mp01.01,p01.02" }, { "qsThreadInfo", "l" },
		{ "qC", "QCp01.01" }, { "qAttached", "1" }, { "qAttached:1", "1" }, { "qAttachedx", "" }, { "vCont?", "vCont;c;C;s;S;r" }, { "qSymbol::", "OK" },
		{ "qqemu.Supported", "sstepbits;sstep;PhyMemMode" }, { "qqemu.sstepbits", "ENABLE=1,NOIRQ=2,NOTIMER=4" }, { "qqemu.sstep", "0x7" },
		{ "Qqemu.sstep=0x5", "OK" }, { "qqemu.sstep", "0x5" }, { "Qqemu.sstep=9", "E22" }, { "Qqemu.sstep=7", "OK" },
		{ "qqemu.PhyMemMode", "0" }, { "Qqemu.PhyMemMode:1", "OK" }, { "qqemu.PhyMemMode", "1" }, { "Qqemu.PhyMemMode:0", "OK" },
		{ "qThreadExtraInfo,p1.1", "4350552330205b72756e6e696e675d" }, { "qThreadExtraInfo,9", "E22" },
		{ "Hg2", "OK" }, { "qC", "QCp01.02" }, { "Hgp1.1", "OK" }, { "Hc-1", "OK" }, { "Hg0", "OK" }, { "qC", "QCp01.01" }, { "Hg3", "E22" }, { "Hgp2.1", "E22" },
		{ "H", "E22" }, { "Hz1", "E22" }, { "T2", "OK" }, { "Tp1.2", "OK" }, { "T3", "E22" }, { "T", "E22" },
		{ "p10", "f0ff000000000000" }, { "p12", "00f00000" }, { "p999", "E14" }, { "p", "E14" }, { "P0=1122334455667788", "OK" },
		{ "p0", "1122334400000000" }, { "P0=11", "E22" }, { "P12=99", "E22" }, { "P1b=0000000000000080", "E14" },
		{ "Mfff,2:a5a6", "OK" }, { "mfff,2", "a5a6" }, { "m1000,1", "a6" }, { "M0,2:1", "E22" }, { "M0,1:zz", "E22" }, { "m0,ffff", "E22" }, { "m0,0", "" },
		{ "m", "E22" }, { "m0", "E22" }, { "X2000,0:", "OK" }, { "X2000,3:abc", "OK" }, { "m2000,3", "616263" }, { "X2000,2:abc", "E22" }, { "mffffffffffff0000,4", "E14" },
		{ "m11111111111111111,1", "E22" }, { "Z0,7c00,1", "OK" }, { "Z0,7c00,1", "OK" }, { "z0,7c00,1", "OK" }, { "z0,7c00,1", "E22" }, { "z2,600,4", "E22" },
		{ "Z2,600,0", "E22" }, { "Z2,ffffffffffffffff,2", "E22" }, { "Z5,0,1", "" }, { "Z0", "E22" }, { "Z0,7c00", "E22" }, { "Z0,7c00,1;cond", "E22" },
		{ "vCont", "E22" }, { "vCont;x", "E22" }, { "vCont;s:9", "E22" }, { "vCont;C", "E22" }, { "vCont;r1", "E22" }, { "vContx", "E22" }, { "vRun;x", "" }, { "vAttach;1", "T05thread:p01.01;" },
		{ "vAttach;2", "E22" }, { "D;2", "E22" }, { "Dx", "E22" }, { "Cz", "E22" }, { "G", "OK" }, { "Gx", "E22" }, { "cz", "E22" }, { "bogus", "" }, { "", "" }, { "qBogus", "" }, { "qRcmd,6", "E22" }, { "qRcmd,zz", "E22" },
		{ "qXfer:features:read:nosuch.xml:0,100", "E00" }, { "qXfer:features:read:target.xml:0", "E22" }, { "qXfer:features:read:target.xml:fffff,10", "l" },
	};
	struct vm *vm = walk_start(&r, "interp", "2,maxcpus=3");

	for (size_t n = 0; n < sizeof(talk) / sizeof(talk[0]); n++)
		rsp_want(&r, talk[n][0], talk[n][1]);
	/* a monitor command: its output, then OK; an order to end the server is refused */
	rsp_send(&r, "qRcmd,696e666f20737461747573");
	assert_string_equal(rsp_receive(&r), "O564d207374617475733a2070617573656420287072656c61756e6368290a");
	assert_string_equal(rsp_receive(&r), "OK");
	rsp_send(&r, "qRcmd,676462736572766572206e6f6e65");     /* gdbserver none */
	assert_int_equal(rsp_receive(&r)[0], 'O');
	assert_string_equal(rsp_receive(&r), "OK");
	/* a bad sum, a cut packet, a packet that is too long */
	rsp_raw(&r, "$qC#00", 6);
	rsp_raw(&r, "$qC$m0,", 7);
	rsp_raw(&r, "$qC#zz", 6);
	rsp_want(&r, "qC", "QCp01.01");
	char *big = malloc(20001);
	memset(big, 'q', 20000);
	big[20000] = 0;
	rsp_want(&r, big, "E22");
	free(big);
	/* the last answer again */
	rsp_raw(&r, "-", 1);
	assert_string_equal(rsp_receive(&r), "E22");
	rsp_want(&r, "QStartNoAckMode", "OK");
	r.no_ack = true;
	rsp_want(&r, "qC", "QCp01.01");
	assert_true(rsp_quiet(&r, 0));
	walk_end(vm, &r);
}

/* Registers come and go as g and G have them; control registers obey the CPU's rules. */
static void registers(void **state)
{
	struct vm *vm = walk_start_cpu(&r, "interp", "1", "Nehalem");
	char *all = strdup(rsp_ask(&r, "g"));

	assert_int_equal(strlen(all), 2 * (16 * 8 + 8 + 7 * 4 + 9 * 8 + 8 * 10 + 8 * 4 + 16 * 16 + 4));
	RSP_OK(&r, "G%s", all);
	assert_string_equal(rsp_ask(&r, "g"), all);
	free(all);
	walk_load(&r);
	walk_to(&r, WALK_MAIN);
	assert_int_equal(rsp_register(&r, 27) >> 31, 1);                        /* cr0.PG */
	assert_int_equal(rsp_register(&r, 32) & 0x500, 0x500);                  /* efer.LMA, LME */
	rsp_set_register(&r, 8, UINT64_C(0x1122334455667788), 8);               /* r8 in 64-bit code */
	assert_int_equal(rsp_register(&r, 8), UINT64_C(0x1122334455667788));
	rsp_want(&r, "P1b=0100000000000000", "E14");                            /* paging off in 64-bit code */
	rsp_want(&r, "P1d=0010000000000000", "OK");                             /* cr3 */
	rsp_set_register(&r, 26, 0x1234, 8);                                    /* k_gs_base */
	assert_int_equal(rsp_register(&r, 26), 0x1234);
	rsp_set_register(&r, 31, 5, 8);                                         /* cr8 */
	assert_int_equal(rsp_register(&r, 31), 5);
	rsp_want(&r, "P13=10000000", "OK");                                     /* ss: that of the GDT */
	rsp_want(&r, "P13=18010000", "E14");                                    /* beyond it */
	rsp_set_register(&r, 41, 0x37f, 4);
	assert_int_equal(rsp_register(&r, 41), 0x37f);
	rsp_want(&r, "P21=00000000000000c0ff3f", "OK");                         /* st0 = 1.5 */
	rsp_want(&r, "p21", "00000000000000c0ff3f");
	rsp_want(&r, "P31=000102030405060708090a0b0c0d0e0f", "OK");             /* xmm0 */
	rsp_want(&r, "p31", "000102030405060708090a0b0c0d0e0f");
	rsp_want(&r, "P41=ffff0100", "E14");                                    /* mxcsr */
	walk_end(vm, &r);
}

/* What a model has is what gdb is told. */
static void descriptions(void **state)
{
	static const struct { const char *cpu, *arch; bool ymm, rax; } of[] = { { "Nehalem", "i386:x86-64", false, true },
		{ "Haswell", "i386:x86-64", true, true }, { "qemu32", "i386<", false, false } };

	for (unsigned n = 0; n < 3; n++) {
		struct vm *vm = walk_start_cpu(&r, "interp", "1", of[n].cpu);
		char xml[32768] = "";
		for (size_t len = 0;;) {
			const char *a = rsp_ask(&r, "qXfer:features:read:target.xml:%zx,ffb", len);
			assert_true(*a == 'm' || *a == 'l');
			len += (size_t)snprintf(xml + len, sizeof(xml) - len, "%s", a + 1);
			if (*a == 'l')
				break;
		}
		assert_non_null(strstr(xml, of[n].arch));
		assert_int_equal(strstr(xml, "\"ymm7h\"") != NULL, of[n].ymm);
		assert_int_equal(strstr(xml, "\"rax\"") != NULL, of[n].rax);
		assert_int_equal(strstr(xml, "\"eax\"") != NULL, !of[n].rax);
		walk_end(vm, &r);
	}
}

/* ---- clients ---- */

static void detach_and_come_back(void **state)
{
	struct vm *vm = walk_start(&r, "interp", "1");
	struct rsp second;

	walk_load(&r);
	walk_to(&r, WALK_WORK);
	walk_expect_status(vm, "paused (debug)");
	/* a second client waits */
	rsp_connect(&second, walk_socket());
	rsp_send(&second, "?");
	assert_true(rsp_quiet(&second, 200));
	/* this one lets go: breakpoints go, the machine runs */
	RSP_OK(&r, "Z0,%x,1", WALK_WORK);
	rsp_want(&r, "D;1", "OK");
	walk_wait_word(vm, WALK_COUNTER, 100);
	rsp_close(&r);
	/* and the second is served, on a machine that has stopped for it */
	assert_non_null(rsp_receive(&second));
	walk_expect_status(vm, "paused");
	uint64_t count = rsp_memory(&second, WALK_COUNTER, 8);
	assert_true(count >= 100);
	/* vanishing with a breakpoint set while the machine runs: it goes on */
	RSP_OK(&second, "Z1,%x,1", WALK_WORK);
	rsp_send(&second, "vCont;c");
	assert_non_null(rsp_receive(&second));
	RSP_OK(&second, "z1,%x,1", WALK_WORK);
	RSP_OK(&second, "Z2,%x,4", WALK_WANT_HALT);
	rsp_send(&second, "c");
	rsp_close(&second);
	rsp_connect(&r, walk_socket());
	assert_string_equal(rsp_ask(&r, "?"), "T05thread:01;");
	uint64_t now = rsp_memory(&r, WALK_COUNTER, 8);
	assert_true(now >= count);
	walk_end(vm, &r);
}

/* What others do to the machine, the client learns when it waits, and not when it does not. */
static void stop_and_cont_of_others(void **state)
{
	struct vm *vm = walk_start(&r, "interp", "1");

	walk_load(&r);
	walk_to(&r, WALK_WORK);
	rsp_send(&r, "c");
	walk_expect_status(vm, "running");
	walk_monitor(vm, "stop");
	assert_string_equal(rsp_receive(&r), "T02thread:01;");
	walk_monitor(vm, "cont");
	walk_expect_status(vm, "running");
	walk_monitor(vm, "stop");
	assert_true(rsp_quiet(&r, 100));
	walk_monitor(vm, "cont");
	rsp_want(&r, "qC", "QC01");                             /* any packet stops it */
	walk_expect_status(vm, "paused");
	/* the server taken away while the client waits, and put back */
	rsp_send(&r, "c");
	walk_expect_status(vm, "running");                      /* what comes by the monitor could be faster */
	walk_monitor(vm, "gdbserver none");
	assert_null(rsp_receive(&r));
	walk_expect_status(vm, "running");
	rsp_close(&r);
	char line[200];
	snprintf(line, sizeof(line), "gdbserver unix:%s,server=on,wait=off", walk_socket());
	walk_monitor(vm, line);
	rsp_connect(&r, walk_socket());
	assert_string_equal(rsp_ask(&r, "?"), "T05thread:01;");
	/* the machine ends: so does the process that gdb sees */
	rsp_send(&r, "c");
	walk_expect_status(vm, "running");
	walk_monitor(vm, "quit");
	int status;
	walk_wait_end(vm, &status);
	vm_destroy(vm);
	assert_string_equal(rsp_receive(&r), "W00");
	assert_null(rsp_receive(&r));
	rsp_close(&r);
}

/* ---- hostile clients ---- */

static uint32_t seed = 4711;
static uint32_t rnd(uint32_t n) { return (seed = seed * 1664525 + 1013904223, seed >> 8) % n; }

static void one_packet(char *p, size_t size)
{
	static const char *const starts[] = { "m%x,%x", "M%x,%x:%x", "X%x,%x:%x", "p%x", "P%x=%x", "G%x%x", "g", "Z%x,%x,%x", "z%x,%x,%x", "vCont;s:%x", "vCont;c:%x;s",
		"vCont;r%x,%x:%x", "H%x", "Hg%x", "T%x", "s%x", "S%x", "s", "?", "qXfer:features:read:target.xml:%x,%x", "qfThreadInfo", "qThreadExtraInfo,%x", "Qqemu.sstep=%x",
		"qRcmd,696e666f20%x", "qSupported:%x", "QStartNoAckMode", "Z2,%x,%x", "Z0,7c%x,1", "Z3,6%x,%x", "vAttach;%x", "qqemu.%x", "P1%x=%x%x", "!" };
	uint32_t v[4];

	for (unsigned n = 0; n < 4; n++)
		v[n] = rnd(4) ? rnd(rnd(2) ? 16 : 0x9000) : rnd(UINT32_MAX >> 8) * 257;
	snprintf(p, size, starts[rnd(sizeof(starts) / sizeof(starts[0]))], v[0], v[1], v[2], v[3]);
	size_t len = strlen(p);
	if (!rnd(3) && len)
		p[rnd((uint32_t)len)] = (char)(33 + rnd(90));
	if (!rnd(8) && len)
		p[rnd((uint32_t)len)] = 0;
	if (strchr("ckDCv", *p) && *p && strncmp(p, "vCont;s", 7) && strncmp(p, "vCont;r", 7))
		*p = 'q';                       /* what ends the conversation is for the others */
}

/* For a few seconds (or GDB_FUZZ_SECONDS): packets, broken packets, noise, hanging up anywhere; then all is well. */
static void garbage(void **state)
{
	struct vm *vm = walk_start(&r, "interp", "2");
	time_t end = time(NULL) + (getenv("GDB_FUZZ_SECONDS") ? atoi(getenv("GDB_FUZZ_SECONDS")) : 4);

	walk_load(&r);
	while (time(NULL) < end) {
		for (unsigned n = rnd(200); n; n--) {
			char p[256];
			uint8_t drain[4096];
			one_packet(p, sizeof(p));
			if (!rnd(6)) {
				for (unsigned k = 0; k < sizeof(p); k++)
					p[k] = (char)rnd(256);
				rsp_raw(&r, p, rnd(sizeof(p)));
			} else if (!rnd(6)) {
				rsp_raw(&r, "$", 1);
				rsp_raw(&r, p, strlen(p));
			} else {
				rsp_send(&r, p);
			}
			if (!rnd(10))
				rsp_raw(&r, "\003-+", 1 + rnd(3));
			while (rsp_drain(&r, drain, sizeof(drain)))
				;
		}
		rsp_close(&r);
		rsp_connect(&r, walk_socket());
	}
	rsp_raw(&r, "+", 1);
	rsp_want(&r, "!", "OK");
	rsp_want(&r, "Hg0", "OK");
	walk_end(vm, &r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_and_answers), cmocka_unit_test(registers), cmocka_unit_test(descriptions), cmocka_unit_test(detach_and_come_back),
		cmocka_unit_test(stop_and_cont_of_others), cmocka_unit_test(garbage),
	};
	return cmocka_run_group_tests(tests, walk_setup, walk_teardown);
}
