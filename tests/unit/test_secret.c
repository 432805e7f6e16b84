/* test_secret.c - secrets: from the command line and from files, as they are and in base64. */
#include "core/machine/objects.h"
#include "core/machine/secret.h"
#include "tests/dev/board.h"
#include <unistd.h>

static char path[] = "/tmp/vmux-secret-XXXXXX";

static void add(struct machine *m, const char *text, const char *why)
{
	struct error err = { "" };
	struct kv *kv = kv_parse(text, "qom-type", &err);
	if (object_add(m, kv, &err) != !*why || strcmp(err.msg, why))
		fail_msg("%s: \"%s\"", text, err.msg);
}

static void holds(struct machine *m, const char *id, const char *want, size_t want_len)
{
	struct error err = { "" };
	size_t len = 0;
	char *got = secret_get(m, id, &len, &err);
	if (!got)
		fail_msg("%s: %s", id, err.msg);
	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len + 1);
	secret_free(got, len);
}

static void secrets(void **state)
{
	struct machine *m = board_new("-nodefaults");
	struct error err = { "" };
	char text[128];
	size_t len;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "aGVs\n", 5), 5);
	add(m, "secret,id=a,data=open sesame", "");
	add(m, "secret,id=b,data=AGEA,format=base64", "");
	snprintf(text, sizeof(text), "secret,id=c,file=%s", path);
	add(m, text, "");
	snprintf(text, sizeof(text), "secret,id=d,format=base64,file=%s", path);
	add(m, text, "");
	holds(m, "a", "open sesame", 11);
	holds(m, "b", "\0a\0", 3);
	holds(m, "c", "aGVs\n", 5);
	holds(m, "d", "hel", 3);
	add(m, "secret,id=e", "Either 'file' or 'data' must be provided");
	add(m, "secret,id=e,data=x,file=y", "'file' and 'data' are mutually exclusive");
	add(m, "secret,id=e,data=x,format=hex", "Parameter 'format' does not accept value 'hex'");
	add(m, "secret,id=e,data=%%%,format=base64", "The base64 data of the secret is not valid");
	add(m, "secret,id=e,file=/nosuch", "Unable to read /nosuch: Failed to open file \"/nosuch\": No such file or directory");
	add(m, "secret,id=e,data=x,keyid=a,iv=AA", "secrets that are encrypted with another one (keyid=, iv=) cannot be read in this build");
	add(m, "tls-creds-x509,id=t,dir=/nosuch,passwordid=nosuch", "No secret with id 'nosuch'");
	assert_true(object_del(m, "a", &err));
	assert_null(secret_get(m, "a", &len, &err));
	close(fd);
	unlink(path);
	board_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(secrets) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
