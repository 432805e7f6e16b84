/* uart16550.c - PC16550D serial port.  Ref: National PC16550D data sheet (June 1995), section 8 "Registers". */
#include "devices/char/uart16550.h"
#include "core/char/chardev.h"
#include <string.h>

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };
enum { IER_RDA = 1, IER_THRE = 2, IER_RLS = 4, IER_MSI = 8 };
enum { IIR_NONE = 0x01, IIR_MSI = 0x00, IIR_THRE = 0x02, IIR_RDA = 0x04, IIR_RLS = 0x06, IIR_TIMEOUT = 0x0c, IIR_FIFO = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9 };
enum { LCR_STOP2 = 4, LCR_PARITY = 8, LCR_EVEN = 0x10, LCR_STICK = 0x20, LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10 };
enum { LSR_DR = 1, LSR_OE = 2, LSR_PE = 4, LSR_FE = 8, LSR_BI = 0x10, LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_FIFO_ERR = 0x80 };
enum { MSR_DCTS = 1, MSR_DDSR = 2, MSR_TERI = 4, MSR_DDCD = 8, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80 };
enum { FIFO_LEN = UART_FIFO, INPUT_CLOCK = 1843200 /* Hz */, LINE_POLL_MS = 50 };

static bool fifo_on(const struct uart *u) { return u->fcr & FCR_ENABLE; }
static unsigned fifo_len(const struct uart *u) { return fifo_on(u) ? FIFO_LEN : 1; }
static unsigned divisor(const struct uart *u) { return u->dll | u->dlm << 8; }

static unsigned trigger_level(const struct uart *u)
{
	static const uint8_t level[4] = { 1, 4, 8, 14 };
	return fifo_on(u) ? level[u->fcr >> 6] : 1;
}

/* Bits of a character on the wire: start, data, parity, stop. */
static unsigned frame_bits(const struct uart *u)
{
	return 1 + 5 + (u->lcr & 3) + !!(u->lcr & LCR_PARITY) + (u->lcr & LCR_STOP2 ? 2 : 1);
}

static int64_t char_time_ns(const struct uart *u)
{
	return (int64_t)mul_div64((uint64_t)frame_bits(u) * 16 * (divisor(u) ? divisor(u) : 65536), NS_PER_SEC, INPUT_CLOCK);
}

static uint8_t line_status(const struct uart *u)
{
	uint8_t lsr = u->lsr_err;
	if (u->rx_count)
		lsr |= LSR_DR;
	if (!u->tx_count)
		lsr |= u->shifting ? LSR_THRE : LSR_THRE | LSR_TEMT;
	for (unsigned i = 0; fifo_on(u) && i < u->rx_count; i++)
		if (u->rx_err[(u->rx_head + i) % FIFO_LEN])
			lsr |= LSR_FIFO_ERR;
	return lsr;
}

/* Highest pending interrupt as IIR shows it.  Table "Interrupt Control Functions". */
static uint8_t pending_interrupt(const struct uart *u)
{
	if ((u->ier & IER_RLS) && u->lsr_err)
		return IIR_RLS;
	if ((u->ier & IER_RDA) && u->rx_count >= trigger_level(u))
		return IIR_RDA;
	if ((u->ier & IER_RDA) && u->timeout_pending)
		return IIR_TIMEOUT;
	if ((u->ier & IER_THRE) && u->thre_pending)
		return IIR_THRE;
	if ((u->ier & IER_MSI) && (u->msr & 0x0f))
		return IIR_MSI;
	return IIR_NONE;
}

/* The PC's boards gate the wire with OUT2, but much small guest code never sets it and runs everywhere else: the wire is not gated. */
static void update_irq(struct uart *u)
{
	bool level = pending_interrupt(u) != IIR_NONE;
	if (level != u->irq_level) {            /* two ports may share a wire: touch it on changes only */
		u->irq_level = level;
		irq_set(&u->irq, level);
	}
}

/* Four character times after the last character was received or read.  Section 8.4. */
static void restart_timeout(struct uart *u)
{
	u->timeout_pending = false;
	u->timeout_ns = 0;
	timer_cancel(u->machine, &u->timeout);
	if (fifo_on(u) && u->rx_count) {
		u->timeout_ns = (uint64_t)(clock_now(&u->machine->clock) + 4 * char_time_ns(u));
		if (u->rx_count < trigger_level(u))     /* else the data interrupt is there; it is looked at again when the count falls */
			timer_set(u->machine, &u->timeout, (int64_t)u->timeout_ns);
	}
}

