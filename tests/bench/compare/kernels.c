/* kernels.c - the integer kernels on the host, and the same object code booted from a disk image on each emulator: once with the interpreter beside TCG
 * and Bochs, and, with every kernel run ten times, with the translator beside TCG.  BENCH_ACCEL in the environment: that engine alone. */
#include "tests/bench/kernels.h"
#include "tests/bench/compare/compare.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_KERNELS = 32, MAX_ROUNDS = 25 };
#define LEAST 1e-4              /* seconds; shorter ones are lost between two looks at the serial port */
struct run {                            /* one boot of the guest */
	double time[MAX_KERNELS];
	uint64_t result[MAX_KERNELS];
	unsigned k;
	double begun;
	enum { BETWEEN, IN_NAME, IN_KERNEL, IN_RESULT, DONE } state;
};

static double thread_cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What is measured: an engine of ours, with kernels that run so many times on the image of that name. */
struct pass { const char *accel, *image; unsigned times; bool translates; };

static void run_on_host(const struct pass *p, struct run *r, void *heap)
{
	memset(heap, 1, KERNEL_HEAP);
	for (r->k = 0; r->k < n_kernels; r->k++) {
		double t = thread_cpu();
		for (unsigned n = 0; n < p->times; n++)
			r->result[r->k] = kernels[r->k].fn(kernels[r->k].n, heap);
		r->time[r->k] = thread_cpu() - t;
	}
	r->state = DONE;
}

/* The protocol of tests/bench/guest/main.c.  `cpu` is right for the markers because each comes alone: the guest waits until the
 * port is empty before it goes on, and the emulator then works for a long time without sending anything. */
static void on_marker(struct emulator *e, const char *data, size_t n, double cpu)
{
	struct run *r = e->arg;
	for (; n--; data++) {
		if (r->state == BETWEEN && *data == '[')
			r->state = IN_NAME;
		else if (r->state == BETWEEN && *data == 'X')
			r->state = DONE;
		else if (r->state == IN_NAME && *data == '\n' && r->k < n_kernels)
			r->state = IN_KERNEL, r->begun = cpu;
		else if (r->state == IN_KERNEL && *data == ']')
			r->state = IN_RESULT, r->time[r->k] = fmax(cpu - r->begun, LEAST), r->result[r->k] = 0;
		else if (r->state == IN_RESULT && *data == '\n')
			r->state = BETWEEN, r->k++;
		else if (r->state == IN_RESULT)
			r->result[r->k] = r->result[r->k] << 4 | (uint64_t)(*data <= '9' ? *data - '0' : *data - 'a' + 10);
	}
}

static bool write_bochs_files(struct bench *b, const char *rc, const char *commands, const char *serial)
{
	FILE *f = fopen(rc, "w"), *c = fopen(commands, "w");
	if (f)
		fprintf(f, "megs: 64\ncpu: count=1, ips=100000000\nclock: sync=none\n"
			"romimage: file=/usr/share/bochs/BIOS-bochs-latest\nvgaromimage: file=/usr/share/vgabios/vgabios.bin\n"
			"ata0-master: type=disk, path=%s/guest.img, mode=flat, cylinders=0\nboot: disk\n"
			"com1: enabled=1, mode=file, dev=%s\ndisplay_library: term\nlog: %s/bochs.log\n"
			"plugin_ctrl: biosdev=0, speaker=0, extfpuirq=0, gameport=0, parallel=0\n"
			"sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy\n"
			"panic: action=fatal\nerror: action=report\ninfo: action=ignore\n", b->dir, serial, b->dir);
	if (c)
		fprintf(c, "c\n");      /* Debian builds Bochs with its debugger, which waits for this */
	bool ok = f && c;
	if (f)
		fclose(f);
	if (c)
		fclose(c);
	return ok;
}

