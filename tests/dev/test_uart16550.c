/* test_uart16550.c - the serial port against the PC16550D data sheet. */
#include "tests/dev/bench.h"

enum { COM1 = 0x3f8, THR = COM1, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static int setup(void **state)
{
	struct bench *b = bench_new();
	*state = b;
	bench_device(b, "isa-serial", "chardev=t");
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	return 0;
}

static struct device *uart(struct bench *b) { return b->isa.children; }

static void deliver(struct bench *b, const char *s)
{
	size_t n = strlen(s);
	assert_true(chr_can_read(b->chr) >= n);
	chr_deliver(b->chr, (const uint8_t *)s, (unsigned)n);
}

static void registers_after_reset(void **state)
{
	struct bench *b = *state;
	assert_int_equal(inb(b, IER), 0);
	assert_int_equal(inb(b, IIR), 0x01);
	assert_int_equal(inb(b, LCR), 0);
	assert_int_equal(inb(b, MCR), 0);
	assert_int_equal(inb(b, LSR), 0x60);
	assert_int_equal(inb(b, MSR), 0xb0);
	outb(b, SCR, 0x5a);
	assert_int_equal(inb(b, SCR), 0x5a);
	outb(b, IER, 0xff);                     /* the upper half does not exist: this is how drivers tell a 16550A from later chips */
	assert_int_equal(inb(b, IER), 0x0f);
	outb(b, MCR, 0xff);
	assert_int_equal(inb(b, MCR), 0x1f);
	outb(b, IIR, 0xe7);
	assert_int_equal(inb(b, IIR) & 0xc0, 0xc0);
}

static void line_parameters_reach_the_back_end(void **state)
{
	struct bench *b = *state;
	outb(b, LCR, 0x80);
	outb(b, THR, 1);
	outb(b, IER, 0);
	outb(b, LCR, 0x1b);                     /* 8 bits, even parity */
	assert_int_equal(b->params.baud, 115200);
	assert_int_equal(b->params.data_bits, 8);
	assert_int_equal(b->params.parity, 'E');
	assert_int_equal(b->params.stop_bits, 1);
	outb(b, LCR, 0x86);
	assert_int_equal(inb(b, THR), 1);       /* divisor reads back */
	outb(b, LCR, 0x06);
	assert_int_equal(b->params.data_bits, 7);
	assert_int_equal(b->params.stop_bits, 2);
	outb(b, MCR, 3);
	assert_int_equal(b->lines_out, CHR_DTR | CHR_RTS);
	outb(b, LCR, 0x43);
	assert_int_equal(b->breaks, 1);
}

static void sends_and_raises_the_transmit_interrupt(void **state)
{
	struct bench *b = *state;
	outb(b, LCR, 3);
	outb(b, IER, 2);                        /* empty holding register: at once */
	assert_int_equal(b->level[4], 1);
	assert_int_equal(inb(b, IIR), 0x02);
	assert_int_equal(b->level[4], 0);       /* reading it as the source clears it */
	assert_int_equal(inb(b, IIR), 0x01);
	outb(b, THR, 'x');
	assert_int_equal(b->level[4], 1);
	assert_int_equal(b->out_len, 1);
	assert_int_equal(b->out[0], 'x');
	outb(b, IER, 0);
	outb(b, IER, 2);
	assert_int_equal(inb(b, IIR), 0x02);
}

static void back_pressure_loses_nothing(void **state)
{
	struct bench *b = *state;
	outb(b, LCR, 3);
	outb(b, IIR, 0x01);
	b->room = 3;
	for (int i = 0; i < 19; i++)
		outb(b, THR, (uint8_t)('a' + i));
	assert_int_equal(b->out_len, 3);
	assert_int_equal(inb(b, LSR) & 0x60, 0);
	bench_save_load_save(uart(b));
	b->room = 100;
	chr_can_write(b->chr);
	assert_int_equal(b->out_len, 19);
	assert_memory_equal(b->out, "abcdefghijklmnopqrs", 19);
	assert_int_equal(inb(b, LSR) & 0x60, 0x60);
}

static void fifo_trigger_and_timeout(void **state)
{
	struct bench *b = *state;
	outb(b, LCR, 0x83);
	outb(b, THR, 12);                       /* 9600 baud: a character takes 1.04 ms */
	outb(b, LCR, 3);
	outb(b, IIR, 0x81);                     /* trigger at 8 */
	outb(b, IER, 1);
	deliver(b, "1234567");
	assert_int_equal(b->level[4], 0);
	assert_int_equal(inb(b, LSR), 0x61);
	deliver(b, "8");
	assert_int_equal(b->level[4], 1);
	assert_int_equal(inb(b, IIR), 0xc4);
	assert_int_equal(inb(b, THR), '1');
	assert_int_equal(b->level[4], 0);
	step(b, 4000000);
	assert_int_equal(b->level[4], 0);
	step(b, 300000);
	assert_int_equal(b->level[4], 1);
	assert_int_equal(inb(b, IIR), 0xcc);
	deliver(b, "9");                        /* does not take the time-out back, though 8 are there again */
	assert_int_equal(inb(b, IIR), 0xc4);
	inb(b, THR);
	assert_int_equal(b->level[4], 0);
	bench_save_load_save(uart(b));
	step(b, 5000000);
	assert_int_equal(b->level[4], 1);
	for (int i = 3; i <= 9; i++)
		assert_int_equal(inb(b, THR), '0' + i);
	assert_int_equal(b->level[4], 0);
	assert_int_equal(inb(b, LSR), 0x60);
	assert_true(b->asked_for_input > 0);
}

static void never_takes_more_than_the_fifo_holds(void **state)
{
	struct bench *b = *state;
	outb(b, LCR, 3);
	assert_int_equal(chr_can_read(b->chr), 1);
	deliver(b, "a");
	assert_int_equal(chr_can_read(b->chr), 0);
	outb(b, IIR, 0x01);                     /* changing the mode empties both FIFOs */
	assert_int_equal(inb(b, LSR), 0x60);
	assert_int_equal(chr_can_read(b->chr), 16);
	deliver(b, "0123456789abcdef");
	assert_int_equal(chr_can_read(b->chr), 0);
	outb(b, IIR, 0x03);
	assert_int_equal(chr_can_read(b->chr), 16);
}

static void errors_go_with_their_character(void **state)
{
	struct bench *b = *state;
	outb(b, LCR, 3);
	outb(b, IIR, 0x01);
	outb(b, IER, 4);
	deliver(b, "a");
	chr_event(b->chr, CHR_BREAK);
	assert_int_equal(inb(b, LSR), 0xe1);    /* an error somewhere in the FIFO, not yet at its top */
	assert_int_equal(b->level[4], 0);
	assert_int_equal(inb(b, THR), 'a');
	assert_int_equal(b->level[4], 1);
	assert_int_equal(inb(b, IIR), 0xc6);
	assert_int_equal(inb(b, LSR), 0xf1);
	assert_int_equal(b->level[4], 0);
	assert_int_equal(inb(b, LSR), 0x61);    /* reading cleared the indicators, the character stays */
	assert_int_equal(inb(b, THR), 0);
}

static void loopback(void **state)
{
	struct bench *b = *state;
	outb(b, LCR, 3);
	outb(b, MCR, 0x1a);                     /* loop, OUT2, RTS: the classic presence test */
	assert_int_equal(inb(b, MSR) & 0xf0, 0x90);
	outb(b, MCR, 0x14);
	inb(b, MSR);
	outb(b, MCR, 0x10);                     /* OUT1 falls: trailing edge of ring */
	assert_int_equal(inb(b, MSR), 0x04);
	outb(b, THR, 0xa5);
	assert_int_equal(b->out_len, 0);
	assert_int_equal(inb(b, LSR), 0x61);
	assert_int_equal(chr_can_read(b->chr), 0);
	outb(b, THR, 0x5a);                     /* not read in time */
	assert_int_equal(inb(b, LSR), 0x63);
	assert_int_equal(inb(b, THR), 0x5a);
	outb(b, LCR, 0);                        /* 5 bits */
	outb(b, THR, 0xff);
	assert_int_equal(inb(b, THR), 0x1f);
	outb(b, LCR, 0x43);
	assert_int_equal(inb(b, LSR) & 0x10, 0x10);
}

static void modem_lines(void **state)
{
	struct bench *b = *state;
	inb(b, MSR);
	outb(b, IER, 8);
	b->lines_in = CHR_CTS;
	step(b, 100000000);
	assert_int_equal(b->level[4], 1);
	assert_int_equal(inb(b, IIR), 0x00);
	assert_int_equal(inb(b, MSR), 0x1a);
	assert_int_equal(b->level[4], 0);
	assert_int_equal(inb(b, MSR), 0x10);
}

static void priorities(void **state)
{
	struct bench *b = *state;
	outb(b, LCR, 3);
	outb(b, IER, 0x0f);
	b->lines_in = 0;
	inb(b, MSR);
	b->lines_in = CHR_CTS;
	step(b, 100000000);
	deliver(b, "x");
	chr_event(b->chr, CHR_BREAK);           /* overruns the holding register */
	assert_int_equal(inb(b, IIR), 0x06);
	inb(b, LSR);
	assert_int_equal(inb(b, IIR), 0x04);
	inb(b, THR);
	assert_int_equal(inb(b, IIR), 0x02);
	assert_int_equal(inb(b, IIR), 0x00);
	inb(b, MSR);
	assert_int_equal(inb(b, IIR), 0x01);
}

static void four_ports(void **state)
{
	struct bench *b = bench_new();
	struct error err = { "" };
	for (int i = 0; i < 4; i++)
		bench_device(b, "isa-serial", NULL);
	outb(b, 0x2e8 + 7, 0x77);
	assert_int_equal(inb(b, 0x2e8 + 7), 0x77);
	assert_int_equal(inb(b, 0x3e8 + 7), 0);
	assert_null(device_create(b->m, "isa-serial", &b->isa, NULL, &err));
	assert_non_null(strstr(err.msg, "at most 4"));
	bench_free(b);
}

static void a_saved_state_is_checked(void **state)
{
	struct bench *b = *state;
	struct state_buf s = { 0 };
	struct error err = { "" };
	struct device *d = uart(b);
	state_put(&s, "isa-serial", 1, d->desc->state, d);
	uint8_t *at = memmem(s.data, s.len, "rx_count", 8);
	assert_non_null(at);
	/* the value is the last byte of the field: break every byte of it in turn and want no crash */
	for (size_t i = 0; i < s.len; i++) {
		uint8_t old = s.data[i];
		s.data[i] = 0xff;
		s.pos = 0;
		if (state_get(&s, "isa-serial", 1, d->desc->state, d, &err) && d->desc->loaded(d, &err))
			for (int k = 0; k < 40; k++)
				inb(b, THR);
		s.data[i] = old;
		s.pos = 0;
		assert_true(state_get(&s, "isa-serial", 1, d->desc->state, d, &err));
		assert_true(d->desc->loaded(d, &err));
	}
	state_buf_free(&s);
}

/* 8N1 at 115200 baud: 86.8 us a character, out and in. */
static void paced_characters_take_their_time(void **state)
{
	struct bench *b = bench_new();
	enum { CHARACTER_NS = 86806 };
	bench_device(b, "isa-serial", "chardev=t,paced=on");
	outb(b, LCR, 0x83);
	outb(b, THR, 1);
	outb(b, IER, 0);
	outb(b, LCR, 0x03);
	outb(b, THR, 'A');
	assert_int_equal(inb(b, LSR), 0x20);    /* in the shift register */
	outb(b, THR, 'B');
	assert_int_equal(inb(b, LSR), 0);
	assert_int_equal(b->out_len, 0);
	step(b, CHARACTER_NS);
	assert_int_equal(b->out_len, 1);
	bench_save_load_save(uart(b));
	step(b, CHARACTER_NS);
	assert_int_equal(b->out_len, 2);
	assert_memory_equal(b->out, "AB", 2);
	assert_int_equal(inb(b, LSR), 0x60);
	outb(b, IIR, 1);
	deliver(b, "x");
	assert_int_equal(chr_can_read(b->chr), 0);
	step(b, CHARACTER_NS);
	assert_int_equal(chr_can_read(b->chr), 1);
	bench_free(b);
}

static void a_pci_card_with_four_ports(void **state)
{
	struct bench *b = bench_new();
	struct device *d = bench_device(b, "pci-serial-4x", "chardev3=t");
	struct pci_device *p = container_of(d, struct pci_device, dev);
	assert_int_equal(pci_config_read(&b->pci, p->devfn, PCI_VENDOR, 4), 0x00041b36);
	assert_int_equal(pci_config_read(&b->pci, p->devfn, PCI_REVISION, 4), 0x07000201);
	pci_config_write(&b->pci, p->devfn, PCI_BAR0, 4, 0xc000);
	pci_config_write(&b->pci, p->devfn, PCI_COMMAND, 2, PCI_CMD_IO);
	outb(b, 0xc000 + 2 * 8, 'q');
	assert_int_equal(b->out_len, 1);
	outb(b, 0xc000 + 2 * 8 + 1, 2);         /* the third port asks for service, then the first as well */
	assert_int_equal(p->irq_level, 1);
	outb(b, 0xc000 + 1, 2);
	inb(b, 0xc000 + 2 * 8 + 2);
	assert_int_equal(p->irq_level, 1);
	inb(b, 0xc000 + 2);
	assert_int_equal(p->irq_level, 0);
	bench_save_load_save(d);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(registers_after_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(line_parameters_reach_the_back_end, setup, teardown),
		cmocka_unit_test_setup_teardown(sends_and_raises_the_transmit_interrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(back_pressure_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(fifo_trigger_and_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(never_takes_more_than_the_fifo_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_go_with_their_character, setup, teardown),
		cmocka_unit_test_setup_teardown(loopback, setup, teardown),
		cmocka_unit_test_setup_teardown(modem_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(priorities, setup, teardown),
		cmocka_unit_test(four_ports),
		cmocka_unit_test_setup_teardown(a_saved_state_is_checked, setup, teardown), cmocka_unit_test(paced_characters_take_their_time), cmocka_unit_test(a_pci_card_with_four_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
