/* qmp.c - the JSON protocol: messages out of a byte stream, negotiation, answers, events. */
#include "core/monitor/qmp.h"
#include "core/machine/machine.h"
#include "core/monitor/internal.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { MESSAGE_MAX = 64 << 20, DEPTH_MAX = 1024 };

/* Of an event that must not come too often. */
struct qmp_pause { struct qmp *q; const struct qmp_event *event; int64_t sent_ms; char *detail; unsigned timer; };

struct qmp {
	struct monitor *mon;
	bool pretty, negotiated, oob;
	bool waiting;                   /* the answer comes with the next RESET or SHUTDOWN */
	json_t *wait_id;
	struct listener listener;
	struct qmp_pause *pauses;       /* one an event of the table */
	/* the message being collected */
	struct text msg;
	unsigned depth;
	char quote;                     /* inside a string: its quote */
	bool escape, skipping;          /* skipping: an oversized or broken message, until the line ends */
};

static void send_json(struct qmp *q, json_t *v)
{
	char *s = json_dumps(v, JSON_ENSURE_ASCII | (q->pretty ? JSON_INDENT(4) : 0));

	json_decref(v);
	if (!s)
		return;
	monitor_print(q->mon, s, strlen(s));
	monitor_print(q->mon, "\n", 1);
	free(s);
}

/* ---- answers ----------------------------------------------------------------------------------------------------------------------- */

static void answer(struct qmp *q, const char *key, json_t *value, json_t *id)
{
	json_t *o = json_pack("{s:o}", key, value);

	if (id)
		json_object_set(o, "id", id);
	send_json(q, o);
}

static void fail(struct qmp *q, const char *class, const char *desc, json_t *id)
{
	answer(q, "error", json_pack("{s:s, s:s}", "class", class, "desc", desc), id);
}

static void fail_with(struct qmp *q, json_t *id, const char *class, const char *fmt, const char *what)
{
	char desc[512];

	snprintf(desc, sizeof(desc), fmt, what);
	fail(q, class, desc, id);
}

/* Class and text of a message (see GENERIC in qmp.h). */
const char *qmp_error_class(const char **msg)
{
	static const char *const classes[] = { ['\2'] = "GenericError", ['\3'] = "DeviceNotFound", ['\4'] = "DeviceNotActive", ['\5'] = "CommandNotFound" };
	size_t n = strlen(*msg);

	if (**msg >= 2 && **msg <= 5)
		return classes[(int)*(*msg)++];
	*msg += **msg == '\1';
	return !strncmp(*msg, "Device '", 8) && n > 9 && !strcmp(*msg + strlen(*msg) - 9, "not found") ? "DeviceNotFound" : "GenericError";
}

