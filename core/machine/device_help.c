/* device_help.c - lists of devices and of a device's properties, for -device help and device_add help. */
#include "core/machine/device.h"
#include "core/machine/options.h"
#include <stdlib.h>
#include <string.h>

static const char *const type_words[] = { [PROP_BOOL] = "bool", [PROP_U8] = "uint8", [PROP_U16] = "uint16", [PROP_U32] = "uint32",
	[PROP_U64] = "uint64", [PROP_I32] = "int32", [PROP_SIZE] = "size", [PROP_STRING] = "str", [PROP_ENUM] = "enum",
	[PROP_CHARDEV] = "str", [PROP_DRIVE] = "str", [PROP_NETDEV] = "str", [PROP_MAC] = "str", [PROP_PCI_ADDR] = "int32" };

static void list_category(const char *category, struct text *out)
{
	bool titled = false;
	for (const struct device_desc *const *d = device_descs; *d; d++) {
		if (!(*d)->user_creatable || strcmp((*d)->category ? (*d)->category : "Misc", category))
			continue;
		if (!titled)
			text_printf(out, "%s%s devices:\n", out->len ? "\n" : "", category);
		titled = true;
		text_printf(out, "name \"%s\", bus %s", (*d)->name, (*d)->bus);
		if ((*d)->alias)
			text_printf(out, ", alias \"%s\"", (*d)->alias);
		if ((*d)->description)
			text_printf(out, ", desc \"%s\"", (*d)->description);
		text_printf(out, "\n");
	}
}

void device_help(const char *arg, struct text *out)
{
	static const char *const categories[] = { "Controller/Bridge/Hub", "USB", "Storage", "Network", "Input", "Display", "Sound", "Misc", "CPU",
		"Watchdog", "Uncategorized" };
	if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
		for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
			list_category(categories[i], out);
		return;
	}
	size_t n = strcspn(arg, ",");
	if (strcmp(arg + n, ",help") && strcmp(arg + n, ",?"))
		return;
	char *name = strndup(arg, n);
	const struct device_desc *d = device_find_desc(name);
	free(name);
	if (!d)
		return;                 /* the caller's ordinary path says that there is no such device */
	text_printf(out, "%s options:\n", d->name);
	for (const struct prop *p = d->props; p && p->type != PROP_END; p++) {
		char left[64];
		snprintf(left, sizeof(left), "%s=<%s>", p->name, type_words[p->type]);
		text_printf(out, "  %-22s - %s", left, p->help ? p->help : "");
		if (p->def)
			text_printf(out, " (default: %s)", p->def);
		text_printf(out, "\n");
	}
}
