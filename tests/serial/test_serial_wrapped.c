/* test_serial_wrapped.c - lines inside something: TLS, WebSocket, QMP's ringbuf commands; and back ends that are devices of their own.
 * As in test_serial_lines.c, with real programs at the other end and 1 MiB of random bytes each way. */
#include "tests/serial/lines.h"
#include "core/machine/base64.h"
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state) { *state = lines_new(); return 0; }
static int teardown(void **state) { lines_free(*state); return 0; }
static void cross_with_peer(struct lines *l) { lines_cross(l, l->peer.in, l->peer.out); }

/* ---- TLS ------------------------------------------------------------------------------------------------------------------------------ */

static void make_certificate(struct lines *l)
{
	char *cmd = lines_text(l, "cd %d && printf 'cn = localhost\ndns_name = localhost\nca\ntls_www_server\nsigning_key\ncert_signing_key\nexpiration_days = 7\n' >t && "
		"certtool --generate-privkey --key-type=ecdsa --outfile server-key.pem >/dev/null 2>&1 && "
		"certtool --generate-self-signed --load-privkey server-key.pem --template t --outfile server-cert.pem >/dev/null 2>&1 && "
		"cp server-cert.pem ca-cert.pem");
	assert_int_equal(system(cmd), 0);
	free(cmd);
}

static void need_tls(void)
{
	need_program("certtool");
	need_program("socat");
	if (system("ldd build/vmux | grep -q libgnutls")) {
		printf("# SKIP this build has no TLS\n");
		skip();
	}
}

static void tls_server(void **state)
{
	struct lines *l = *state;
	need_tls();
	make_certificate(l);
	lines_vm(l, "-object", "tls-creds-x509,id=t,dir=%d,endpoint=server,verify-peer=off", "-chardev",
		"socket,id=c,host=127.0.0.1,port=%p,server=on,wait=off,tls-creds=t", "-serial", "chardev:c", NULL);
	lines_peer(l, "socat", "-", "OPENSSL:localhost:%p,pf=ip4,cafile=%d/ca-cert.pem,retry=50,interval=0.1", NULL);
	cross_with_peer(l);
}

static void tls_client(void **state)
{
	struct lines *l = *state;
	need_tls();
	make_certificate(l);
	lines_peer(l, "socat", "-", "OPENSSL-LISTEN:%p,pf=ip4,reuseaddr,cert=%d/server-cert.pem,key=%d/server-key.pem,verify=0", NULL);
	lines_vm(l, "-object", "tls-creds-x509,id=t,dir=%d,endpoint=client", "-chardev", "socket,id=c,host=localhost,ipv4=on,port=%p,reconnect=1,tls-creds=t",
		"-serial", "chardev:c", NULL);
	cross_with_peer(l);
}

/* Nobody has a certificate: keys are agreed on between strangers. */
static void tls_anonymous(void **state)
{
	struct lines *l = *state;
	need_tls();
	lines_vm(l, "-object", "tls-creds-anon,id=t,endpoint=server", "-chardev", "socket,id=c,host=127.0.0.1,port=%p,server=on,wait=off,tls-creds=t",
		"-serial", "chardev:c", NULL);
	lines_peer(l, "socat", "-", "OPENSSL:127.0.0.1:%p,verify=0,cipher=aNULL:@SECLEVEL=0,openssl-max-proto-version=TLS1.2,retry=50,interval=0.1", NULL);
	cross_with_peer(l);
}

/* Both show certificates; the first is not whom the server wants, the second is. */
static void tls_for_one_only(void **state)
{
	struct lines *l = *state;
	char line[80];
	need_tls();
	make_certificate(l);
	lines_vm(l, "-object", "tls-creds-x509,id=t,dir=%d,endpoint=server,verify-peer=on", "-object", "authz-simple,id=no,identity=CN=somebody", "-object",
		"authz-simple,id=yes,identity=CN=localhost", "-chardev", "socket,id=d,host=127.0.0.1,port=%q,server=on,wait=off,tls-creds=t,tls-authz=no", "-chardev",
		"socket,id=c,host=127.0.0.1,port=%p,server=on,wait=off,tls-creds=t,tls-authz=yes", "-serial", "chardev:c", NULL);
	char *cmd = lines_text(l, "socat -u OPENSSL:localhost:%q,pf=ip4,cafile=%d/ca-cert.pem,cert=%d/server-cert.pem,key=%d/server-key.pem,retry=50,interval=0.1 - "
		"2>/dev/null; echo turned away");
	FILE *f = popen(cmd, "r");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "turned away\n");
	pclose(f);
	free(cmd);
	lines_peer(l, "socat", "-", "OPENSSL:localhost:%p,pf=ip4,cafile=%d/ca-cert.pem,cert=%d/server-cert.pem,key=%d/server-key.pem", NULL);
	cross_with_peer(l);
}

