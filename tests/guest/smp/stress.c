/* stress.c - threads of one process that check each other: locked counters, futexes, pipes, page tables that shrink under others' feet, and
 * code that one writes and others run, children that make files as a compiler does, and clocks that are the same on all CPUs.
 * usage: stress SECONDS THREADS; ends with "stress ok" or says what went wrong.  Static, for a guest. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 64, PAGE = 4096, WORDS = 1 << 15 };
static atomic_bool stop;
enum { JOBS = 7 };
static atomic_ulong rounds[JOBS];
static unsigned n_threads;

static void fail(const char *what)
{
	printf("stress FAILED: %s\n", what);
	fflush(stdout);
	_exit(1);
}

/* ---- counters: lock add, xadd, cmpxchg, and a mutex around a plain one ------------------------------------------------------------------ */
static struct { atomic_ulong add, cas; unsigned long plain, expected; pthread_mutex_t mutex; pthread_spinlock_t spin; unsigned long spun; } count;
static atomic_ulong own_sum;
/* The same in two pages at once: lock add, xadd and cmpxchg of what starts at the end of one. */
static struct { uint8_t *add, *cas; } crossing;

static void count_crossing(void)
{
	uint32_t one = 1, old, want;
	bool done;
	__asm__ volatile("lock addl %1, (%0)" : : "r"(crossing.add), "r"(1) : "memory", "cc");
	__asm__ volatile("lock xaddl %0, (%1)" : "+r"(one) : "r"(crossing.add) : "memory", "cc");
	memcpy(&old, crossing.cas, 4);
	do {
		want = old + 2;
		__asm__ volatile("lock cmpxchgl %3, (%2)" : "=@ccz"(done), "+a"(old) : "r"(crossing.cas), "r"(want) : "memory");
	} while (!done);
}

static void counters(unsigned seed)
{
	for (int i = 0; i < 2000; i++) {
		atomic_fetch_add(&count.add, 1);
		unsigned long old = atomic_load(&count.cas);
		while (!atomic_compare_exchange_weak(&count.cas, &old, old + 1))
			;
		if (i % 100 == 0)
			count_crossing();
		if (i % 8 == 0) {
			pthread_mutex_lock(&count.mutex);
			count.plain++;
			pthread_mutex_unlock(&count.mutex);
			pthread_spin_lock(&count.spin);
			count.spun++;
			pthread_spin_unlock(&count.spin);
		}
	}
	atomic_fetch_add(&own_sum, 2000);
}

/* ---- a pipe between neighbours: what comes is what was sent ------------------------------------------------------------------------------- */
static void pipes(unsigned seed)
{
	int p[2];
	uint32_t x = seed | 1, y = x, buf[256];
	if (pipe(p))
		fail("pipe");
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 256; k++)
			buf[k] = x = x * 1664525 + 1013904223;
		if (write(p[1], buf, sizeof buf) != sizeof buf)
			fail("write to a pipe");
		memset(buf, 0, sizeof buf);
		if (read(p[0], buf, sizeof buf) != sizeof buf)
			fail("read from a pipe");
		for (int k = 0; k < 256; k++)
			if (buf[k] != (y = y * 1664525 + 1013904223))
				fail("a pipe changes its bytes");
	}
	close(p[0]);
	close(p[1]);
}

/* ---- a page is taken away while all may have its translation: after mprotect nobody writes to it any more ---------------------------------- */
static _Thread_local sigjmp_buf escape;
static _Thread_local volatile int guarded;
static void on_fault(int sig)
{
	if (guarded)
		siglongjmp(escape, 1);
	_exit(3);
}
static volatile uint64_t *shared;

static void shootdown(unsigned seed)
{
	if (seed % n_threads == 0) {            /* thread 0 alone */
		if (mprotect((void *)shared, PAGE, PROT_READ))
			fail("mprotect");
		uint64_t before = *shared;              /* from here on nobody can change it */
		for (int i = 0; i < 300; i++)
			if (*shared != before)
				fail("a write reached a page that was taken away");
		mprotect((void *)shared, PAGE, PROT_READ | PROT_WRITE);
		return;
	}
	for (int i = 0; i < 200; i++) {
		guarded = 1;
		if (!sigsetjmp(escape, 1))
			*shared = *shared + 1;
		guarded = 0;
	}
}