static void uart_timeout(void *arg)
{
	struct uart *u = arg;
	u->timeout_ns = 0;
	u->timeout_pending = u->rx_count != 0;
	update_irq(u);
}

/* A character's errors show in the LSR when it reaches the top of the FIFO. */
static void expose_errors(struct uart *u)
{
	if (u->rx_count)
		u->lsr_err |= u->rx_err[u->rx_head];
}

static void receive(struct uart *u, uint8_t c, uint8_t err)
{
	if (u->rx_count == fifo_len(u)) {
		/* With FIFOs the shift register is overwritten, without them the holding register. */
		u->lsr_err |= LSR_OE;
		if (fifo_on(u))
			return;
		u->rx_count = 0;
	}
	unsigned at = (u->rx_head + u->rx_count) % FIFO_LEN;
	u->rx[at] = c & (0xff >> (3 - (u->lcr & 3)));
	u->rx_err[at] = err;
	if (++u->rx_count == 1)
		expose_errors(u);
}

/* A new character restarts the counter, but only a read takes back a time-out that has happened. */
static void received(struct uart *u)
{
	if (!u->timeout_pending)
		restart_timeout(u);
	update_irq(u);
}

static void clear_rx(struct uart *u)
{
	u->rx_head = u->rx_count = 0;
	memset(u->rx_err, 0, sizeof u->rx_err);
	restart_timeout(u);
}

/* The FIFO has run empty: fill it with what lies ready. */
static void refill(struct uart *u)
{
	uint8_t buf[FIFO_LEN];
	unsigned room = u->paced ? 0 : fifo_len(u);
	size_t n = room ? chardev_pull(u->chr, buf, room) : 0;
	for (size_t i = 0; i < n; i++)
		receive(u, buf[i], 0);
	if (n)
		received(u);
	else
		chardev_accept_input(u->chr, u);
}

static uint8_t read_data(struct uart *u)
{
	uint8_t c = u->rx[u->rx_head];
	if (u->rx_count) {
		u->rx_err[u->rx_head] = 0;
		u->rx_head = (u->rx_head + 1) % FIFO_LEN;
		u->rx_count--;
		expose_errors(u);
		restart_timeout(u);
		update_irq(u);
	}
	if (!u->rx_count && u->chr && !(u->mcr & MCR_LOOP))
		refill(u);
	return c;
}

/* The wire's next doing: a character leaves, or the receiver is ready for one. */
static void set_wire_timer(struct uart *u)
{
	int64_t at = NO_DEADLINE;
	if (u->shifting)
		at = (int64_t)u->tx_due_ns;
	if (u->rx_due_ns && (int64_t)u->rx_due_ns < at)
		at = (int64_t)u->rx_due_ns;
	if (at != NO_DEADLINE)
		timer_set(u->machine, &u->wire, at);
	else
		timer_cancel(u->machine, &u->wire);
}

static void start_shifting(struct uart *u, int64_t at)
{
	u->tsr = u->tx[u->tx_head];
	u->tx_head = (u->tx_head + 1) % FIFO_LEN;
	if (!--u->tx_count)
		u->thre_pending = true;
	u->shifting = true;
	u->tx_due_ns = (uint64_t)(at + char_time_ns(u));
}

/* Paced: send what should have left by now.  A back end that is full stops the line; the next character then starts anew. */
static void shift_out(struct uart *u)
{
	int64_t now = clock_now(&u->machine->clock);
	if (!u->shifting && u->tx_count)
		start_shifting(u, now);
	while (u->shifting && (int64_t)u->tx_due_ns <= now) {
		if (u->chr && chardev_write(u->chr, u, &u->tsr, 1) != 1) {
			u->tx_due_ns = (uint64_t)now + NS_PER_SEC;      /* can_write comes sooner */
			break;
		}
		u->shifting = false;
		if (u->tx_count)
			start_shifting(u, (int64_t)u->tx_due_ns);
	}
	set_wire_timer(u);
}

