/* SPDX-License-Identifier: MIT */
/* Whoever makes calls has a turn among those who make calls without end, whichever of them is the oldest. */
#define _GNU_SOURCE
#include "../../fakedev/uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define THREADS 6
#define CALLS   200

static int evtchn;
static atomic_int begun, stop;

static void call(void)
{
	struct ioctl_evtchn_notify op = {.port = 100000};

	ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &op);
}

static void *make_calls(void *arg)
{
	long *n = arg;

	begun++;
	for (; !stop; (*n)++)
		call();
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	long n[THREADS] = {0};
	int unfair = 0;

	evtchn = open("/dev/xen/evtchn", O_RDWR);
	if (evtchn < 0)
		return 1;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, make_calls, &n[i]) != 0)
			return 1;
	while (begun < THREADS)
		call();
	for (int i = 0; i < CALLS; i++)
		call();
	stop = 1;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		unfair |= n[i] > 10 * CALLS;
	}
	if (unfair)
		for (int i = 0; i < THREADS; i++)
			printf("%d calls, and %ld of another meanwhile\n", CALLS, n[i]);
	return unfair;
}
