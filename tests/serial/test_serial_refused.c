/* test_serial_refused.c - what the program says, word for word, and that it ends with status 1, when a serial port, a parallel port, a monitor
 * or a back end is asked for that cannot be had; and what it takes with a warning. */
#include "tests/serial/lines.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* In args and want: %p is a port that somebody has, %l a path of 120 characters.  In want: @ is "vmux: " and all the arguments and ": ". */
struct refusal { const char *args, *want; };

#define SERIAL(spec, why) { "-serial " spec, "@" why "\n@could not connect serial device to character backend '" spec "'\n" }
#define SERIAL_LINE(spec) { "-serial " spec, "@could not connect serial device to character backend '" spec "'\n" }
#define CHARDEV(spec, why) { "-chardev " spec, "@" why "\n" }
#define NO_DRIVER(spec) SERIAL(spec, "'" spec "' is not a valid char driver")
#define NO_FILE(spec, path) SERIAL(spec, "Could not open '" path "': No such file or directory")

static const struct refusal of_every_option[] = { NO_DRIVER("nosuch"),
	{ "-parallel nosuch", "@'nosuch' is not a valid char driver\n@could not connect parallel device to character backend 'nosuch'\n" },
	{ "-monitor nosuch", "@'nosuch' is not a valid char driver\n@parse error: nosuch\n" },
	{ "-qmp nosuch", "@'nosuch' is not a valid char driver\n@parse error: nosuch\n" },
	{ "-qmp-pretty nosuch", "@'nosuch' is not a valid char driver\n@parse error: nosuch\n" },
	{ "-debugcon nosuch", "@'nosuch' is not a valid char driver\n@invalid character backend 'nosuch'\n" } };

static const struct refusal of_named_back_ends[] = { CHARDEV("null", "chardev: no id specified"),
	CHARDEV("nosuch,id=a", "'nosuch' is not a valid char driver name"),
	CHARDEV("spicevmc,id=a", "'spicevmc' is not a valid char driver name"),
	CHARDEV("null,id=1a", "Parameter 'id' expects an identifier\nIdentifiers consist of letters, digits, '-', '.', '_', starting with a letter."),
	CHARDEV("null,id=a,nosuch=1", "Invalid parameter 'nosuch'"), CHARDEV("null,id=a,mux=x", "Parameter 'mux' expects 'on' or 'off'"),
	CHARDEV("null,id=a,logfile=/nosuch/l", "Could not create '/nosuch/l': No such file or directory"),
	{ "-chardev null,id=c -chardev null,id=c", "vmux: -chardev null,id=c: Duplicate ID 'c' for chardev\n" },
	{ "-chardev null,id=c -serial chardev:c -serial chardev:c", "vmux: Device 'c' is in use\n" },
	{ "-chardev null,id=c -device isa-serial,chardev=c -device isa-serial,chardev=c", "vmux: -device isa-serial,chardev=c: Device 'c' is in use\n" },
	SERIAL_LINE("chardev:unknown"),
	CHARDEV("serial,id=a", "chardev: serial/tty: no device path given"), CHARDEV("parallel,id=a", "chardev: parallel: no device path given"),
	CHARDEV("file,id=a", "chardev: file: no filename given"), CHARDEV("pipe,id=a", "chardev: pipe: no device path given"),
	CHARDEV("udp,id=a", "chardev: udp: remote port not specified"), CHARDEV("socket,id=a", "chardev: socket: no port given"),
	CHARDEV("socket,id=a,path=/x,host=y", "None or one of 'path', 'fd' or 'host' option required."),
	CHARDEV("ringbuf,id=a,size=1000", "size of ringbuf chardev must be power of two"),
	CHARDEV("memory,id=a,size=1000", "size of ringbuf chardev must be power of two") };

static const struct refusal of_short_forms[] = { SERIAL_LINE("vc:800"), SERIAL_LINE("vc:80C"), SERIAL_LINE("vc:xx"), NO_DRIVER("pty:x"), NO_DRIVER("null:x"),
	NO_FILE("/dev/ttyS77", "/dev/ttyS77"), NO_FILE("/dev/parport77", "/dev/parport77"),
	{ "-parallel /dev/parport77", "@Could not open '/dev/parport77': No such file or directory\n@could not connect parallel device to character backend '/dev/parport77'\n" },
	NO_FILE("file:", ""), NO_FILE("file:/nosuch/x", "/nosuch/x"), NO_DRIVER("file"), NO_DRIVER("stdio:x"),
	{ "-serial stdio -serial stdio", "vmux: -serial stdio: cannot use stdio by multiple character devices\n"
		"vmux: -serial stdio: could not connect serial device to character backend 'stdio'\n" },
	{ "-serial stdio -daemonize", "vmux: -serial stdio: cannot use stdio with -daemonize\n"
		"vmux: -serial stdio: could not connect serial device to character backend 'stdio'\n" },
	NO_FILE("pipe:/nosuch/p", "/nosuch/p"), NO_FILE("COM1", "COM1"), NO_DRIVER("com1"), SERIAL_LINE("udp:"), SERIAL_LINE("udp:nohost"),
	SERIAL("udp:127.0.0.1:x", "address resolution failed for 127.0.0.1:x: Servname not supported for ai_socktype"),
	SERIAL("mon:nosuch", "'nosuch' is not a valid char driver"), SERIAL("mon:", "'' is not a valid char driver"),
	SERIAL("mon:mon:null", "'mon:null' is not a valid char driver"), NO_DRIVER("ringbuf"), NO_DRIVER("msmouse:x"), NO_DRIVER("wctablet:x"), NO_DRIVER("testdev:x"),
	NO_DRIVER("mux") };

