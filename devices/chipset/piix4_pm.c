/* piix4_pm.c - 82371AB function 3: ACPI power management, its timer, the APM ports and the SMBus host.
 *
 * Ref: Intel 82371AB PIIX4 (290562), chapter 7 "Power Management"; ACPI specification 6.3, chapter 4 "ACPI Hardware
 * Specification".  System-management mode is not there: a write to port b2h turns ACPI on and off by itself (what the SMI handler
 * of a real firmware would do), and DEVACTB says at reset that the SMI handler is installed, so that firmware installs none.
 *
 *   PMBASE +00 PM1 status (write 1 clears) | +02 PM1 enable | +04 PM1 control | +08 timer                 general purpose events: afe0h */
#include "devices/chipset/piix4_pm.h"
#include "core/machine/machine.h"
#include "devices/chipset/acpi_cpuhp.h"
#include "devices/chipset/acpi_pcihp.h"
#include "devices/chipset/isa.h"
#include "devices/chipset/smbus.h"
#include "devices/pci/pci.h"
#include <string.h>

enum { PM_TIMER_HZ = 3579545, PM_SIZE = 0x40, SMB_SIZE = 0x40, GPE_PORT = 0xafe0, GPE_SIZE = 4, APM_PORT = 0xb2 };
enum { REG_PMBASE = 0x40, REG_DEVACTB = 0x58, REG_DEVRESD = 0x5f, REG_DEVRESG = 0x63, REG_DEVRESJ = 0x67, REG_PMREGMISC = 0x80,
       REG_SMBBASE = 0x90, REG_SMBHSTCFG = 0xd2 };
enum { PM1_STS = 0x00, PM1_EN = 0x02, PM1_CNT = 0x04, PM_TMR = 0x08 };
enum { TMR_STS = 1 << 0, GBL_STS = 1 << 5, PWRBTN_STS = 1 << 8, RTC_STS = 1 << 10, PM1_STS_BITS = TMR_STS | GBL_STS | PWRBTN_STS | RTC_STS | 1 << 15 | 1 << 4,
       PM1_EN_BITS = TMR_STS | GBL_STS | PWRBTN_STS | RTC_STS };
enum { CNT_SCI_EN = 1 << 0, CNT_SLP_TYP_SHIFT = 10, CNT_SLP_TYP = 7 << CNT_SLP_TYP_SHIFT, CNT_SLP_EN = 1 << 13, SLP_TYP_S5 = 0 };
enum { ACPI_ENABLE = 0xf1, ACPI_DISABLE = 0xf0 };       /* as the FADT tells the guest */

struct piix4_pm {
	struct pci_device pci;
	struct irq_line sci;
	struct region pm, gpe, apm, smb, hotplug, cpu_hotplug;
	struct timer overflow;
	struct smbus smbus;
	struct pcihp pcihp;
	struct cpuhp cpuhp;
	uint32_t smb_io_base;           /* property: where SMBBASE points after a reset */
	uint8_t  disable_s3, disable_s4, s4_val;

	uint16_t pm1_sts, pm1_en, pm1_cnt;
	uint64_t timer_seen;            /* ticks at the last look: bit 23 changing sets TMR_STS */
	uint16_t gpe_sts, gpe_en;
	uint8_t  apm_control, apm_status;
};

static const struct prop pm_props[] = {
	PCI_PROPS,
	{ "smb_io_base", PROP_U32, offsetof(struct piix4_pm, smb_io_base), "0x700", "ports of the SMBus host after a reset", NULL },
	{ "disable_s3", PROP_U8, offsetof(struct piix4_pm, disable_s3), "0", "kept for command lines: there is no S3", NULL },
	{ "disable_s4", PROP_U8, offsetof(struct piix4_pm, disable_s4), "0", "kept for command lines: there is no S4", NULL },
	{ "s4_val", PROP_U8, offsetof(struct piix4_pm, s4_val), "2", "kept for command lines: sleep type of S4", NULL },
	{ 0 }
};
static const struct state_field pm_state[] = {
	STATE_STRUCT(struct piix4_pm, pci, pci_device_state), STATE_STRUCT(struct piix4_pm, smbus, smbus_state), STATE_STRUCT(struct piix4_pm, pcihp, pcihp_state),
	STATE_STRUCT(struct piix4_pm, cpuhp, cpuhp_state),
	STATE_U16(struct piix4_pm, pm1_sts), STATE_U16(struct piix4_pm, pm1_en), STATE_U16(struct piix4_pm, pm1_cnt),
	STATE_U64(struct piix4_pm, timer_seen), STATE_U16(struct piix4_pm, gpe_sts), STATE_U16(struct piix4_pm, gpe_en),
	STATE_U8(struct piix4_pm, apm_control), STATE_U8(struct piix4_pm, apm_status), STATE_END
};

