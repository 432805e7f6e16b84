/* virtio.c - features, status and configuration of virtio devices.  Ref: VIRTIO 1.2, chapter 2 and section 3.1. */
#include "devices/virtio/virtio.h"
#include "core/machine/le.h"
#include "core/machine/machine.h"
#include <string.h>

enum { LOG_BROKEN = 40, LOG_FEATURES };                 /* sites of device_log_once */

const struct state_field virtio_state[] = {
	STATE_U64(struct virtio, features), STATE_U8(struct virtio, status), STATE_U8(struct virtio, generation),
	STATE_U8(struct virtio, broken), STATE_END
};

void virtio_reset(struct virtio *v)
{
	v->features = 0;
	v->status = v->broken = 0;
	for (unsigned n = 0; n < v->n_vq; n++)
		virtqueue_reset(&v->vq[n]);
	v->ops->reset(v);
}

/* Features the driver has asked for; it finds FEATURES_OK missing when they cannot be had. */
static bool accept(struct virtio *v, uint64_t features, bool legacy)
{
	if (legacy)
		features &= v->offered & (VIRTIO_BIT(VIRTIO_LEGACY_BITS) - 1);
	if (features & ~v->offered) {
		device_log_once(v->dev, LOG_FEATURES, "the driver wants features that were not offered");
		return false;
	}
	v->features = features;
	return true;
}

void virtio_set_status(struct virtio *v, uint8_t status, uint64_t features, bool legacy)
{
	uint8_t now = (uint8_t)(status & ~v->status);

	if (!status) {
		virtio_reset(v);
		return;
	}
	if ((now & VIRTIO_S_FEATURES_OK) && !accept(v, features, legacy))
		status &= (uint8_t)~VIRTIO_S_FEATURES_OK;
	/* A driver of the legacy interface knows no FEATURES_OK. */
	if ((now & VIRTIO_S_DRIVER_OK) && !(status & VIRTIO_S_FEATURES_OK))
		accept(v, features, true);
	v->status = status | (v->status & VIRTIO_S_NEEDS_RESET);
	if ((now & VIRTIO_S_DRIVER_OK) && virtio_running(v)) {
		v->ops->started(v);
		virtio_look(v);
	}
}

void virtio_notified(struct virtio *v, unsigned queue)
{
	if (queue < v->n_vq && v->vq[queue].ready && virtio_running(v))
		v->ops->notified(v, queue);
}

void virtio_look(struct virtio *v)
{
	for (unsigned n = 0; n < v->n_vq; n++)
		virtio_notified(v, n);
}

void virtio_break(struct virtio *v, const char *why)
{
	if (v->broken)
		return;
	device_log_once(v->dev, LOG_BROKEN, "stopped until it is reset: %s", why);
	v->broken = true;
	if (virtio_has(v, VIRTIO_F_VERSION_1)) {
		v->status |= VIRTIO_S_NEEDS_RESET;
		v->transport->interrupt(v, NULL);
	}
}

void virtio_config_changed(struct virtio *v)
{
	v->generation++;
	if (virtio_running(v))
		v->transport->interrupt(v, NULL);
}

uint32_t virtio_config_read(struct virtio *v, unsigned off, unsigned size)
{
	uint8_t config[VIRTIO_CONFIG_MAX] = { 0 };
	uint32_t val = 0;

	v->ops->get_config(v, config);
	for (unsigned i = 0; i < size && off + i < v->config_len; i++)
		val |= (uint32_t)config[off + i] << (8 * i);
	return val;
}

void virtio_config_write(struct virtio *v, unsigned off, unsigned size, uint32_t val)
{
	uint8_t bytes[4];

	le_put(bytes, val, 4);
	if (v->ops->set_config && size <= 4 && off < v->config_len && size <= v->config_len - off)
		v->ops->set_config(v, off, bytes, size);
}

bool virtio_loaded(const struct virtio *v, struct error *err)
{
	if (v->features & ~v->offered)
		return error_set(err, "the saved state has features that this device does not offer");
	if (v->broken > 1)
		return error_set(err, "saved virtio state is out of range");
	for (unsigned n = 0; n < v->n_vq; n++)
		if (!virtqueue_loaded(&v->vq[n], err))
			return false;
	return true;
}
