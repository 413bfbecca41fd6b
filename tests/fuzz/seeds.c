/* SPDX-License-Identifier: MIT */
/*
 * Seeds for the fuzzers of the model: plays scenarios on the model and writes down, in the fuzzers' own
 * bytes (model/call.h), the calls that the model gets. The linker puts what is here before the library
 * (--wrap). What these bytes have no word for is left out: a seed is a beginning, not a copy.
 * Usage: seeds DIRECTORY SCENARIO|DIRECTORY...
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "call.h"
#include "lang/find.h"
#include "lang/parse/parser.h"
#include "player/player.h"
#include "substrates/substrates.h"
#include "uapi.h"

#define PLACES      1024u
#define ADDRESSES   32u
#define CALLS_A_TRY 64u
#define DESCRIPTORS 256u
#define NOWHERE     15u /* a descriptor's number that is none */

struct seed {
	uint8_t bytes[CALL_BYTES * (CALLS_A_TRY + 1)];
	unsigned int n; /* calls */
	struct gntsim_file *files[N_FILES];
	struct gntsim_mm *mms[N_MMS];
	uint64_t pages[ADDRESSES]; /* what each address stands for */
	unsigned int n_pages;
	bool in_ioctl;               /* what is loaded and stored then is the ioctl's */
	uint8_t places[DESCRIPTORS]; /* of dma-bufs, by number; they stay when these are closed */
};
static struct seed seed;

#define REAL(function) __real_##function
#define WRAPS(type, function, ...)                                                                 \
	type __real_##function(__VA_ARGS__);                                                       \
	type __wrap_##function(__VA_ARGS__);                                                       \
	type __wrap_##function(__VA_ARGS__)

static void add(struct call c)
{
	if (seed.n < CALLS_A_TRY)
		call_write(&c, seed.bytes + CALL_BYTES * ++seed.n);
}

/* -1: not among them. */
static int place(void *const *places, unsigned int n, const void *what)
{
	for (unsigned int i = 0; i < n; i++)
		if (places[i] == what)
			return (int)i;
	return -1;
}
#define FILE_OF(what) place((void *const *)seed.files, N_FILES, what)
#define MM_OF(what)   place((void *const *)seed.mms, N_MMS, what)

static uint32_t port_means(uint8_t b)
{
	return call_port(b);
}

static uint8_t byte_for(uint32_t (*means)(uint8_t), uint32_t wanted)
{
	uint8_t byte = 0;

	if (!call_find(means, wanted, &byte))
		byte = 255;
	return byte;
}
#define DOMID(x) byte_for(call_domid, x)
#define PORT(x)  byte_for(port_means, x)
#define REF(x)   byte_for(call_ref, x)
#define COUNT(x) byte_for(call_count, x)

static uint8_t address(uint64_t addr)
{
	uint64_t page = addr / PAGE;

	for (unsigned int i = 0; i < seed.n_pages; i++)
		if (seed.pages[i] == page)
			return (uint8_t)(i | (addr % PAGE ? 248 : 0));
	return 31;
}

static void know_pages(uint64_t addr, uint64_t len)
{
	if (address(addr) != 31)
		return;
	/* Somewhere else than the last, with a hole between. */
	for (uint64_t at = 0; at <= len && seed.n_pages < ADDRESSES - 1; at += PAGE)
		seed.pages[seed.n_pages++] = at < len ? (addr + at) / PAGE : UINT64_MAX;
}

static uint8_t pages_of(uint64_t len)
{
	return len ? (uint8_t)((len + PAGE - 1) / PAGE - 1) & 3 : 255;
}

static uint8_t prot_of(int prot)
{
	return (uint8_t)((prot & 7) << 2);
}

static uint8_t domain_of(const struct gntsim_domain *dom)
{
	return dom ? (uint8_t)gntsim_domain_id(dom) : 0;
}

static uint32_t in_word(const struct gntsim_user_memory *um, uint64_t addr)
{
	uint32_t word = 0;

	return um->read(um->ctx, addr, &word, sizeof(word)) ? 0 : word;
}

