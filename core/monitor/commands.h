/* commands.h - the handlers that commands.def and infos.def name. */
#ifndef CORE_MONITOR_COMMANDS_H
#define CORE_MONITOR_COMMANDS_H
#include "core/monitor/monitor.h"
#define HANDLER(name) bool name(struct mon_ctx *x, const struct mon_args *a, struct error *err)
/* commands.c */
HANDLER(cmd_help);
HANDLER(cmd_info);
/* cmd_run.c */
HANDLER(cmd_stop);
HANDLER(cmd_cont);
HANDLER(cmd_quit);
HANDLER(cmd_reset);
HANDLER(cmd_powerdown);
HANDLER(cmd_cpu);
HANDLER(cmd_nmi);
HANDLER(cmd_boot_set);
HANDLER(cmd_log);
HANDLER(cmd_logfile);
HANDLER(cmd_gdbserver);
HANDLER(cmd_watchdog);
/* cmd_snapshot.c */
HANDLER(cmd_savevm);
HANDLER(cmd_loadvm);
HANDLER(cmd_delvm);
HANDLER(info_snapshots);
/* cmd_device.c */
HANDLER(cmd_device_add);
HANDLER(cmd_device_del);
/* cmd_memory.c */
HANDLER(cmd_x);
HANDLER(cmd_xp);
HANDLER(cmd_print);
HANDLER(cmd_i);
HANDLER(cmd_o);
HANDLER(cmd_sum);
HANDLER(cmd_memsave);
HANDLER(cmd_pmemsave);
HANDLER(cmd_gpa2hva);
HANDLER(cmd_gpa2hpa);
HANDLER(cmd_gva2gpa);
/* cmd_dump.c */
HANDLER(cmd_dump);
HANDLER(info_dump);
/* cmd_screen.c */
HANDLER(cmd_screendump);
/* cmd_chardev.c */
HANDLER(cmd_chardev_add);
HANDLER(cmd_chardev_change);
HANDLER(cmd_chardev_remove);
HANDLER(cmd_chardev_break);
HANDLER(cmd_ringbuf_read);
HANDLER(cmd_ringbuf_write);
HANDLER(info_chardev);
/* cmd_block.c */
HANDLER(cmd_eject);
HANDLER(cmd_change);
HANDLER(cmd_commit);
HANDLER(cmd_drive_add);
HANDLER(cmd_drive_del);
HANDLER(cmd_throttle);
HANDLER(cmd_block_absent);
HANDLER(cmd_block_resize);
HANDLER(cmd_qemu_io);
HANDLER(cmd_drive_absent);
HANDLER(cmd_nbd_add);
HANDLER(cmd_block_passwd);
HANDLER(info_block);
HANDLER(info_blockstats);
/* cmd_input.c */
HANDLER(cmd_sendkey);
HANDLER(cmd_mouse_move);
HANDLER(cmd_mouse_button);
HANDLER(cmd_mouse_set);
HANDLER(info_mice);
/* cmd_qom.c */
HANDLER(cmd_qom_list);
HANDLER(cmd_qom_get);
HANDLER(cmd_qom_set);
HANDLER(info_qom_tree);
/* cmd_absent.c */
HANDLER(cmd_nothing);
HANDLER(cmd_aer);
HANDLER(cmd_client_migrate_info);
HANDLER(cmd_cpu_add);
HANDLER(cmd_hostfwd);
HANDLER(cmd_mce);
HANDLER(cmd_migrate_capability);
HANDLER(cmd_migrate);
HANDLER(cmd_migrate_continue);
HANDLER(cmd_migrate_parameter);
HANDLER(cmd_nbd_start);
HANDLER(cmd_netdev_add);
HANDLER(cmd_closefd);
HANDLER(cmd_getfd);
HANDLER(cmd_object_add);
HANDLER(cmd_object_del);
HANDLER(cmd_password);
HANDLER(cmd_singlestep);
HANDLER(cmd_sync_profile);
HANDLER(cmd_watch);
HANDLER(cmd_wavcapture);
HANDLER(info_accel);
HANDLER(info_kvm);
HANDLER(info_migrate_capabilities);
HANDLER(info_stats);
HANDLER(info_trace_events);
/* info_machine.c */
HANDLER(info_status);
HANDLER(info_version);
HANDLER(info_name);
HANDLER(info_uuid);
HANDLER(info_history);
HANDLER(info_pic);
HANDLER(info_irq);
HANDLER(info_pci);
HANDLER(info_roms);
HANDLER(info_qdm);
HANDLER(info_memory_size);
HANDLER(info_memdev);
HANDLER(info_ramblock);
/* info_tree.c */
HANDLER(info_mtree);
HANDLER(info_qtree);
/* info_cpu.c */
HANDLER(info_registers);
HANDLER(info_cpus);
HANDLER(info_jit);
HANDLER(cmd_accel);
HANDLER(info_hotpluggable_cpus);
HANDLER(info_tlb);
HANDLER(info_mem);
HANDLER(info_lapic);
#endif