/* Hand the transmitter's bytes to the back end as far as it takes them; can_write brings us back for the rest. */
static void transmit(struct uart *u)
{
	if (u->paced) {
		shift_out(u);
		return;
	}
	while (u->tx_count) {
		unsigned run = FIFO_LEN - u->tx_head < u->tx_count ? FIFO_LEN - u->tx_head : u->tx_count;
		size_t n = u->chr ? chardev_write(u->chr, u, u->tx + u->tx_head, run) : run;
		if (!n)
			break;
		u->tx_head = (uint8_t)((u->tx_head + n) % FIFO_LEN);
		u->tx_count -= (uint8_t)n;
		if (!u->tx_count)
			u->thre_pending = true;
	}
}

static void write_data(struct uart *u, uint8_t c)
{
	c &= 0xff >> (3 - (u->lcr & 3));
	u->thre_pending = false;
	if (u->mcr & MCR_LOOP) {
		receive(u, c, 0);
		received(u);
		u->thre_pending = true;
	} else {
		if (u->tx_count == fifo_len(u))         /* the guest did not look at THRE: the last byte is overwritten */
			u->tx_count--;
		u->tx[(u->tx_head + u->tx_count++) % FIFO_LEN] = c;
		transmit(u);
	}
	update_irq(u);
}

static void push_params(struct uart *u)
{
	struct serial_params p = { .data_bits = 5 + (u->lcr & 3), .stop_bits = u->lcr & LCR_STOP2 ? 2 : 1, .parity = 'N' };
	if (!u->chr || !divisor(u))
		return;
	p.baud = INPUT_CLOCK / 16 / divisor(u);
	if (u->lcr & LCR_PARITY)
		p.parity = "OEMS"[(u->lcr >> 4) & 3];
	chardev_set_params(u->chr, &p);
}