/* ---- what the model gets ---- */

WRAPS(int, gntsim_machine_new, const struct gntsim_config *config, struct gntsim_machine **out)
{
	memset(&seed, 0, sizeof(seed));
	seed.bytes[1] = (config->arch == GNTSIM_ARCH_ARM64 ? 1 : 0) |
			(config->xsm == GNTSIM_XSM_SILO ? 2 : 0) | 64;
	seed.bytes[2] = (uint8_t)config->xen;
	seed.bytes[4] = (uint8_t)(config->dmabufs << 5);
	memset(seed.places, NOWHERE, sizeof(seed.places));
	return REAL(gntsim_machine_new)(config, out);
}

WRAPS(int, gntsim_domain_create, struct gntsim_machine *m, uint16_t domid,
      const struct gntsim_domain_config *config, struct gntsim_domain **out)
{
	int err = REAL(gntsim_domain_create)(m, domid, config, out);

	if (!err && domid < N_DOMAINS) {
		bool pv = gntsim_domain_guest(*out) == GNTSIM_GUEST_PV;

		seed.bytes[0] = (uint8_t)config->kernel;
		if (pv != (domid == 0))
			seed.bytes[1] |= (uint8_t)(4u << domid);
		if (domid == 2)
			seed.bytes[1] &= (uint8_t)~64u;
		seed.bytes[3] = config->gntalloc_limit < 32 ? (uint8_t)config->gntalloc_limit : 0;
		seed.bytes[4] &= 0xe0;
		if (config->max_ports && config->max_ports < 33)
			seed.bytes[4] |= (uint8_t)(config->max_ports - 1);
		seed.bytes[6] =
		    config->free_per_iteration < 4 ? (uint8_t)config->free_per_iteration : 0;
	}
	return err;
}

WRAPS(int, gntsim_open, struct gntsim_domain *dom, enum gntsim_device device, int flags,
      struct gntsim_file **out)
{
	int err = REAL(gntsim_open)(dom, device, flags, out), at = FILE_OF(NULL);
	unsigned int mode = (flags & O_ACCMODE) == O_RDWR     ? 0
			    : (flags & O_ACCMODE) == O_RDONLY ? 2
							      : 3;

	if (!err && at >= 0) {
		seed.files[at] = *out;
		add((struct call){.op = CALL_OPEN,
				  .self = (uint8_t)at,
				  .a = domain_of(dom),
				  .b = (uint8_t)device,
				  .c = (uint8_t)mode});
	}
	return err;
}

WRAPS(void, gntsim_close, struct gntsim_file *file)
{
	int at = FILE_OF(file);

	if (at >= 0) {
		seed.files[at] = NULL;
		add((struct call){.op = CALL_CLOSE, .self = (uint8_t)at});
	}
	REAL(gntsim_close)(file);
}

WRAPS(int, gntsim_mm_create, struct gntsim_domain *dom, struct gntsim_mm **out)
{
	int err = REAL(gntsim_mm_create)(dom, out), at = MM_OF(NULL);

	if (!err && at >= 0) {
		seed.mms[at] = *out;
		add((struct call){.op = CALL_MM_CREATE, .self = (uint8_t)at, .a = domain_of(dom)});
	}
	return err;
}

WRAPS(int, gntsim_mm_fork, struct gntsim_mm *parent, struct gntsim_mm **out)
{
	int err = REAL(gntsim_mm_fork)(parent, out), at = MM_OF(NULL), from = MM_OF(parent);

	if (!err && at >= 0 && from >= 0) {
		seed.mms[at] = *out;
		add((struct call){.op = CALL_MM_FORK, .self = (uint8_t)from, .a = (uint8_t)at});
	}
	return err;
}

WRAPS(void, gntsim_mm_destroy, struct gntsim_mm *mm)
{
	int at = MM_OF(mm);

	if (at >= 0) {
		seed.mms[at] = NULL;
		add((struct call){.op = CALL_MM_END, .self = (uint8_t)at});
	}
	REAL(gntsim_mm_destroy)(mm);
}

