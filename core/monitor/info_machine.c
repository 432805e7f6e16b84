/* info_machine.c - `info` about the machine as a whole, and what its devices tell. */
#include "core/machine/machine.h"
#include "core/machine/memdev.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/version.h"
#include <inttypes.h>
#include <limits.h>

HANDLER(info_status)
{
	text_printf(x->out, "VM status: %s\n", run_state_text(x->m));
	return true;
}

HANDLER(info_version)
{
	text_printf(x->out, "%s\n", VMUX_VERSION);
	return true;
}

HANDLER(info_name)
{
	if (x->m->name)
		text_printf(x->out, "%s\n", x->m->name);
	return true;
}

HANDLER(info_uuid)
{
	text_printf(x->out, "%s\n", x->m->opt && x->m->opt->uuid ? x->m->opt->uuid : "00000000-0000-0000-0000-000000000000");
	return true;
}

HANDLER(info_history)
{
	const char *s;

	for (unsigned i = 0; x->mon->line && (s = readline_history(x->mon->line, i)); i++)
		text_printf(x->out, "%u: '%s'\n", i, s);
	return true;
}

static bool ask_devices(struct mon_ctx *x, const char *topic)
{
	machine_print_info(x->m, topic, UINT_MAX, x->out);
	return true;
}

HANDLER(info_pic)  { return ask_devices(x, "pic"); }
HANDLER(info_irq)  { return ask_devices(x, "irq"); }
HANDLER(info_pci)  { return ask_devices(x, "pci"); }
HANDLER(info_roms) { return ask_devices(x, "roms"); }

HANDLER(info_qdm)
{
	device_help("help", x->out);
	return true;
}

HANDLER(info_memory_size)
{
	text_printf(x->out, "base memory: %" PRIu64 "\nplugged memory: 0\n", x->m->ram_size);
	return true;
}

static const char *yes_no(bool b) { return b ? "true" : "false"; }

HANDLER(info_memdev)
{
	struct memdev d;

	for (unsigned n = 0; memdev_at(x->m, n, &d); n++)
		text_printf(x->out, "memory backend: %s\n  size:  %" PRIu64 "\n  merge: %s\n  dump: %s\n  prealloc: %s\n  share: %s\n"
			"  reserve: false\n  policy: default\n  host nodes: \n\n", d.id, d.size, yes_no(d.merge), yes_no(d.dump), yes_no(d.prealloc), yes_no(d.share));
	return true;
}

HANDLER(info_ramblock)
{
	text_printf(x->out, "%24s %8s  %18s %18s %18s\n", "Block Name", "PSize", "Offset", "Used", "Total");
	for (const struct ram_block *b = x->m->ram.blocks; b; b = b->next)
		text_printf(x->out, "%24s %8s  0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 "\n", b->name, "4 KiB", b->ram_addr, b->size, b->size);
	return true;
}