static struct piix4_pm *pm_of(struct device *d)
{
	return container_of(d, struct piix4_pm, pci.dev);
}

/* ---- timer and SCI --------------------------------------------------------------------------------------------------------------- */

static uint64_t ticks(const struct piix4_pm *p)
{
	return mul_div64((uint64_t)clock_now(&p->pci.dev.machine->clock), PM_TIMER_HZ, NS_PER_SEC);
}

/* "TMR_STS": set whenever the most significant of the 24 bits changes. */
static void look_at_timer(struct piix4_pm *p)
{
	uint64_t now = ticks(p);

	if (now >> 23 != p->timer_seen >> 23)
		p->pm1_sts |= TMR_STS;
	p->timer_seen = now;
}

/* SCI is a level: some enabled event is up.  The host timer runs only while its event is enabled and not up already. */
static void update_sci(struct piix4_pm *p)
{
	struct machine *m = p->pci.dev.machine;
	bool on = (p->pm1_sts & p->pm1_en & PM1_EN_BITS) || (p->gpe_sts & p->gpe_en);

	irq_set(&p->sci, on && (p->pm1_cnt & CNT_SCI_EN));
	if ((p->pm1_en & TMR_STS) && !(p->pm1_sts & TMR_STS))
		timer_set(m, &p->overflow, (int64_t)mul_div64(((p->timer_seen >> 23) + 1) << 23, NS_PER_SEC, PM_TIMER_HZ) + 1);
	else
		timer_cancel(m, &p->overflow);
}

static void overflow(void *arg)
{
	look_at_timer(arg);
	update_sci(arg);
}

/* system_powerdown presses the button. */
static void power_button(void *arg, int n, int level)
{
	struct piix4_pm *p = arg;

	if (level)
		p->pm1_sts |= PWRBTN_STS;
	update_sci(p);
}

/* ---- PM1 registers ---------------------------------------------------------------------------------------------------------------- */

/* "SLP_EN": the machine goes to the state SLP_TYP names; soft-off is the one there is. */
static void write_control(struct piix4_pm *p, uint16_t val)
{
	p->pm1_cnt = val & ~CNT_SLP_EN;
	if (!(val & CNT_SLP_EN))
		return;
	if ((val & CNT_SLP_TYP) >> CNT_SLP_TYP_SHIFT == SLP_TYP_S5)
		machine_request_shutdown(p->pci.dev.machine, SHUTDOWN_GUEST_SHUTDOWN);
	else
		device_log_once(&p->pci.dev, 0, "sleep type %u is not supported", (val & CNT_SLP_TYP) >> CNT_SLP_TYP_SHIFT);
}

/* The registers as 16-bit words; byte accesses change one half. */
static uint16_t read_word(struct piix4_pm *p, unsigned reg)
{
	switch (reg) {
	case PM1_STS:    return p->pm1_sts;
	case PM1_EN:     return p->pm1_en;
	case PM1_CNT:    return p->pm1_cnt;
	case PM_TMR:     return (uint16_t)ticks(p);
	case PM_TMR + 2: return (uint16_t)(ticks(p) >> 16 & 0xff);
	default:         return 0;
	}
}

static uint64_t pm_read(struct device *d, uint64_t off, unsigned size)
{
	struct piix4_pm *p = pm_of(d);

	look_at_timer(p);
	if (size == 4 && off == PM_TMR)
		return ticks(p) & 0xffffff;
	if (size == 4)
		return read_word(p, (unsigned)off) | (uint32_t)read_word(p, (unsigned)off + 2) << 16;
	return read_word(p, (unsigned)off & ~1u) >> (off & 1 ? 8 : 0);
}

static void write_word(struct piix4_pm *p, unsigned reg, uint16_t val, uint16_t mask)
{
	switch (reg) {
	case PM1_STS: p->pm1_sts &= ~(val & mask & PM1_STS_BITS); break;
	case PM1_EN:  p->pm1_en = ((p->pm1_en & ~mask) | (val & mask)) & PM1_EN_BITS; break;
	case PM1_CNT: write_control(p, (p->pm1_cnt & ~mask) | (val & mask)); break;
	default:      break;
	}
}

static void pm_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct piix4_pm *p = pm_of(d);
	unsigned reg = (unsigned)off & ~1u, shift = off & 1 ? 8 : 0;

	look_at_timer(p);
	write_word(p, reg, (uint16_t)(val << shift), size == 1 ? (uint16_t)(0xff << shift) : 0xffff);
	if (size == 4)
		write_word(p, reg + 2, (uint16_t)(val >> 16), 0xffff);
	update_sci(p);
}

/* ---- general purpose events, APM ----------------------------------------------------------------------------------------------------- */