/* ---- code that is written by one and run by all: the generation it returns never goes back -------------------------------------------------- */
static uint8_t *code;
static atomic_uint published;
static pthread_mutex_t code_mutex = PTHREAD_MUTEX_INITIALIZER;

static void generate(unsigned seed)
{
	static _Thread_local unsigned seen;
	if (seed % 3 == 0) {
		pthread_mutex_lock(&code_mutex);
		uint32_t next = atomic_load(&published) + 1;
		memcpy(code + 1, &next, 4);             /* the immediate of mov eax, imm32: aligned, so it changes at once */
		atomic_store(&published, next);
		pthread_mutex_unlock(&code_mutex);
		return;
	}
	for (int i = 0; i < 50; i++) {
		unsigned least = atomic_load(&published);
		unsigned leaf = 0;
		__asm__ volatile("cpuid" : "+a"(leaf) : : "rbx", "rcx", "rdx", "memory");       /* what the writer did is seen: SDM 3, 8.1.3 */
		unsigned got = ((unsigned (*)(void))(void *)code)();
		if (got < least || got < seen) {
			printf("generation %u runs, %u was published before, %u seen\n", got, least, seen);
			fail("old code runs");
		}
		seen = got;
	}
}

/* ---- a checksum that must not depend on where it runs ---------------------------------------------------------------------------------------- */
static uint32_t *words;
static void checksum(unsigned seed)
{
	uint64_t h = 1469598103934665603u;
	double d = 0;
	for (int i = 0; i < WORDS; i++) {
		h = (h ^ words[i]) * 1099511628211u;
		d += words[i] * 0.5;
	}
	static _Thread_local uint64_t first;
	static _Thread_local double dfirst;
	if (first && (h != first || d != dfirst))
		fail("a checksum differs");
	first = h;
	dfirst = d;
}

/* ---- a child that makes a file, as `make` has many of: processes, page faults, files ---------------------------------------------------------- */
enum { FILE_WORDS = 16384 };
static void file_words(unsigned seed, uint32_t *out)
{
	for (uint32_t k = 0, x = seed | 1; k < FILE_WORDS; k++)
		out[k] = x = x * 1664525 + 1013904223;
}

/* The child: stress --make FILE SEED */
static int make_file(const char *name, unsigned seed)
{
	uint32_t *w = malloc(FILE_WORDS * sizeof *w);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (!w || fd < 0)
		return 1;
	file_words(seed, w);
	bool ok = write(fd, w, FILE_WORDS * sizeof *w) == (ssize_t)(FILE_WORDS * sizeof *w);
	return close(fd) || !ok;
}

static void build(unsigned seed)
{
	static _Thread_local uint32_t want[FILE_WORDS], got[FILE_WORDS];
	char name[64], number[16];
	snprintf(name, sizeof name, "/tmp/stress-%u.o", seed % n_threads);
	snprintf(number, sizeof number, "%u", seed);
	char *argv[] = { "stress", "--make", name, number, NULL }, *env[] = { NULL };
	pid_t child;
	int status;
	if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, env))
		fail("posix_spawn");
	if (waitpid(child, &status, 0) != child || status)
		fail("a child");
	int fd = open(name, O_RDONLY);
	if (fd < 0 || read(fd, got, sizeof got) != sizeof got || close(fd) || unlink(name))
		fail("the child's file");
	file_words(seed, want);
	if (memcmp(want, got, sizeof got))
		fail("the child's file has other bytes");
}

/* ---- the clock: what the vDSO makes of the counter of the CPU it runs on lies between what the kernel says before and after, and nobody sees a time
 * that is earlier than one that another has seen ------------------------------------------------------------------------------------------------- */
