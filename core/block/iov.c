/* iov.c - scatter lists: cut, copy, clear. */
#include "core/block/format.h"
#include <string.h>

uint64_t iov_bytes(const struct iovec *iov, int n)
{
	uint64_t sum = 0;
	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

int iov_slice(const struct iovec *iov, int n, uint64_t skip, uint64_t len, struct iovec *out)
{
	int used = 0;
	for (int i = 0; i < n && len; i++) {
		size_t have = iov[i].iov_len;
		if (skip >= have) {
			skip -= have;
			continue;
		}
		size_t take = have - skip;
		if (take > len)
			take = len;
		out[used].iov_base = (char *)iov[i].iov_base + skip;
		out[used++].iov_len = take;
		skip = 0;
		len -= take;
	}
	return used;
}

void iov_zero(const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++)
		memset(iov[i].iov_base, 0, iov[i].iov_len);
}

bool iov_all_zero(const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++) {
		const char *p = iov[i].iov_base;
		size_t len = iov[i].iov_len;
		/* first byte zero and every byte equal to its neighbour */
		if (len && (*p || memcmp(p, p + 1, len - 1)))
			return false;
	}
	return true;
}

void iov_gather(const struct iovec *iov, int n, void *buf)
{
	char *p = buf;
	for (int i = 0; i < n; i++) {
		memcpy(p, iov[i].iov_base, iov[i].iov_len);
		p += iov[i].iov_len;
	}
}

void iov_scatter(const struct iovec *iov, int n, const void *buf)
{
	const char *p = buf;
	for (int i = 0; i < n; i++) {
		memcpy(iov[i].iov_base, p, iov[i].iov_len);
		p += iov[i].iov_len;
	}
}
