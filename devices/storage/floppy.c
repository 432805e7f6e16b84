/* floppy.c - "floppy", a drive on a controller's cable: its medium's geometry, its disk-change line. */
#include "core/machine/machine.h"
#include "devices/storage/i82078.h"
#include "devices/storage/storage.h"
#include <stdio.h>

struct floppy {
	struct device dev;
	struct drive *drive;
	uint32_t unit;
	uint8_t type;
	struct fdc *fdc;
};

/* Data rates as the rate select bits code them. */
enum { RATE_500, RATE_300, RATE_250, RATE_1000 };

/* What has been sold or made to fit; the drive type is the one the PC would have for it. */
static const struct { uint16_t sectors; uint8_t tracks, heads, secs, rate, type; } media[] = {
	{ 2880, 80, 2, 18, RATE_500, FD_144 },  { 5760, 80, 2, 36, RATE_1000, FD_288 }, { 1440, 80, 2, 9, RATE_250, FD_144 },
	{ 2400, 80, 2, 15, RATE_500, FD_120 },  { 720, 40, 2, 9, RATE_300, FD_120 },    { 640, 40, 2, 8, RATE_300, FD_120 },
	{ 360, 40, 1, 9, RATE_300, FD_120 },    { 320, 40, 1, 8, RATE_300, FD_120 },    { 3200, 80, 2, 20, RATE_500, FD_144 },
	{ 3360, 80, 2, 21, RATE_500, FD_144 },  { 3444, 82, 2, 21, RATE_500, FD_144 },  { 3486, 83, 2, 21, RATE_500, FD_144 },
	{ 3520, 80, 2, 22, RATE_500, FD_144 },  { 3680, 80, 2, 23, RATE_500, FD_144 },  { 3840, 80, 2, 24, RATE_500, FD_144 },
	{ 6240, 80, 2, 39, RATE_1000, FD_288 }, { 6400, 80, 2, 40, RATE_1000, FD_288 }, { 7040, 80, 2, 44, RATE_1000, FD_288 },
	{ 7680, 80, 2, 48, RATE_1000, FD_288 }, { 1600, 80, 2, 10, RATE_250, FD_144 },  { 1640, 82, 2, 10, RATE_250, FD_144 },
	{ 2988, 83, 2, 18, RATE_500, FD_144 },  { 2952, 82, 2, 18, RATE_500, FD_144 },
};
enum { N_MEDIA = sizeof(media) / sizeof(media[0]) };

/* An image of another size lies at the start of the smallest usual disk that holds it. */
static unsigned find_medium(uint64_t sectors)
{
	unsigned best = 1;
	for (unsigned i = 0; i < N_MEDIA; i++) {
		if (media[i].sectors == sectors)
			return i;
		if ((media[i].sectors == 2880 || media[i].sectors == 5760) && media[i].sectors >= sectors && media[i].sectors < media[best].sectors)
			best = i;
	}
	return best;
}

void fd_medium(struct fdc *s, struct fd_unit *u)
{
	u->tracks = u->heads = u->secs = u->rate = 0;
	if (!u->drive || !u->drive->image)
		return;
	unsigned i = find_medium(u->drive->size / FD_SECTOR);
	u->tracks = media[i].tracks;
	u->heads = media[i].heads;
	u->secs = media[i].secs;
	u->rate = media[i].rate;
	/* 360 KB disks turn slower in their own drives than in a 1.2 MB one */
	if (u->rate == RATE_300 && u->type != FD_120)
		u->rate = RATE_250;
}

static enum fd_type choose_type(const struct fdc *s, const struct floppy *f)
{
	if (f->type != FD_AUTO)
		return f->type;
	if (s->fdtype[f->unit] != FD_AUTO)
		return s->fdtype[f->unit];
	if (f->drive && f->drive->image)
		return media[find_medium(f->drive->size / FD_SECTOR)].type;
	return s->fallback == FD_AUTO ? FD_288 : s->fallback;
}

