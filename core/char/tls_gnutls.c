/* tls_gnutls.c - TLS by gnutls: certificates (X.509), keys that both sides know (PSK) or anonymous keys. */
#include "core/char/chardev.h"
#include "core/char/tls.h"
#include "core/machine/secret.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum tls_kind { TLS_X509, TLS_ANON, TLS_PSK };
struct tls_creds {
	char *id;
	enum tls_kind kind;
	bool server, verify;
	unsigned users;
	gnutls_certificate_credentials_t cert;
	gnutls_anon_server_credentials_t anon_server;
	gnutls_anon_client_credentials_t anon_client;
	gnutls_psk_server_credentials_t psk_server;
	gnutls_psk_client_credentials_t psk_client;
	struct tls_creds *next;
};
struct tls { gnutls_session_t session; size_t unsent; };

/* passphrase: of the private key, or NULL. */
static bool load_certificates(struct tls_creds *c, const char *dir, const char *passphrase, struct error *err)
{
	char ca[4096], cert[4096], key[4096];
	const char *side = c->server ? "server" : "client";
	int e = gnutls_certificate_allocate_credentials(&c->cert);

	snprintf(ca, sizeof(ca), "%s/ca-cert.pem", dir);
	snprintf(cert, sizeof(cert), "%s/%s-cert.pem", dir, side);
	snprintf(key, sizeof(key), "%s/%s-key.pem", dir, side);
	if (e >= 0 && (c->verify || !access(ca, F_OK)) && (e = gnutls_certificate_set_x509_trust_file(c->cert, ca, GNUTLS_X509_FMT_PEM)) < 0)
		return error_set(err, "Cannot load CA certificate '%s': %s", ca, gnutls_strerror(e));
	if (e >= 0 && (c->server || !access(cert, F_OK)) && 
	    (e = gnutls_certificate_set_x509_key_file2(c->cert, cert, key, GNUTLS_X509_FMT_PEM, passphrase, 0)) < 0)
		return error_set(err, "Cannot load certificate '%s' & key '%s': %s", cert, key, gnutls_strerror(e));
	return e >= 0 || error_set(err, "Cannot make TLS credentials: %s", gnutls_strerror(e));
}

static bool make_anonymous(struct tls_creds *c, struct error *err)
{
	if (c->server ? gnutls_anon_allocate_server_credentials(&c->anon_server) : gnutls_anon_allocate_client_credentials(&c->anon_client))
		return error_set(err, "Cannot make TLS credentials");
	if (c->server)
		gnutls_anon_set_server_known_dh_params(c->anon_server, GNUTLS_SEC_PARAM_MEDIUM);
	return true;
}

/* The user's line of "NAME:KEY" lines, KEY in hexadecimal; *key points into line. */
static bool find_key(FILE *f, const char *user, char **line, const char **key)
{
	size_t cap = 0, n = strlen(user);

	while (getline(line, &cap, f) >= 0) {
		(*line)[strcspn(*line, "\r\n")] = 0;
		if (!strncmp(*line, user, n) && (*line)[n] == ':') {
			*key = *line + n + 1;
			return true;
		}
	}
	return false;
}

static bool load_client_key(struct tls_creds *c, const char *path, const char *user, struct error *err)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	const char *key = NULL;
	bool ok = true;

	if (!f)
		return error_set(err, "Unable to access credentials %s: %s", path, strerror(errno));
	if (!find_key(f, user, &line, &key)) {
		ok = error_set(err, "Username %s not found in PSK file %s", user, path);
	} else {
		gnutls_datum_t d = { (unsigned char *)line + (key - line), (unsigned)strlen(key) };
		int e = gnutls_psk_allocate_client_credentials(&c->psk_client);
		if (e < 0 || (e = gnutls_psk_set_client_credentials(c->psk_client, user, &d, GNUTLS_PSK_KEY_HEX)) < 0)
			ok = error_set(err, "The key of %s in PSK file %s is no use: %s", user, path, gnutls_strerror(e));
	}
	if (line)
		gnutls_memset(line, 0, strlen(line));
	free(line);
	fclose(f);
	return ok;
}