/* Modem inputs, from the back end or in loop-back from our own outputs; changes set the delta bits. */
static void update_modem(struct uart *u)
{
	uint8_t now = MSR_CTS | MSR_DSR | MSR_DCD, was = u->msr, delta = 0;
	if (u->mcr & MCR_LOOP) {
		now = (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) | (u->mcr & MCR_OUT1 ? MSR_RI : 0) |
		      (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
	} else if (u->chr) {
		unsigned l = chardev_get_lines(u->chr);
		now = (l & CHR_CTS ? MSR_CTS : 0) | (l & CHR_DSR ? MSR_DSR : 0) | (l & CHR_RI ? MSR_RI : 0) | (l & CHR_DCD ? MSR_DCD : 0);
	}
	delta = ((was ^ now) >> 4) & (MSR_DCTS | MSR_DDSR | MSR_DDCD);
	if ((was & MSR_RI) && !(now & MSR_RI))  /* only the trailing edge of the ring indicator counts */
		delta |= MSR_TERI;
	u->msr = now | (was & 0x0f) | delta;
	/* Only a real tty behind the port changes its lines unasked, and only a guest that waits for it needs to be told. */
	if ((u->ier & IER_MSI) && u->chr && u->chr->kind->get_lines && !(u->mcr & MCR_LOOP))
		timer_set(u->machine, &u->line_poll, clock_now(&u->machine->clock) + LINE_POLL_MS * INT64_C(1000000));
	else
		timer_cancel(u->machine, &u->line_poll);
}

static void uart_poll_lines(void *arg)
{
	struct uart *u = arg;
	update_modem(u);
	update_irq(u);
}

static void write_ier(struct uart *u, uint8_t val)
{
	uint8_t turned_on = val & ~u->ier;
	u->ier = val & 0x0f;
	/* Enabling the transmitter's interrupt with an empty THR raises it at once. */
	if (turned_on & IER_THRE)
		u->thre_pending = !u->tx_count;
	if (turned_on & IER_MSI)
		update_modem(u);
	update_irq(u);
}

static void write_fcr(struct uart *u, uint8_t val)
{
	if ((val ^ u->fcr) & FCR_ENABLE)        /* changing the mode clears both FIFOs */
		val |= FCR_CLEAR_RX | FCR_CLEAR_TX;
	if (val & FCR_CLEAR_TX) {
		u->thre_pending |= u->tx_count != 0;
		u->tx_count = 0;
	}
	u->fcr = val & FCR_ENABLE ? val & FCR_KEPT : 0; /* other bits are written only with bit 0 set */
	if (val & FCR_CLEAR_RX)
		clear_rx(u);
	update_irq(u);
	if (u->chr && (val & FCR_CLEAR_RX))
		chardev_accept_input(u->chr, u);
}

static void write_lcr(struct uart *u, uint8_t val)
{
	uint8_t changed = u->lcr ^ val;
	u->lcr = val;
	if (changed & ~(LCR_BREAK | LCR_DLAB))
		push_params(u);
	if (!(changed & LCR_BREAK))
		return;
	if (!(u->mcr & MCR_LOOP)) {
		if (u->chr)
			chardev_send_break(u->chr, val & LCR_BREAK);
	} else if (val & LCR_BREAK) {
		receive(u, 0, LSR_BI);
		received(u);
	}
}

static void write_mcr(struct uart *u, uint8_t val)
{
	uint8_t changed = u->mcr ^ val;
	u->mcr = val & 0x1f;
	if (u->chr && (changed & (MCR_DTR | MCR_RTS | MCR_LOOP))) {
		unsigned out = val & MCR_LOOP ? 0 : val;        /* in loop-back the output pins are inactive */
		chardev_set_lines(u->chr, (out & MCR_DTR ? CHR_DTR : 0) | (out & MCR_RTS ? CHR_RTS : 0));
	}
	update_modem(u);
	update_irq(u);
	if (u->chr && (changed & MCR_LOOP) && !(val & MCR_LOOP))
		chardev_accept_input(u->chr, u);
}

static uint8_t read_iir(struct uart *u)
{
	uint8_t id = pending_interrupt(u), fifo = fifo_on(u) ? IIR_FIFO : 0;
	if (id == IIR_THRE) {
		u->thre_pending = false;
		update_irq(u);
	}
	return id | fifo;
}

static uint8_t read_lsr(struct uart *u)
{
	uint8_t lsr = line_status(u);
	if (u->lsr_err) {
		u->lsr_err = 0;
		if (u->rx_count)
			u->rx_err[u->rx_head] = 0;
		update_irq(u);
	}
	return lsr;
}

static uint8_t read_msr(struct uart *u)
{
	update_modem(u);
	uint8_t msr = u->msr;
	u->msr &= 0xf0;
	update_irq(u);
	return msr;
}

uint64_t uart_read_reg(struct uart *u, unsigned reg)
{
	bool dlab = u->lcr & LCR_DLAB;
	switch (reg) {
	case REG_DATA:    return dlab ? u->dll : read_data(u);
	case REG_IER:     return dlab ? u->dlm : u->ier;
	case REG_IIR_FCR: return read_iir(u);
	case REG_LCR:     return u->lcr;
	case REG_MCR:     return u->mcr;
	case REG_LSR:     return read_lsr(u);
	case REG_MSR:     return read_msr(u);
	default:          return u->scr;
	}
}

void uart_write_reg(struct uart *u, unsigned reg, uint8_t v)
{
	bool dlab = u->lcr & LCR_DLAB;
	switch (reg) {
	case REG_DATA:
	case REG_IER:
		if (dlab) {
			*(reg == REG_DATA ? &u->dll : &u->dlm) = v;
			push_params(u);
		} else if (reg == REG_DATA) {
			write_data(u, v);
		} else {
			write_ier(u, v);
		}
		break;
	case REG_IIR_FCR: write_fcr(u, v); break;
	case REG_LCR:     write_lcr(u, v); break;
	case REG_MCR:     write_mcr(u, v); break;
	case REG_SCR:     u->scr = v; break;
	default:          break;                /* LSR and MSR: for the maker's tests only */
	}
}

static unsigned uart_can_read(void *arg)
{
	struct uart *u = arg;
	if (u->mcr & MCR_LOOP)
		return 0;
	unsigned room = fifo_len(u) - u->rx_count;
	return !u->paced ? room : room && !u->rx_due_ns ? 1 : 0;
}

static void uart_chr_read(void *arg, const uint8_t *buf, unsigned len)
{
	struct uart *u = arg;
	for (unsigned i = 0; i < len; i++)
		receive(u, buf[i], 0);
	if (u->paced) {
		u->rx_due_ns = (uint64_t)(clock_now(&u->machine->clock) + char_time_ns(u));
		set_wire_timer(u);
	}
	received(u);
}

static void uart_can_write(void *arg)
{
	struct uart *u = arg;
	if (u->shifting)
		u->tx_due_ns = (uint64_t)clock_now(&u->machine->clock);
	transmit(u);
	update_irq(u);
}

static void uart_wire(void *arg)
{
	struct uart *u = arg;
	if (u->rx_due_ns && (int64_t)u->rx_due_ns <= clock_now(&u->machine->clock)) {
		u->rx_due_ns = 0;
		if (u->chr)
			chardev_accept_input(u->chr, u);
	}
	shift_out(u);
	update_irq(u);
}

static void uart_event(void *arg, enum chr_event ev)
{
	struct uart *u = arg;
	if (ev == CHR_BREAK && !(u->mcr & MCR_LOOP)) {
		receive(u, 0, LSR_BI);
		received(u);
	} else if (ev == CHR_OPENED || ev == CHR_CLOSED) {
		update_modem(u);
	}
	update_irq(u);
}

bool uart_start(struct uart *u, struct error *err)
{
	timer_init(&u->timeout, uart_timeout, u);
	timer_init(&u->line_poll, uart_poll_lines, u);
	timer_init(&u->wire, uart_wire, u);
	struct chr_front f = { .can_read = uart_can_read, .read = uart_chr_read, .can_write = uart_can_write, .event = uart_event, .arg = u, .trickles = true,
		.name = u->name };
	return !u->chr || chardev_attach(u->chr, &f, err);
}

void uart_stop(struct uart *u)
{
	timer_cancel(u->machine, &u->timeout);
	timer_cancel(u->machine, &u->line_poll);
	timer_cancel(u->machine, &u->wire);
	if (u->chr)
		chardev_detach(u->chr, u);
}

/* Table "UART Reset Functions": registers clear, divisor and scratch keep; the baud rate starts as PC firmware leaves it (9600). */
void uart_reset_regs(struct uart *u)
{
	u->dll = 12;
	u->dlm = u->ier = u->fcr = u->lcr = u->mcr = u->scr = u->lsr_err = 0;
	u->rx_head = u->rx_count = u->tx_head = u->tx_count = u->tsr = 0;
	memset(u->rx, 0, sizeof u->rx);
	memset(u->tx, 0, sizeof u->tx);
	memset(u->rx_err, 0, sizeof u->rx_err);
	u->thre_pending = u->timeout_pending = u->shifting = false;
	u->timeout_ns = u->tx_due_ns = u->rx_due_ns = 0;
	timer_cancel(u->machine, &u->timeout);
	timer_cancel(u->machine, &u->wire);
	update_modem(u);
	u->msr &= 0xf0;
}

void uart_reset_wires(struct uart *u)
{
	u->irq_level = false;
	irq_set(&u->irq, 0);
	if (u->chr)
		chardev_accept_input(u->chr, u);
}

bool uart_loaded(struct uart *u, struct error *err)
{
	if (u->rx_head >= FIFO_LEN || u->tx_head >= FIFO_LEN || u->rx_count > fifo_len(u) || u->tx_count > FIFO_LEN || u->timeout_ns > INT64_MAX ||
	    u->tx_due_ns > INT64_MAX || u->rx_due_ns > INT64_MAX)
		return error_set(err, "serial port: FIFO positions out of range in the saved state");
	timer_cancel(u->machine, &u->timeout);
	if (u->timeout_ns && u->rx_count && u->rx_count < trigger_level(u))
		timer_set(u->machine, &u->timeout, (int64_t)u->timeout_ns);
	set_wire_timer(u);
	push_params(u);
	u->irq_level = pending_interrupt(u) != IIR_NONE;
	irq_set(&u->irq, u->irq_level);
	return true;
}

const struct state_field uart_state[] = {
	STATE_U8(struct uart, dll), STATE_U8(struct uart, dlm), STATE_U8(struct uart, ier), STATE_U8(struct uart, fcr), STATE_U8(struct uart, lcr),
	STATE_U8(struct uart, mcr), STATE_U8(struct uart, msr), STATE_U8(struct uart, scr), STATE_U8(struct uart, lsr_err),
	STATE_BYTES(struct uart, rx), STATE_BYTES(struct uart, rx_err), STATE_U8(struct uart, rx_head), STATE_U8(struct uart, rx_count),
	STATE_BYTES(struct uart, tx), STATE_U8(struct uart, tx_head), STATE_U8(struct uart, tx_count),
	STATE_BOOL(struct uart, thre_pending), STATE_BOOL(struct uart, timeout_pending), STATE_U64(struct uart, timeout_ns),
	STATE_BOOL(struct uart, shifting), STATE_U8(struct uart, tsr), STATE_U64(struct uart, tx_due_ns), STATE_U64(struct uart, rx_due_ns), STATE_END
};
