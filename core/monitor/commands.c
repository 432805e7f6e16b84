/* commands.c - the tables of commands.def and infos.def, and the two commands that print them. */
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"

HANDLER(cmd_help)
{
	hmp_help(arg_str(a, "name"), x->out);
	return true;
}

HANDLER(cmd_info)
{
	hmp_help("info", x->out);
	return true;
}

#define NO_MIGRATION "Error: this machine cannot be migrated\n"
#define SYNC_RULE "-------------------------------------------------------------------------------\n"
#define SYNC_PROFILE "Type               Object  Call site  Wait Time (s)         Count  Average (us)\n" SYNC_RULE SYNC_RULE

#define CMD(name, args, params, help, run, complete, absent, qmp)  { name, args, params, help, run, complete, absent, qmp },
#define INFO(name, args, params, help, run, complete, absent, qmp) { name, args, params, help, run, complete, absent, qmp },
const struct mon_cmd mon_commands[] = {
#include "core/monitor/commands.def"
	{ 0 }
};
const struct mon_cmd mon_infos[] = {
#include "core/monitor/infos.def"
	{ 0 }
};
