/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "module_limits.h"
#include "pair_wire.h"
#include "substrates/agent/agents.h"

#define MAX_PROCESSES 64

struct server {
	struct scn_channel channel;
	struct scn_agents agents;
	struct scn_module_limits limits;
};

bool scn_pair_is_second(void)
{
	const char *role = getenv("GNTSIM_LAB_ROLE");

	return role && !strcmp(role, "domU");
}

/* A process of the scenario; 0 and p->bad if there is none of that number. */
static uint32_t take_process(struct scn_parcel *p)
{
	uint64_t n = scn_take_number(p);

	if (n < MAX_PROCESSES)
		return (uint32_t)n;
	p->bad = true;
	return 0;
}

static enum scn_status serve_call(struct server *s, struct scn_parcel *p, uint32_t process,
				  struct scn_buf *why, struct scn_result *result)
{
	enum scn_status status = SCN_ERROR;
	struct scn_call call;

	scn_take_call(p, &call);
	if (call.peer >= MAX_PROCESSES)
		p->bad = true;
	if (!p->bad)
		status = scn_agents_call(&s->agents, process, &call, result, why);
	scn_call_free(&call);
	return status;
}

static enum scn_status serve_limit(struct server *s, struct scn_parcel *p, struct scn_buf *why)
{
	uint64_t limit = scn_take_number(p), value = scn_take_number(p);

	if (p->bad || limit >= GNTSIM_N_LIMITS) {
		p->bad = true;
		return SCN_ERROR;
	}
	return scn_module_limits_set(&s->limits, (enum gntsim_limit)limit, value, why);
}

static void end_scenario(struct server *s)
{
	scn_agents_end(&s->agents);
	scn_module_limits_restore(&s->limits);
}

static enum scn_status serve(struct server *s, enum scn_pair_request request, struct scn_parcel *p,
			     struct scn_buf *why, struct scn_result *result)
{
	uint32_t process = 0;

	if (request == SCN_PAIR_SPAWN || request == SCN_PAIR_CALL || request == SCN_PAIR_KILL)
		process = take_process(p);
	if (p->bad)
		return SCN_ERROR;
	switch (request) {
	case SCN_PAIR_SPAWN:
		return scn_agents_spawn(&s->agents, process, NULL, why);
	case SCN_PAIR_CALL:
		return serve_call(s, p, process, why, result);
	case SCN_PAIR_KILL:
		return scn_agents_kill(&s->agents, process, why);
	case SCN_PAIR_LIMIT:
		return serve_limit(s, p, why);
	case SCN_PAIR_END:
	case SCN_PAIR_QUIT:
		end_scenario(s);
		return SCN_OK;
	}
	p->bad = true;
	return SCN_ERROR;
}

static void free_result(struct scn_result *r)
{
	scn_result_free(r);
}

/* One request and its reply. Returns 1 after the last one, or a negative errno. */
static int serve_one(struct server *s)
{
	scn_cleanup_buf struct scn_buf message = {0}, why = {0}, reply = {0};
	__attribute__((cleanup(free_result))) struct scn_result result = {0};
	enum scn_pair_request request;
	enum scn_status status;
	struct scn_parcel p;
	int err = scn_channel_receive(&s->channel, &message);

	if (err)
		return err;
	p = (struct scn_parcel){message.data, message.data + message.len, false};
	request = (enum scn_pair_request)scn_take_number(&p);
	status = serve(s, request, &p, &why, &result);
	if (p.bad)
		return -EBADMSG;
	scn_put_number(&reply, status);
	if (status != SCN_OK)
		scn_put_bytes(&reply, scn_buf_text(&why), why.len);
	else if (request == SCN_PAIR_CALL)
		scn_put_result(&reply, &result);
	err = scn_channel_send(&s->channel, &reply);
	return err ? err : request == SCN_PAIR_QUIT;
}

int scn_pair_serve(const struct scn_options *options, struct scn_buf *why)
{
	struct server s;
	int err = scn_channel_open(&s.channel, why);

	if (err)
		return err;
	scn_agents_init(&s.agents, options);
	scn_module_limits_init(&s.limits);
	while ((err = serve_one(&s)) == 0)
		;
	end_scenario(&s);
	scn_channel_close(&s.channel);
	if (err > 0)
		return 0;
	scn_buf_str(why, strerror(-err));
	return err;
}