static const struct refusal of_sockets[] = {
	SERIAL("tcp:127.0.0.1:%p,server", "Failed to find an available port: Address already in use"),
	SERIAL("tcp:127.0.0.1:1", "Failed to connect to '127.0.0.1:1': Connection refused"),
	SERIAL("tcp:127.0.0.1:x", "address resolution failed for 127.0.0.1:x: Servname not supported for ai_socktype"),
	SERIAL("tcp::4444", "address resolution failed for :4444: Name or service not known"),
	SERIAL("tcp:127.0.0.1:99999", "address resolution failed for 127.0.0.1:99999: a port is a number from 0 to 65535"),
	SERIAL("tcp:127.0.0.1:1,wait", "'wait' option is incompatible with socket in client connect mode"),
	SERIAL("tcp:127.0.0.1:1,server,reconnect=1", "'reconnect' option is incompatible with socket in server listen mode"),
	SERIAL("tcp:127.0.0.1:1,server=maybe", "Parameter 'server' expects 'on' or 'off'"), SERIAL("tcp:127.0.0.1:1,nosuch", "Invalid parameter 'such'"),
	SERIAL_LINE("tcp:"), SERIAL_LINE("tcp::"), SERIAL_LINE("telnet:"),
	SERIAL("telnet:127.0.0.1:%p,server", "Failed to find an available port: Address already in use"),
	SERIAL("telnet:127.0.0.1:1", "Failed to connect to '127.0.0.1:1': Connection refused"),
	SERIAL("telnet:127.0.0.1:1,wait", "'wait' option is incompatible with socket in client connect mode"),
	SERIAL("websocket:127.0.0.1:1", "Websocket client is not implemented"),
	SERIAL("tn3270:127.0.0.1:%p,server", "Failed to find an available port: Address already in use"),
	SERIAL("tn3270:127.0.0.1:1", "Failed to connect to '127.0.0.1:1': Connection refused"),
	SERIAL("unix:/nosuch/s", "Failed to connect to '/nosuch/s': No such file or directory"),
	SERIAL("unix:/nosuch/s,server", "Failed to bind socket to /nosuch/s: No such file or directory"),
	SERIAL("unix:%l", "UNIX socket path '%l' is too long\nPath must be less than 108 bytes"), SERIAL("unix:", "Unable to parse FD number"),
	{ "-qmp unix:/nosuch/s,server", "@Failed to bind socket to /nosuch/s: No such file or directory\n@parse error: unix:/nosuch/s,server\n" } };

static const struct refusal of_ports[] = {
	{ "-serial null -serial null -serial null -serial null -parallel null -parallel null -parallel null -parallel null",
		"vmux: -parallel null: too many parallel ports\n" },
	{ "-device isa-parallel", "@Can't create parallel device, empty char device\n" },
	{ "-device isa-debugcon", "@Can't create debugcon device, empty char device\n" },
	{ "-mon chardev=nosuch", "@chardev \"nosuch\" not found\n" } };