WRAPS(int, gntsim_mmap, struct gntsim_mm *mm, struct gntsim_file *file, uint64_t addr, uint64_t len,
      int prot, int flags, uint64_t offset)
{
	unsigned int sharing = flags & MAP_SHARED ? 0 : flags & MAP_PRIVATE ? 1 : 3;

	know_pages(addr, len);
	add((struct call){.op = CALL_MMAP,
			  .self = (uint8_t)MM_OF(mm),
			  .a = (uint8_t)FILE_OF(file),
			  .b = (uint8_t)(pages_of(len) | prot_of(prot) | sharing << 5),
			  .c = (uint8_t)(offset / PAGE),
			  .d = address(addr)});
	return REAL(gntsim_mmap)(mm, file, addr, len, prot, flags, offset);
}

WRAPS(int, gntsim_munmap, struct gntsim_mm *mm, uint64_t addr, uint64_t len)
{
	add((struct call){
	    .op = CALL_MUNMAP, .self = (uint8_t)MM_OF(mm), .b = pages_of(len), .d = address(addr)});
	return REAL(gntsim_munmap)(mm, addr, len);
}

WRAPS(int, gntsim_mprotect, struct gntsim_mm *mm, uint64_t addr, uint64_t len, int prot)
{
	add((struct call){.op = CALL_MPROTECT,
			  .self = (uint8_t)MM_OF(mm),
			  .b = (uint8_t)(pages_of(len) | prot_of(prot)),
			  .d = address(addr)});
	return REAL(gntsim_mprotect)(mm, addr, len, prot);
}

WRAPS(int, gntsim_mremap, struct gntsim_mm *mm, uint64_t addr, uint64_t old_len, uint64_t new_len,
      int flags, uint64_t to)
{
	uint8_t a = 0;

	while (a < 6 && call_remap_flags(a) != flags)
		a++;
	if (flags & MREMAP_FIXED)
		know_pages(to, new_len);
	add((struct call){.op = CALL_MREMAP,
			  .self = (uint8_t)MM_OF(mm),
			  .a = a,
			  .b = pages_of(old_len),
			  .c = pages_of(new_len),
			  .d = address(addr),
			  .e = address(to)});
	return REAL(gntsim_mremap)(mm, addr, old_len, new_len, flags, to);
}

WRAPS(int, gntsim_madvise, struct gntsim_mm *mm, uint64_t addr, uint64_t len, int advice)
{
	uint8_t c = 0;

	while (c < 3 && call_advice(c) != advice)
		c++;
	add((struct call){.op = CALL_MADVISE,
			  .self = (uint8_t)MM_OF(mm),
			  .b = pages_of(len),
			  .c = c,
			  .d = address(addr)});
	return REAL(gntsim_madvise)(mm, addr, len, advice);
}

static void touch(enum call_op op, const struct gntsim_mm *mm, uint64_t addr, size_t len)
{
	if (seed.in_ioctl)
		return;
	add((struct call){.op = op,
			  .self = (uint8_t)MM_OF(mm),
			  .c = (uint8_t)(len < 64 ? len : 64),
			  .d = address(addr & ~(PAGE - 1)),
			  .e = (uint16_t)(addr % PAGE)});
}

WRAPS(enum gntsim_access, gntsim_mm_load, const struct gntsim_mm *mm, uint64_t addr, void *dst,
      size_t len)
{
	touch(CALL_LOAD, mm, addr, len);
	return REAL(gntsim_mm_load)(mm, addr, dst, len);
}

WRAPS(enum gntsim_access, gntsim_mm_store, struct gntsim_mm *mm, uint64_t addr, const void *src,
      size_t len)
{
	touch(CALL_STORE, mm, addr, len);
	return REAL(gntsim_mm_store)(mm, addr, src, len);
}

