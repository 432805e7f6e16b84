/* test_nodes.c - named images: what lies on what, who may use them, what reaches the file; JSON arguments of options. */
#include "core/block/block.h"
#include "core/block/node.h"
#include "core/machine/device.h"
#include "tests/dev/board.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/vmux-nodes-XXXXXX";
static struct machine *m;

static void make_file(const char *name, size_t size)
{
	int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static int setup(void **state)
{
	static bool made;
	if (!made)
		assert_non_null(mkdtemp(dir));
	made = true;
	assert_int_equal(chdir(dir), 0);
	make_file("a.img", 1 << 20);
	make_file("b.img", 1 << 20);
	m = board_new("-nodefaults");
	return 0;
}

static int teardown(void **state)
{
	board_free(m);
	return unlink("a.img") | unlink("b.img") | chdir("/");
}

static struct node *node(const char *text, const char *why)
{
	struct error err = { "" };
	struct kv *kv;
	assert_true(kv_parse_either(text, "driver", &kv, &err));
	struct node *n = node_new(m, kv, &err);
	kv_free(kv);
	if (!n != !!*why || strcmp(err.msg, why))
		fail_msg("%s: \"%s\"", text, err.msg);
	return n;
}

static struct device *disk(const char *props, const char *why)
{
	struct error err = { "" };
	struct bus *b = board_device(m, "piix3-ide")->buses;
	struct device *d = device_create(m, "ide-hd", b, props, &err);
	if (!d != !!*why || strcmp(err.msg, why))
		fail_msg("%s: \"%s\"", props, err.msg);
	return d;
}

static char byte_of(const char *file, long at)
{
	char c = 0;
	int fd = open(file, O_RDONLY);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	close(fd);
	return c;
}

struct note { int result; unsigned calls; };
static void noted(struct block_req *r, int result)
{
	struct note *n = r->arg;
	n->result = result;
	n->calls++;
}

static int put(struct drive *d, uint64_t off, char c)
{
	char buf[512];
	struct iovec iov = { buf, sizeof(buf) };
	struct note n = { 0 };
	struct block_req r = { .op = BLOCK_WRITE, .offset = off, .iov = &iov, .niov = 1, .done = noted, .arg = &n };
	memset(buf, c, sizeof(buf));
	drive_submit(d, &r);
	drive_drain(m);
	assert_int_equal(n.calls, 1);
	return n.result;
}

static void windows(void **state)
{
	struct error err = { "" };

	node("file,node-name=f,filename=a.img", "");
	struct node *r = node("raw,node-name=r,file=f,offset=4096,size=8192", "");
	assert_int_equal(r->image->size, 8192);
	struct device *d = disk("drive=r", "");
	struct drive *dr = drive_first(m);
	assert_string_equal(drive_label(dr), d->path);
	assert_int_equal(put(dr, 512, 'x'), 0);
	assert_int_equal(byte_of("a.img", 4096 + 512), 'x');
	assert_int_equal(byte_of("a.img", 512), 0);
	assert_true(put(dr, 8192, 'y') < 0);
	assert_false(drive_resize(dr, 4096, &err));
	assert_string_equal(err.msg, "Cannot resize fixed-size raw disks");
	device_unplug(d);
	assert_null(drive_first(m));            /* it was the device's own */
	assert_true(node_delete(m, "r", &err));
	node("raw,node-name=r,file=f,offset=2M", "Offset (2097152) cannot be greater than size of the containing file (1048576)");
	node("raw,node-name=r,file=f,size=100", "Specified size is not multiple of 512");
	assert_int_equal(node("raw,node-name=r,file=f,offset=100", "")->image->size, (1 << 20) - 512);
	assert_true(node_delete(m, "r", &err));
	node("raw,node-name=r,file=f,size=2M", "The sum of offset (0) and size (2097152) has to be smaller or equal to the  actual size of the containing file (1048576)");
	assert_true(node_delete(m, "f", &err));
}

/* auto-read-only: nobody is kept off the file until somebody wants to write. */
static void writing_on_demand(void **state)
{
	struct error err = { "" };
	static const char twice[] = "Failed to get shared \"write\" lock\nIs another process using the image [a.img]?";

	node("file,node-name=f,filename=a.img,auto-read-only=on", "");
	assert_true(node_find(m, "f")->image->readonly);
	node("file,node-name=g,filename=a.img,read-only=on", "");
	struct node *r = node("raw,node-name=r,file=f,auto-read-only=on", "");
	disk("drive=r", "Block node is read-only");     /* g forbids it, so r stays as it is */
	assert_true(r->image->readonly);
	assert_null(drive_first(m));
	assert_true(node_delete(m, "g", &err));
	struct device *d = disk("drive=r", "");
	assert_false(r->image->readonly);
	assert_int_equal(put(drive_first(m), 0, 'z'), 0);
	assert_int_equal(byte_of("a.img", 0), 'z');
	node("file,node-name=g,filename=a.img,read-only=on", twice);
	assert_true(drive_resize(drive_first(m), 2 << 20, &err));
	assert_int_equal(drive_first(m)->size, 2 << 20);
	device_unplug(d);
	assert_true(node_delete(m, "r", &err));
	assert_true(node_delete(m, "f", &err));
}

static void one_user(void **state)
{
	struct error err = { "" };

	node("{\"driver\": \"raw\", \"node-name\": \"r\", \"file\": {\"driver\": \"file\", \"node-name\": \"inner\", \"filename\": \"a.img\"}}", "");
	assert_non_null(node_find(m, "inner"));
	assert_false(node_delete(m, "inner", &err));
	assert_string_equal(err.msg, "Block device inner is in use");
	node("raw,node-name=s,file=inner", "Node 'inner' is already in use");
	struct device *d = disk("drive=r", "");
	disk("drive=r", "Node 'r' is already in use");
	disk("drive=inner", "Node 'inner' is already in use");
	assert_false(node_delete(m, "r", &err));
	assert_string_equal(err.msg, "Node r is in use");
	device_unplug(d);
	assert_true(node_delete(m, "r", &err));
	assert_null(node_find(m, "inner"));     /* went with it */
	node("null-co,node-name=n,size=1M", "");
	assert_int_equal(put(drive_first(m) ? drive_first(m) : drive_new_anonymous(m, node_find(m, "n"), &err), 0, 'q'), 0);
	/* what is left is freed with the machine */
}

static void wrong(void **state)
{
	node("nosuch,node-name=a", "Parameter 'driver' does not accept value 'nosuch'");
	node("{\"node-name\": \"a\"}", "Parameter 'driver' is missing");
	node("file,node-name=a,filename=nosuch", "Could not open 'nosuch': No such file or directory");
	node("file,filename=a.img", "'node-name' must be specified for the root node");
	node("file,node-name=a,filename=a.img,foo=1", "Parameter 'foo' is unexpected");
	node("file,node-name=a,filename=a.img,read-only=maybe", "Parameter 'read-only' expects 'on' or 'off'");
	node("file,node-name=a,filename=a.img,discard=x", "Parameter 'discard' does not accept value 'x'");
	node("file,node-name=a,filename=a.img,force-share=on", "force-share=on can only be used with read-only images");
	node("raw,node-name=a,file.filename=a.img", "Parameter 'file.driver' is missing");
	node("raw,node-name=a,file.driver=file,file.filename=a.img,file.bar=1", "Parameter 'file.bar' is unexpected");
	node("file,node-name=#block1,filename=a.img", "Invalid node-name: '#block1'");
	node("file,node-name=a2345678901234567890123456789012,filename=a.img", "Node name too long");
	node("raw,node-name=a,file.driver=raw,file.file.driver=raw,file.file.file.driver=raw,file.file.file.file.driver=file,file.file.file.file.filename=a.img", "");
}

static void json_arguments(void **state)
{
	static const struct { const char *text, *want; } t[] = { { "{\"a\": \"x,y\", \"b\": true, \"c\": -7}", "a=x,y b=on c=-7 " },
		{ "{\"a\": {\"b\": {\"c\": 1}}, \"d\": [\"p\", {\"q\": false}]}", "a.b.c=1 d.0=p d.1.q=off " }, { "a=1,{", "a=1 {=on " },
		{ "{\"a\": null}", "!Invalid parameter type for 'a', expected: string" }, { "{\"a\"", "!JSON parse error, " }, { "{}", "" } };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct error err = { "" };
		struct text got = { 0 };
		struct kv *kv = NULL;
		if (!kv_parse_either(t[i].text, NULL, &kv, &err))
			text_printf(&got, "!%s", err.msg);
		for (struct kv *k = kv; k; k = k->next)
			text_printf(&got, "%s=%s ", k->key, k->val);
		if (strncmp(got.s ? got.s : "", t[i].want, *t[i].want == '!' ? strlen(t[i].want) : 1000))
			fail_msg("%s: \"%s\"", t[i].text, got.s);
		text_free(&got);
		kv_free(kv);
	}
}

static int remove_dir(void **state) { return rmdir(dir); }

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(windows, setup, teardown), cmocka_unit_test_setup_teardown(writing_on_demand, setup, teardown),
		cmocka_unit_test_setup_teardown(one_user, setup, teardown), cmocka_unit_test_setup_teardown(wrong, setup, teardown), cmocka_unit_test(json_arguments) };

	return cmocka_run_group_tests(tests, NULL, remove_dir);
}