static uint64_t gpe_read(struct device *d, uint64_t off, unsigned size)
{
	const struct piix4_pm *p = pm_of(d);
	uint32_t v = p->gpe_sts | (uint32_t)p->gpe_en << 16;

	return v >> (8 * off);
}

static void gpe_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct piix4_pm *p = pm_of(d);
	uint8_t v = (uint8_t)val;
	unsigned shift = off & 1 ? 8 : 0;

	if (off < 2)
		p->gpe_sts &= ~(v << shift);
	else
		p->gpe_en = (uint16_t)((p->gpe_en & ~(0xff << shift)) | v << shift);
	update_sci(p);
}

static uint64_t apm_read(struct device *d, uint64_t off, unsigned size)
{
	return off ? pm_of(d)->apm_status : pm_of(d)->apm_control;
}

static void apm_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct piix4_pm *p = pm_of(d);

	if (off) {
		p->apm_status = (uint8_t)val;
		return;
	}
	p->apm_control = (uint8_t)val;
	if (val == ACPI_ENABLE)
		p->pm1_cnt |= CNT_SCI_EN;
	else if (val == ACPI_DISABLE)
		p->pm1_cnt &= ~CNT_SCI_EN;
	update_sci(p);
}

static uint64_t smb_read(struct device *d, uint64_t off, unsigned size)
{
	return smbus_read(&pm_of(d)->smbus, (unsigned)off);
}

static void smb_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	smbus_write(&pm_of(d)->smbus, (unsigned)off, (uint8_t)val);
}

/* PCI cards came or are to go. */
static void hotplug_event(struct device *d)
{
	struct piix4_pm *p = pm_of(d);

	p->gpe_sts |= PCIHP_EVENT;
	update_sci(p);
}

static void cpu_hotplug_event(struct device *d)
{
	struct piix4_pm *p = pm_of(d);

	p->gpe_sts |= CPUHP_EVENT;
	update_sci(p);
}

static uint64_t cpu_hotplug_read(struct device *d, uint64_t off, unsigned size) { return cpuhp_read(&pm_of(d)->cpuhp, (unsigned)off, size); }
static void cpu_hotplug_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	cpuhp_write(&pm_of(d)->cpuhp, (unsigned)off, size, (uint32_t)val);
}
static const struct io_ops cpu_hotplug_ops = { cpu_hotplug_read, cpu_hotplug_write, 1, 4 };

static uint64_t hotplug_read(struct device *d, uint64_t off, unsigned size) { return pcihp_read(&pm_of(d)->pcihp, (uint32_t)off); }
static void hotplug_write(struct device *d, uint64_t off, unsigned size, uint64_t val) { pcihp_write(&pm_of(d)->pcihp, (uint32_t)off, (uint32_t)val); }

static const struct io_ops hotplug_ops = { hotplug_read, hotplug_write, 4, 4 };
static const struct io_ops pm_ops = { pm_read, pm_write, 1, 4 }, gpe_ops = { gpe_read, gpe_write, 1, 1 },
                           apm_ops = { apm_read, apm_write, 1, 1 }, smb_ops = { smb_read, smb_write, 1, 1 };

/* ---- configuration ---------------------------------------------------------------------------------------------------------------- */

static void place(struct space *io, struct region *r, unsigned base, bool on)
{
	if (on && base)
		space_move(io, r, base);
	else
		space_unmap(io, r);
}

static void map_ports(struct piix4_pm *p)
{
	const uint8_t *c = p->pci.config;
	struct space *io = &p->pci.dev.machine->io;

	place(io, &p->pm, (c[REG_PMBASE] | c[REG_PMBASE + 1] << 8) & 0xffc0u, c[REG_PMREGMISC] & 1);
	place(io, &p->smb, (c[REG_SMBBASE] | c[REG_SMBBASE + 1] << 8) & 0xffc0u, c[REG_SMBHSTCFG] & 1);
}