/* The place of what a descriptor is, or was when it was exported. */
static uint8_t descriptor(const struct gntsim_user_memory *um, uint32_t fd)
{
	struct gntsim_file *file;
	int at = um->dmabuf && !um->dmabuf(um->ctx, fd, &file) ? FILE_OF(file) : -1;

	if (at >= 0 && fd < DESCRIPTORS)
		seed.places[fd] = (uint8_t)at;
	return at >= 0 ? (uint8_t)at : fd < DESCRIPTORS ? seed.places[fd] : NOWHERE;
}

/* All but the last argument of an export, which has one word more in the call with an offset. */
static void export_call(struct call *c, const uint32_t w[6], bool v2, const uint32_t *refs)
{
	c->op = CALL_DMABUF_EXPORT;
	c->d = (uint8_t)((w[0] & 3) << 2 | (w[0] & 4) << 5 | (v2 ? DMABUF_V2 : 0));
	c->c = COUNT(w[1]);
	c->e = v2 ? (uint16_t)w[2] : 0;
	c->a = DOMID(w[v2 ? 4 : 3]);
	c->b = REF(refs[0]);
	c->d |= w[1] > 1 && refs[1] != refs[0] ? 1 : 0;
}

/* A dma-buf's call, by the words of its argument. */
static struct call dmabuf_call(struct call c, uint32_t cmd, uint64_t arg,
			       const struct gntsim_user_memory *um)
{
	uint32_t w[8];
	bool bad = um->read(um->ctx, arg, w, 4);

	for (unsigned int i = 0; i < 8; i++)
		w[i] = in_word(um, arg + 4 * i);
	switch (cmd) {
	case IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS:
	case IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2:
		export_call(&c, w, cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2,
			    w + (cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS ? 4 : 5));
		break;
	case IOCTL_GNTDEV_DMABUF_IMP_TO_REFS:
	case IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2:
		c.op = CALL_DMABUF_IMPORT;
		c.b = descriptor(um, w[0]);
		c.c = COUNT(w[1]);
		c.a = DOMID(w[2]);
		c.d = cmd == IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2 ? DMABUF_V2 : 0;
		break;
	default:
		c.op = cmd == IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED ? CALL_DMABUF_WAIT
								    : CALL_DMABUF_RELEASE;
		c.b = descriptor(um, w[0]);
		c.a = 0;
		break;
	}
	if (bad)
		c.d |= DMABUF_BAD;
	return c;
}