const struct qmp_cmd *qmp_find(const char *name)
{
	for (const struct qmp_cmd *c = qmp_commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* ---- carrying out -------------------------------------------------------------------------------------------------------------------- */

static bool check_shape(struct qmp *q, json_t *req, json_t *id)
{
	const char *key;
	json_t *v;

	json_object_foreach(req, key, v)
		if (strcmp(key, "execute") && strcmp(key, "exec-oob") && strcmp(key, "arguments") && strcmp(key, "id")) {
			fail_with(q, id, "GenericError", "QMP input member '%s' is unexpected", key);
			return false;
		}
	json_t *execute = json_object_get(req, "execute"), *oob = json_object_get(req, "exec-oob"), *args = json_object_get(req, "arguments");
	const char *wrong = execute && oob ? "QMP input member 'execute' clashes with 'exec-oob'" :
		oob && !q->oob ? "QMP input member 'exec-oob' is unexpected" : !execute && !oob ? "QMP input lacks member 'execute'" :
		execute && !json_is_string(execute) ? "QMP input member 'execute' must be a string" :
		oob && !json_is_string(oob) ? "QMP input member 'exec-oob' must be a string" :
		args && !json_is_object(args) ? "QMP input member 'arguments' must be an object" : NULL;
	if (wrong)
		fail(q, "GenericError", wrong, id);
	return !wrong;
}

/* A mux shares its line with others: a command out of turn cannot be told from theirs. */
static bool can_oob(const struct qmp *q) { return !q->mon->chr->mux; }

static void negotiate(struct qmp *q, json_t *args, json_t *id)
{
	json_t *enable = json_object_get(args, "enable"), *cap;
	const char *key, *name;
	bool oob = false;
	size_t i;

	if (q->negotiated) {
		fail(q, "CommandNotFound", "Capabilities negotiation is already complete, command ignored", id);
		return;
	}
	json_object_foreach(args, key, cap)
		if (strcmp(key, "enable")) {
			fail_with(q, id, "GenericError", "Parameter '%s' is unexpected", key);
			return;
		}
	if (enable && !json_is_array(enable)) {
		fail(q, "GenericError", "Invalid parameter type for 'enable', expected: array", id);
		return;
	}
	json_array_foreach(enable, i, cap) {
		name = json_string_value(cap);
		if (!name || strcmp(name, "oob")) {
			fail_with(q, id, "GenericError", "Parameter 'null' does not accept value '%s'", name ? name : "");
			return;
		}
		if (!can_oob(q)) {
			fail(q, "GenericError", "This monitor does not support capability oob", id);
			return;
		}
		oob = true;
	}
	q->oob = oob;
	q->negotiated = true;
	answer(q, "return", json_object(), id);
}

/* The answer column of a row without handler. */
static json_t *fixed_answer(struct machine *m, const struct qmp_cmd *c, const json_t *args, struct error *err)
{
	const char *spec = c->args, *word = "", *s = c->answer;
	struct qmp_member member;
	struct text out = { 0 };
	json_t *v = NULL;

	if (*s == *INFO_TEXT) {
		char line[64];
		snprintf(line, sizeof(line), "info %s", s + 1);
		monitor_run_line(m, line, 0, &out);
		if (out.s && !strncmp(out.s, "Error: ", 7))
			error_set(err, "%.*s", (int)strcspn(out.s + 7, "\n"), out.s + 7);
		else
			v = json_pack("{s:o}", "human-readable-text", qmp_text(out.s ? out.s : "", out.len));
	} else if ((uint8_t)*s >= ' ') {
		v = json_loads(s, JSON_DECODE_ANY, NULL);
	} else {
		while (!*word && qmp_next_member(&spec, &member))
			if (qmp_str(args, member.name))
				word = qmp_str(args, member.name);
		for (; *s; s++)
			if (s[0] == '%' && s[1] == 's')
				text_add(&out, word, strlen(word)), s++;
			else
				text_add(&out, s, 1);
		error_set(err, "%s", out.s);
	}
	text_free(&out);
	return v;
}

json_t *qmp_call(struct machine *m, const struct qmp_cmd *c, json_t *args, struct error *err)
{
	struct text said = { 0 };
	json_t *value = NULL;

	if (!qmp_check(c->args, args, qmp_flag(c, "open"), err))
		return NULL;
	chardevs_say_to(m, &said);
	value = c->run ? c->run(m, args, err) : fixed_answer(m, c, args, err);
	chardevs_say_to(m, NULL);
	text_free(&said);
	return value;
}

static void execute(struct qmp *q, json_t *req, json_t *id)
{
	bool oob = json_object_get(req, "exec-oob") != NULL;
	const char *name = json_string_value(json_object_get(req, oob ? "exec-oob" : "execute"));
	json_t *args = json_object_get(req, "arguments");
	const struct qmp_cmd *c = qmp_find(name);
	struct error err = { "" };

	if (!strcmp(name, "qmp_capabilities") && !oob) {
		negotiate(q, args, id);
	} else if (!q->negotiated) {
		fail(q, "CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'", id);
	} else if (!c) {
		fail_with(q, id, "CommandNotFound", "The command %s has not been found", name);
	} else if (oob && !qmp_flag(c, "oob")) {
		fail_with(q, id, "GenericError", "The command %s does not support OOB", name);
	} else {
		args = args ? json_incref(args) : json_object();
		q->mon->m->monitors->asking = q->mon->chr;
		json_t *value = qmp_call(q->mon->m, c, args, &err);
		q->mon->m->monitors->asking = NULL;
		const char *msg = err.msg;
		json_decref(args);
		if (value) {
			answer(q, "return", value, id);
		} else if (*msg) {
			const char *class = qmp_error_class(&msg);
			fail(q, class, msg, id);
		} else {                        /* the event first, then the answer */
			q->waiting = true;
			q->wait_id = id ? json_incref(id) : NULL;
		}
	}
}

static void message(struct qmp *q)
{
	json_error_t why;
	json_t *req = json_loadb(q->msg.s, q->msg.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

	if (!req) {
		fail(q, "GenericError", "JSON parse error, expecting value", NULL);
	} else if (!json_is_object(req)) {
		fail(q, "GenericError", "QMP input must be a JSON object", NULL);
	} else {
		json_t *id = json_object_get(req, "id");
		if (check_shape(q, req, id))
			execute(q, req, id);
	}
	json_decref(req);
}

/* ---- the stream ------------------------------------------------------------------------------------------------------------------------ */

static void restart(struct qmp *q)
{
	q->msg.len = 0;
	q->depth = 0;
	q->quote = 0;
	q->escape = q->skipping = false;
}

static void finish(struct qmp *q)
{
	if (q->msg.len)
		message(q);
	text_free(&q->msg);
	restart(q);
}

/* Inside a string.  Strings in single quotes become ones in double quotes. */
static void string_byte(struct qmp *q, char b)
{
	char c = b;

	if (q->escape) {
		q->escape = false;
		if (b == '\'' && q->msg.len)
			q->msg.len--;           /* \' is no escape of JSON's */
	} else if (b == '\\') {
		q->escape = true;
	} else if (b == q->quote) {
		q->quote = 0;
		c = '"';
	} else if (b == '"') {
		text_add(&q->msg, "\\", 1);
	}
	text_add(&q->msg, &c, 1);
}

static void byte(struct qmp *q, char b)
{
	bool was_value = q->msg.len && !q->depth;

	if ((uint8_t)b == 0xff) {               /* the way to get out of whatever was begun */
		restart(q);
		fail(q, "GenericError", "JSON parse error, stray '\xef\xbf\xbd'", NULL);
		return;
	}
	if (q->quote) {
		string_byte(q, b);
		if (!q->quote && !q->depth)
			finish(q);
		return;
	}
	if (b == '"' || b == '\'') {
		q->quote = b;
		text_add(&q->msg, "\"", 1);
	} else if (b == '{' || b == '[') {
		text_add(&q->msg, &b, 1);
		q->depth++;
	} else if (b == '}' || b == ']') {
		text_add(&q->msg, &b, 1);
		if (q->depth < 2)
			finish(q);
		else
			q->depth--;
	} else if (isspace((unsigned char)b)) {
		if (was_value)
			finish(q);              /* a number or a word by itself */
		else if (q->depth)
			text_add(&q->msg, &b, 1);
	} else if (b) {
		text_add(&q->msg, &b, 1);
	}
}

void qmp_input(struct qmp *q, const uint8_t *buf, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		if (q->skipping) {
			q->skipping = buf[i] != '\n';
			continue;
		}
		byte(q, (char)buf[i]);
		if (q->msg.len > MESSAGE_MAX || q->depth > DEPTH_MAX) {
			text_free(&q->msg);
			restart(q);
			q->skipping = true;
			fail(q, "GenericError", "JSON token size limit exceeded", NULL);
		}
	}
}

/* ---- events ---------------------------------------------------------------------------------------------------------------------------- */

static void send_event(struct qmp *q, const struct qmp_event *e, const char *detail_json)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	json_t *o = json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds", (json_int_t)tv.tv_sec, "microseconds", (json_int_t)tv.tv_usec, "event", e->name);
	json_t *data = detail_json ? json_loads(detail_json, 0, NULL) : NULL;
	if (data)
		json_object_set_new(o, "data", data);
	send_json(q, o);
	monitor_flush(q->mon);
}

static int64_t now_ms(void)
{
	return host_ns() / 1000000;
}

static void on_pause_over(void *arg)
{
	struct qmp_pause *p = arg;
	char *detail = p->detail;

	p->timer = 0;
	p->detail = NULL;
	p->sent_ms = now_ms();
	if (detail && p->q->negotiated)
		send_event(p->q, p->event, detail);
	free(detail);
}

/* One that must not come too often: the last is kept until the time is over. */
static void send_paced(struct qmp *q, const struct qmp_event *e, const char *detail)
{
	struct qmp_pause *p = &q->pauses[e - qmp_events];
	int64_t left = p->sent_ms ? p->sent_ms + e->pause_ms - now_ms() : 0;

	p->q = q;
	p->event = e;
	if (!p->timer && left <= 0) {
		p->sent_ms = now_ms();
		send_event(q, e, detail);
		return;
	}
	free(p->detail);
	p->detail = strdup(detail ? detail : "{}");
	if (!p->timer)
		p->timer = loop_timeout(q->mon->m->loop, left, on_pause_over, p);
}

/* The answer that had to wait for its event. */
static void answer_now(struct qmp *q)
{
	json_t *id = q->wait_id;

	q->waiting = false;
	q->wait_id = NULL;
	answer(q, "return", json_object(), id);
	json_decref(id);
	monitor_flush(q->mon);
}

static void go_on(void *arg)
{
	struct machine *m = arg;

	for (struct monitor *mon = m->monitors ? m->monitors->first : NULL; mon; mon = mon->next)
		if (mon->qmp && !mon->qmp->waiting)
			monitor_go_on(mon);
}

static void on_event(void *arg, enum machine_event ev, const char *detail_json)
{
	struct qmp *q = arg;

	for (const struct qmp_event *e = qmp_events; e->name && q->negotiated; e++)
		if (e->number == ev)
			(e->pause_ms ? send_paced : send_event)(q, e, detail_json);
	if (q->waiting && (ev == EV_RESET || ev == EV_SHUTDOWN)) {
		answer_now(q);
		if (ev == EV_RESET)
			loop_post(q->mon->m->loop, go_on, q->mon->m);
	}
}

bool qmp_waiting(const struct qmp *q) { return q->waiting; }

/* ---- life -------------------------------------------------------------------------------------------------------------------------------- */

struct qmp *qmp_new(struct monitor *mon, bool pretty)
{
	struct qmp *q = calloc(1, sizeof(*q));
	size_t events = 0;

	while (qmp_events[events].name)
		events++;
	if (!q || !(q->pauses = calloc(events, sizeof(*q->pauses))))
		abort();
	q->mon = mon;
	q->pretty = pretty;
	q->listener = (struct listener){ .fn = on_event, .arg = q };
	machine_listen(mon->m, &q->listener);
	return q;
}

/* Nothing of the last client is left for the next. */
static void forget(struct qmp *q)
{
	q->negotiated = q->oob = q->waiting = false;
	json_decref(q->wait_id);
	q->wait_id = NULL;
	for (size_t i = 0; qmp_events[i].name; i++) {
		struct qmp_pause *p = &q->pauses[i];
		if (p->timer)
			loop_timeout_cancel(q->mon->m->loop, p->timer);
		free(p->detail);
		*p = (struct qmp_pause){ 0 };
	}
	text_free(&q->msg);
	restart(q);
}

void qmp_free(struct qmp *q)
{
	if (!q)
		return;
	machine_unlisten(q->mon->m, &q->listener);
	forget(q);
	free(q->pauses);
	free(q);
}

void qmp_opened(struct qmp *q)
{
	json_t *caps = json_array();

	forget(q);
	if (can_oob(q))
		json_array_append_new(caps, json_string("oob"));
	send_json(q, json_pack("{s:{s:o, s:o}}", "QMP", "version", qmp_version_info(), "capabilities", caps));
}

void qmp_closed(struct qmp *q) { forget(q); }