static void pm_config_written(struct pci_device *pci, unsigned off, unsigned size)
{
	if (off + size > REG_PMBASE)
		map_ports(container_of(pci, struct piix4_pm, pci));
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool pm_realize(struct device *d, struct error *err)
{
	static const struct pci_ids ids = { 0x8086, 0x7113, 0x1af4, 0x1100, 0x068000, 0x03 };
	struct piix4_pm *p = pm_of(d);
	uint8_t *w = p->pci.wmask;

	pci_init_config(&p->pci, &ids, 1);
	w[REG_PMBASE] = 0xc0;
	w[REG_SMBBASE] = 0xf0;
	w[REG_PMBASE + 1] = w[REG_SMBBASE + 1] = 0xff;
	memset(w + 0x44, 0xff, 0x3c);                   /* device monitors and power: kept, without effect */
	w[REG_PMREGMISC] = 0x01;
	memset(w + REG_SMBHSTCFG, 0xff, 4);
	p->pci.config_written = pm_config_written;
	p->pm = (struct region){ .name = "piix4-pm", .size = PM_SIZE, .dev = d, .ops = &pm_ops, .movable = true };
	p->smb = (struct region){ .name = "pm-smbus", .size = SMB_SIZE, .dev = d, .ops = &smb_ops, .movable = true };
	timer_init(&p->overflow, overflow, p);
	smbus_init(&p->smbus, d);
	d->machine->power_button = (struct irq_line){ .set = power_button, .arg = p };
	pcihp_init(&p->pcihp, d, hotplug_event);
	cpuhp_init(&p->cpuhp, d, cpu_hotplug_event);
	return isa_map(d, &p->cpu_hotplug, "acpi-cpu-hotplug", CPUHP_PORT, CPUHP_SIZE, &cpu_hotplug_ops, err) && isa_map(d, &p->hotplug, "acpi-pci-hotplug", PCIHP_PORT, PCIHP_SIZE, &hotplug_ops, err) && isa_map(d, &p->gpe, "acpi-gpe0", GPE_PORT, GPE_SIZE, &gpe_ops, err) &&
	       isa_map(d, &p->apm, "apm-io", APM_PORT, 2, &apm_ops, err);
}

static void pm_unrealize(struct device *d)
{
	struct piix4_pm *p = pm_of(d);

	pci_device_unrealize(&p->pci);
	timer_cancel(d->machine, &p->overflow);
	pcihp_done(&p->pcihp);
	cpuhp_done(&p->cpuhp);
	isa_unmap(d, &p->cpu_hotplug);
	isa_unmap(d, &p->hotplug);
	isa_unmap(d, &p->gpe);
	isa_unmap(d, &p->apm);
	isa_unmap(d, &p->pm);
	isa_unmap(d, &p->smb);
	d->machine->power_button = (struct irq_line){ 0 };
}

static void pm_reset(struct device *d, enum reset_kind kind)
{
	struct piix4_pm *p = pm_of(d);
	uint8_t *c = p->pci.config;

	pci_device_reset(&p->pci);
	c[PCI_STATUS + 1] = 0x02;                       /* medium DEVSEL timing */
	memset(c + REG_PMBASE, 0, 0x44);
	c[REG_PMBASE] = 0x01;                           /* an I/O address */
	c[REG_DEVACTB + 3] = 0x02;                      /* APMC_EN: see the top */
	c[REG_DEVRESD] = 0x90;                          /* external devices answer, as on the boards firmware knows: COM, LPT decode */
	c[REG_DEVRESG] = 0x60;
	c[REG_DEVRESJ] = 0x98;
	c[REG_PMREGMISC] = 0;
	c[REG_SMBBASE] = (uint8_t)(p->smb_io_base | 1);
	c[REG_SMBBASE + 1] = (uint8_t)(p->smb_io_base >> 8);
	c[REG_SMBHSTCFG] = 0x09;                        /* host enabled, IRQ 9 */
	p->pm1_sts = p->pm1_en = p->pm1_cnt = 0;
	p->gpe_sts = p->gpe_en = 0;
	p->apm_control = p->apm_status = 0;
	p->timer_seen = ticks(p);
	timer_cancel(d->machine, &p->overflow);
	smbus_reset(&p->smbus);
	pcihp_reset(&p->pcihp, kind);
	cpuhp_reset(&p->cpuhp, kind);
	map_ports(p);
}

static void pm_reset_done(struct device *d)
{
	update_sci(pm_of(d));
}

static void pm_saving(struct device *d)
{
	look_at_timer(pm_of(d));
	cpuhp_saving(&pm_of(d)->cpuhp);
}

static bool pm_loaded(struct device *d, struct error *err)
{
	struct piix4_pm *p = pm_of(d);

	p->pm1_cnt &= ~CNT_SLP_EN;
	p->pm1_en &= PM1_EN_BITS;
	if (p->timer_seen > ticks(p))
		p->timer_seen = ticks(p);
	smbus_loaded(&p->smbus);
	cpuhp_loaded(&p->cpuhp);
	map_ports(p);
	look_at_timer(p);
	update_sci(p);
	return pci_device_loaded(&p->pci, err);
}

const struct device_desc piix4_pm_desc = {
	.name = "PIIX4_PM", .bus = "PCI", .category = "Controller/Bridge/Hub", .description = "Intel 82371AB power management",
	.size = sizeof(struct piix4_pm), .props = pm_props, .state = pm_state, .state_version = 3, .realize = pm_realize,
	.unrealize = pm_unrealize, .reset = pm_reset, .reset_done = pm_reset_done, .saving = pm_saving, .loaded = pm_loaded,
	.print = pci_print,
};

void piix4_pm_set_sci(struct device *d, struct irq_line sci)
{
	pm_of(d)->sci = sci;
}
