/* SPDX-License-Identifier: MIT */
/* What needs libdw, and a library of its own for that: few runs ever load it (backtrace.c). */
#define _GNU_SOURCE
#include "backtrace.h"

#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>

#define MOST_FRAMES 64u

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	const struct snapshot *s = arg;

	(void)dwfl;
	if (*thread)
		return 0;
	*thread = arg;
	return (pid_t)s->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread)
{
	const struct snapshot *s = arg;

	(void)dwfl;
	*thread = arg;
	return (pid_t)s->tid == tid;
}

/* What is not of the stack was not kept. */
static bool read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *result, void *arg)
{
	const struct snapshot *s = arg;

	(void)dwfl;
	if (addr < s->sp || s->n_stack < sizeof(*result) ||
	    addr - s->sp > s->n_stack - sizeof(*result))
		return false;
	memcpy(result, s->stack + (addr - s->sp), sizeof(*result));
	return true;
}

/* In the order of DWARF. */
static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct snapshot *s = arg;
#if defined(__x86_64__) || defined(__aarch64__)
	struct user_regs_struct r;

	memcpy(&r, s->registers, sizeof(r));
#endif
#if defined(__x86_64__)
	const Dwarf_Word all[] = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
				  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};

	return dwfl_thread_state_registers(thread, 0, sizeof(all) / sizeof(all[0]), all);
#elif defined(__aarch64__)
	Dwarf_Word all[32];

	for (unsigned int i = 0; i < 31; i++)
		all[i] = r.regs[i];
	all[31] = r.sp;
	dwfl_thread_state_register_pc(thread, r.pc);
	return dwfl_thread_state_registers(thread, 0, 32, all);
#else
	(void)thread;
	return s->n_registers == 0; /* of none is anything known (catch_look()) */
#endif
}

static void add(struct json_object *o, const char *name, struct json_object *value)
{
	json_object_object_add(o, name, value);
}

static void add_text(struct json_object *o, const char *name, const char *text)
{
	add(o, name, text ? json_object_new_string(text) : NULL);
}

static void add_address(struct json_object *o, const char *name, bool known, uint64_t addr)
{
	char text[32];

	snprintf(text, sizeof(text), "%#" PRIx64, addr);
	add_text(o, name, known ? text : NULL);
}

static void add_source(struct json_object *o, Dwfl_Module *module, Dwarf_Addr pc)
{
	Dwfl_Line *line = module ? dwfl_module_getsrc(module, pc) : NULL;
	const char *source = NULL;
	int number = 0;

	if (line)
		source = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
	add_text(o, "source", source);
	add(o, "line", source && number > 0 ? json_object_new_int(number) : NULL);
}

static const char *file_of(Dwfl_Module *module)
{
	const char *file = NULL;

	dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, &file, NULL);
	return file ? file : dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
}

struct frames {
	const struct snapshot *of;
	struct json_object *told;
	bool any;
};

static int take_frame(Dwfl_Frame *frame, void *arg)
{
	struct frames *all = arg;
	struct json_object *frames = all->told, *o;
	Dwarf_Addr pc, bias = 0;
	Dwfl_Module *module;
	const char *file;
	bool active, known;

	if (json_object_array_length(frames) >= MOST_FRAMES || !dwfl_frame_pc(frame, &pc, &active))
		return DWARF_CB_ABORT;
	/* A return address is behind the call, and may be another line's. */
	if (!active || (all->of->behind && !all->any))
		pc--;
	all->any = true;
	module = dwfl_addrmodule(dwfl_thread_dwfl(dwfl_frame_thread(frame)), pc);
	file = module ? file_of(module) : NULL;
	if (file && strstr(file, "libgntsim-preload.so"))
		return DWARF_CB_OK;
	o = json_object_new_object();
	add_address(o, "address", true, pc);
	add_text(o, "object", file);
	known = module && dwfl_module_getelf(module, &bias);
	add_address(o, "offset", known, pc - bias);
	add_text(o, "function", module ? dwfl_module_addrname(module, pc) : NULL);
	add_source(o, module, pc);
	json_object_array_add(frames, o);
	return DWARF_CB_OK;
}

static bool report_maps(Dwfl *dwfl, const char *maps)
{
	FILE *f = *maps ? fmemopen((void *)(uintptr_t)maps, strlen(maps), "r") : NULL;
	bool reported;

	if (!f)
		return false;
	dwfl_report_begin(dwfl);
	reported = dwfl_linux_proc_maps_report(dwfl, f) == 0;
	fclose(f);
	return dwfl_report_end(dwfl, NULL, NULL) == 0 && reported;
}

__attribute__((visibility("default"))) struct json_object *
gntsim_backtrace(const struct snapshot *s)
{
	static const Dwfl_Callbacks finding = {.find_elf = dwfl_linux_proc_find_elf,
					       .find_debuginfo = dwfl_standard_find_debuginfo};
	static const Dwfl_Thread_Callbacks looking = {.next_thread = next_thread,
						      .get_thread = get_thread,
						      .memory_read = read_memory,
						      .set_initial_registers = set_registers};
	struct json_object *frames = json_object_new_array();
	struct frames all = {.of = s, .told = frames};
	Dwfl *dwfl;

	if (!s->maps)
		return frames;
	/* Nobody on the network is asked. */
	unsetenv("DEBUGINFOD_URLS");
	dwfl = dwfl_begin(&finding);
	if (dwfl && report_maps(dwfl, s->maps) &&
	    dwfl_attach_state(dwfl, NULL, (pid_t)s->pid, &looking, (void *)(uintptr_t)s))
		dwfl_getthread_frames(dwfl, (pid_t)s->tid, take_frame, &all);
	if (dwfl)
		dwfl_end(dwfl);
	return frames;
}