/* A key that both sides have in a file; one who has another is turned away. */
static void make_keys(struct lines *l)
{
	char *path = lines_text(l, "%d/keys.psk");
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("bobby:00\nbob:0123456789abcdef0123456789abcdef\n", f);
	assert_int_equal(fclose(f), 0);
	free(path);
	need_program("openssl");
}

static void tls_key_known_to_both(void **state)
{
	struct lines *l = *state;
	char line[80];
	need_tls();
	make_keys(l);
	lines_vm(l, "-object", "tls-creds-psk,id=t,dir=%d,endpoint=server", "-chardev", "socket,id=c,host=127.0.0.1,port=%p,server=on,wait=off,tls-creds=t",
		"-serial", "chardev:c", NULL);
	close(lines_connect(l));
	char *cmd = lines_text(l, "openssl s_client -quiet -connect 127.0.0.1:%p -psk_identity bob -psk 0123456789abcdef0123456789abcdee </dev/null >/dev/null 2>&1 "
		"|| echo turned away");
	FILE *f = popen(cmd, "r");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "turned away\n");
	pclose(f);
	free(cmd);
	lines_peer(l, "openssl", "s_client", "-quiet", "-connect", "127.0.0.1:%p", "-psk_identity", "bob", "-psk", "0123456789abcdef0123456789abcdef", NULL);
	cross_with_peer(l);
}

static void tls_client_with_a_key(void **state)
{
	struct lines *l = *state;
	need_tls();
	make_keys(l);
	lines_peer(l, "openssl", "s_server", "-quiet", "-nocert", "-accept", "127.0.0.1:%p", "-psk_identity", "bob", "-psk", "0123456789abcdef0123456789abcdef",
		NULL);
	lines_vm(l, "-object", "tls-creds-psk,id=t,dir=%d,endpoint=client,username=bob", "-chardev",
		"socket,id=c,host=127.0.0.1,port=%p,reconnect=1,tls-creds=t", "-serial", "chardev:c", NULL);
	cross_with_peer(l);
}

static void websocket_server(void **state)
{
	struct lines *l = *state;
	if (system("/usr/bin/python3 -c 'import websockets' 2>/dev/null")) {
		printf("# SKIP python3-websockets is not installed\n");
		skip();
	}
	if (system("ldd build/vmux | grep -q libgnutls")) {
		printf("# SKIP this build has no gnutls\n");
		skip();
	}
	lines_vm(l, "-serial", "websocket:127.0.0.1:%p,server=on,wait=off", NULL);
	lines_peer(l, "/usr/bin/python3", "tests/serial/ws_peer.py", "%p", NULL);
	cross_with_peer(l);
}

/* ---- what is read and written by commands ------------------------------------------------------------------------------------------------ */

/* One command over QMP on vmux's stdio; the whole answer, to be freed. */
static json_t *qmp(struct lines *l, json_t *cmd)
{
	char *text = json_dumps(cmd, JSON_COMPACT);
	size_t len = strlen(text), cap = 4 << 20, n = 0;
	char *buf = malloc(cap);
	json_t *r = NULL;
	fcntl(l->vm.in, F_SETFL, 0);
	assert_int_equal(write(l->vm.in, text, len), len);
	free(text);
	json_decref(cmd);
	fcntl(l->vm.out, F_SETFL, 0);
	while (!r) {
		struct pollfd p = { .fd = l->vm.out, .events = POLLIN };
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		ssize_t got = read(l->vm.out, buf + n, cap - n - 1);
		assert_true(got > 0);
		n += (size_t)got;
		buf[n] = 0;
		for (char *nl; !r && (nl = strchr(buf, '\n'));) {
			*nl = 0;
			r = json_loads(buf, 0, NULL);
			assert_non_null(r);
			if (json_object_get(r, "event") || json_object_get(r, "QMP")) {
				json_decref(r);
				r = NULL;
			}
			n -= (size_t)(nl + 1 - buf);
			memmove(buf, nl + 1, n + 1);
		}
	}
	free(buf);
	if (json_object_get(r, "error"))
		fail_msg("%s", json_string_value(json_object_get(json_object_get(r, "error"), "desc")));
	return r;
}