enum { BILLION = 1000000000, SLACK_NS = 1000 /* the kernel changes its rate a little, and not for both at once */, LEAP_S = 120 };
static atomic_llong latest;

static long long asked(void)
{
	struct timespec t;
	if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t))
		fail("clock_gettime");
	return t.tv_sec * (long long)BILLION + t.tv_nsec;
}

static void clocks(unsigned seed)
{
	for (int i = 0; i < 300; i++) {
		struct timespec t;
		long long seen = atomic_load(&latest), before = asked();
		clock_gettime(CLOCK_MONOTONIC, &t);
		long long now = t.tv_sec * (long long)BILLION + t.tv_nsec, after = asked();
		if (before < seen - SLACK_NS || now < before - SLACK_NS || now > after + SLACK_NS ||
			after - (seen ? seen : before) > LEAP_S * (long long)BILLION) {
			printf("another CPU saw %lld; the kernel says %lld, the vDSO %lld, the kernel %lld\n", seen, before, now, after);
			fail("the clock");
		}
		while (seen < now && !atomic_compare_exchange_weak(&latest, &seen, now))
			;
	}
}

static void *worker(void *arg)
{
	static void (*const jobs[JOBS])(unsigned) = { counters, pipes, shootdown, generate, checksum, build, clocks };
	unsigned me = (unsigned)(uintptr_t)arg, x = me * 2654435761u + 1;
	while (!atomic_load(&stop)) {
		x = x * 1664525 + 1013904223;
		unsigned j = (x >> 16) % JOBS;
		jobs[j]((x >> 8) % 1000 * n_threads + me);
		atomic_fetch_add(&rounds[j], 1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[MAX_THREADS];
	if (argc > 3 && !strcmp(argv[1], "--make"))
		return make_file(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
	n_threads = argc > 2 ? (unsigned)atoi(argv[2]) : 4;
	if (n_threads < 1 || n_threads > MAX_THREADS)
		n_threads = 4;
	mkdir("/tmp", 0777);
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	sigaction(SIGSEGV, &sa, NULL);
	pthread_mutex_init(&count.mutex, NULL);
	pthread_spin_init(&count.spin, 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	crossing.add = pages + PAGE - 2;
	crossing.cas = pages + 3 * PAGE - 1;
	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	words = malloc(WORDS * sizeof *words);
	code += 3;                                      /* so that the immediate is at a multiple of four */
	memcpy(code, "\xb8\0\0\0\0\xc3", 6);
	for (int i = 0; i < WORDS; i++)
		words[i] = (uint32_t)i * 2654435761u;
	for (unsigned i = 0; i < n_threads; i++)
		pthread_create(&t[i], NULL, worker, (void *)(uintptr_t)i);
	struct timespec start, end, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	end.tv_sec = start.tv_sec + seconds;
	do {
		usleep(50000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < n_threads; i++)
		pthread_join(t[i], NULL);
	if (atomic_load(&count.add) != atomic_load(&own_sum) || atomic_load(&count.cas) != atomic_load(&own_sum))
		fail("locked counters lost counts");
	if (count.plain != atomic_load(&own_sum) / 8 || count.spun != count.plain)
		fail("counters under a lock lost counts");
	uint32_t in_two[2];
	memcpy(&in_two[0], crossing.add, 4);
	memcpy(&in_two[1], crossing.cas, 4);
	if (in_two[0] != (uint32_t)(own_sum / 100 * 2) || in_two[1] != in_two[0])
		fail("locked counters that lie in two pages lost counts");
	printf("rounds: counters %lu, pipes %lu, shootdown %lu, code %lu, checksum %lu, build %lu, clocks %lu; %u s from %ld.%09ld to %ld.%09ld\n", rounds[0], rounds[1], rounds[2], rounds[3],
		rounds[4], rounds[5], rounds[6], seconds, (long)start.tv_sec, start.tv_nsec, (long)now.tv_sec, now.tv_nsec);
	printf("stress ok\n");
	return 0;
}
