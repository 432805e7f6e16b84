/* probe.c - can this host's KVM run guest code, in which modes, and is it the processor that runs it?
 *
 * A kernel without the processor's help may still offer /dev/kvm and emulate, a thousand times slower; and one may run user code
 * directly and emulate the rest.  So a loop of two instructions is timed in each mode of a throw-away machine. */
#include "core/kvm/kvm.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY = 1 << 21, CODE = 0x1000, PML4 = 0x10000, PDPT = 0x11000, PD = 0x12000, DONE_PORT = 0x80,
       ROUNDS_WARM = 50, ROUNDS = 3000, SLOW_NS = 60, PATIENCE_S = 3 };

struct box { int dev, vm, cpu; uint8_t *mem; struct kvm_run *run; size_t run_size; };

const char *kvm_mode_text(enum kvm_mode m)
{
	static const char *const text[KVM_MODES] = { "real mode", "protected mode", "long mode (kernel)", "long mode (user)" };
	return text[m];
}

/* mov ecx, n; 1: dec ecx; jnz 1b; out 80h, al; hlt */
static void put_code(struct box *b, enum kvm_mode mode, uint32_t n)
{
	static const uint8_t wide[] = { 0xb9, 0, 0, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xe6, DONE_PORT, 0xf4 };
	static const uint8_t narrow[] = { 0x66, 0xb9, 0, 0, 0, 0, 0x66, 0xff, 0xc9, 0x75, 0xfb, 0xe6, DONE_PORT, 0xf4 };
	bool real = mode == KVM_REAL;

	memcpy(b->mem + CODE, real ? narrow : wide, real ? sizeof narrow : sizeof wide);
	memcpy(b->mem + CODE + (real ? 2 : 1), &n, sizeof n);
}

static bool set_mode(struct box *b, enum kvm_mode mode)
{
	struct kvm_sregs s;
	bool user = mode == KVM_LONG_USER;
	struct kvm_segment code = { .limit = 0xffffffff, .selector = user ? 0x1b : 8, .type = 11, .present = 1, .dpl = user ? 3 : 0, .s = 1, .db = 1, .g = 1 };
	struct kvm_segment data = { .limit = 0xffffffff, .selector = user ? 0x23 : 16, .type = 3, .present = 1, .dpl = user ? 3 : 0, .s = 1, .db = 1, .g = 1 };
	struct kvm_regs r = { .rip = CODE, .rsp = 0x8000, .rflags = user ? 0x3002 : 2 };

	if (ioctl(b->cpu, KVM_GET_SREGS, &s))
		return false;
	s.cs.base = s.cs.selector = 0;
	if (mode >= KVM_PROTECTED) {
		s.cs = code;
		s.ds = s.es = s.ss = s.fs = s.gs = data;
		s.cr0 |= CR0_PE;
	}
	if (mode >= KVM_LONG_KERNEL) {
		const uint64_t tables[3] = { PDPT | 7, PD | 7, 0x87 /* one page of 2 MB */ };
		memcpy(b->mem + PML4, &tables[0], 8);
		memcpy(b->mem + PDPT, &tables[1], 8);
		memcpy(b->mem + PD, &tables[2], 8);
		s.cr3 = PML4;
		s.cr4 |= CR4_PAE;
		s.cr0 |= CR0_PG;
		s.efer |= EFER_LME | EFER_LMA;
		s.cs.db = 0;
		s.cs.l = 1;
	}
	return !ioctl(b->cpu, KVM_SET_SREGS, &s) && !ioctl(b->cpu, KVM_SET_REGS, &r);
}

/* Run `n` rounds; ns taken, or -1. */
static int64_t run_rounds(struct box *b, enum kvm_mode mode, uint32_t n)
{
	put_code(b, mode, n);
	if (!set_mode(b, mode))
		return -1;
	int64_t start = host_ns();
	if (ioctl(b->cpu, KVM_RUN, 0) || b->run->exit_reason != KVM_EXIT_IO || b->run->io.port != DONE_PORT)
		return -1;
	return host_ns() - start;
}

static void probe_mode(struct box *b, enum kvm_mode mode, struct kvm_probe *p)
{
	int64_t took = run_rounds(b, mode, ROUNDS_WARM) < 0 ? -1 : run_rounds(b, mode, ROUNDS);

	/* Once more when it looks slow: another program may have had the processor. */
	for (int again = 0; again < 2 && took >= (int64_t)SLOW_NS * ROUNDS; again++) {
		int64_t t = run_rounds(b, mode, ROUNDS);
		took = t >= 0 && t < took ? t : took;
	}
	p->ns[mode] = took < 0 ? 0 : (unsigned)(took / ROUNDS);
	p->mode[mode] = took < 0 ? KVM_REFUSES : p->ns[mode] >= SLOW_NS ? KVM_SLOW : KVM_WORKS;
}

/* One signal ends a KVM_RUN that does not end by itself. */
static bool watch(timer_t *t, int signal)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal, ._sigev_un._tid = (int)syscall(SYS_gettid) };
	struct itimerspec when = { .it_value.tv_sec = PATIENCE_S, .it_interval.tv_sec = 1 };
	return !timer_create(CLOCK_MONOTONIC, &ev, t) && !timer_settime(*t, 0, &when, NULL);
}