static void medium_changed(void *arg, bool loaded)
{
	struct floppy *f = arg;
	struct fd_unit *u = &f->fdc->unit[f->unit];
	u->changed = true;
	fd_medium(f->fdc, u);
}

static bool floppy_realize(struct device *d, struct error *err)
{
	struct floppy *f = container_of(d, struct floppy, dev);
	struct fd_unit *u = &f->fdc->unit[f->unit];
	if (!f->drive)                          /* none was named: an empty one */
		f->drive = drive_new_anonymous(d->machine, NULL, err);
	if (!drive_attach(f->drive, d, err))
		return false;
	f->drive->removable = true;
	f->drive->has_tray = false;
	f->drive->medium_changed = medium_changed;
	f->drive->change_arg = f;
	u->drive = f->drive;
	u->type = f->type = (uint8_t)choose_type(f->fdc, f);
	u->changed = true;
	fd_medium(f->fdc, u);
	return true;
}

static void floppy_unrealize(struct device *d)
{
	struct floppy *f = container_of(d, struct floppy, dev);
	fdc_stop_transfer(f->fdc);
	f->fdc->unit[f->unit].drive = NULL;
	f->fdc->unit[f->unit].secs = 0;
	if (f->drive)
		drive_detach(f->drive);
}

static bool bus_attach(struct bus *b, struct device *d, struct error *err)
{
	struct fdc *s = container_of(b, struct fdc, bus);
	struct floppy *f = container_of(d, struct floppy, dev);
	bool used[FDC_UNITS] = { false };
	for (struct device *o = b->children; o; o = o->sibling)
		used[container_of(o, struct floppy, dev)->unit] = true;
	if (f->unit == UINT32_MAX)
		for (f->unit = 0; f->unit < FDC_UNITS && used[f->unit]; f->unit++)
			;
	if (f->unit >= FDC_UNITS)
		return error_set(err, "Can't create floppy unit %u, bus supports only %d units", f->unit, FDC_UNITS);
	if (used[f->unit])
		return error_set(err, "Floppy unit %u is in use", f->unit);
	f->fdc = s;
	return true;
}

void fdc_bus_init(struct fdc *s)
{
	snprintf(s->bus_name, sizeof(s->bus_name), "floppy-bus.0");
	bus_init(&s->bus, "floppy-bus", s->dev.id ? s->dev.id : s->bus_name, &s->dev);
	s->bus.attach = bus_attach;
}

uint8_t storage_cmos_floppies(struct device *fdc)
{
	static const uint8_t code[] = { [FD_144] = 4, [FD_288] = 5, [FD_120] = 2, [FD_NONE] = 0, [FD_AUTO] = 0 };
	uint8_t v = 0;
	for (struct device *d = fdc->buses->children; d; d = d->sibling) {
		const struct floppy *f = container_of(d, struct floppy, dev);
		v |= (uint8_t)(code[f->type] << (f->unit ? 0 : 4));
	}
	return v;
}

static const char *const types[] = { "144", "288", "120", "none", "auto", NULL };
static const struct prop floppy_props[] = {
	{ "drive", PROP_DRIVE, offsetof(struct floppy, drive), NULL, "the -drive it uses", NULL },
	{ "unit", PROP_U32, offsetof(struct floppy, unit), "4294967295", "0 is A:, 1 is B:; the first free one by default", NULL },
	{ "drive-type", PROP_ENUM, offsetof(struct floppy, type), "auto", "what the drive can take", types },
	{ .type = PROP_END }
};
static const struct state_field floppy_state[] = { STATE_END };

const struct device_desc floppy_desc = {
	.name = "floppy", .bus = "floppy-bus", .category = "Storage", .description = "virtual floppy drive", .size = sizeof(struct floppy),
	.user_creatable = true, .props = floppy_props, .state = floppy_state, .state_version = 1, .realize = floppy_realize,
	.unrealize = floppy_unrealize,
};