/* An ioctl as the call that its number is, or as a kernel gets it where there is none. */
static struct call ioctl_call(const struct gntsim_file *file, struct gntsim_mm *mm, uint32_t cmd,
			      uint64_t arg, const struct gntsim_user_memory *um)
{
	struct call c = {.self = (uint8_t)FILE_OF(file), .a = (uint8_t)MM_OF(mm)};
	uint32_t w[6];

	if (dmabuf_is_call(cmd))
		return dmabuf_call(c, cmd, arg, um);
	for (unsigned int i = 0; i < 6; i++)
		w[i] = in_word(um, arg + 4 * i);
	switch (cmd) {
	case IOCTL_GNTALLOC_ALLOC_GREF:
		c.op = CALL_ALLOC;
		c.a = DOMID(w[0] & 0xffff);
		c.b = (uint8_t)(w[0] >> 16);
		c.c = COUNT(w[1]);
		break;
	case IOCTL_GNTALLOC_DEALLOC_GREF:
		c.op = CALL_DEALLOC;
		c.c = (uint8_t)(w[0] / PAGE);
		c.e = (uint16_t)(w[0] % PAGE);
		c.b = COUNT(w[2]);
		break;
	case IOCTL_GNTALLOC_SET_UNMAP_NOTIFY: /* and gntdev's */
		c.op = CALL_SET_NOTIFY;
		c.c = (uint8_t)(w[0] / PAGE);
		c.e = (uint16_t)(w[0] % PAGE);
		c.d = w[2] & 7;
		c.b = PORT(w[3]);
		break;
	case IOCTL_GNTDEV_MAP_GRANT_REF:
		c.op = CALL_MAP;
		c.c = COUNT(w[0]);
		c.a = DOMID(w[4]);
		c.b = REF(w[5]);
		c.d = 1;
		break;
	case IOCTL_GNTDEV_UNMAP_GRANT_REF:
		c.op = CALL_UNMAP;
		c.c = (uint8_t)(w[0] / PAGE);
		c.e = (uint16_t)(w[0] % PAGE);
		c.b = COUNT(w[2]);
		break;
	case IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR: {
		uint64_t vaddr = (uint64_t)w[1] << 32 | w[0];

		c.op = CALL_GET_OFFSET;
		c.d = address(vaddr & ~(PAGE - 1));
		c.e = (uint16_t)(vaddr % PAGE);
		break;
	}
	case IOCTL_GNTDEV_GRANT_COPY:
		c.op = CALL_COPY;
		c.b = (uint8_t)((w[0] > 3 ? 3 : w[0] - 1) << 4 | 1);
		c.c = REF(8);
		c.d = REF(9);
		break;
	case IOCTL_EVTCHN_BIND_UNBOUND_PORT:
		c.op = CALL_BIND_UNBOUND;
		c.a = DOMID(w[0]);
		break;
	case IOCTL_EVTCHN_BIND_INTERDOMAIN:
		c.op = CALL_BIND_INTERDOMAIN;
		c.a = DOMID(w[0]);
		c.b = PORT(w[1]);
		break;
	case IOCTL_EVTCHN_BIND_VIRQ:
		c.op = CALL_BIND_VIRQ;
		c.b = (uint8_t)w[0];
		break;
	case IOCTL_EVTCHN_BIND_STATIC:
	case IOCTL_EVTCHN_UNBIND:
	case IOCTL_EVTCHN_NOTIFY:
		c.op = cmd == IOCTL_EVTCHN_UNBIND   ? CALL_UNBIND
		       : cmd == IOCTL_EVTCHN_NOTIFY ? CALL_NOTIFY
						    : CALL_BIND_STATIC;
		c.b = PORT(w[0]);
		break;
	case IOCTL_EVTCHN_RESET:
		c.op = CALL_RESET;
		break;
	case IOCTL_EVTCHN_RESTRICT_DOMID:
		c.op = CALL_RESTRICT;
		c.a = DOMID(w[0] & 0xffff);
		break;
	default:
		c.op = CALL_IOCTL;
		c.a = 16;
		break;
	}
	return c;
}

/* An export takes the first place that is free, as it does where the seed is played. */
static const struct gntsim_user_memory *installing;

static int install(void *ctx, struct gntsim_file *dmabuf)
{
	int fd = installing->install(ctx, dmabuf), at = FILE_OF(NULL);

	if (fd >= 0 && at >= 0) {
		seed.files[at] = dmabuf;
		if (fd < (int)DESCRIPTORS)
			seed.places[fd] = (uint8_t)at;
	}
	return fd;
}

WRAPS(long, gntsim_ioctl, struct gntsim_file *file, struct gntsim_mm *mm, uint32_t cmd,
      uint64_t arg, const struct gntsim_user_memory *um)
{
	struct gntsim_user_memory mine = *um;
	long result;

	seed.in_ioctl = true;
	add(ioctl_call(file, mm, cmd, arg, um));
	if (um->install) {
		installing = um;
		mine.install = install;
	}
	result = REAL(gntsim_ioctl)(file, mm, cmd, arg, &mine);
	seed.in_ioctl = false;
	return result;
}

WRAPS(int, gntsim_evtchn_peek, struct gntsim_file *file, size_t count, gntsim_port *ports)
{
	add((struct call){.op = CALL_READ,
			  .self = (uint8_t)FILE_OF(file),
			  .e = (uint16_t)(count < 128 ? count : 128)});
	return REAL(gntsim_evtchn_peek)(file, count, ports);
}

WRAPS(int, gntsim_evtchn_write, struct gntsim_file *file, size_t count, const gntsim_port *ports)
{
	struct call c = {.op = CALL_WRITE,
			 .self = (uint8_t)FILE_OF(file),
			 .e = (uint16_t)(count < 16 ? count : 16)};

	if (count >= 4)
		c.b = PORT(ports[0]);
	if (count >= 8)
		c.c = PORT(ports[1]);
	add(c);
	return REAL(gntsim_evtchn_write)(file, count, ports);
}