static bool run_on(struct bench *b, const struct pass *p, enum who w, struct run *r)
{
	char serial[512], unix_serial[520], drive[512], rc[512], commands[512], lock[512];
	snprintf(serial, sizeof(serial), "%s/serial", b->dir);
	snprintf(unix_serial, sizeof(unix_serial), "unix:%s", serial);
	snprintf(drive, sizeof(drive), "file=%s/%s,format=raw,if=ide,snapshot=on", b->dir, p->image);
	snprintf(rc, sizeof(rc), "%s/bochsrc", b->dir);
	snprintf(commands, sizeof(commands), "%s/bochs-commands", b->dir);
	const char *const vmux[] = { "build/vmux", "-accel", p->accel, "-m", "64", "-display", "none", "-monitor", "none", "-drive", drive, "-serial", unix_serial, NULL };
	const char *const tcg[] = { "qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-display", "none", "-monitor", "none", "-nic", "none", "-drive",
		drive, "-serial", unix_serial, NULL };
	const char *const bochs[] = { "bochs-bin", "-q", "-f", rc, "-rc", commands, NULL };
	/* Bochs leaves this behind when it is killed, and then refuses the image. */
	snprintf(lock, sizeof(lock), "%s/guest.img.lock", b->dir);
	unlink(lock);
	if (w == BOCHS && !write_bochs_files(b, rc, commands, serial))
		return false;
	struct emulator e, *list = &e;
	bool ok = emulator_start(&e, who_names[w], w == BOCHS ? SERIAL_FIFO : SERIAL_SOCKET, serial, w == VMUX ? vmux : w == TCG ? tcg : bochs);
	e.on_serial = on_marker;
	e.arg = r;
	for (double until = wall() + 240; ok && r->state != DONE;)
		ok = emulators_pump(&list, 1, 200) && wall() < until;
	if (!ok)
		fprintf(stderr, "bench: %s stopped in kernel %u\n", who_names[w], r->k);
	emulator_stop(&e);
	return ok;
}

/* Guest instructions of each kernel, from vmux's own count; 0 = not known. */
static void count_instructions(struct bench *b, double *count)
{
	char cmd[512], line[128], name[64];
	snprintf(cmd, sizeof(cmd), "%s/cpu --count", b->dir);
	FILE *p = popen(cmd, "r");
	double v;
	while (p && fgets(line, sizeof(line), p))
		if (sscanf(line, "%lf %63[^\n]", &v, name) == 2)
			for (unsigned k = 0; k < n_kernels; k++)
				if (!strcmp(kernels[k].name, name))
					count[k] = v;
	if (p)
		pclose(p);
}

/* Median over the rounds of one kernel's time on w, divided by that on `by` in the same round unless by is N_WHO. */
static double middle(const struct run runs[][N_WHO], unsigned rounds, unsigned k, enum who w, enum who by)
{
	double v[MAX_ROUNDS];
	unsigned n = 0;
	for (unsigned i = 0; i < rounds; i++)
		if (runs[i][w].state == DONE && (by == N_WHO || (runs[i][by].state == DONE && runs[i][by].time[k] > 0)))
			v[n++] = by == N_WHO ? runs[i][w].time[k] : runs[i][w].time[k] / runs[i][by].time[k];
	return median(v, n);
}

static void cell(double v, int width, int digits)
{
	if (v > 0)
		printf(" %*.*f", width, digits, v);
	else
		printf(" %*s", width, "-");
}

struct means { double log_sum[3]; unsigned n[3]; double least; };

static void print_kernel(struct bench *b, const struct pass *p, const struct run runs[][N_WHO], unsigned rounds, unsigned k, double count, struct means *m)
{
	static const enum who of[3] = { VMUX, VMUX, BOCHS }, by[3] = { HOST, TCG, VMUX };
	static const char *const metric[3] = { "vmux/host", "vmux/TCG", "Bochs/vmux" };
	const struct kernel *q = &kernels[k];
	const char *section = p->translates ? "kernels, translated" : "kernels";
	double vmux = middle(runs, rounds, k, VMUX, N_WHO), mips = vmux > 0 && !q->apart ? count / vmux / 1e6 : 0;
	printf("  %-16s", q->name);
	for (enum who w = HOST; w < N_WHO; w++) {
		double v = middle(runs, rounds, k, w, N_WHO);
		cell(v, 8, 4);
		if (v > 0)
			record(b, section, q->name, who_names[w], v);
	}
	cell(mips, 6, 0);
	record(b, section, q->name, "vmux MIPS", mips);
	for (unsigned x = 0; x < 3; x++) {
		double v = middle(runs, rounds, k, of[x], by[x]);
		cell(v, 10, 2);
		if (v <= 0)
			continue;
		record(b, section, q->name, metric[x], v);
		if (q->apart)
			continue;
		m->log_sum[x] += log(v);
		m->n[x]++;
		if (x == 2 && (m->least == 0 || v < m->least))
			m->least = v;
	}
	bool wrong = false;
	for (unsigned i = 0; i < rounds; i++)
		for (enum who w = VMUX; w < N_WHO; w++)
			wrong |= runs[i][w].state == DONE && runs[i][w].result[k] != runs[i][HOST].result[k];
	printf("%s%s\n", q->apart ? "  (not in the mean)" : "", wrong ? "  WRONG RESULT" : "");
}