/* DIR/keys.psk, as psktool writes it. */
static bool load_keys(struct tls_creds *c, const char *dir, const char *user, struct error *err)
{
	char path[4096];
	int e;

	snprintf(path, sizeof(path), "%s/keys.psk", dir);
	if (!c->server)
		return load_client_key(c, path, user ? user : "qemu", err);
	if (user)
		return error_set(err, "username should not be set when endpoint=server");
	if (access(path, R_OK))
		return error_set(err, "Unable to access credentials %s: %s", path, strerror(errno));
	if ((e = gnutls_psk_allocate_server_credentials(&c->psk_server)) < 0 || (e = gnutls_psk_set_server_credentials_file(c->psk_server, path)) < 0)
		return error_set(err, "Cannot load PSK file %s: %s", path, gnutls_strerror(e));
	gnutls_psk_set_server_known_dh_params(c->psk_server, GNUTLS_SEC_PARAM_MEDIUM);
	return true;
}

void tls_creds_free(struct tls_creds *all)
{
	while (all) {
		struct tls_creds *c = all;
		all = c->next;
		if (c->cert)
			gnutls_certificate_free_credentials(c->cert);
		if (c->anon_server)
			gnutls_anon_free_server_credentials(c->anon_server);
		if (c->anon_client)
			gnutls_anon_free_client_credentials(c->anon_client);
		if (c->psk_server)
			gnutls_psk_free_server_credentials(c->psk_server);
		if (c->psk_client)
			gnutls_psk_free_client_credentials(c->psk_client);
		free(c->id);
		free(c);
	}
}

/* Which of the parameters each kind takes, and what they mean, are checked here. */
static bool check(const struct kv *kv, enum tls_kind kind, struct error *err)
{
	static const char *const keys[] = { "qom-type", "id", "dir", "endpoint", "verify-peer", NULL },
		*const x509_keys[] = { "qom-type", "id", "dir", "endpoint", "verify-peer", "passwordid", NULL },
		*const psk_keys[] = { "qom-type", "id", "dir", "endpoint", "verify-peer", "username", NULL };
	const char *endpoint = kv_get(kv, "endpoint");

	if (!kv_get(kv, "id"))
		return error_set(err, "Parameter 'id' is missing");
	if (!kv_only(kv, kind == TLS_PSK ? psk_keys : kind == TLS_X509 ? x509_keys : keys, kv_get(kv, "qom-type"), err))
		return false;
	if (endpoint && strcmp(endpoint, "server") && strcmp(endpoint, "client"))
		return error_set(err, "Parameter 'endpoint' does not accept value '%s'; accepted are server and client", endpoint);
	return kind == TLS_ANON || kv_get(kv, "dir") || error_set(err, "Missing 'dir' property value");
}

bool tls_creds_new(struct machine *m, const struct kv *kv, struct error *err)
{
	const char *type = kv_get(kv, "qom-type"), *dir = kv_get(kv, "dir"), *endpoint = kv_get(kv, "endpoint");
	enum tls_kind kind = !strcmp(type, "tls-creds-anon") ? TLS_ANON : !strcmp(type, "tls-creds-psk") ? TLS_PSK : TLS_X509;
	bool verify = true;

	if (!check(kv, kind, err) || !chr_bool(kv, "verify-peer", &verify, err))
		return false;
	struct tls_creds *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	*c = (struct tls_creds){ .id = strdup(kv_get(kv, "id")), .kind = kind, .server = endpoint && !strcmp(endpoint, "server"), .verify = verify };
	size_t len = 0;
	const char *secret = kv_get(kv, "passwordid");
	char *passphrase = secret ? secret_get(m, secret, &len, err) : NULL;
	bool ok = (!secret || passphrase) && (kind == TLS_ANON ? make_anonymous(c, err) : kind == TLS_PSK ? load_keys(c, dir, kv_get(kv, "username"), err) :
		load_certificates(c, dir, passphrase, err));
	secret_free(passphrase, len);
	if (!ok) {
		tls_creds_free(c);
		return false;
	}
	c->next = chr_shared(m)->tls;
	chr_shared(m)->tls = c;
	return true;
}

struct tls_creds *tls_creds_find(struct machine *m, const char *id, bool server, struct error *err)
{
	struct tls_creds *c = chr_shared(m)->tls;

	while (c && strcmp(c->id, id))
		c = c->next;
	if (!c)
		error_set(err, "No TLS credentials with id '%s'", id);
	else if (c->server != server)
		error_set(err, "Expected TLS credentials for a %s endpoint", server ? "server" : "client");
	if (!c || c->server != server)
		return NULL;
	c->users++;
	return c;
}

