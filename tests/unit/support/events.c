/* SPDX-License-Identifier: MIT */
#include "events.h"

struct gntsim_file *evtchn(struct gntsim_domain *dom)
{
	return fx_open(dom, GNTSIM_DEV_EVTCHN);
}

gntsim_port read_one(struct gntsim_file *file)
{
	gntsim_port port = 0;

	EXPECT_EQ(gntsim_evtchn_read(file, 4, &port), 4);
	return port;
}

bool is_empty(struct gntsim_file *file)
{
	gntsim_port port;

	return gntsim_evtchn_peek(file, 4, &port) == -EAGAIN;
}

void enable(struct gntsim_file *file, gntsim_port port)
{
	EXPECT_EQ(gntsim_evtchn_write(file, 4, &port), 4);
}

void bind_pending(struct gntsim_file *peer, struct gntsim_file *file, unsigned n)
{
	uint16_t here = gntsim_domain_id(gntsim_file_domain(file));
	uint16_t there = gntsim_domain_id(gntsim_file_domain(peer));

	for (unsigned i = 0; i < n; i++) {
		int port = gntsim_evtchn_bind_unbound(peer, here);

		REQUIRE(port > 0);
		REQUIRE(gntsim_evtchn_bind_interdomain(file, there, (gntsim_port)port) > 0);
	}
}