static void memory_ring(void **state)
{
	enum { PIECE = 16 << 10 };
	struct lines *l = *state;
	lines_vm(l, "-chardev", "ringbuf,id=r,size=2097152", "-serial", "chardev:r", "-qmp", "stdio", NULL);
	json_decref(qmp(l, json_pack("{s:s}", "execute", "qmp_capabilities")));
	/* to the guest, as it takes it */
	struct flow in = flow_new(-1, l->com2, MIB, 11), out = flow_new(l->com2, -1, MIB, 12);
	uint8_t *back = malloc(2 * MIB);
	fcntl(l->com2, F_SETFL, 0);
	for (size_t at = 0; at < MIB; at += PIECE) {
		char *b64 = base64_encode(in.data + at, PIECE);
		json_decref(qmp(l, json_pack("{s:s, s:{s:s, s:s, s:s}}", "execute", "ringbuf-write", "arguments", "device", "r", "data", b64, "format", "base64")));
		free(b64);
		for (size_t n = 0; n < PIECE;) {
			ssize_t r = read(l->com2, back, PIECE - n);
			assert_true(r > 0);
			assert_memory_equal(back, in.data + at + n, r);
			n += (size_t)r;
		}
	}
	/* what was written is in the ring as well: take it out, then the guest's */
	size_t have = 0;
	for (bool sent = false; have < 2 * MIB;) {
		if (!sent && have == MIB) {
			for (size_t n = 0; n < MIB;) {
				ssize_t w = write(l->com2, out.data + n, MIB - n);
				assert_true(w > 0);
				n += (size_t)w;
			}
			sent = true;
		}
		json_t *r = qmp(l, json_pack("{s:s, s:{s:s, s:i, s:s}}", "execute", "ringbuf-read", "arguments", "device", "r", "size", MIB, "format", "base64"));
		const char *b64 = json_string_value(json_object_get(r, "return"));
		uint8_t *bytes = malloc(strlen(b64) + 1);
		size_t len;
		assert_true(base64_decode(b64, bytes, &len) && len <= 2 * MIB - have);
		memcpy(back + have, bytes, len);
		have += len;
		free(bytes);
		json_decref(r);
	}
	assert_memory_equal(back, in.data, MIB);
	assert_memory_equal(back + MIB, out.data, MIB);
	free(back);
	flow_free(&in);
	flow_free(&out);
}

/* ---- devices behind a line ------------------------------------------------------------------------------------------------------------------ */

/* A test program's last words: 20 and q end the machine with 20 * 2 + 1. */
static void test_device(void **state)
{
	struct lines *l = *state;
	int status;
	lines_vm(l, "-serial", "testdev", NULL);
	write(l->com2, "junk20q", 7);
	assert_int_equal(waitpid(l->vm.pid, &status, 0), l->vm.pid);
	l->vm.pid = -1;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 41);
}

/* A real parallel port: its control register reads back what the guest (here: qtest) wrote. */
static void parallel_port_of_the_host(void **state)
{
	struct lines *l = *state;
	if (access("/dev/parport0", R_OK | W_OK)) {
		printf("# SKIP this host has no /dev/parport0\n");
		skip();
	}
	lines_vmux(l, "-accel", "qtest", "-qtest", "stdio", "-display", "none", "-nodefaults", "-parallel", "/dev/parport0", NULL);
	write(l->vm.in, "outb 0x37a 0x04\ninb 0x37a\n", 27);
	read_until(l->vm.out, "0x0000000000000004");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(tls_server), T(tls_client), T(tls_anonymous), T(tls_for_one_only), T(tls_key_known_to_both), T(tls_client_with_a_key), T(websocket_server), T(memory_ring), T(test_device),
		T(parallel_port_of_the_host) };
	cmocka_set_test_filter(getenv("ONLY"));         /* a name with * and ? */
	return cmocka_run_group_tests_name("serial wrapped", tests, NULL, NULL);
}