void tls_creds_put(struct tls_creds *c)
{
	if (c)
		c->users--;
}

bool tls_creds_remove(struct machine *m, const char *id)
{
	struct tls_creds **p = &chr_shared(m)->tls;

	while (*p && strcmp((*p)->id, id))
		p = &(*p)->next;
	struct tls_creds *c = *p;
	if (!c || c->users)
		return !c;
	*p = c->next;
	c->next = NULL;
	tls_creds_free(c);
	return true;
}

static void use_creds(gnutls_session_t session, struct tls_creds *c, const char *host)
{
	static const char *const priority[] = { [TLS_X509] = "NORMAL", [TLS_ANON] = "NORMAL:-VERS-TLS1.3:+ANON-ECDH:+ANON-DH",
		[TLS_PSK] = "NORMAL:+ECDHE-PSK:+DHE-PSK:+PSK" };

	gnutls_priority_set_direct(session, priority[c->kind], NULL);
	if (c->kind == TLS_ANON)
		gnutls_credentials_set(session, GNUTLS_CRD_ANON, c->server ? (void *)c->anon_server : (void *)c->anon_client);
	else if (c->kind == TLS_PSK)
		gnutls_credentials_set(session, GNUTLS_CRD_PSK, c->server ? (void *)c->psk_server : (void *)c->psk_client);
	else {
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->cert);
		if (c->verify)
			gnutls_session_set_verify_cert(session, c->server ? NULL : host, 0);
		if (c->server)
			gnutls_certificate_server_set_request(session, c->verify ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
	}
}

struct tls *tls_start(struct tls_creds *c, int fd, const char *host)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t || gnutls_init(&t->session, (c->server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL))
		abort();
	use_creds(t->session, c, host);
	if (!c->server && host)
		gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, host, strlen(host));
	gnutls_transport_set_int(t->session, fd);
	return t;
}

void tls_stop(struct tls *t)
{
	if (!t)
		return;
	gnutls_deinit(t->session);
	free(t);
}

enum tls_shake tls_handshake(struct tls *t)
{
	int e;

	do
		e = gnutls_handshake(t->session);
	while (e < 0 && e != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(e));
	if (e == GNUTLS_E_AGAIN)
		return gnutls_record_get_direction(t->session) ? TLS_WANT_WRITE : TLS_WANT_READ;
	return e ? TLS_FAILED : TLS_DONE;
}

bool tls_peer_name(struct tls *t, char *buf, size_t size)
{
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(t->session, &n);
	gnutls_x509_crt_t crt;
	bool ok = false;

	if (!list || !n || gnutls_x509_crt_init(&crt))
		return false;
	if (!gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER))
		ok = !gnutls_x509_crt_get_dn(crt, buf, &size);
	gnutls_x509_crt_deinit(crt);
	return ok;
}

bool tls_websocket_accept(const char *key, char out[32])
{
	char text[320];
	uint8_t sha1[20];
	gnutls_datum_t in = { .data = sha1, .size = sizeof(sha1) }, b64 = { 0 };

	snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), sha1) || gnutls_base64_encode2(&in, &b64))
		return false;
	snprintf(out, 32, "%.*s", (int)b64.size, (char *)b64.data);
	gnutls_free(b64.data);
	return true;
}

/* gnutls' answer as read() and write() would give it. */
static ssize_t answer(ssize_t n)
{
	if (n >= 0)
		return n;
	errno = n == GNUTLS_E_AGAIN ? EAGAIN : n == GNUTLS_E_INTERRUPTED || !gnutls_error_is_fatal((int)n) ? EINTR : EIO;
	return n == GNUTLS_E_PREMATURE_TERMINATION ? 0 : -1;
}

ssize_t tls_recv(struct tls *t, uint8_t *buf, size_t len) { return answer(gnutls_record_recv(t->session, buf, len)); }

ssize_t tls_send(struct tls *t, const uint8_t *buf, size_t len)
{
	size_t n = len < 4096 ? len : 4096;

	if (t->unsent)          /* the record is made already; it is sent whatever we are given */
		buf = NULL;
	ssize_t r = gnutls_record_send(t->session, buf, buf ? n : 0);
	t->unsent = r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED ? (t->unsent ? t->unsent : n) : 0;
	return r > (ssize_t)len ? (ssize_t)len : answer(r);
}