/* Beside TCG; a loop in registers beside the host, too. */
static void judge_kernel(struct bench *b, const struct run runs[][N_WHO], unsigned rounds, unsigned k)
{
	char what[80];
	double ratio = middle(runs, rounds, k, TCG, VMUX), host = middle(runs, rounds, k, VMUX, HOST);
	snprintf(what, sizeof(what), "kernels: %s, TCG / vmux", kernels[k].name);
	if (kernels[k].wanted > 0 && ratio > 0)
		judge(b, what, ratio, "", true, kernels[k].wanted);
	snprintf(what, sizeof(what), "kernels: %s, vmux / host", kernels[k].name);
	if (k == 0 && host > 0)
		judge(b, what, host, "", false, 1.1);
}

static bool measure(struct bench *b, const struct pass *p)
{
	struct run runs[MAX_ROUNDS][N_WHO] = { 0 };
	unsigned rounds = (b->rounds + 1) / 2;
	enum who last = p->translates ? BOCHS : N_WHO;          /* Bochs would take minutes for the long image */
	void *heap = malloc(KERNEL_HEAP);
	if (!heap || n_kernels > MAX_KERNELS)
		return false;
	for (unsigned i = 0; i < rounds; i++) {
		for (enum who w = HOST; w < last; w++) {
			double t = wall();
			if (w == HOST)
				run_on_host(p, &runs[i][w], heap);
			else if (b->have[w] && !run_on(b, p, w, &runs[i][w]))
				b->have[w] = false;
			fprintf(stderr, "kernels, %s, round %u of %u: %s, %.1f s\n", p->accel, i + 1, rounds, who_names[w], wall() - t);
		}
	}
	free(heap);
	double count[MAX_KERNELS] = { 0 };
	count_instructions(b, count);
	struct means m = { 0 };
	printf("\nInteger kernels, %s, %u times each: CPU seconds (median of %u)\n  %-16s %8s %8s %8s %8s %6s %10s %10s %10s\n", p->accel, p->times, rounds, "", "host", "vmux", "TCG", "Bochs", "MIPS",
		"vmux/host", "vmux/TCG", "Bochs/vmux");
	for (unsigned k = 0; k < n_kernels; k++)
		print_kernel(b, p, (const struct run (*)[N_WHO])runs, rounds, k, count[k] * p->times, &m);
	printf("  %-59s", "geometric mean");
	for (unsigned x = 0; x < 3; x++)
		cell(m.n[x] ? exp(m.log_sum[x] / m.n[x]) : 0, 10, 2);
	printf("\n");
	if (m.n[2]) {
		judge(b, "kernels: Bochs / vmux, geometric mean", exp(m.log_sum[2] / m.n[2]), "", true, 4);
		judge(b, "kernels: Bochs / vmux, the least of all", m.least, "", true, 4);
	}
	for (unsigned k = 0; p->translates && k < n_kernels; k++)
		judge_kernel(b, (const struct run (*)[N_WHO])runs, rounds, k);
	return b->have[VMUX];
}

bool bench_kernels(struct bench *b)
{
	static const struct pass passes[] = { { "interp", "guest.img", 1, false }, { "jit", "guest-long.img", KERNELS_LONG, true } };
	const char *only = getenv("BENCH_ACCEL");
	bool any = false;
	for (unsigned n = 0; n < sizeof passes / sizeof *passes; n++)
		if (!only || passes[n].translates == !!strcmp(only, "interp"))
			any |= measure(b, &(struct pass){ only ? only : passes[n].accel, passes[n].image, passes[n].times, passes[n].translates });
	return any;
}
