/* uart16550.h - the PC16550D serial port without a bus: isa-serial and the pci-serial cards stand on it. */
#ifndef DEVICES_CHAR_UART16550_H
#define DEVICES_CHAR_UART16550_H
#include "core/machine/machine.h"

enum { UART_REGS = 8, UART_FIFO = 16 };

struct uart {
	struct machine *machine;
	struct chardev *chr;                    /* NULL: sends into the air */
	struct irq_line irq;
	char            name[24];               /* "COM1": for the user of a shared line */
	uint8_t         paced;                  /* property: characters take their time on the wire */
	struct timer    timeout, line_poll, wire;

	uint8_t  dll, dlm, ier, fcr, lcr, mcr, msr, scr;
	uint8_t  lsr_err;                       /* OE, PE, FE, BI as latched for the guest */
	uint8_t  rx[UART_FIFO], rx_err[UART_FIFO], rx_head, rx_count;
	uint8_t  tx[UART_FIFO], tx_head, tx_count;
	bool     thre_pending, timeout_pending;
	uint64_t timeout_ns;                    /* character time-out deadline, 0 = none */
	bool     irq_level;
	/* paced only: when the character in the transmitter's shift register has left, when the receiver's next one may be complete */
	bool     shifting; uint8_t tsr;
	uint64_t tx_due_ns, rx_due_ns;
};
/* machine, chr, irq, name and paced are set before. */
bool uart_start(struct uart *u, struct error *err);
void uart_stop(struct uart *u);
uint64_t uart_read_reg(struct uart *u, unsigned reg);
void uart_write_reg(struct uart *u, unsigned reg, uint8_t val);
void uart_reset_regs(struct uart *u);
void uart_reset_wires(struct uart *u);
bool uart_loaded(struct uart *u, struct error *err);
extern const struct state_field uart_state[];
#define UART_PACED_PROP(s, f) { "paced", PROP_BOOL, offsetof(s, f), "off", "characters take the time that the divisor and the line settings ask for", NULL }
#endif
