/* secret.h - -object secret,id=ID,data=TEXT|file=PATH[,format=raw|base64]: pass phrases for other objects.  They are never shown. */
#ifndef CORE_MACHINE_SECRET_H
#define CORE_MACHINE_SECRET_H
#include "core/machine/options.h"
struct machine;
/* Is it one that can be read? */
bool secret_check(const struct kv *kv, struct error *err);
/* The bytes of secret `id`, with a zero behind them; to be given to secret_free.  NULL: there is none, or it cannot be read. */
char *secret_get(struct machine *m, const char *id, size_t *len, struct error *err);
void secret_free(char *bytes, size_t len);
#endif