static int listen_somewhere(unsigned *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static void expand(char *out, size_t size, const char *text, unsigned port, const char *all)
{
	size_t n = 0;
	for (; *text && n < size - 1; text++) {
		if (*text == '@' && all)
			n += (size_t)snprintf(out + n, size - n, "vmux: %s: ", all);
		else if (text[0] == '%' && text[1] == 'p')
			n += (size_t)snprintf(out + n, size - n, "%u", port), text++;
		else if (text[0] == '%' && text[1] == 'l')
			n += (size_t)snprintf(out + n, size - n, "/%0119d", 0), text++;
		else
			out[n++] = *text;
	}
	assert_true(n < size - 1);
	out[n] = 0;
}

/* Run vmux with args, split at spaces; stderr goes to err.  The exit status, or -1. */
static int run(char *args, char *err, size_t size)
{
	char *argv[40] = { getenv("VMUX") ? getenv("VMUX") : "build/vmux", "-display", "none", "-nodefaults", "-S" };
	int n = 5, p[2], status;
	size_t got = 0;
	bool ended = false;
	for (char *save = NULL, *a = strtok_r(args, " ", &save); a && n < 39; a = strtok_r(NULL, " ", &save))
		argv[n++] = a;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (!pid) {
		setenv("XDG_STATE_HOME", "/dev/null", 1);
		dup2(open("/dev/null", O_RDWR), 0);
		dup2(0, 1);
		dup2(p[1], 2);
		execv(argv[0], argv);
		_exit(127);
	}
	close(p[1]);
	for (struct pollfd f = { .fd = p[0], .events = POLLIN }; !ended && got < size - 1 && poll(&f, 1, PATIENCE_MS) > 0;) {
		ssize_t r = read(p[0], err + got, size - 1 - got);
		ended = r <= 0;
		got += ended ? 0 : (size_t)r;
	}
	err[got] = 0;
	close(p[0]);
	if (!ended)
		kill(pid, SIGKILL);     /* it runs */
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void refuse(const struct refusal *r, size_t n)
{
	char args[1000], all[1000], want[3000], got[3000];
	unsigned port;
	int taken = listen_somewhere(&port);
	for (size_t i = 0; i < n; i++) {
		expand(args, sizeof(args), r[i].args, port, NULL);
		strcpy(all, args);
		expand(want, sizeof(want), r[i].want, port, all);
		int status = run(args, got, sizeof(got));
		if (strcmp(got, want) || status != 1)
			fail_msg("%s: status %d\nsaid:     %s\nexpected: %s", all, status, got, want);
	}
	close(taken);
}

#define REFUSE(name) static void name##_refused(void **state) { refuse(of_##name, sizeof(of_##name) / sizeof(of_##name[0])); }
REFUSE(every_option)
REFUSE(named_back_ends)
REFUSE(short_forms)
REFUSE(sockets)
REFUSE(ports)

/* A BrlAPI server that is not there; a key file that lacks the user. */
static void refused_by_libraries(void **state)
{
	static const struct refusal braille = SERIAL("braille", "brlapi__openConnection: Connection refused");
	static const struct refusal psk[] = {
		{ "-object tls-creds-psk,id=t,dir=/nosuch", "@Unable to access credentials /nosuch/keys.psk: No such file or directory\n" },
		{ "-object tls-creds-psk,id=t", "@Missing 'dir' property value\n" },
		{ "-object tls-creds-psk,id=t,dir=/nosuch,endpoint=server,username=a", "@username should not be set when endpoint=server\n" },
		{ "-object tls-creds-x509,id=t,dir=/nosuch,endpoint=middle", "@Parameter 'endpoint' does not accept value 'middle'; accepted are server and client\n" },
		{ "-chardev socket,id=a,host=127.0.0.1,port=1,tls-creds=x", "@No TLS credentials with id 'x'\n" } };
	setenv("BRLAPI_HOST", "127.0.0.1:0", 1);
	setenv("BRLAPI_AUTH", "none", 1);
	if (!system("ldd build/vmux | grep -q libbrlapi"))
		refuse(&braille, 1);
	if (!system("ldd build/vmux | grep -q libgnutls"))
		refuse(psk, sizeof(psk) / sizeof(psk[0]));
}

/* Old words are taken, each with a warning: what follows it here is refused, so that the program ends. */
static void old_words_warn(void **state)
{
	static const struct refusal r[] = {
		{ "-chardev socket,id=a,host=127.0.0.1,port=%p,server,nowait",
			"@warning: short-form boolean option 'server' deprecated\nPlease use server=on instead\n"
			"@warning: short-form boolean option 'nowait' deprecated\nPlease use wait=off instead\n"
			"@Failed to find an available port: Address already in use\n" },
		{ "-chardev tty,id=a", "@warning: The alias 'tty' is deprecated, use 'serial' instead\n@chardev: serial/tty: no device path given\n" },
		{ "-chardev parport,id=a", "@warning: The alias 'parport' is deprecated, use 'parallel' instead\n@chardev: parallel: no device path given\n" },
		{ "-chardev file,id=a,path=/nosuch/a,,nob,,c", "@Could not open '/nosuch/a,nob,c': No such file or directory\n" } };
	refuse(r, sizeof(r) / sizeof(r[0]));
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = { T(every_option_refused), T(named_back_ends_refused), T(short_forms_refused), T(sockets_refused), T(ports_refused),
		T(refused_by_libraries), T(old_words_warn) };
	cmocka_set_test_filter(getenv("ONLY"));         /* a name with * and ? */
	return cmocka_run_group_tests_name("serial refused", tests, NULL, NULL);
}