WRAPS(short, gntsim_evtchn_poll, const struct gntsim_file *file)
{
	add((struct call){.op = CALL_POLL, .self = (uint8_t)FILE_OF(file)});
	return REAL(gntsim_evtchn_poll)(file);
}

WRAPS(void, gntsim_machine_advance, struct gntsim_machine *m, uint64_t ns)
{
	uint64_t tenths = ns / TENTH_SECOND;

	add((struct call){.op = CALL_ADVANCE, .a = (uint8_t)(tenths < 255 ? tenths : 255)});
	REAL(gntsim_machine_advance)(m, ns);
}

WRAPS(void, gntsim_domain_destroy, struct gntsim_domain *dom)
{
	add((struct call){.op = CALL_DOMAIN_DESTROY, .self = domain_of(dom)});
	REAL(gntsim_domain_destroy)(dom);
}

WRAPS(void, gntsim_raise_virq, struct gntsim_domain *dom, uint32_t virq)
{
	add((struct call){.op = CALL_RAISE_VIRQ, .self = domain_of(dom), .b = (uint8_t)virq});
	REAL(gntsim_raise_virq)(dom, virq);
}

/* ---- playing ---- */

static int write_seed(const char *directory, const char *path, uint32_t variant, uint32_t *n)
{
	const char *name = strrchr(path, '/');
	char *file;
	FILE *out;
	int bad;

	if (!seed.n)
		return 0;
	name = name ? name + 1 : path;
	if (asprintf(&file, "%s/%.*s-%u", directory, (int)strcspn(name, "."), name, variant) < 0)
		return 1;
	out = fopen(file, "wb");
	bad = !out || fwrite(seed.bytes, CALL_BYTES, seed.n + 1, out) != seed.n + 1;
	if (out && fclose(out))
		bad = 1;
	if (bad)
		perror(file);
	free(file);
	++*n;
	return bad;
}

static int play_file(const char *directory, const char *path, void *self)
{
	const struct scn_substrate_ops *ops = &scn_substrate_model;
	const struct scn_filter filter = {0};
	struct scn_platform platform = scn_model_platform(self);
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	struct scn_source src = {.name = path};
	char *text = scn_read_file(path, &src.len);
	uint32_t variants, n, written = 0;
	int bad = 0;

	src.text = text;
	if (!text || scn_parse(&src, &s, &errors)) {
		fprintf(stderr, "seeds: %s: can't be read\n", path);
		free(text);
		return 1;
	}
	variants = scn_variant_count(&s, &filter);
	for (uint32_t i = 0; i < 2 * variants && !bad; i++) {
		scn_cleanup_buf struct scn_buf name = {0};
		struct scn_outcome outcome = {0};
		struct scn_setup setup;

		n = i % variants;
		/* What is nothing on one is the other's. */
		if (i == variants && written)
			break;
		if (i == variants)
			platform.arch = SCN_ARM64;
		scn_variant(&s, &filter, ops->kernel(self), &platform, n, &setup, &name);
		memset(&seed, 0, sizeof(seed));
		scn_play(&s, &setup, ops, self, &outcome);
		scn_outcome_free(&outcome);
		bad = write_seed(directory, path, n, &written);
	}
	free(text);
	return bad;
}

int main(int argc, char **argv)
{
	const struct scn_options options = {0};
	scn_cleanup_buf struct scn_buf why = {0};
	scn_cleanup_files struct scn_files files = {0};
	void *self;
	int bad = argc < 3;

	for (int i = 2; i < argc; i++)
		bad |= scn_find(argv[i], &files) != 0;
	if (bad || !files.n || scn_substrate_model.open(&options, &self, &why) != SCN_OK)
		return 1;
	for (size_t i = 0; i < files.n && !bad; i++)
		bad = play_file(argv[1], files.paths[i], self);
	scn_substrate_model.close(self);
	return bad;
}