static void on_signal(int sig) {}

static void probe_modes(struct box *b, struct kvm_probe *p)
{
	struct sigaction nothing = { .sa_handler = on_signal }, old;
	sigset_t set, old_set;
	timer_t timer;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 4);
	sigaction(SIGRTMIN + 4, &nothing, &old);
	pthread_sigmask(SIG_UNBLOCK, &set, &old_set);
	bool watched = watch(&timer, SIGRTMIN + 4);
	for (enum kvm_mode m = 0; m < KVM_MODES; m++)
		probe_mode(b, m, p);
	if (watched)
		timer_delete(timer);
	pthread_sigmask(SIG_SETMASK, &old_set, NULL);
	sigaction(SIGRTMIN + 4, &old, NULL);
}

static bool say(struct kvm_probe *p, const char *what, int error)
{
	snprintf(p->why, sizeof p->why, "%s%s%s", what, error ? ": " : "", error ? strerror(error) : "");
	return false;
}

static bool open_box(struct box *b, struct kvm_probe *p)
{
	static const struct { int cap; const char *name; } needed[] = {
		{ KVM_CAP_USER_MEMORY, "memory slots" }, { KVM_CAP_READONLY_MEM, "read-only memory" }, { KVM_CAP_IMMEDIATE_EXIT, "immediate exits" },
		{ KVM_CAP_XSAVE, "XSAVE state" }, { KVM_CAP_XCRS, "XCR0" }, { KVM_CAP_DEBUGREGS, "debug registers" },
		{ KVM_CAP_VCPU_EVENTS, "pending events" }, { KVM_CAP_SET_TSS_ADDR, "a place for its TSS" }, { KVM_CAP_EXT_CPUID, "CPUID" } };

	if ((b->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC)) < 0)
		return say(p, "/dev/kvm cannot be opened", errno);
	if (ioctl(b->dev, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return say(p, "/dev/kvm speaks another version of its interface", 0);
	for (unsigned n = 0; n < sizeof needed / sizeof needed[0]; n++)
		if (ioctl(b->dev, KVM_CHECK_EXTENSION, needed[n].cap) <= 0) {
			snprintf(p->why, sizeof p->why, "the host's KVM lacks %s", needed[n].name);
			return false;
		}
	if ((b->vm = ioctl(b->dev, KVM_CREATE_VM, 0)) < 0)
		return say(p, "the host's KVM makes no virtual machine", errno);
	b->mem = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int size = ioctl(b->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (b->mem == MAP_FAILED || size <= 0)
		return say(p, "the host's KVM cannot be used", errno);
	struct kvm_userspace_memory_region r = { .memory_size = MEMORY, .userspace_addr = (uintptr_t)b->mem };
	b->run_size = (size_t)size;
	if (ioctl(b->vm, KVM_SET_TSS_ADDR, 0xfffbd000) || ioctl(b->vm, KVM_SET_USER_MEMORY_REGION, &r) || (b->cpu = ioctl(b->vm, KVM_CREATE_VCPU, 0)) < 0)
		return say(p, "the host's KVM makes no processor", errno);
	b->run = mmap(NULL, b->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, b->cpu, 0);
	return b->run != MAP_FAILED || say(p, "the host's KVM cannot be used", errno);
}

static bool set_cpuid(struct box *b)
{
	struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 e[KVM_CPUID_MAX]; } c = { .head.nent = KVM_CPUID_MAX };
	return !ioctl(b->dev, KVM_GET_SUPPORTED_CPUID, &c) && !ioctl(b->cpu, KVM_SET_CPUID2, &c);
}

static void close_box(struct box *b)
{
	if (b->run && b->run != MAP_FAILED)
		munmap(b->run, b->run_size);
	if (b->mem && b->mem != MAP_FAILED)
		munmap(b->mem, MEMORY);
	for (int n = 0; n < 3; n++) {
		int fd = n == 0 ? b->cpu : n == 1 ? b->vm : b->dev;
		if (fd >= 0)
			close(fd);
	}
}

/* The worst mode says what the engine is good for. */
static bool judge(struct kvm_probe *p)
{
	for (enum kvm_mode m = 0; m < KVM_MODES; m++)
		if (p->mode[m] == KVM_REFUSES) {
			snprintf(p->why, sizeof p->why, "the host's KVM refuses to run code in %s", kvm_mode_text(m));
			return false;
		}
	for (enum kvm_mode m = KVM_MODES; m-- > 0;)
		if (p->mode[m] == KVM_SLOW)
			snprintf(p->why, sizeof p->why, "the host's KVM only emulates %s (%u ns an instruction)", kvm_mode_text(m), p->ns[m] / 2);
	return true;
}

bool kvm_probe(struct kvm_probe *p)
{
	struct box b = { .dev = -1, .vm = -1, .cpu = -1 };
	bool ok = false;

	*p = (struct kvm_probe){ .mode = { KVM_REFUSES, KVM_REFUSES, KVM_REFUSES, KVM_REFUSES } };
	if (open_box(&b, p)) {
		if (set_cpuid(&b)) {
			probe_modes(&b, p);
			ok = judge(p);
		} else {
			say(p, "the host's KVM takes no CPUID", errno);
		}
	}
	close_box(&b);
	return ok;
}
